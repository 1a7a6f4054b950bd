"""What may be concluded of a contactor from the command, the time since it, and what flows."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from twin.bms.diagnosis.look import Look
from twin.plant.dc_bus import CLOSED, OPEN

BoolArray = NDArray[np.bool_]

SETTLED_NS: Final = 200_000_000
"""After a command, nothing is concluded for so long: foxBMS 2 v1.11 waits 200 ms after closing."""
APART_V: Final = 2.0
"""With so much across it, a contactor is open."""
WELD_A: Final = 2.0
"""Below, what flows through an open contactor is rather an error of the sensor."""


def at_rest(look: Look) -> tuple[BoolArray, BoolArray]:
    """Return where the contactor should be open, and where closed, for long enough."""
    settled = look.measured.time_ns - look.switched_ns >= SETTLED_NS
    return settled & (look.commanded == OPEN), settled & (look.commanded == CLOSED)


def flows_on(look: Look) -> BoolArray:
    """Return where a current may be real although the contactor should be open."""
    parted = np.abs(look.module_V - look.link_V) > APART_V
    return ~parted & (np.abs(look.measured.current_A) >= WELD_A)
