"""Which ECU suffers a fault, and from when to when."""

from __future__ import annotations

import pytest

from twin import resources
from twin.bms.ecu_faults import EcuFaults
from twin.bms.effects import NEVER, EcuFault, EcuLevel
from twin.scenario import load
from twin.scenario.architecture import architecture_of

SECOND = 1_000_000_000
PACKS, MODULES = 2, 2


def _faults(architecture: str, *faults: EcuFault) -> EcuFaults:
    said = (f"bms.architecture={architecture}", f"fleet.packs={PACKS}", f"fleet.modules={MODULES}")
    home = load(resources.folder("scenarios") / "one_home.yaml", said)
    return EcuFaults(architecture_of(home).ecus(), faults, modules=MODULES)


def _fault(ecu: EcuLevel = "module", slot: int = 0, begin_s: int = 1, end_s: int | None = None) -> EcuFault:
    return EcuFault(begin_s * SECOND, NEVER if end_s is None else end_s * SECOND, 5, slot, ecu, "hang")


SUFFERING: dict[str, tuple[str, EcuLevel, int, list[int]]] = {
    "a monitor": ("hybrid", "module", 2, [2]),
    "all monitors": ("hybrid", "module", -1, [0, 1, 2, 3]),
    "the controller of a slot's pack": ("hybrid", "pack", 3, [5]),
    "all controllers": ("hybrid", "pack", -1, [4, 5]),
    "the inverter, whatever the slot": ("hybrid", "inverter", 3, [6]),
    "who measures a slot of a central BMS": ("centralized", "module", 2, [1]),
    "who measures any": ("centralized", "module", -1, [0, 1]),
    "the central controller": ("centralized", "pack", 1, [0]),
    "its inverter": ("centralized", "inverter", -1, [2]),
    "a peer": ("distributed", "module", 1, [1]),
    "who switches a slot among peers": ("distributed", "pack", 3, [3]),
    "all who switch": ("distributed", "pack", -1, [0, 1, 2, 3]),
}
"""ECUs are counted in the order of their architecture: monitors, controllers, inverter."""


@pytest.mark.parametrize(("architecture", "level", "slot", "ecus"), SUFFERING.values(), ids=SUFFERING.keys())
def test_who_suffers(architecture: str, level: EcuLevel, slot: int, ecus: list[int]) -> None:
    found = list(_faults(architecture, _fault(level, slot)).due(2 * SECOND))
    assert [(site, ecu) for site, ecu, _ in found] == [(5, ecu) for ecu in ecus]
    assert all(change.begins for _, _, change in found)


def test_a_fault_begins_and_ends_in_the_tick_that_it_falls_into() -> None:
    faults = _faults("hybrid", _fault(begin_s=3, end_s=6), _fault(slot=1, begin_s=2))
    seen = {tick: [(ecu, change.begins) for _, ecu, change in faults.due((tick + 1) * SECOND)] for tick in range(10)}
    assert {tick: changes for tick, changes in seen.items() if changes} == {
        2: [(1, True)],
        3: [(0, True)],
        6: [(0, False)],
    }


def test_what_ends_makes_way_for_what_begins() -> None:
    """At one instant, a fault of the same ECU ends before the next one begins."""
    first, second = _fault(begin_s=1, end_s=4), _fault(begin_s=4, end_s=5)
    for order in ((first, second), (second, first)):
        faults = _faults("hybrid", *order)
        told = [(change.fault, change.begins) for _, _, change in faults.due(9 * SECOND)]
        assert told == [(first, True), (first, False), (second, True), (second, False)]
