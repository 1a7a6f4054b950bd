"""Pack controller 2.4.0: as 2.3.0, and after a restart it listens for a while before it calls a module silent.

Version 1.0.0 says so at its first activation, because it has heard nobody yet.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import MODULE_SILENT
from twin.bms.firmware.firmware import Inputs, Outputs
from twin.bms.firmware.pack_controller import ControllerState, PackController


class PackController240(PackController):
    """Version 2.4.0 of the controller of a pack."""

    version: ClassVar[str] = "2.4.0"

    def step(self, state: ControllerState, inputs: Inputs) -> tuple[ControllerState, Outputs]:
        """Do as before, but say of no module that it is silent until it could have been heard."""
        after, outputs = super().step(state, inputs)
        listens = inputs.time_ns - after.decided.begun_ns < self._decisions.timeout_ns
        if outputs.findings is None or not listens.any():
            return after, outputs
        silent = np.array([code is MODULE_SILENT for code in self.codes])
        level = np.where(listens[:, None] & silent, np.int8(0), outputs.findings.level)
        return after, replace(outputs, findings=replace(outputs.findings, level=level))

    def healthy(self, state: ControllerState) -> NDArray[np.bool_]:
        """Return whether it has not failed to connect its pack."""
        well: NDArray[np.bool_] = ~state.decided.sequence.failed
        return well
