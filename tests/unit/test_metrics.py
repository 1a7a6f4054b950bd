"""Every metric on runs whose numbers are worked out by hand, and what each says where it cannot know."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.worlds.judged_runs import SECOND, Told, Truth, contactor, finding, judged
from twin.analysis import metrics
from twin.analysis.metric import Key, Lack, Metric, Sample
from twin.bms.codes import Level
from twin.plugins import discover

METRICS = {name: kind() for name, kind in discover(metrics, Metric).items()}  # type: ignore[type-abstract]
CLOSED = tuple(contactor(SECOND, "closed", site, slot) for site in range(2) for slot in range(4))


def measured(name: str, folder: Path, told: Told) -> Sample | Lack:
    return METRICS[name].judge(judged(folder / "run", told))


def found(name: str, folder: Path, told: Told) -> Sample:
    sample = measured(name, folder, told)
    assert isinstance(sample, Sample), sample
    return sample


def reason(name: str, folder: Path, told: Told) -> str:
    lack = measured(name, folder, told)
    assert isinstance(lack, Lack), lack
    return lack.reason


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_says_what_it_is(name: str) -> None:
    metric = METRICS[name]
    assert metric.said("Formula")
    assert metric.said("Source")
    assert metric.title
    assert metric.unit
    assert metric.floor > 0
    assert metric.better in ("higher", "lower")


@pytest.mark.parametrize("name", METRICS)
def test_a_run_without_anything_has_no_metric(name: str, tmp_path: Path) -> None:
    said = reason(name, tmp_path, Told(rows=3, truth=None, scenario=False))
    assert said.startswith("lacks ")


def test_orders_are_all_different() -> None:
    assert len({metric.order for metric in METRICS.values()}) == len(METRICS)


def test_scores_fall_as_values_get_worse() -> None:
    def score(name: str, *values: float) -> list[float]:
        return [round(float(one), 4) for one in METRICS[name].score(np.array(values))]

    assert score("time_to_isolate", 1.0, 2.0) == [1.0, round(1.05 / 2.05, 4)]
    assert score("isolated_share", 1.0, 0.98) == [1.0, 0.5]
    assert score("balancing_rate", 0.1, 5.0) == [round(0.11 / 5.01, 4), 1.0]
    assert score("false_isolations", 0.0, 0.0) == [1.0, 1.0]


# Isolation: a hybrid chain by hand. The fault begins at 10 s; its first sample beyond the limit is at 10.4 s, it counts
# at 11.1 s, the pack's controller has heard of it at 11.15 s, decides at 11.9 s, and the contactor is open at 11.922 s.
HOT = Truth("over_temperature", 0, 1, 5, 10.0, 50.0, "overtemperature,thermal_runaway", hazardous=True)
CHAIN = (
    finding(11_100_000_000, "overtemperature", slot=1, cell=5, since_ns=10_400_000_000),
    finding(11_900_000_001, "module_fatal", slot=1, since_ns=11_150_000_000, source="pack_controller"),
    contactor(11_922_000_001, slot=1),
)


def test_the_terms_of_the_time_to_isolate_add_up(tmp_path: Path) -> None:
    opened = contactor(11_922_000_001)  # of the pack: a module's own contactor would not wait for the controller
    run = judged(tmp_path / "run", Told(truth=[HOT], events=[*CLOSED, *CHAIN[:2], opened]))
    (isolation,) = run.isolations.values()
    assert isolation.terms is not None
    assert isolation.terms.total_ns == isolation.time_ns == 1_922_000_001
    assert isolation.terms.sampling_ns == 400_000_000
    assert isolation.terms.debounce_ns == 700_000_000
    assert isolation.terms.response_ns == 50_000_000
    assert isolation.terms.controller_ns == 750_000_001
    assert isolation.terms.contactor_ns == 22_000_000


def test_a_monitor_that_opens_its_own_contactor_waits_for_nobody(tmp_path: Path) -> None:
    told = Told(truth=[HOT], events=[*CLOSED, CHAIN[0], contactor(11_120_000_000, slot=1)])
    sample = found("time_to_isolate", tmp_path, told)
    terms = {name: float(values[0]) for name, values in sample.parts.items()}
    assert sample.values.tolist() == [1.12]
    assert terms == pytest.approx(
        {"sampling": 0.4, "debounce": 0.7, "can_response": 0.0, "controller_phase": 0.0, "contactor": 0.02}
    )


@pytest.mark.parametrize(
    ("case", "opening", "isolated"),
    [
        ("the module itself", contactor(20 * SECOND, slot=1), True),
        ("its pack", contactor(20 * SECOND, pack=0), True),
        ("another pack", contactor(20 * SECOND, pack=1), False),
        ("another module", contactor(20 * SECOND, slot=0), False),
        ("before the fault", contactor(9 * SECOND, slot=1), False),
        ("a pre-charge", contactor(20 * SECOND, "pre-charges", slot=1), False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_isolates_a_module(case: str, opening: Any, isolated: bool, tmp_path: Path) -> None:
    told = Told(packs=2, truth=[HOT], events=[*CLOSED, opening])
    assert found("isolated_share", tmp_path, told).values.tolist() == [float(isolated)]
    if not isolated:
        assert reason("time_to_isolate", tmp_path / "again", told) == "no hazardous fault was isolated"


def test_a_finding_without_its_begin_leaves_the_terms_out(tmp_path: Path) -> None:
    told = Told(truth=[HOT], events=[*CLOSED, finding(11 * SECOND, "overtemperature", slot=1, since_ns=-1), CHAIN[2]])
    sample = found("time_to_isolate", tmp_path, told)
    assert sample.values.tolist() == [1.922000001]
    assert all(np.isnan(values).all() for values in sample.parts.values())


def test_silence_counts_from_the_fault_on(tmp_path: Path) -> None:
    lost = Truth("harness_lost", 0, 1, -1, 10.0, expected="module_silent", hazardous=True)
    silent = finding(13 * SECOND, "module_silent", Level.WARNING, slot=1, since_ns=9_600_000_000)
    told = Told(truth=[lost], events=[*CLOSED, silent, contactor(13_022_000_000, pack=0)])
    (isolation,) = judged(tmp_path / "run", told).isolations.values()
    assert isolation.terms is not None
    assert (isolation.terms.sampling_ns, isolation.terms.debounce_ns) == (0, 3 * SECOND)
    assert isolation.terms.total_ns == isolation.time_ns


def test_false_isolations_are_those_before_any_hazard(tmp_path: Path) -> None:
    openings = [
        contactor(20 * SECOND, site=0, slot=0),
        contactor(21 * SECOND, site=0, slot=1),  # with the one before
        contactor(40 * SECOND, site=0, slot=2),
        contactor(20 * SECOND, site=1, slot=1),  # after the hazard of site 1
    ]
    hazard = Truth("over_temperature", 1, 1, 5, 10.0, hazardous=True)
    harmless = Truth("sensor_offset", 0, 0, 5, 10.0)
    told = Told(sites=2, truth=[hazard, harmless], events=[*CLOSED, *openings])
    assert found("false_isolations", tmp_path, told).values.tolist() == [2.0, 0.0]


def test_what_an_isolation_takes_with_it(tmp_path: Path) -> None:
    # A module of four goes, and power with it, by a quarter; what is asked is then 100 W short for 60 s.
    limit_W = np.where(np.arange(1, 101) < 12, 4000.0, 3000.0)
    power_W = np.where(np.arange(1, 101) <= 40, 500.0, 400.0)
    signals = {"charge_limit_W": limit_W, "discharge_limit_W": limit_W, "request_W": 500.0, "power_W": power_W}
    told = Told(truth=[HOT], events=[*CLOSED, *CHAIN], signals=signals)
    assert found("lost_capacity", tmp_path / "a", told).values.tolist() == [0.25]
    assert found("lost_power", tmp_path / "b", told).values.tolist() == [0.25]
    assert found("unserved_energy", tmp_path / "c", told).values == pytest.approx([100.0 * 60.0 / 3.6e6])


@pytest.mark.parametrize(
    ("overrides", "slots_lost"),
    [((), 1), (("fleet.connection=series",), 2), (("fleet.connection=series", "plant.bypass=true"), 1)],
    ids=["parallel", "series", "series with bypass"],
)
def test_a_series_string_goes_as_a_whole(overrides: tuple[str, ...], slots_lost: int, tmp_path: Path) -> None:
    told = Told(packs=2, truth=[HOT], events=[*CLOSED, *CHAIN], overrides=overrides)
    assert found("lost_capacity", tmp_path, told).values.tolist() == [slots_lost / 4]


# Transparency.
def scores(folder: Path, events: list[Any], truth: Truth = HOT) -> Mapping[str, float]:
    sample = found("transparency", folder, Told(sites=2, truth=[truth], events=[*CLOSED, *events]))
    assert sample.keys == (Key(truth.site, truth.kind, 0),)
    assert sample.values[0] == pytest.approx(np.mean([values[0] for values in sample.parts.values()]))
    return {name: round(float(values[0]), 4) for name, values in sample.parts.items()}


def said(time_s: float, code: str = "overtemperature", **facts: Any) -> Any:
    return finding(round(time_s * SECOND), code, **{"level": Level.INFO, "slot": 1, "cell": 5, **facts})


NOTHING = {"seen": 0.0, "place": 0.0, "code": 0.0, "prompt": 0.0}
ALL = {"seen": 1.0, "place": 1.0, "code": 1.0, "prompt": 1.0}
TRANSPARENCY = [
    ("told at once", [said(15)], ALL),
    ("second best code", [said(15, "thermal_runaway")], ALL),
    ("nothing", [], NOTHING),
    ("four times as late as prompt", [said(50)], {**ALL, "prompt": 0.25}),
    ("its module", [said(15, cell=-1)], {**ALL, "place": 0.75}),
    ("another cell of its module", [said(15, cell=6)], {**ALL, "place": 0.75}),
    ("its pack", [said(15, slot=-1, cell=-1, pack=0)], {**ALL, "place": 0.5}),
    ("only the site", [said(15, slot=-1, cell=-1)], {**ALL, "place": 0.25}),
    ("another module", [said(15, slot=2)], {**ALL, "place": 0.25}),
    ("wrong code", [said(15, "cell_overvoltage")], {**ALL, "code": 0.0}),
    ("its end only", [said(15, level=Level.OK)], NOTHING),
    ("there before", [said(5), said(15)], NOTHING),
    ("there before, worse now", [said(5), said(15, level=Level.WARNING)], ALL),
    ("silence since the last sign of life", [said(15, since_ns=9 * SECOND)], ALL),
    ("wrong code, and also elsewhere", [said(15, "undertemperature"), said(5, "undertemperature", site=1)], NOTHING),
    ("right code, and also elsewhere", [said(15), said(5, site=1)], ALL),
    ("the plant's own events", [said(15, source="plant")], NOTHING),
    ("its bus-off, not expected", [said(15, "bus_off", source="network")], NOTHING),
]  # fmt: skip


@pytest.mark.parametrize(("case", "events", "parts"), TRANSPARENCY, ids=[row[0] for row in TRANSPARENCY])
def test_transparency(case: str, events: list[Any], parts: Mapping[str, float], tmp_path: Path) -> None:
    assert scores(tmp_path, events) == parts


def test_what_began_long_before_a_fault_is_not_told_of_it(tmp_path: Path) -> None:
    fault = Truth("over_temperature", 0, 1, 5, 30.0, expected="overtemperature")
    assert scores(tmp_path / "a", [said(35, since_ns=19 * SECOND)], fault) == NOTHING
    assert scores(tmp_path / "b", [said(35, since_ns=21 * SECOND)], fault) == ALL


def test_a_fault_of_which_nothing_can_be_told_is_not_asked_for(tmp_path: Path) -> None:
    stale = Truth("stale_codes", 0, 0, -1, 10.0)
    told = Told(truth=[HOT, stale], events=[said(15)])
    assert found("transparency", tmp_path / "a", told).keys == (Key(0, "over_temperature"),)
    assert found("detection_time", tmp_path / "b", told).keys == (Key(0, "over_temperature"),)


def test_of_two_faults_at_once_a_code_tells_of_the_one_that_expects_it(tmp_path: Path) -> None:
    weld = Truth("contactor_weld", 0, 1, -1, 10.0, expected="contactor_welded")
    told = Told(truth=[HOT, weld], events=[said(15)])
    sample = found("transparency", tmp_path, told)
    assert dict(zip([key.kind for key in sample.keys], sample.parts["seen"].tolist(), strict=True)) == {
        "over_temperature": 1.0,
        "contactor_weld": 0.0,
    }


def test_a_controller_that_goes_bus_off_tells_of_what_should_show_so(tmp_path: Path) -> None:
    fault = Truth("bit_errors", 0, -1, -1, 10.0, expected="bus_errors,bus_off")
    assert scores(tmp_path, [said(15, "bus_off", source="network", slot=-1, cell=-1)], fault) == ALL


def test_a_later_fault_of_the_site_is_not_told_of_the_earlier_one(tmp_path: Path) -> None:
    later = Truth("weak_cell", 0, 1, 3, 30.0, expected="weak_cell")
    told = Told(truth=[HOT, later], events=[*CLOSED, said(35, "weak_cell", cell=3)])
    assert found("transparency", tmp_path, told).parts["seen"].tolist() == [0.0, 1.0]


def test_the_time_to_detection(tmp_path: Path) -> None:
    unseen = Truth("weak_cell", 1, 0, 0, 0.0, expected="weak_cell")
    told = Told(sites=2, truth=[HOT, unseen], events=[said(50), said(60)])
    sample = found("detection_time", tmp_path, told)
    np.testing.assert_array_equal(sample.values, [np.nan, 40.0])


def test_telemetry(tmp_path: Path) -> None:
    bus = {
        "frames": [[100, 50], [80, 0]],
        "overwritten": [[0, 0], [10, 0]],
        "dropped": [[0, 50], [10, 0]],
        "misses": [[0, 0], [8, 0]],
    }
    sample = found("telemetry", tmp_path, Told(sites=2, bus=bus))
    assert sample.values.tolist() == [0.75, 0.8]
    assert sample.parts["cycle_s"].tolist() == [1.5, 1.25]
    assert sample.parts["late"].tolist() == [0.0, 0.1]
    assert sample.parts["frames_s"].tolist() == [1.5, 0.8]


# Operation.
def test_the_error_of_the_soc(tmp_path: Path) -> None:
    belief = np.stack([np.full((4, 100), 0.52), np.linspace(0.4, 0.6, 100) * np.ones((4, 1))])
    belief[0, :, :10] = np.nan  # nobody has spoken yet
    sample = found("soc_error", tmp_path, Told(sites=2, signals={"soc": 0.5, "module_soc": belief}))
    assert sample.values == pytest.approx([0.02, np.abs(np.linspace(0.4, 0.6, 100) - 0.5).mean()])
    assert sample.parts["bias"] == pytest.approx([0.02, 0.0], abs=1e-12)
    assert sample.parts["largest"] == pytest.approx([0.02, 0.1])


def test_time_out_of_limits(tmp_path: Path) -> None:
    voltage_V, temperature_K = np.full((1, 4, 16, 100), 3.3), np.full((1, 4, 16, 100), 300.0)
    voltage_V[0, 2, 3, 10:15] = 3.66
    voltage_V[0, 2, 4, 12:20] = 2.4
    temperature_K[0, 0, 0, 18:25] = 330.0
    signals = {"cell_voltage_V": voltage_V, "temperature_K": temperature_K, "current_A": -219.0}
    sample = found("time_out_of_limits", tmp_path, Told(period_s=2.0, signals=signals))
    assert sample.values.tolist() == [30.0]
    assert {name: values[0] for name, values in sample.parts.items()} == {
        "voltage": 20.0,
        "temperature": 14.0,
        "current": 0.0,
    }


def test_energy_and_cycles(tmp_path: Path) -> None:
    power_W = np.repeat([-3600.0, 1800.0], 50)
    told = Told(period_s=100.0, signals={"power_W": power_W, "current_A": np.repeat([-31.4, 31.4], 50)})
    sample = found("energy_throughput", tmp_path / "a", told)
    assert sample.parts["charged"] == pytest.approx([5.0])
    assert sample.parts["discharged"] == pytest.approx([2.5])
    assert sample.values == pytest.approx([7.5])
    assert found("equivalent_cycles", tmp_path / "b", told).values == pytest.approx([10_000 / 3600 * 0.1 / 2])


@pytest.mark.parametrize(
    ("gain", "efficiency"), [(0.0, 0.5), (0.01, None), (-0.01, None)], ids=["same", "fuller", "emptier"]
)
def test_round_trip_efficiency(gain: float, efficiency: float | None, tmp_path: Path) -> None:
    power_W = np.repeat([-3600.0, 1800.0], 50)
    told = Told(period_s=100.0, signals={"power_W": power_W, "soc": 0.4 + gain * np.linspace(0, 1, 100)},
                overrides=("fleet.spread.soc=0.4", "fleet.spread.capacity_Ah=300", "fleet.spread.soh=1"))  # fmt: skip
    sample = found("round_trip_efficiency", tmp_path, told)
    stored_kWh = 64 * 0.3 * gain * 3.2525  # V: data/cells at 40 %, where the curve is flat
    expected = (2.5 + max(stored_kWh, 0)) / (5.0 - min(stored_kWh, 0)) if efficiency is None else efficiency
    assert sample.values == pytest.approx([expected], rel=5e-4)


def test_too_little_energy_has_no_efficiency(tmp_path: Path) -> None:
    told = Told(signals={"power_W": -100.0, "soc": 0.4})
    assert reason("round_trip_efficiency", tmp_path, told) == "too little energy went through"


# Balancing: one cell of module 0 is 3 % fuller and comes down by 1 % in 30 rows; module 1 is balanced from the start.
def spread_soc(rows: int = 100) -> np.ndarray[Any, Any]:
    soc = np.full((1, 4, 16, rows), 0.5)
    soc[0, 0, 7] = 0.53 - 0.01 / 30 * np.arange(1, rows + 1)
    return soc


BLEED = np.zeros((1, 4, 16, 100))
BLEED[0, 0, 7, :60] = 1.0


def test_the_balancing_time(tmp_path: Path) -> None:
    sample = found("balancing_time", tmp_path, Told(period_s=60.0, signals={"soc": spread_soc()}))
    assert sample.values == pytest.approx([61 / 60], abs=1.1 / 60)  # within a row of the exact 60 min
    assert sample.at_least is not None
    assert not sample.at_least.any()


def test_balancing_that_does_not_come_to_an_end_is_a_lower_bound(tmp_path: Path) -> None:
    sample = found("balancing_time", tmp_path, Told(period_s=60.0, rows=50, signals={"soc": spread_soc(50)}))
    assert sample.values == pytest.approx([50 / 60])
    assert sample.at_least is not None
    assert sample.at_least.all()
    assert sample.parts["end_spread"] == pytest.approx([0.03 - 0.5 / 30])


def test_what_is_balanced_already_has_no_balancing_time(tmp_path: Path) -> None:
    assert "out of the band" in reason("balancing_time", tmp_path, Told(signals={"soc": 0.5}))


def test_the_speed_and_loss_of_passive_balancing(tmp_path: Path) -> None:
    # 3.3 V across 33 Ohm are 0.1 A, in 59 to 61 rows out of the band; 0.33 W for each 0.1 A: 3.3 Wh per Ah.
    current_A = np.where(np.arange(100) < 30, 190.0, 20.0)
    signals = {"soc": spread_soc(), "bleed": BLEED, "cell_voltage_V": 3.3, "current_A": current_A}
    told = Told(period_s=60.0, signals=signals)
    assert found("balancing_rate", tmp_path / "a", told).values == pytest.approx([0.1])
    assert found("balancing_rate_at_peak", tmp_path / "b", told).values == pytest.approx([0.1])
    sample = found("balancing_loss", tmp_path / "c", told)
    assert sample.values == pytest.approx([3.3])
    assert sample.parts["moved"] == pytest.approx([0.1])
    calm = Told(period_s=60.0, signals={**signals, "current_A": 20.0})
    assert "highest expected current" in reason("balancing_rate_at_peak", tmp_path / "d", calm)


def test_the_speed_and_loss_of_active_balancing(tmp_path: Path) -> None:
    # 5 A from cell 7, 4.5 A to cell 0: a tenth of the energy is lost.
    moved_A = np.zeros((1, 4, 16, 100))
    moved_A[0, 0, 7, :60], moved_A[0, 0, 0, :60] = 5.0, -4.5
    signals = {"soc": spread_soc(), "bleed": 0.0, "cell_voltage_V": 3.3, "current_A": 0.0, "balancing_A": moved_A}
    told = Told(period_s=60.0, signals=signals)
    assert found("balancing_rate", tmp_path / "a", told).values == pytest.approx([5.0], rel=0.02)
    assert found("balancing_loss", tmp_path / "b", told).values == pytest.approx([0.33])


def test_a_run_logged_coarsely_lacks_what_it_lacks(tmp_path: Path) -> None:
    told = Told(detail="module", signals={"soc": 0.5, "module_soc": 0.5})
    assert reason("soc_error", tmp_path, told) == "lacks the signal soc"
