"""The clock of a site's gateway is wrong."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.faults.fault import Effect
from twin.faults.update_fault import UpdateFault
from twin.ota import effects
from twin.quantity import Seconds


class ClockWrong(UpdateFault):
    """The clock shows ``offset_s`` more than the time: metadata expire, or do not, and windows open by it."""

    source: ClassVar = "Uptane 2.1.0: ECUs need a secure source of time, or freeze attacks succeed"

    kind: Literal["clock_wrong"] = "clock_wrong"
    offset_s: Seconds
    """Fast above zero, slow below."""

    def effects(self) -> tuple[Effect, ...]:
        """Return the offset."""
        return (effects.ClockWrong(self.start_ns, self.end_ns, self.site, round(self.offset_s * 1e9)),)
