"""Sensors: what they say of what is there, sound and with every way in which they can fail."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from twin.bms.effects import NEVER, Harness, Mishap, MissedReads, Renumbered, SensorFault
from twin.bms.sensing import Measurement, Present, Sensing
from twin.bms.sensors import Sensor, Sensors

SITES, SLOTS, CELLS = 2, 3, 16
SECOND = 10**9
EXACT = Sensor(noise=0.0, resolution=0.0)
PERFECT = Sensors(
    cell_voltage_V=EXACT, temperature_K=EXACT, current_A=EXACT, module_V=EXACT, link_V=EXACT, insulation_ohm=EXACT
)
QUANTITIES = ("cell_voltage_V", "temperature_K", "current_A", "module_V", "link_V", "insulation_ohm")


def _present(tick: int = 0) -> Present:
    """Return values that all differ, and change from tick to tick."""
    cells = np.arange(SITES * SLOTS * CELLS, dtype=float).reshape(SITES, SLOTS, CELLS)
    slots = cells[:, :, 0]
    duty = np.zeros_like(cells)
    duty[:, :, 4] = 0.5
    return Present(
        cell_voltage_V=3.2 + 0.001 * cells + 0.01 * tick,
        temperature_K=298.15 + 0.1 * cells + tick,
        current_A=20.0 + slots + tick,
        module_V=51.0 + slots + 0.1 * tick,
        link_V=51.0 + np.arange(SITES, dtype=float) + 0.1 * tick,
        insulation_ohm=np.full(SITES, 1e6),
        duty=duty,
    )


def _sensing(mishaps: Sequence[Mishap] = (), options: Sensors = PERFECT) -> Sensing:
    return Sensing(options, 7, np.arange(SITES), SLOTS, CELLS, mishaps)


def _samples(sensing: Sensing, ticks: int) -> list[Measurement]:
    return [sensing.sample(tick * SECOND, _present(tick)) for tick in range(ticks)]


def _fault(quantity: Any, mode: Any, value: float, slot: int = 1, cell: int = 3) -> SensorFault:
    """Return a fault of site 1 from second 2 to second 5."""
    return SensorFault(2 * SECOND, 5 * SECOND, 1, slot, cell, quantity, mode, value)


def test_perfect_sensors_say_what_is_there() -> None:
    for tick, measured in enumerate(_samples(_sensing(), 3)):
        for name in QUANTITIES:
            np.testing.assert_array_equal(getattr(measured, name), getattr(_present(tick), name), err_msg=name)
        assert measured.fresh.all()


def test_noise_and_resolution_of_every_sensor() -> None:
    noisy = Sensors(**{name: Sensor(noise=0.5, resolution=0.25) for name in QUANTITIES})
    measured = _samples(_sensing(options=noisy), 400)
    for name in QUANTITIES:
        error = np.array([getattr(one, name) - getattr(_present(tick), name) for tick, one in enumerate(measured)])
        assert error.std() == pytest.approx(math.hypot(0.5, 0.25 / math.sqrt(12)), rel=0.1), name
        values = np.array([getattr(one, name) for one in measured])
        np.testing.assert_array_equal(values, np.round(values / 0.25) * 0.25, err_msg=name)


def test_a_site_reads_the_same_in_any_company() -> None:
    faults = [_fault("cell_voltage_V", "noise", 0.05), MissedReads(0, NEVER, 1, 0, 0.5)]
    elsewhere = [SensorFault(0, NEVER, 0, 0, 0, "current_A", "noise", 1.0)]
    both = _samples(_sensing([*elsewhere, *faults], Sensors()), 6)
    alone = Sensing(Sensors(), 7, np.array([1]), SLOTS, CELLS, [replace(one, site=0) for one in faults])
    for tick in range(6):
        values = {name: value[1:] for name, value in vars(_present(tick)).items()}
        measured = alone.sample(tick * SECOND, Present(**values))
        for name in (*QUANTITIES, "fresh"):
            np.testing.assert_array_equal(getattr(measured, name), getattr(both[tick], name)[1:], err_msg=name)


BLEED_A = 0.5 * (3.2 + 0.001 * ((1 * SLOTS + 1) * CELLS + 4) + 0.03) / 33.0
"""What cell 4 of module 1 of site 1 bleeds at second 3."""
CHANGES: dict[str, tuple[SensorFault, dict[tuple[int, ...], float]]] = {
    "offset": (_fault("cell_voltage_V", "offset", 0.1), {(1, 1, 3): 0.1}),
    "offset of a whole module": (
        _fault("temperature_K", "offset", -5.0, cell=-1),
        {(1, 1, cell): -5.0 for cell in range(CELLS)},
    ),
    "gain": (_fault("current_A", "gain", 1.1, cell=-1), {(1, 1): 0.1 * (20.0 + 64 + 3)}),
    "drift": (_fault("current_A", "drift", 2.0, cell=-1), {(1, 1): 2.0}),
    "stuck at a value": (_fault("module_V", "stuck", 12.0, cell=-1), {(1, 1): 12.0 - (51.0 + 64 + 0.3)}),
    "stuck at its last": (_fault("temperature_K", "stuck", math.nan), {(1, 1, 3): -2.0}),
    "of the link": (_fault("link_V", "offset", 3.0, slot=-1, cell=-1), {(1,): 3.0}),
    "rail below": (_fault("cell_voltage_V", "offset", -9.0), {(1, 1, 3): -(3.2 + 0.001 * 67 + 0.03)}),
    "open wire": (_fault("cell_voltage_V", "open_wire", 0.2), {(1, 1, 3): -0.2, (1, 1, 4): 0.2}),
    "open wire above the last": (_fault("cell_voltage_V", "open_wire", 0.2, cell=15), {(1, 1, 15): -0.2}),
    "common wires": (
        _fault("cell_voltage_V", "common_wire", 2.0, cell=-1),
        {(1, 1, 3): 2 * BLEED_A, (1, 1, 4): -4 * BLEED_A, (1, 1, 5): 2 * BLEED_A},
    ),
    "one common wire": (
        _fault("cell_voltage_V", "common_wire", 2.0, cell=4),
        {(1, 1, 4): -2 * BLEED_A, (1, 1, 5): 2 * BLEED_A},
    ),
    "insulation while balancing": (
        _fault("insulation_ohm", "balancing", 2.0, slot=-1, cell=-1),
        {(1,): 1e6 / (1.0 + 2.0 * 0.5 * SLOTS) - 1e6},
    ),
}


@pytest.mark.parametrize(("fault", "changes"), CHANGES.values(), ids=CHANGES.keys())
def test_what_a_fault_makes_of_a_reading(fault: SensorFault, changes: dict[tuple[int, ...], float]) -> None:
    healthy, faulty = _samples(_sensing(), 6), _samples(_sensing([fault]), 6)
    for tick in (0, 1, 5):
        assert _difference(healthy[tick], faulty[tick]) == {}
    found = _difference(healthy[3], faulty[3])
    assert found.keys() == {(fault.quantity, place) for place in changes}
    assert [found[fault.quantity, place] for place in changes] == pytest.approx(list(changes.values()), rel=1e-9)


def _difference(first: Measurement, second: Measurement) -> dict[tuple[str, tuple[int, ...]], float]:
    """Return where two measurements differ beyond rounding, and by how much."""
    found = {}
    for name in QUANTITIES:
        difference = getattr(second, name) - getattr(first, name)
        for place in np.argwhere(np.abs(difference) > 1e-12):
            found[name, tuple(place.tolist())] = float(difference[tuple(place)])
    return found


def test_added_noise_has_the_stated_deviation() -> None:
    sensing = _sensing([SensorFault(0, NEVER, 1, 1, 3, "cell_voltage_V", "noise", 0.05)])
    errors = [
        sensing.sample(tick * SECOND, _present()).cell_voltage_V[1, 1, 3] - _present().cell_voltage_V[1, 1, 3]
        for tick in range(500)
    ]
    assert np.std(errors) == pytest.approx(0.05, rel=0.1)


def test_two_faults_of_one_sensor_act_together() -> None:
    two = [_fault("current_A", "offset", 1.0, cell=-1), _fault("current_A", "gain", 2.0, cell=-1)]
    measured = _samples(_sensing(two), 4)[3]
    assert measured.current_A[1, 1] == pytest.approx((_present(3).current_A[1, 1] + 1.0) * 2.0)


def test_a_stuck_reading_stays_where_its_offset_had_put_it() -> None:
    faults = [replace(_fault("current_A", "offset", 5.0, cell=-1), time_ns=0), _fault("current_A", "stuck", math.nan)]
    measured = _samples(_sensing(faults), 6)
    assert measured[4].current_A[1, 1] == _present(1).current_A[1, 1] + 5.0
    assert measured[5].current_A[1, 1] == _present(5).current_A[1, 1]


def test_a_lost_harness_leaves_the_last_reading() -> None:
    measured = _samples(_sensing([Harness(2 * SECOND, 4 * SECOND, 0, 2)]), 5)
    assert [one.fresh[0, 2].item() for one in measured] == [True, True, False, False, True]
    assert measured[3].fresh.sum() == SITES * SLOTS - 1
    np.testing.assert_array_equal(measured[3].current_A, _present(3).current_A, "its sensor has wires of its own")
    for name in ("cell_voltage_V", "temperature_K", "module_V"):
        np.testing.assert_array_equal(getattr(measured[3], name)[0, 2], getattr(_present(1), name)[0, 2])
        np.testing.assert_array_equal(getattr(measured[3], name)[0, 1], getattr(_present(3), name)[0, 1])
        np.testing.assert_array_equal(getattr(measured[4], name)[0, 2], getattr(_present(4), name)[0, 2])


def test_reads_are_missed_as_often_as_stated() -> None:
    measured = _samples(_sensing([MissedReads(0, NEVER, 0, 1, 0.3)]), 1000)
    fresh: npt.NDArray[np.bool_] = np.array([one.fresh for one in measured])
    assert fresh[:, 0, 1].mean() == pytest.approx(0.7, abs=0.05)
    assert fresh[:, 1].all()
    current_A = np.array([one.current_A[0, 1] for one in measured])
    missed = np.flatnonzero(~fresh[1:, 0, 1]) + 1
    np.testing.assert_array_equal(current_A[missed], current_A[missed - 1])


def test_swapped_numbers_swap_what_is_read() -> None:
    faults = [Renumbered(0, NEVER, 1, 0, 2), replace(_fault("current_A", "offset", 5.0, slot=0, cell=-1), time_ns=0)]
    measured, present = _samples(_sensing(faults), 1)[0], _present()
    assert measured.current_A[1].tolist() == [
        present.current_A[1, 2],
        present.current_A[1, 1],
        present.current_A[1, 0] + 5.0,
    ]
    np.testing.assert_array_equal(measured.cell_voltage_V[1, 0], present.cell_voltage_V[1, 2])
    np.testing.assert_array_equal(measured.cell_voltage_V[0], present.cell_voltage_V[0])


def test_changes_are_told() -> None:
    assert _fault("cell_voltage_V", "offset", 0.1).change == "sensor of cell_voltage_V: offset 0.1"
    assert _fault("cell_voltage_V", "stuck", math.nan).change == "sensor of cell_voltage_V: stuck"
    assert Renumbered(0, NEVER, 1, 0, 2).change == "modules 1 and 3 have each other's number"
