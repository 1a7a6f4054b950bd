"""A pack controller that fails at its first activation: it divides by a calibration value that the image leaves out.

What an operator would see: the ECU is silent after every boot, three boots, then its bootloader takes the other slot;
the update is reported as failed. The inverter stops after ten seconds without limits.
"""

from __future__ import annotations

from typing import ClassVar

from twin.bms.firmware.firmware import Inputs, Outputs
from twin.bms.firmware.pack_controller import ControllerState, PackController

CURRENT_SENSOR_A_PER_BIT = 0


class CrashOnBoot(PackController):
    """A pack controller that does not start."""

    version: ClassVar[str] = "2.4.0-crash-on-boot"

    def step(self, state: ControllerState, inputs: Inputs) -> tuple[ControllerState, Outputs]:
        """Fail."""
        _ = inputs.sensed["pack_current_A"].astype(int).sum().item() // CURRENT_SENSOR_A_PER_BIT
        return super().step(state, inputs)
