"""A battery that follows a plan, made by a trader or for a test bench."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.dispatch.dispatch import Dispatch, FloatArray, Seen


class Schedule(Dispatch):
    """The power of the scenario's ``schedule``, whatever the site does."""

    needs: ClassVar[tuple[str, ...]] = ("schedule",)

    kind: Literal["schedule"] = "schedule"

    def request_W(self, seen: Seen) -> FloatArray:
        """Return the planned power."""
        return seen.schedule_W
