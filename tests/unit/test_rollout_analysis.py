"""What the report says of a rollout, on runs whose numbers are worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.worlds.rollouts import ROLES, Rollout, attacked, contactor, fleet_rollout, updates
from twin.analysis.comparison import Comparison, case_of_runs
from twin.analysis.comparison_plots.rollout_curves import RolloutCurves
from twin.analysis.evidence import Evidence
from twin.analysis.golden_rules import CHECKS, _verdict
from twin.analysis.judgement import judge
from twin.analysis.metric import Lack, Sample
from twin.analysis.report import write_report
from twin.analysis.rollout_story import headline, stop_of, update_figures
from twin.analysis.rollout_tables import attacks_table
from twin.analysis.rollout_traces import band_counts
from twin.analysis.spans import Spans
from twin.ota.causes import Cause
from twin.ota.states import UpdateState as S


def evidence(folder: Path, rollout: Rollout) -> Evidence:
    return Evidence.of(rollout.write(folder / "run"))


def values(name: str, run: Evidence) -> dict[int, float]:
    found = judge(name, run).found
    assert isinstance(found, Sample), found
    return {key.site: float(value) for key, value in zip(found.keys, found.values, strict=True)}


def four() -> Rollout:
    """Site 0 and 1 are updated, 2 fails twice and gives up, 3 is not asked; power and bus load are as simple."""
    rollout = Rollout(4)
    rollout.releases()
    for site in range(4):
        rollout.add("ota_plan", site, site // 2, 0)
    updates(rollout, 0, 600.0)  # installing 800 to 970, rebooting to 990, done at 1290
    updates(rollout, 1, 4200.0)  # installing 4400 to 4570, rebooting to 4590, done at 4890
    rollout.states(
        2,
        (4200.0, S.PENDING),
        (4260.0, S.DOWNLOADING),
        (4500.0, S.WAITING, Cause.DOWNLOAD_FAILED, 2),
        (6000.0, S.DOWNLOADING, Cause.NONE, 2),
        (6300.0, S.INSTALLING, Cause.NONE, 2),
        (6500.0, S.REBOOTING, Cause.NONE, 2),
        (6600.0, S.FAILURE, Cause.BOOT_FAILED, 2),
    )
    for ecu in ROLES:
        rollout.runs(2, ecu, (0.0, 6500.0, 0), (6510.0, 6590.0, 1), (6600.0, np.inf, 0))
        rollout.runs(3, ecu, (0.0, np.inf, 0))
    time_s = (np.arange(rollout.rows) + 1) * 60.0
    request_W = np.full((4, rollout.rows), 1000.0)
    power_W = request_W.copy()
    power_W[0, (time_s > 960.0) & (time_s <= 1020.0)] = 400.0  # the row 960..1020, all of it at work
    load = np.full((4, rollout.rows), 0.1)
    load[0, (time_s > 840.0) & (time_s <= 960.0)] = 0.4  # installing 800 to 970, at 0.4
    load[0, time_s == 840.0] = (20.0 * 0.1 + 40.0 * 0.4) / 60.0
    load[0, time_s == 1020.0] = (10.0 * 0.4 + 50.0 * 0.1) / 60.0
    rollout.signals = {"request_W": request_W, "power_W": power_W, "bus_load": load}
    return rollout


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return evidence(tmp_path_factory.mktemp("four"), four())


def test_spans_merge_count_and_overlap() -> None:
    spans = Spans(np.array([7, 3, 7, 7]), np.array([10.0, 0.0, 20.0, 50.0]), np.array([20.0, 5.0, 30.0, 60.0]))
    merged = spans.merged
    assert merged.site.tolist() == [3, 7, 7]
    assert merged.begin_s.tolist() == [0.0, 10.0, 50.0]
    assert merged.end_s.tolist() == [5.0, 30.0, 60.0]
    assert spans.count(np.array([0.0, 4.9, 5.0, 20.0, 55.0])).tolist() == [1, 1, 0, 1, 1]
    assert spans.total_s(np.array([3, 5, 7])).tolist() == [5.0, 0.0, 30.0]
    overlap = spans.overlap_s(np.array([3, 7]), np.array([15.0, 30.0, 45.0, 60.0]))
    assert overlap.tolist() == [[5.0, 0.0, 0.0, 0.0], [5.0, 15.0, 0.0, 10.0]]


def test_times_to_shares_of_the_sites(run: Evidence) -> None:
    assert run.rollout.start_s == 600.0
    assert run.rollout.time_to_s(0.25) == 690.0
    assert run.rollout.time_to_s(0.5) == 4290.0
    assert run.rollout.time_to_s(0.95) is None


def test_bands_add_up_to_the_sites_that_were_asked(run: Evidence) -> None:
    time_s = np.array([0.0, 700.0, 850.0, 4420.0, 14_400.0])
    counts = {word: count.tolist() for word, _, count in band_counts(run.rollout, time_s)}
    assert counts["updated"] == [0, 0, 0, 1, 2]
    assert counts["installing"] == [0, 0, 1, 1, 0]
    assert counts["downloading"] == [0, 1, 0, 1, 0]
    assert counts["failed"] == [0, 0, 0, 0, 1]
    assert np.sum(list(counts.values()), axis=0).tolist() == [0, 1, 1, 3, 3]


def test_exposure_counts_who_ever_ran_it(run: Evidence) -> None:
    assert values("exposure", run) == {0: 1.0, 1: 1.0, 2: 1.0, 3: 0.0}
    assert run.rollout.share_exposed(5000.0) == 0.5
    hours = values("exposure_time", run)
    assert hours[2] == pytest.approx(80.0 / 3600.0)
    assert hours[0] == pytest.approx((14_400.0 - (970.0 + 20.0 / 6)) / 3600.0, abs=1e-6)
    assert hours[3] == 0.0


def test_metrics_by_hand(run: Evidence) -> None:
    assert values("update_time", run) == pytest.approx(
        {0: 690 / 3600, 1: 4290 / 3600, 2: 13_800 / 3600, 3: 13_800 / 3600}
    )
    assert values("update_failures", run) == {0: 0.0, 1: 0.0, 2: 1.0, 3: 0.0}
    retries = values("update_retries", run)
    assert (retries[0], retries[2]) == (0.0, 1.0)
    assert np.isnan(retries[3])
    duration_s = values("update_duration", run)
    assert duration_s[0] == pytest.approx(490.0)  # 800 to 1290
    assert duration_s[2] == pytest.approx(300.0)  # 6300 to 6600
    unserved_kWh = values("update_unserved_energy", run)
    assert unserved_kWh[0] == pytest.approx(600.0 * 60.0 / 3.6e6)
    assert unserved_kWh[1] == 0.0
    assert np.isnan(unserved_kWh[3])


def test_the_load_while_installing_is_that_of_the_bus_whatever_the_rows(run: Evidence) -> None:
    load = run.update_service.bus_load
    assert load.during[0] == pytest.approx(0.4, abs=1e-4)
    assert load.before[0] == pytest.approx(0.1, abs=1e-5)
    assert np.isnan(load.during[3])


def test_mixed_versions_are_told_ecu_by_ecu(run: Evidence) -> None:
    # ECUs leave the old version at 970, 976.7 and 983.3, and run the new one 3.3 s later each: from 973.3 to 983.3.
    skew_s = values("version_skew", run)
    assert skew_s[0] == pytest.approx(10.0, abs=1e-6)
    assert skew_s[2] == skew_s[3] == 0.0


def test_failures_in_plain_language(run: Evidence) -> None:
    found = {Cause(row.cause): row for row in run.rollout.failures.itertuples()}
    assert list(found) == [Cause.BOOT_FAILED, Cause.DOWNLOAD_FAILED]
    assert (found[Cause.BOOT_FAILED].gave_up, found[Cause.BOOT_FAILED].setbacks) == (1, 0)
    assert (found[Cause.DOWNLOAD_FAILED].gave_up, found[Cause.DOWNLOAD_FAILED].setbacks) == (0, 1)
    page = write_report(run.run.folder, output=run.run.folder / "page.html").read_text()
    assert "The new version did not start, and the bootloader went back to the old one" in page


def test_nobody_is_bricked_while_an_ecu_runs_anything(run: Evidence) -> None:
    assert set(values("bricked", run).values()) == {0.0}


@pytest.mark.parametrize(
    ("silent_from_s", "power_lost", "bricked"),
    [(6000.0, False, True), (6000.0, True, False), (14_000.0, False, False)],
    ids=["silent for hours", "without power", "rebooting when the run ends"],
)
def test_an_ecu_that_stays_silent_is_bricked(
    tmp_path: Path, silent_from_s: float, power_lost: bool, bricked: bool
) -> None:
    rollout = Rollout(2)
    rollout.releases()
    updates(rollout, 0, 600.0)
    rollout.states(1, (600.0, S.PENDING))
    rollout.runs(1, "Pack1", (0.0, np.inf, 0))
    rollout.runs(1, "Module01", (0.0, silent_from_s, 0))
    if power_lost:
        places: dict[str, Sequence[Any]] = {"kind": ["power_loss"], "site_id": [1], "slot_id": [-1], "cell_id": [-1]}
        times = {"start_s": [5900.0], "end_s": [np.inf]}
        rollout.truth = {**places, **times, "expected": [""], "hazardous": [0], "text": ["no power"]}
    run = evidence(tmp_path, rollout)
    assert values("bricked", run) == {0: 0.0, 1: float(bricked)}
    assert ("did not come back" in headline(run.run, run.rollout)) == bricked


def test_contactors_that_open_in_an_update_count_and_others_do_not(tmp_path: Path) -> None:
    rollout = four()
    rollout.events = (
        *(contactor(1.0, site, "closed") for site in range(4)),
        contactor(700.0, 0, "opened"),  # before the update, for another reason, and into it
        contactor(850.0, 0, "closed"),
        contactor(975.0, 0, "opened"),
        contactor(987.0, 0, "closed"),
    )
    assert evidence(tmp_path, rollout).update_service.open_s.tolist() == [12.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("stops", "parts"),
    [
        (True, ["2.4.0 reached 2 of 40 sites (5 %)", "the gate 'restarts' stopped it at 08:40", "with 5 % exposed"]),
        (False, ["2.4.0 reached 95 % of 40 sites after"]),
    ],
    ids=["stopped", "finished"],
)
def test_the_headline(tmp_path: Path, stops: bool, parts: list[str]) -> None:
    run = evidence(tmp_path, fleet_rollout(40, stops=stops))
    said = headline(run.run, run.rollout).replace("\N{NO-BREAK SPACE}", " ")
    for part in parts:
        assert part in said
    assert ("went back to what they ran before" in said) == stops
    assert (stop_of(run.rollout) is not None) == stops
    assert {"Updated", "Time to 95 %", "Exposed", "Bricked"} <= {one.label for one in update_figures(run)}


def test_attacks_by_kind_of_ecu(tmp_path: Path) -> None:
    table = attacks_table(evidence(tmp_path, attacked()).rollout)
    assert "primary (full)" in table
    assert "module monitor (partial)" in table
    row = next(row for row in table.split("<tr>") if "<td>director/targets</td>" in row)
    assert "detected</span><small>image/targets: hash" in row
    assert "outside the promise</span>" in row
    assert row.count("an unverified image ran") == 1
    assert table.count("an unverified image ran") == 1


def test_a_run_without_a_rollout_says_nothing_of_one(tmp_path: Path) -> None:
    plain = Rollout(2)
    plain.signals = {"power_W": 0.0}
    run = evidence(tmp_path, plain)
    found = judge("exposure", run).found
    assert isinstance(found, Lack)
    assert found.reason == "lacks a rollout"
    page = write_report(run.run.folder).read_text()
    assert 'id="update"' not in page
    assert "Energy not served<" in page, "what any run could have had is listed as lacking"
    assert "Time until updated" not in page


@pytest.mark.parametrize(
    ("failing", "limit_s", "word"),
    [(0, 7200.0, "pass"), (0, 60.0, "fail"), (1, 7200.0, "pass"), (4, 7200.0, "fail"), (4, 1e9, "not known")],
    ids=["all", "too late", "below the quantile", "never", "run too short"],
)
def test_the_rule_on_95_percent_knows_what_it_may_ignore(
    tmp_path: Path, failing: int, limit_s: float, word: str
) -> None:
    rollout = Rollout(40)
    for site in range(40):
        if site < failing:
            rollout.states(site, (600.0, S.PENDING))
        else:
            updates(rollout, site, 600.0 + 10.0 * site)
    found = judge("update_time", evidence(tmp_path, rollout)).found
    assert _verdict("rollout_within_s", CHECKS["rollout_within_s"], limit_s, found).word == word


def test_policies_are_compared_site_by_site(tmp_path: Path) -> None:
    folders = {}
    for name, stops in (("canary", True), ("all_at_once", False)):
        folders[name] = fleet_rollout(40, stops=stops).write(tmp_path / name)
    comparison = Comparison("policies", tuple(folders), (case_of_runs(folders),))
    row = comparison.row(comparison.cases[0], "exposure")
    assert row.means.tolist() == [0.05, 1.0]
    assert row.leaders == ("canary",)
    assert row.weight == 0.0, "of a good release, exposure is no damage"
    drawn = RolloutCurves().draw(comparison, comparison.cases[0])
    assert drawn is not None
    assert max(drawn.data[0].y) == pytest.approx(5.0)
    assert drawn.data[2].marker.symbol == "x"
