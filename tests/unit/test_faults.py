"""Faults: their instants, what several come to together, where commands land, and those that are drawn."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError

from twin import resources
from twin.bms.effects import NEVER, EcuFault, Renumbered, SwappedLeads
from twin.bms.leads import Leads
from twin.errors import InputError
from twin.faults.combined import combined
from twin.faults.drawn import YEAR_S, Drawing, Drawn, drawable
from twin.faults.fault import Fault, Range
from twin.faults.insulation_loss import InsulationLoss
from twin.faults.internal_short import InternalShort
from twin.faults.over_temperature import OverTemperature
from twin.faults.slow_task import SlowTask
from twin.faults.thermal_runaway import ThermalRunaway
from twin.faults.voltage_sensor_stuck import VoltageSensorStuck
from twin.faults.weak_cell import WeakCell
from twin.plant.action import Action
from twin.scenario import Scenario, expand, load
from twin.scenario.truth import truth

SECOND = 10**9


def _scenario(**update: object) -> Scenario:
    scenario = load(resources.folder("scenarios") / "one_home.yaml", ["fleet.sites=8"])
    return Scenario.model_validate({**scenario.model_dump(), **update})


def test_a_fault_holds_from_its_start_to_its_end() -> None:
    ends = InternalShort(site=0, start_s=2.5, duration_s=4, short_ohm=0.5)
    assert [(action.time_ns, action.value) for action in ends.effects()] == [(2_500_000_000, 2.0), (6_500_000_000, 0.0)]  # type: ignore[union-attr]
    assert (ends.start_ns, ends.end_ns) == (2_500_000_000, 6_500_000_000)
    stays = InternalShort(site=0, start_s=2.5)
    assert (len(stays.effects()), stays.end_ns) == (1, NEVER)


def test_a_runaway_grows_in_equal_factors_up_to_its_end() -> None:
    actions = ThermalRunaway(site=0, start_s=10, growth_s=20, heat_W=1000, duration_s=12.5).effects()
    values = np.array([action.value for action in actions if isinstance(action, Action)])
    np.testing.assert_allclose(values[1:-1] / values[:-2], 100 ** (1 / 20))
    assert (values[0], values[-1], len(values)) == (pytest.approx(10.0), 0.0, 14)
    whole = ThermalRunaway(site=0, start_s=10, growth_s=20, heat_W=1000).effects()[-1]
    assert isinstance(whole, Action)
    assert whole.time_ns == 30 * SECOND
    assert whole.value == pytest.approx(1000.0)


def _values(*faults: Fault) -> list[tuple[float, float]]:
    """Return time and value of the faults' actions together."""
    actions = [[one for one in fault.effects() if isinstance(one, Action)] for fault in faults]
    return [(action.time_ns / SECOND, action.value) for action in combined(actions)]


def test_heat_of_two_faults_adds_up() -> None:
    first = OverTemperature(site=0, start_s=1, duration_s=4, heat_W=100)
    second = OverTemperature(site=0, start_s=2, duration_s=1, heat_W=30)
    assert _values(first, second) == [(1, 100), (2, 130), (3, 100), (5, 0)]
    assert _values(first, second.model_copy(update={"cell": 1})) == [(1, 100), (2, 30), (3, 0), (5, 0)]


def test_paths_to_earth_are_in_parallel() -> None:
    first = InsulationLoss(site=0, start_s=1, insulation_ohm=2000)
    second = InsulationLoss(site=0, start_s=2, duration_s=1, insulation_ohm=3000)
    times_s, values_ohm = zip(*_values(first, second), strict=True)
    assert times_s == (1, 2, 3)
    both_ohm = 1 / (1 / 2000 + 1 / 3000 - 1e-6)
    assert values_ohm == pytest.approx((2000, both_ohm, 2000))


def test_of_two_losses_the_larger_counts() -> None:
    actions = [[Action(1, 0, "cooling_lost", 0.5, 0)], [Action(2, 0, "cooling_lost", 0.9, 0)]]
    actions[1].append(Action(3, 0, "cooling_lost", 0.0, 0))
    assert [action.value for action in combined(actions)] == [0.5, 0.9, 0.5]


LANDED = {
    "another cell": (Action(5, 0, "bleed", 1.0, 1, 3), Action(5, 0, "bleed", 1.0, 1, 7)),
    "and back": (Action(5, 0, "bleed", 1.0, 1, 7), Action(5, 0, "bleed", 1.0, 1, 3)),
    "a cell beside": (Action(5, 0, "bleed", 1.0, 1, 4), Action(5, 0, "bleed", 1.0, 1, 4)),
    "another module's": (Action(5, 0, "bleed", 1.0, 0, 3), Action(5, 0, "bleed", 1.0, 0, 3)),
    "another site's": (Action(5, 1, "bleed", 1.0, 1, 3), Action(5, 1, "bleed", 1.0, 1, 3)),
    "too early": (Action(1, 0, "bleed", 1.0, 1, 3), Action(1, 0, "bleed", 1.0, 1, 3)),
    "another number": (Action(5, 2, "module_state", 0.0, 0), Action(5, 2, "module_state", 0.0, 1)),
    "a pack's": (Action(5, 2, "pack_state", 0.0, 0), Action(5, 2, "pack_state", 0.0, 0)),
}


@pytest.mark.parametrize(("given", "landed"), LANDED.values(), ids=LANDED.keys())
def test_where_commands_land(given: Action, landed: Action) -> None:
    leads = Leads([SwappedLeads(2, NEVER, 0, 1, 3, 7), Renumbered(2, NEVER, 2, 0, 1)])
    assert leads.landed([given]) == [landed]


def test_a_range_is_filled() -> None:
    draws = np.random.default_rng(1)
    for reach in (Range(2.0, 8.0), Range(0.01, 10.0, log=True)):
        values = np.array([reach.draw(draws) for _ in range(2000)])
        assert reach.low <= values.min() <= values.max() <= reach.high
        scale = np.log(values) if reach.log else values
        low, high = (np.log(reach.low), np.log(reach.high)) if reach.log else (reach.low, reach.high)
        np.testing.assert_allclose(
            np.quantile(scale, [0.25, 0.5, 0.75]), low + (high - low) * np.array([1, 2, 3]) / 4, rtol=0.1, atol=0.15
        )


def _drawing(sites: int = 200, **options: object) -> Drawing:
    drawn = Drawn.model_validate({"count_per_site": 1, **options})
    return Drawing(drawn, seed=3, sites=sites, modules=4, cells=16, duration_s=1000.0)


def test_faults_are_dealt_out_evenly() -> None:
    drawing = _drawing(kinds=["internal_short", "ecu_reset", "harness_lost"], from_s=100, until_s=700)
    faults = [drawing.of_site(site) for site in range(200)]
    assert [len(of_site) for of_site in faults] == [1] * 200
    kinds = Counter(fault.kind for (fault,) in faults)
    assert sorted(kinds.values()) == [66, 67, 67]
    for kind, count in kinds.items():
        starts_s = [fault.start_ns / SECOND for (fault,) in faults if fault.kind == kind]
        parts = np.floor((np.array(starts_s) - 100) / 600 * count)
        assert sorted(parts) == list(range(count)), "one in each of as many equal parts"


def test_drawn_places_are_everywhere() -> None:
    drawing = _drawing(sites=400, kinds=["internal_short"])
    places = {(fault.module, fault.cell) for site in range(400) for fault in drawing.of_site(site)}  # type: ignore[attr-defined]
    assert len(places) > 60, "most of the 64 cells"


def test_a_rate_gives_so_many_in_the_mean() -> None:
    drawing = _drawing(count_per_site=None, rate_per_site_year=2.0 * YEAR_S / 1000.0, kinds="all")
    counts = [len(drawing.of_site(site)) for site in range(200)]
    assert np.mean(counts) == pytest.approx(2.0, abs=3 * np.sqrt(2.0 / 200))
    assert 0 in counts
    starts_ns = [[fault.start_ns for fault in drawing.of_site(site)] for site in range(20)]
    assert starts_ns == [sorted(of_site) for of_site in starts_ns]


def test_drawn_faults_are_the_same_alone_and_in_the_fleet() -> None:
    scenario = _scenario(drawn={"count_per_site": 2})
    fleet = expand(scenario)
    assert len(fleet.faults) == 16
    assert [fault for fault in fleet.faults if fault.site in (3, 5)] == list(expand(scenario, [3, 5]).faults)
    other = expand(_scenario(drawn={"count_per_site": 2, "seed": 4}))
    assert other.faults != fleet.faults


def test_a_drawn_fault_can_be_stated() -> None:
    drawn = expand(_scenario(drawn={"count_per_site": 3}))
    stated = expand(_scenario(faults=[fault.model_dump() for fault in drawn.faults]))
    assert stated.actions == drawn.actions
    assert stated.mishaps == drawn.mishaps


def test_one_module_gets_no_fault_of_two() -> None:
    assert "swapped_module_numbers" in drawable()
    kinds = Drawn(count_per_site=1).classes(modules=1)
    assert "swapped_module_numbers" not in [kind.model_fields["kind"].default for kind in kinds]


MISTAKES = {
    "neither count nor rate": ({"kinds": "all"}, "either count_per_site or rate_per_site_year"),
    "both": ({"count_per_site": 1, "rate_per_site_year": 1}, "either count_per_site or rate_per_site_year"),
    "a kind that is none": ({"count_per_site": 1, "kinds": ["internal_shorts"]}, "did you mean internal_short?"),
    "a kind that is only stated": ({"count_per_site": 1, "kinds": ["babbling_node"]}, "no kind of fault that can"),
    "no kinds": ({"count_per_site": 1, "kinds": []}, "at least one kind"),
    "an empty window": ({"count_per_site": 1, "from_s": 5, "until_s": 5}, "more than from_s"),
}


@pytest.mark.parametrize(("drawn", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistakes_of_drawn_faults(drawn: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message.replace("?", r"\?")):
        Drawn.model_validate(drawn)


DISAGREEMENTS = {
    "no updates": ({"faults": [{"kind": "power_loss", "site": 0, "start_s": 5}]}, "befalls updates, and the scenario"),
    "begins after the run": ({"drawn": {"count_per_site": 1, "from_s": 600}}, "the run ends at 600"),
    "ends after the run": ({"drawn": {"count_per_site": 1, "until_s": 601}}, "the run ends at 600"),
    "another cell": ({"faults": [{"kind": "swapped_balancing_leads", "site": 0, "other": 16}]}, "expected 0 to 15"),
    "another module": ({"faults": [{"kind": "swapped_module_numbers", "site": 0, "other": 2}]}, "expected 0 to 1"),
    "one module": (
        {"fleet": {"modules": 1}, "faults": [{"kind": "swapped_module_numbers", "site": 0}]},
        "this fault needs 2",
    ),
}


@pytest.mark.parametrize(("update", "message"), DISAGREEMENTS.values(), ids=DISAGREEMENTS.keys())
def test_what_does_not_agree_with_the_scenario(update: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        expand(_scenario(**update))


def test_mishaps_name_the_row() -> None:
    scenario = _scenario(faults=[SlowTask(site=5, module=1, start_s=3, factor=2).model_dump()])
    assert expand(scenario, [2, 5]).mishaps == (EcuFault(3 * SECOND, NEVER, 1, 1, "module", "slow", 2.0),)
    assert expand(scenario, [2]).mishaps == ()


def test_the_truth_about_faults() -> None:
    faults: list[Fault] = [
        VoltageSensorStuck(site=5, module=1, cell=3, start_s=3),
        WeakCell(site=2, module=0, cell=4),
        OverTemperature(site=2, start_s=4, duration_s=10),
    ]
    table = truth(_scenario(faults=[fault.model_dump() for fault in faults]), [2, 5])
    rows = list(zip(*(column.values.tolist() for column in table.values()), strict=True))
    assert [row[:9] for row in rows] == [
        (0, "weak_cell", 2, 0, 4, 0.0, np.inf, "weak_cell,cell_undervoltage", 0),
        (1, "over_temperature", 2, 0, 0, 4.0, 14.0, "overtemperature,thermal_runaway", 1),
        (2, "voltage_sensor_stuck", 5, 1, 3, 3.0, np.inf, "voltage_stuck,voltage_implausible", 0),
    ]
    assert [row[9] for row in rows] == [
        "site 2, module 0, cell 4: capacity_Ah x 0.9, resistance_factor x 1.5",
        "site 2, module 0, cell 0: extra_heat_W = 120",
        "site 5, module 1, cell 3: sensor of cell_voltage_V: stuck",
    ]


def test_no_faults_are_an_empty_table() -> None:
    assert {column.values.shape for column in truth(_scenario(), [0]).values()} == {(0,)}
