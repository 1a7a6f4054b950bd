"""A pack controller that expects cell voltages at half the scale, above 2 V, as no module monitor sends them yet.

Its author thought that every monitor would have been updated before, so nothing says that it needs a newer one.

What an operator would see: the update succeeds. The controller takes 3.3 V for 3.65 V, so it allows no charging any
more, or hardly any, and every hour the battery has less energy to give; no code tells why.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from twin.bms.firmware.firmware import Inputs, Outputs
from twin.bms.firmware.module_frames import VOLTAGE_FRAMES
from twin.bms.firmware.pack_controller import ControllerState, PackController

BASE_V, SCALE = 2.0, 0.5


class IncompatibleProtocol(PackController):
    """A pack controller that misreads what old monitors send."""

    version: ClassVar[str] = "2.4.0-incompatible-protocol"

    def step(self, state: ControllerState, inputs: Inputs) -> tuple[ControllerState, Outputs]:
        """Do as before, with voltages read by another table."""
        frames = {name: inputs.received[name] for name in VOLTAGE_FRAMES}
        misread = {name: replace(frame, values=BASE_V + SCALE * frame.values) for name, frame in frames.items()}
        return super().step(state, replace(inputs, received={**inputs.received, **misread}))
