"""What is no program: an ECU that starts it crashes at once."""

from __future__ import annotations

from typing import Any

from twin.bms.firmware.firmware import Firmware, Inputs, Outputs, Signals


class Unstartable(Firmware[Any]):
    """Bytes in the place of the firmware of a role."""

    def __init__(self, own: Firmware[Any]) -> None:
        self.commands, self.believes = own.commands, own.believes

    @classmethod
    def of(cls, own: Firmware[Any]) -> Firmware[Any]:
        """Return what takes the place of ``own``."""
        about = {name: getattr(own, name) for name in ("role", "scope", "reads", "sends")}
        return type("Unstartable", (cls,), {**about, "version": "none"})(own)

    def initial(self, rows: int, memory: Signals) -> Any:  # noqa: ARG002 - it never comes so far
        """Fail: there is nothing to start."""
        raise RuntimeError("it is no program")

    def step(self, state: Any, inputs: Inputs) -> tuple[Any, Outputs]:  # noqa: ARG002 - likewise
        """Fail, likewise."""
        raise RuntimeError("it is no program")
