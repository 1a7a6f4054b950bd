"""A site cannot reach the update server."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.faults.fault import Effect
from twin.faults.update_fault import UpdateFault
from twin.ota import effects


class WanLoss(UpdateFault):
    """For ``duration_s`` the site hears no orders, tells nothing, and its download rests, beside outages by chance."""

    source: ClassVar = "users of rollout servers: sites go offline in the middle of a rollout"

    kind: Literal["wan_loss"] = "wan_loss"

    def effects(self) -> tuple[Effect, ...]:
        """Return the loss."""
        return (effects.WanLoss(self.start_ns, self.end_ns, self.site),)
