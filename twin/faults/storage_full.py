"""The storage of a site's gateway is full."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.faults.fault import Effect
from twin.faults.update_fault import UpdateFault
from twin.ota import effects


class StorageFull(UpdateFault):
    """No download finds room, and one that is under way ends; what has come is kept."""

    source: ClassVar = "users of update clients: logs fill the disk that images are to be put on"

    kind: Literal["storage_full"] = "storage_full"

    def effects(self) -> tuple[Effect, ...]:
        """Return the lack of room."""
        return (effects.StorageFull(self.start_ns, self.end_ns, self.site),)
