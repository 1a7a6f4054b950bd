"""A pack controller whose self-test fails in one home of fifty: it reads its clock while the clock carries.

Whether it does hangs on the phase of the ECU's task, which is another one in every home, and stays. The update client
asks for the self-test after a minute, goes back to the other slot, and reports a failure; nothing else happens.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from twin.bms.firmware.pack_controller import ControllerState, PackController

PERIOD_NS = 1_000_000_000
CARRIES_NS = 20_000_000


class FailsInTwoPercent(PackController):
    """A pack controller that is not healthy where its tasks begin in the first fiftieth of a second."""

    version: ClassVar[str] = "2.4.0-fails-2-percent"

    def healthy(self, state: ControllerState) -> NDArray[np.bool_]:
        """Return what its self-test says."""
        well: NDArray[np.bool_] = state.decided.begun_ns % PERIOD_NS >= CARRIES_NS
        return well
