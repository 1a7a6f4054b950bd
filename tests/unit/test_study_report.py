"""What a study's page says: shares that are known, Pareto fronts, and reasons where something cannot be had."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.worlds.command import twin
from tests.worlds.study_folders import Respond, study_folder
from twin.sweep.folder import StudyFolder
from twin.sweep.results.answer import headline, remarks
from twin.sweep.results.convergence import best_so_far, running_mean
from twin.sweep.results.effects import effects, interactions
from twin.sweep.results.indices import indices
from twin.sweep.results.page import write_report
from twin.sweep.results.pareto import best_rows, front
from twin.sweep.results.study_tables import failed_table
from twin.sweep.results.surface import surface
from twin.sweep.results.view import Absent, StudyView
from twin.sweep.study.design import Units

UNIT = {"kind": "range", "low": 0.0, "high": 1.0}
ONE_BEST = {"y": {"objective": "minimize"}}


def _additive(factors: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Variances of the terms as 9 to 3 to 0; the third factor does nothing."""
    return {"y": 3.0 * factors["a"] + math.sqrt(3.0) * factors["b"]}


def _product(factors: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Nothing but an interaction of the first two."""
    return {"y": (factors["a"] - 0.5) * (factors["b"] - 0.5)}


def _ishigami(factors: Mapping[str, Any], seed: int) -> dict[str, float]:
    a, b, c = (2.0 * math.pi * factors[name] - math.pi for name in "abc")
    return {"y": math.sin(a) + 7.0 * math.sin(b) ** 2 + 0.1 * c**4 * math.sin(a)}


def _view(
    path: Path,
    respond: Respond,
    design: Mapping[str, Any],
    rows: Sequence[Units] | None = None,
    *,
    factor: Mapping[str, Any] = UNIT,
    **more: Any,
) -> StudyView:
    content = {"factors": dict.fromkeys("abc", factor), "responses": ONE_BEST, "design": design, **more}
    return StudyView.of(study_folder(path / "study", content, respond, rows))


def _shares(view: StudyView) -> dict[str, float]:
    found = effects(view, view.responses[0])
    assert not isinstance(found, Absent)
    return {one.factor.name: one.share for one in found}


@pytest.mark.parametrize(
    ("design", "closeness"),
    [({"kind": "grid"}, 1e-9), ({"kind": "random", "points": 300}, 0.06), ({"kind": "sobol", "points": 256}, 0.02)],
    ids=["grid", "random", "sobol"],
)
def test_shares_of_a_sum_are_those_of_its_terms(tmp_path: Path, design: dict[str, Any], closeness: float) -> None:
    shares = _shares(_view(tmp_path, _additive, design))
    assert next(iter(shares)) == "a"
    assert [shares[name] for name in "abc"] == pytest.approx([0.75, 0.25, 0.0], abs=closeness)


@pytest.mark.parametrize("points", [128, 512, 1024])
def test_sobol_points_do_not_make_factors_look_alike(tmp_path: Path, points: int) -> None:
    shares = _shares(_view(tmp_path, _ishigami, {"kind": "sobol", "points": points}))
    assert [shares[name] for name in "abc"] == pytest.approx([0.314, 0.442, 0.0], abs=0.1 if points < 500 else 0.03)


def test_a_slope_is_seen_in_few_rows(tmp_path: Path) -> None:
    """Where every factor takes one number; means of two halves would miss a quarter of it."""
    shares = _shares(_view(tmp_path, _additive, {"kind": "latin_hypercube", "points": 16}))
    assert [shares[name] for name in "abc"] == pytest.approx([0.75, 0.25, 0.0], abs=0.03)


def test_what_two_factors_of_a_known_function_do_together(tmp_path: Path) -> None:
    """Of Ishigami's function the first and the third make 24.4 % of the variance together, other pairs nothing."""
    view = _view(tmp_path, _ishigami, {"kind": "sobol", "points": 512})
    found = interactions(view, view.responses[0])
    assert not isinstance(found, Absent)
    assert {found[0].first.name, found[0].second.name} == {"a", "c"}
    assert [one.share for one in found] == pytest.approx([0.244, 0.0, 0.0], abs=0.02)
    assert [one.sure for one in found] == [True, False, False]


def test_intervals_of_shares_hold_the_truth(tmp_path: Path) -> None:
    held, count = 0, 30
    for seed in range(count):
        draw = np.random.default_rng(seed)
        rows = [tuple(row) for row in draw.random((120, 3)).tolist()]
        noise = {round(1e6 * row[0]): value for row, value in zip(rows, draw.normal(size=120), strict=True)}
        scale = 1.0 / math.sqrt(12.0)

        def respond(factors: Mapping[str, Any], _: int, noise: Any = noise, scale: float = scale) -> Any:
            return {"y": factors["a"] / scale + noise[round(1e6 * factors["a"])]}

        view = _view(tmp_path / str(seed), respond, {"kind": "random", "points": 120}, rows)
        found = effects(view, view.responses[0])
        assert not isinstance(found, Absent)
        held += found[0].low <= 0.5 <= found[0].high
    assert held >= 26, "95 % intervals of a share of a half"


@pytest.mark.parametrize(
    "design", [{"kind": "grid", "steps": 6}, {"kind": "sobol", "points": 512}], ids=lambda one: one["kind"]
)
def test_a_product_is_all_interaction(tmp_path: Path, design: dict[str, Any]) -> None:
    view = _view(tmp_path, _product, design)
    assert max(_shares(view).values()) < 0.02
    found = interactions(view, view.responses[0])
    assert not isinstance(found, Absent)
    assert {found[0].first.name, found[0].second.name} == {"a", "b"}
    assert found[0].sure
    assert found[0].share > 0.99
    assert not any(pair.sure for pair in found[1:])


def test_sobol_indices_of_a_known_function(tmp_path: Path) -> None:
    """Ishigami and Homma 1990 (doi:10.1109/ISUMA.1990.151285), a = 7, b = 0.1."""
    view = _view(tmp_path, _ishigami, {"kind": "saltelli", "samples": 512})
    found = indices(view, view.responses[0])
    assert not isinstance(found, Absent)
    known = {"first": (0.3139, 0.4424, 0.0), "total": (0.5576, 0.4424, 0.2437)}
    assert np.all(np.abs(found.first - known["first"]) <= 1.5 * found.first_half)
    assert np.all(np.abs(found.total - known["total"]) <= 1.5 * found.total_half)
    assert found.total_half.max() < 0.15
    assert (found.blocks, found.lost) == (512, 0)


def test_few_blocks_are_not_sure_of_what_matters(tmp_path: Path) -> None:
    def respond(factors: Mapping[str, Any], seed: int) -> dict[str, float]:
        return {"y": factors["a"] + 0.9 * factors["b"]}

    for samples, words in ((16, "seems to matter most"), (256, "matters most")):
        view = _view(tmp_path / str(samples), respond, {"kind": "saltelli", "samples": samples}, responses={"y": {}})
        assert headline(view).startswith(f"y: a {words}: total Sobol indices are")


@pytest.mark.parametrize("design", [{"kind": "saltelli", "samples": 32}, {"kind": "random", "points": 64}], ids=str)
def test_nothing_is_concluded_from_a_handful_of_rows(
    tmp_path: Path, design: dict[str, Any], recwarn: pytest.WarningsRecorder
) -> None:
    """Of 64 rows, with SALib's indices above 2 and F tests that are sure of themselves."""

    def respond(factors: Mapping[str, Any], seed: int) -> dict[str, float]:
        return {"y": float(factors["a"] > 0.8 and factors["c"] > 0.8)}

    view = _view(tmp_path, respond, design)
    response = view.responses[0]
    assert 0 < np.count_nonzero(response.values[view.independent]) < 5
    assert all(math.isnan(share) for share in _shares(view).values())
    assert isinstance(indices(view, response), Absent)
    found = interactions(view, response)
    assert isinstance(found, Absent)
    assert "of 64 rows have the same value" in found.reason
    assert "of 64 rows have the same value: too few differ to say what matters." in next(remarks(view))
    assert not recwarn.list


def test_blocks_that_lost_a_row_are_left_out(tmp_path: Path) -> None:
    def respond(factors: Mapping[str, Any], seed: int) -> dict[str, float]:
        if 0.3 < factors["a"] < 0.32:
            raise ValueError("diverged")
        return _ishigami(factors, seed)

    view = _view(tmp_path, respond, {"kind": "saltelli", "samples": 64})
    found = indices(view, view.responses[0])
    assert not isinstance(found, Absent)
    assert found.lost > 0
    assert found.blocks + found.lost == 64
    assert np.isfinite(found.total).all()


def test_one_factor_at_a_time_tells_spans_and_no_shares(tmp_path: Path) -> None:
    view = _view(tmp_path, _additive, {"kind": "one_at_a_time"})
    found = effects(view, view.responses[0])
    assert not isinstance(found, Absent)
    assert [one.factor.name for one in found] == ["a", "b", "c"]
    assert [one.span for one in found] == pytest.approx([3.0, math.sqrt(3.0), 0.0], rel=1e-6)
    assert all(math.isnan(one.share) for one in found)


@pytest.mark.parametrize(
    ("costs", "kept"),
    [
        ([[1, 3], [2, 2], [3, 1], [3, 3]], [True, True, True, False]),
        ([[1, 1], [1, 1], [1, 2]], [True, True, False]),
        ([[math.nan, 0], [1, 1]], [False, True]),
        ([[2, 1, 1], [1, 2, 1], [1, 1, 2], [2, 2, 2]], [True, True, True, False]),
    ],
    ids=["two", "equal rows", "not a number", "three"],
)
def test_front(costs: list[list[float]], kept: list[bool]) -> None:
    assert list(front(np.array(costs, dtype=np.float64))) == kept


def test_front_is_what_comparing_all_pairs_finds() -> None:
    costs = np.random.default_rng(5).integers(0, 6, (150, 3)).astype(np.float64)
    beaten = [any((other <= one).all() and (other < one).any() for other in costs) for one in costs]
    assert list(front(costs)) == [not one for one in beaten]


def test_best_rows_keep_constraints(tmp_path: Path) -> None:
    view = _view(tmp_path, _additive, {"kind": "grid"}, constraints=["a >= 0.4", "y <= 3"])
    best = best_rows(view)
    assert not isinstance(best, Absent)
    assert view.factors[0].values is not None
    assert {view.factors[0].values[row] for row in best} == {0.5}
    assert "a 0.5, b 0" in headline(view)


def test_replications_enter_as_means(tmp_path: Path) -> None:
    view = _view(tmp_path, lambda factors, seed: {"y": factors["a"] + 2.0 * seed}, {"kind": "grid"}, replications=2)
    assert len(view.rows) == len(view.table) / 2
    assert view.factors[0].values is not None
    assert view.responses[0].values == pytest.approx(view.factors[0].values + 1.0)
    assert view.responses[0].errors == pytest.approx(np.full(len(view.rows), 1.0))
    assert any("seeds alone make" in text for text in remarks(view))


def test_a_smooth_fit_follows_the_response(tmp_path: Path) -> None:
    view = _view(tmp_path, _additive, {"kind": "sobol", "points": 64})
    found = surface(view, view.responses[0], view.factors)
    assert not isinstance(found, Absent)
    assert found.skill == pytest.approx(1.0, abs=0.01)
    across, up = np.meshgrid(np.array(found.x, dtype=np.float64), np.array(found.y, dtype=np.float64))
    assert found.z == pytest.approx(3.0 * across + math.sqrt(3.0) * up, abs=0.05)


def test_noise_is_not_drawn_as_a_surface(tmp_path: Path) -> None:
    draw = np.random.default_rng(3)
    view = _view(tmp_path, lambda factors, seed: {"y": float(draw.normal())}, {"kind": "sobol", "points": 64})
    found = surface(view, view.responses[0], view.factors)
    assert isinstance(found, Absent)
    assert "too little" in found.reason


@pytest.mark.parametrize(
    ("design", "reason"),
    [
        ({"kind": "grid"}, "a grid is complete by design"),
        ({"kind": "one_at_a_time"}, "no sample of the space"),
        ({"kind": "optuna", "points": 40}, "see the best so far"),
    ],
    ids=lambda one: one["kind"] if isinstance(one, dict) else "",
)
def test_why_there_is_no_running_mean(tmp_path: Path, design: dict[str, Any], reason: str) -> None:
    rows = [(0.1 * place, 0.2, 0.3) for place in range(8)] if design["kind"] == "optuna" else None
    view = _view(tmp_path, _additive, design, rows)
    found = running_mean(view, view.responses[0])
    assert isinstance(found, Absent)
    assert reason in found.reason


def test_the_best_so_far_only_gets_better(tmp_path: Path) -> None:
    rows = [(place, 0.5, 0.5) for place in (0.5, 0.7, 0.2, 0.9)]
    view = _view(tmp_path, _additive, {"kind": "optuna", "points": 4}, rows, constraints=["y >= 2"])
    found = best_so_far(view, view.responses[0])
    assert not isinstance(found, Absent)
    # The third row is lower, and breaks the constraint.
    assert found == pytest.approx(np.full(4, 1.5 + math.sqrt(3.0) / 2))


def test_columns_of_a_table_are_looked_at_one_by_one(tmp_path: Path) -> None:
    lines = ["policy,group,note", *(f"{policy},{group},n{policy}{group}" for policy in "pq" for group in (5, 10, 20))]
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "plans.csv").write_text("\n".join(lines) + "\n")
    content = {
        "factors": {"plan": {"kind": "rows", "file": str(tmp_path / "study" / "plans.csv")}},
        "design": {"kind": "grid"},
        "responses": ONE_BEST,
    }
    folder = study_folder(tmp_path / "study", content, lambda factors, seed: {"y": float(factors["group"])})
    view = StudyView.of(folder)
    assert [factor.name for factor in view.factors] == ["policy", "group"]  # the note only names rows
    assert _shares(view) == pytest.approx({"group": 1.0, "policy": 0.0}, abs=1e-9)


def test_reasons_of_failures_are_gathered(tmp_path: Path) -> None:
    def respond(factors: Mapping[str, Any], seed: int) -> dict[str, float]:
        if factors["a"] > 0.6:
            raise ValueError(f"plant of site {factors['b']} diverged in /scratch/{factors['c']}")
        if factors["a"] > 0.4:
            raise ValueError("killed by signal 9, maybe out of memory")
        return _additive(factors, seed)

    text = failed_table(_view(tmp_path, respond, {"kind": "grid"}))
    assert text.count("<tr><td>") == 2
    assert text.index("diverged") < text.index("signal 9"), "the most frequent first"


def test_a_grid_with_missing_values_keeps_its_means(tmp_path: Path) -> None:
    def respond(factors: Mapping[str, Any], seed: int) -> dict[str, float]:
        return {"y": factors["a"] + factors["b"] * factors["c"]} if factors["a"] < 0.6 else {}

    view = _view(tmp_path, respond, {"kind": "grid"})
    response = view.responses[0]
    found = surface(view, response, [view.factors[0], view.factors[1]])
    assert not isinstance(found, Absent)
    assert np.isfinite(found.z).tolist() == [[True, True, True, False, False]] * 5
    assert not isinstance(interactions(view, response), Absent)
    assert "50 rows have no value of it" in " ".join(remarks(view))


def test_responses_may_be_called_what_rows_count(tmp_path: Path) -> None:
    def respond(factors: Mapping[str, Any], seed: int) -> dict[str, float]:
        return {"done": -factors["a"], "of": 0.0}

    named = {"done": {"objective": "minimize"}, "of": {}}
    view = _view(tmp_path, respond, {"kind": "grid"}, responses=named, constraints=["done >= -0.8"])
    assert headline(view).startswith("The lowest done is -0.75, with a 0.75")
    assert "100 of 125 rows keep all constraints: done >= -0.8 (broken in 25)." in list(remarks(view))


def test_levels_that_are_numbers_are_drawn_as_such(tmp_path: Path) -> None:
    def respond(factors: Mapping[str, Any], seed: int) -> dict[str, float]:
        return {"y": float(factors["a"])}

    levels = {"kind": "levels", "levels": {name: [f"fleet.modules={name}"] for name in ("16", "4", "8")}}
    one = _view(tmp_path, respond, {"kind": "grid"}, factor=levels).factors[0]
    assert one.values is not None
    assert one.levels == ("4", "8", "16")


@pytest.mark.parametrize(("rows", "words"), [(14, "seems to matter most"), (200, "matters most and makes")])
def test_few_rows_are_not_sure_of_what_matters(tmp_path: Path, rows: int, words: str) -> None:
    draw = np.random.default_rng(1)

    def respond(factors: Mapping[str, Any], seed: int) -> dict[str, float]:
        return {"y": 1.4 * factors["a"] + 1.1 * factors["b"] + float(draw.normal(scale=0.3))}

    assert words in next(remarks(_view(tmp_path, respond, {"kind": "random", "points": rows})))


def test_a_value_with_replications_tells_its_interval(tmp_path: Path) -> None:
    def respond(factors: Mapping[str, Any], seed: int) -> dict[str, float]:
        if seed == 1 and factors["a"] == 0.0:
            raise ValueError("unlucky")
        return {"y": factors["a"] + seed}

    view = _view(tmp_path, respond, {"kind": "grid", "steps": 2}, replications=4)
    assert view.responses[0].said_at(view.rows["row"].tolist()[-1]) == "2.5 ± 2.1"  # t(3) 3.18 times 1.29 / 2
    assert replace(view.responses[0], unit="Wh").said_at(len(view.rows) - 1) == "2.5 ± 2.1 Wh"
    assert "4 of 8 rows lost replications that failed: their means are of fewer." in list(remarks(view))


def test_two_factors_that_act_together(tmp_path: Path) -> None:
    view = _view(tmp_path, _ishigami, {"kind": "saltelli", "samples": 512, "second_order": True})
    found = indices(view, view.responses[0])
    assert not isinstance(found, Absent)
    assert found.strongest_pair is not None
    assert found.strongest_pair[:2] == ("a", "c")
    assert found.strongest_pair[2] == pytest.approx(0.244, abs=found.strongest_pair[3])
    assert "a and c together make another" in next(remarks(view))


def test_points_of_two_versions_are_told(tmp_path: Path) -> None:
    view = _view(tmp_path, _additive, {"kind": "grid", "steps": 2})
    assert not any("versions" in text for text in remarks(view))
    view.table.loc[:2, "version"] = "0.0.1"
    assert "0.0.1 (3), " in next(text for text in remarks(view) if "versions of bms-twin" in text)


CASES = ("nothing done", "all failed", "constant", "one row", "text only", "no rows", "one replication left")


@pytest.mark.parametrize("case", CASES)
def test_a_page_is_written_whatever_came(tmp_path: Path, case: str) -> None:
    def respond(factors: Mapping[str, Any], seed: int) -> dict[str, float]:
        if case == "all failed" or (case == "one replication left" and seed != 2):
            raise ValueError("no <licence> & more")
        return {"y": 1.0} if case == "constant" else {"y": float(len(str(factors["a"])))}

    factor = {"kind": "values", "values": ["x", "yy", "<b>"] if case == "text only" else [1, 2]}
    rows = [(0.2, 0.2, 0.2)] if case == "one row" else None
    content = {"factors": dict.fromkeys("abc", factor), "responses": ONE_BEST, "design": {"kind": "grid"}}
    content["replications"] = 4 if case == "one replication left" else 1
    folder = study_folder(tmp_path / "study", content, respond, rows)
    if case == "no rows":
        folder.write_design(())
    if case == "nothing done":
        for file in folder.path.rglob("done.json"):
            file.unlink()
    text = write_report(folder).read_text()
    assert 'class="answer"' in text
    assert "<licence>" not in text
    assert "<td><b></td>" not in text
    assert '"ticktext":["<b>' not in text


def test_report_and_table_from_the_command_line(tmp_path: Path) -> None:
    content = {"factors": dict.fromkeys("ab", UNIT), "responses": ONE_BEST, "design": {"kind": "grid"}}
    folder: StudyFolder = study_folder(tmp_path / "study", content, lambda factors, seed: {"y": factors["a"]})
    done = twin("study", "report", folder.path)
    assert done.stdout.split() == [str(folder.path / "report.html")]
    assert (folder.path / "table.parquet").exists()
    done = twin("study", "table", folder.path, "-o", tmp_path / "all.csv")
    assert (tmp_path / "all.csv").read_text().count("\n") == 26


def test_a_folder_that_holds_no_study_is_refused(tmp_path: Path) -> None:
    done = twin("study", "report", tmp_path)
    assert done.returncode == 2
    assert "is no folder of a study" in done.stderr
    assert json.dumps(sorted(path.name for path in tmp_path.iterdir())) == "[]"
