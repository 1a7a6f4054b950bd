"""The parts of the report: thinning, buckets, statistics of the fleet, key figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.worlds.runs import HOT_CELL, HOT_SITE, HOT_SLOT, START, World, rows, write_run
from twin.analysis.figures import duration, key_figures
from twin.analysis.fleet import Fleet
from twin.analysis.thinning import Buckets, changes, extremes
from twin.analysis.view import RunView
from twin.errors import InputError
from twin.record import RunWriter, Signal
from twin.record.options import Record

WORLD = World(sites=3, cells=8, duration_s=4 * 3600.0, period_s=40.0)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunView:
    return RunView(write_run(tmp_path_factory.mktemp("report") / "run", WORLD))


def test_thinning_keeps_extremes_ends_and_order() -> None:
    values = np.sin(np.arange(100_000) / 9000.0)
    values[[40_123, 77_777]] = 9.0, -9.0
    kept = extremes(values, 400)
    assert len(kept) <= 400
    assert {0, 40_123, 77_777, 99_999} <= set(kept.tolist())
    assert np.all(np.diff(kept) > 0)


def test_thinning_leaves_short_series_alone() -> None:
    np.testing.assert_array_equal(extremes(np.zeros(10), 10), np.arange(10))


def test_thinning_keeps_gaps_and_what_lies_beside_them() -> None:
    values = np.ones(10_000)
    values[3000:5000] = np.nan
    values[4990] = 7.0
    kept = extremes(values, 100)
    assert 4990 in kept
    assert np.isnan(values[kept]).any()


def test_changes_are_all_that_a_step_line_needs() -> None:
    assert changes(np.array([0, 0, 1, 1, 0, 0])).tolist() == [0, 2, 4, 5]


def test_buckets_reduce_and_keep_nan_where_nothing_else_is() -> None:
    buckets = Buckets(10, 5)
    values = np.array([[1, 2, np.nan, 4, 5, 6, np.nan, np.nan, 9, 10.0]])
    np.testing.assert_array_equal(buckets.highest(values), [[2, 4, 6, np.nan, 10]])
    np.testing.assert_array_equal(buckets.lowest(values), [[1, 4, 5, np.nan, 9]])
    np.testing.assert_array_equal(buckets.mean(values), [[1.5, np.nan, 5.5, np.nan, 9.5]])


def test_the_fleet_figures_agree_with_the_rows(run: RunView) -> None:
    expected = list(rows(WORLD))
    power_W = np.stack([row["power_W"] for row in expected])
    spread_V = np.stack([np.ptp(row["cell_voltage_V"], axis=2) for row in expected])
    temperature_K = np.stack([row["temperature_K"] for row in expected])
    assert run.fleet.energy_kWh is not None
    hours = WORLD.period_s / 3600
    np.testing.assert_allclose(
        run.fleet.energy_kWh,
        [-power_W[power_W < 0].sum() * hours / 1e3, power_W[power_W > 0].sum() * hours / 1e3],
        rtol=1e-4,
    )
    assert run.fleet.spread is not None
    assert run.fleet.spread.peak.value == pytest.approx(spread_V.max(), abs=1e-4)
    assert run.fleet.hottest is not None
    hottest = run.fleet.hottest
    assert (hottest.site, hottest.slot, hottest.cell) == (100 + HOT_SITE, HOT_SLOT, HOT_CELL)
    assert hottest.value == pytest.approx(temperature_K.max(), abs=0.01)
    assert hottest.time_s == (temperature_K.max(axis=(1, 2, 3)).argmax() + 1) * WORLD.period_s


def test_blocks_of_sites_make_no_difference(run: RunView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twin.analysis.fleet._BLOCK_VALUES", 1)
    narrow = Fleet(run)
    assert len(list(narrow.blocks("soc"))) == WORLD.sites
    np.testing.assert_array_equal(narrow.soc_by_site, run.fleet.soc_by_site)
    assert narrow.hottest == run.fleet.hottest
    assert narrow.soc_range == run.fleet.soc_range


def test_a_quarantined_site_is_named_and_does_not_spoil_the_rest(tmp_path: Path) -> None:
    names = ("bus_voltage_V", "power_W")
    writer = RunWriter(
        tmp_path / "run",
        tuple(Signal(name, ("site",), name[-1], name, 0.01) for name in names),
        {"site": np.array([5, 6])},
        {},
        Record(),
        START,
        10**9,
    )
    for second in range(1, 5):
        values = np.array([50.0, 50.0 if second < 3 else np.nan])
        writer.append(second * 10**9, {"bus_voltage_V": values, "power_W": values * 20})
    writer.close("complete")
    run = RunView(tmp_path / "run")
    assert run.fleet.quarantined == [6]
    np.testing.assert_allclose(run.fleet.total("power_W"), [2000.0, 2000.0, 1000.0, 1000.0])
    assert run.fleet.energy_kWh == pytest.approx((0.0, 6000.0 / 3600 / 1000))
    figures = {figure.label: figure.value for figure in key_figures(run)}
    assert figures["Sites quarantined"] == "1"
    assert "Hottest cell" not in figures


def test_the_site_in_depth_is_the_one_with_the_worst_events(run: RunView) -> None:
    assert run.site == 100 + HOT_SITE
    assert RunView(run.folder, 102).site == 102


def test_a_site_that_the_run_lacks_is_refused(run: RunView) -> None:
    with pytest.raises(InputError, match=r"no site 7 in this run.*100 to 102"):
        RunView(run.folder, 7)


@pytest.mark.parametrize(
    ("time_s", "text"), [(90, "90 s"), (5400, "90 min"), (12 * 3600, "12 h"), (7 * 86400, "7 days")], ids=str
)
def test_a_stretch_of_time_is_readable(time_s: float, text: str) -> None:
    assert duration(time_s) == text


def test_clock_times_are_local_and_carry_the_date_only_beyond_a_day(run: RunView) -> None:
    assert run.clock_text(3600.0) == "07:00:00"
    assert run.clock_text(0.21, milliseconds=True) == "06:00:00.210"
    assert np.datetime64(int(run.clock(3600.0)), "ms") == np.datetime64("2026-06-21T07:00")
