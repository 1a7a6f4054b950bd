"""Runs side by side: statistics, rules, ranking, what flips it, the conclusion, and the files of numbers."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from tests.worlds.judged_runs import SECOND, Told, Truth, contactor, written
from tests.worlds.three_architectures import three_runs
from twin.analysis.comparison import Comparison, case_of_runs, labels
from twin.analysis.comparison_files import COLUMNS, write_csv, write_json
from twin.analysis.comparison_tables import differing
from twin.analysis.conclusion import conclusion
from twin.analysis.evidence import Evidence
from twin.analysis.golden_rules import CHECKS, verdicts
from twin.analysis.judgement import all_metrics
from twin.analysis.metric import Key, Sample
from twin.analysis.ranking import Ranking
from twin.analysis.statistics import difference, resampled_means, shared, summarise
from twin.errors import InputError
from twin.scenario.rules import Rules


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return three_runs(tmp_path_factory.mktemp("three"))


@pytest.fixture(scope="module")
def comparison(folders: dict[str, Path]) -> Comparison:
    return Comparison("three", tuple(folders), (case_of_runs(folders),))


@pytest.fixture(scope="module")
def ranking(comparison: Comparison) -> Ranking:
    return Ranking(comparison)


def sample(*values: float, sites: tuple[int, ...] | None = None) -> Sample:
    keys = tuple(Key(site) for site in sites or range(len(values)))
    return Sample(keys, np.array(values))


# Statistics.
def test_the_interval_of_a_mean_has_the_width_of_the_normal_one() -> None:
    values = np.random.default_rng(5).normal(10.0, 2.0, 400)
    found = summarise(sample(*values), "x")
    assert found.low < values.mean() < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.08)
    assert (found.least, found.most, found.count) == (values.min(), values.max(), 400)


def test_the_same_values_give_the_same_interval_and_one_value_none() -> None:
    values = np.arange(30.0)
    np.testing.assert_array_equal(resampled_means(values, "x"), resampled_means(values, "x"))
    assert not np.array_equal(resampled_means(values, "x"), resampled_means(values, "y"))
    assert np.isnan(summarise(sample(4.0), "x").low)


def test_a_difference_is_taken_pair_by_pair() -> None:
    # Sites differ by far more than the two runs do: only pairs show the half that lies between them.
    sites = 100.0 * np.arange(50)
    other = sites + 0.5 + 0.01 * np.sin(np.arange(50))
    found = difference(sample(*other), sample(*sites), "x")
    assert found is not None
    assert found.mean == pytest.approx(0.5, abs=0.01)
    assert found.sure
    assert found.high - found.low < 0.01


def test_few_pairs_make_nothing_sure() -> None:
    few, many = (difference(sample(*np.arange(1.0, n)), sample(*np.zeros(n - 1)), "x") for n in (6, 7))
    assert few is not None
    assert many is not None
    assert few.low > 0
    assert not few.sure
    assert many.sure


def test_only_what_both_know_is_compared() -> None:
    one, other = sample(1.0, np.nan, 3.0, sites=(0, 1, 2)), sample(5.0, 6.0, 9.0, sites=(2, 1, 4))
    found = difference(one, other, "x")
    assert found is not None
    assert (found.count, found.mean) == (1, -2.0)
    assert [cut.values.tolist() for cut in shared((one, other))] == [[3.0], [5.0]]
    assert difference(sample(1.0), sample(1.0, sites=(7,)), "x") is None


# Golden rules.
def test_every_limit_of_a_scenario_is_checked() -> None:
    limits = set(Rules.model_fields) - {"highest_current_A", "balancing_band"}
    assert limits == set(CHECKS)
    assert {check.metric for check in CHECKS.values()} <= set(all_metrics())
    assert all(not check.part or check.part in all_metrics()[check.metric].parts for check in CHECKS.values())


def judged_by(folder: Path, rules: str, told: Told) -> dict[str, tuple[str, float | None]]:
    told = Told(**{**vars(told), "overrides": (*told.overrides, f"rules={{{rules}}}")})
    return {one.rule: (one.word, one.margin) for one in verdicts(Evidence.of(written(folder / "run", told)))}


HOT = Truth("over_temperature", 0, 1, 5, 10.0, expected="overtemperature", hazardous=True)
CLOSED = tuple(contactor(SECOND, "closed", 0, slot) for slot in range(4))


def test_rules_pass_and_fail_by_a_margin(tmp_path: Path) -> None:
    told = Told(truth=[HOT], events=[*CLOSED, contactor(12 * SECOND, slot=1)])
    found = judged_by(tmp_path, "isolated_within_s: 3, lost_capacity: 0.2, isolated_share: 1, visible_share: 0.5", told)
    assert found["isolated_within_s"] == ("pass", 1.0)
    assert found["isolated_share"] == ("pass", 0.0)
    word, margin = found["lost_capacity"]
    assert word == "fail"
    assert margin == pytest.approx(-0.05)
    assert found["visible_share"] == ("fail", -0.5)


def test_a_hazard_that_is_never_isolated_breaks_the_window(tmp_path: Path) -> None:
    assert judged_by(tmp_path, "isolated_within_s: 3", Told(truth=[HOT], events=CLOSED)) == {
        "isolated_within_s": ("fail", -np.inf)
    }


def test_a_hazard_that_began_just_before_the_end_says_nothing(tmp_path: Path) -> None:
    late = Truth("over_temperature", 0, 1, 5, 99.0, expected="overtemperature", hazardous=True)
    found = judged_by(tmp_path, "isolated_within_s: 3", Told(truth=[late], events=CLOSED))
    assert found == {"isolated_within_s": ("not known", None)}


@pytest.mark.parametrize(("limit", "word"), [("2 h", "not known"), ("30 min", "fail")], ids=["longer", "shorter"])
def test_balancing_that_the_run_does_not_see_the_end_of(limit: str, word: str, tmp_path: Path) -> None:
    soc = 0.5 + 0.03 * (np.arange(16) == 3)[:, None] * np.ones((4, 1, 60))
    told = Told(rows=60, period_s=60.0, signals={"soc": soc})
    assert judged_by(tmp_path, f"balanced_within_s: {limit}", told)["balanced_within_s"][0] == word


def test_a_run_without_rules_has_no_verdicts(tmp_path: Path) -> None:
    assert judged_by(tmp_path, "", Told()) == {}


# Ranking: three runs by hand.
def test_runs_are_called_by_their_folders_where_their_architectures_are_not_known(folders: dict[str, Path]) -> None:
    assert labels(tuple(folders.values())) == ("centralized", "distributed", "hybrid")
    same = (folders["hybrid"], folders["hybrid"])
    assert labels(same) == ("hybrid (1)", "hybrid (2)")


def test_weights_add_up_and_groups_count_alike(comparison: Comparison) -> None:
    assert sum(row.weight for row in comparison.rows) == pytest.approx(1.0)
    by_group: dict[str, float] = {}
    for row in comparison.weighed:
        by_group[row.metric.group] = by_group.get(row.metric.group, 0.0) + row.weight
    assert list(by_group.values()) == pytest.approx([0.25] * 4)
    assert not any(row.weight for row in comparison.rows if not row.metric.ranked)


def test_means_are_of_what_all_have(comparison: Comparison) -> None:
    (case,) = comparison.cases
    row = comparison.row(case, "time_to_isolate")
    assert len(row.samples[0].keys) == 12  # distributed misses six of the eighteen hazards
    assert row.order == ("distributed", "hybrid", "centralized")
    assert row.leaders == ("distributed",)
    assert comparison.row(case, "false_isolations").leaders == comparison.variants
    assert comparison.row(case, "lost_capacity").leaders == ("distributed", "hybrid")
    assert not comparison.row(case, "lost_power").comparable


def test_the_overall_score_is_the_weighted_mean(ranking: Ranking) -> None:
    assert ranking.winner == "hybrid"
    by_hand = sum(row.weight * float(row.scores[2]) for row in ranking.rows)
    assert ranking.score("hybrid") == pytest.approx(by_hand)
    assert ranking.chances.sum() == pytest.approx(1.0)
    assert ranking.chance("hybrid") > 0.95


def test_at_a_flip_of_weight_two_are_equal(ranking: Ranking) -> None:
    assert ranking.weight_flips
    for flip in ranking.weight_flips:
        place = ranking.rows.index(flip.row)
        weights = ranking.weights * (1.0 - flip.share) / (1.0 - flip.row.weight)
        weights[place] = flip.share
        scores = dict(zip(ranking.comparison.variants, weights @ ranking.scores, strict=True))
        assert scores[flip.winner] == pytest.approx(scores["hybrid"])
        assert weights.sum() == pytest.approx(1.0)


def test_at_a_flip_of_value_another_wins(ranking: Ranking) -> None:
    winner = ranking.comparison.variants.index("hybrid")
    for flip in ranking.value_flips:
        for factor, first in ((0.999, "hybrid"), (1.001, flip.winner)):
            means = flip.row.means.copy()
            means[winner] += factor * (flip.value - means[winner])
            change = flip.row.weight * (flip.row.metric.score(means) - flip.row.scores)
            assert ranking.comparison.variants[int((ranking.overall + change).argmax())] == first
    assert ranking.value_flips


def test_the_conclusion_follows_from_the_numbers(comparison: Comparison, ranking: Ranking) -> None:
    answer, leads, *rest = conclusion(comparison, ranking)
    assert answer.startswith("Hybrid is best: overall score 0.99 against 0.86 of distributed")
    assert "distributed in 12 (alone in time to isolate)" in leads
    text = "\n".join(rest)
    assert "if it grew from 5 % to 41 % of all, distributed would win" in text
    assert "Of 5 golden rules are kept: centralized 3, distributed 2, hybrid 5." in text
    assert "capacity lost by an isolation: centralized" in text
    assert "faults that became visible: centralized, distributed" in text


def test_runs_without_anything_in_common_are_not_ranked(tmp_path: Path) -> None:
    runs = {name: written(tmp_path / name, Told(rows=3, scenario=False)) for name in ("a", "b")}
    found = Comparison("nothing", ("a", "b"), (case_of_runs(runs),))
    assert not found.weighed
    assert conclusion(found, None)[0].startswith("Nothing can be ranked")


def test_what_differs_between_runs_is_named(tmp_path: Path) -> None:
    runs = {
        name: written(tmp_path / name, Told(rows=3, overrides=(f"bms.architecture={name}",)))
        for name in ("hybrid", "distributed")
    }
    assert differing(case_of_runs(runs)) == {"bms.architecture": ["hybrid", "distributed"]}


# Files.
def test_the_csv_has_a_line_a_number(comparison: Comparison, tmp_path: Path) -> None:
    write_csv(comparison, tmp_path / "x.csv")
    with (tmp_path / "x.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert tuple(lines[0]) == COLUMNS
    own = [line for line in lines if not line["part"]]
    assert len(own) == 3 * len(all_metrics())
    hybrid = {line["metric"]: line for line in own if line["variant"] == "hybrid"}
    assert float(hybrid["isolated_share"]["mean"]) == 1.0
    assert hybrid["lost_power"]["not_computable"] == "no hazardous fault was isolated at a site that had power before"
    assert not hybrid["lost_power"]["mean"]


def test_the_json_has_every_value_and_terms_that_add_up(
    comparison: Comparison, ranking: Ranking, tmp_path: Path
) -> None:
    write_json(comparison, ranking, tmp_path / "x.json")
    found = json.loads((tmp_path / "x.json").read_text())
    assert found["ranking"]["order"][0] == "hybrid"
    (case,) = found["cases"]
    assert len(case["metrics"]["transparency"]["variants"]["hybrid"]["values"]) == 24
    isolations = case["isolations"]["hybrid"]
    assert len(isolations) == 18
    assert all(sum(one["terms"].values()) == one["time_ns"] for one in isolations)


def test_a_folder_that_cannot_be_written_is_an_input_mistake(comparison: Comparison, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write the numbers"):
        write_csv(comparison, tmp_path / "none" / "x.csv")
