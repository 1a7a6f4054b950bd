"""A few homes whose ECUs are given other versions while they run, as a bootloader would."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.worlds.small_fleet import Kept
from twin.bms.controllers import Controllers
from twin.bms.events import Failure
from twin.bms.firmware.firmware import Firmware
from twin.bms.firmware.python_firmware import python_firmware
from twin.build import build
from twin.scenario import Scenario
from twin.scenario.architecture import architecture_of
from twin.site_buses import site_messages

GALLERY = Path(__file__).resolve().parents[2] / "scenarios" / "firmware"
Asked = Callable[[Controllers], None]
"""What is asked of the ECUs at the end of a second."""


def firmware_of(path: Path, scenario: Scenario) -> Firmware[Any]:
    """Return what a file has for the homes of a scenario, in the place of whatever has its role."""
    architecture = architecture_of(scenario)
    for own in architecture.own_firmware():
        if f"({type(own).__name__})" in path.read_text():
            return python_firmware(path, own, scenario.bms, architecture.site, site_messages(scenario))
    raise AssertionError(f"{path} derives from no firmware of the scenario's")


class Updated(Kept):
    """A run in which something is asked of the ECUs at the end of some seconds; ``controllers`` are left for a look."""

    def __init__(self, scenario: Scenario, versions: Sequence[Firmware[Any]], asked: Mapping[int, Asked]) -> None:
        world = build(scenario)
        self.controllers = world.controllers
        self.failures: list[Failure] = []
        for firmware in versions:
            self.controllers.add_version(firmware.role, firmware)

        def at_work(second: int) -> None:
            self.failures += self.controllers.take_failures()
            if second in asked:
                asked[second](self.controllers)

        super().__init__(scenario, world, at_work)


def ecus_of(controllers: Controllers, role: str) -> list[int]:
    """Return which of a site's ECUs have a role."""
    return [index for index, ecu in enumerate(controllers.ecus) if ecu.role == role]
