"""Pack controller 2.3.0: as 1.0.0, and it tests itself, so that a health check has more to go by than that it sends."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from twin.bms.firmware.pack_controller import ControllerState, PackController


class PackController230(PackController):
    """Version 2.3.0 of the controller of a pack."""

    version: ClassVar[str] = "2.3.0"

    def healthy(self, state: ControllerState) -> NDArray[np.bool_]:
        """Return whether it has not failed to connect its pack."""
        well: NDArray[np.bool_] = ~state.decided.sequence.failed
        return well
