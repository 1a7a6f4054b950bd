"""What a scenario may say of its pace, and how sites, ECUs and noise keep to it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from twin.bms.schedule import Schedule
from twin.bms.sensing import Present, Sensing
from twin.bms.sensors import Sensors
from twin.errors import InputError
from twin.scenario import load

ROOT = Path(__file__).resolve().parents[2]
SECOND_NS = 10**9

MISTAKES = {
    "a long step that is no multiple of the medium one": (["pace.quiet_s=65"], "pace.quiet_s", "pace.limited_s, 10"),
    "a medium step that is no multiple of the step": (["pace.limited_s=2.5"], "pace.limited_s", "step_s, 1"),
    "a run that ends within a long step": (["pace.quiet_s=50", "duration_s=120"], "duration_s", "pace.quiet_s, 50"),
    "rows that do not come at long steps": (["pace.quiet_s=60"], "record.period_s", "pace.quiet_s, 60"),
    "a battery that keeps the grid's frequency": (
        ["pace.quiet_s=60", "record.period_s=60", "dispatch={kind: frequency_response}", "frequency={kind: ou}"],
        "pace",
        "no quiet minutes",
    ),
}


@pytest.mark.parametrize(("overrides", "path", "text"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_told(overrides: list[str], path: str, text: str) -> None:
    with pytest.raises(InputError) as error:
        load(ROOT / "scenarios" / "one_home.yaml", ["record.period_s=1", *overrides])
    told = [(problem.path, problem.message) for problem in error.value.problems]
    assert any(where == path and re.search(text, message) for where, message in told), told


def schedule(sites: int = 2) -> Schedule:
    return Schedule([0, 0, 1], SECOND_NS, 7, np.arange(sites), drift_ppm=50.0)


def instants(
    of: Schedule, end_s: int, *, rows: list[int] | None = None, once: bool = False
) -> set[tuple[int, int, int]]:
    chosen = None if rows is None else np.array(rows, np.int64)
    found = set()
    for group, time_ns in of.batches(end_s * SECOND_NS, chosen, once=once):
        found |= set(zip(group.site.tolist(), group.ecu.tolist(), time_ns.tolist(), strict=True))
    return found


def test_an_ecu_that_is_activated_once_keeps_its_grid() -> None:
    every = instants(schedule(), 180)
    paced = schedule()
    first = instants(paced, 60, once=True)
    assert first == {min(one for one in every if one[:2] == ecu) for ecu in {one[:2] for one in every}}
    skipped, period_ns = paced.passed_over(np.arange(2))
    assert set(skipped.ravel().tolist()) <= {59, 60}
    assert ((period_ns - SECOND_NS) != 0).any()
    after = instants(paced, 180)
    assert after == {one for one in every if one[2] >= 60 * SECOND_NS}


def test_sites_have_their_own_instants_whoever_else_is_served() -> None:
    whole, parts = schedule(3), schedule(3)
    every = instants(whole, 5)
    assert instants(parts, 5, rows=[1]) | instants(parts, 5, rows=[0, 2]) == every


def test_who_is_paused_is_not_activated_once_either() -> None:
    paced = schedule()
    paced.pause(1, 2, 0, 10**17)
    assert {one[:2] for one in instants(paced, 60, once=True)} == {(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)}
    skipped, _ = paced.passed_over(np.array([1]))
    assert skipped[0, 2] == 0


def sensing(sites: int) -> Sensing:
    return Sensing(Sensors(), 3, np.arange(sites), slots=1, cells=2)


def present(sites: int) -> Present:
    cells, one = np.full((sites, 1, 2), 3.3), np.full((sites, 1), 6.6)
    return Present(cells, 90.0 * cells, one, one, one[:, 0], 1e6 * one[:, 0], 0.0 * cells)


def test_a_site_s_noise_hangs_on_its_own_ticks_only() -> None:
    together, apart = sensing(2), sensing(2)
    even = [together.sample(tick, present(2)).cell_voltage_V[0].copy() for tick in range(200)]
    uneven = []
    for tick in range(200):
        uneven.append(apart.sample(tick, present(1), np.array([0])).cell_voltage_V[0].copy())
        if tick % 7 == 0:
            apart.sample(tick, present(1), np.array([1]))
    assert np.array_equal(even, uneven)
    assert len(np.unique(np.array(even))) >= 3, "there is noise"


def test_others_measurements_stay_what_they_were() -> None:
    some = sensing(2)
    before = some.sample(0, present(2), np.array([0, 1])).cell_voltage_V.copy()
    after = some.sample(1, present(1), np.array([1])).cell_voltage_V
    assert np.array_equal(after[0], before[0])
    assert not np.array_equal(after[1], before[1])
