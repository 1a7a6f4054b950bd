"""A home that lives on its own roof: the battery takes what is left over and gives what is missing."""

from __future__ import annotations

from typing import Literal

from twin.dispatch.dispatch import Dispatch, FloatArray, Seen


class SelfConsumption(Dispatch):
    """Load minus PV; what the battery cannot take or give is the mains', or off the grid is lost."""

    kind: Literal["self_consumption"] = "self_consumption"

    def request_W(self, seen: Seen) -> FloatArray:
        """Return load minus PV."""
        return seen.load_W - seen.pv_W
