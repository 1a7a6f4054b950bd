"""Values of factors and rows of designs, against known ones and against SciPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from twin.errors import Problem
from twin.sweep.study.design import Design, Space
from twin.sweep.study.designs.grid import Grid
from twin.sweep.study.designs.latin_hypercube import LatinHypercube
from twin.sweep.study.designs.one_at_a_time import OneAtATime
from twin.sweep.study.designs.saltelli import Saltelli
from twin.sweep.study.designs.sobol import Sobol
from twin.sweep.study.factor import Factor, Value
from twin.sweep.study.factors.levels import Levels
from twin.sweep.study.factors.lognormal import LogNormal
from twin.sweep.study.factors.normal import Normal
from twin.sweep.study.factors.range import Range
from twin.sweep.study.factors.rows import Rows
from twin.sweep.study.factors.triangular import Triangular
from twin.sweep.study.factors.values import Values

LEVELS: dict[str, tuple[Factor, int, list[Value]]] = {
    "a range from end to end": (Range(low=0.1, high=0.5), 5, [0.1, 0.2, 0.3, 0.4, 0.5]),
    "decades": (Range(low=1e-2, high=1e2, scale="log"), 5, [0.01, 0.1, 1.0, 10.0, 100.0]),
    "whole numbers, all of them": (Range(low=-1, high=3, integer=True), 2, [-1, 0, 1, 2, 3]),
    "steps of a range": (Range(low=0, high=1, steps=3), 9, [0.0, 0.5, 1.0]),
    "powers of two": (Range(low=1, high=64, steps=7, scale="log", integer=True), 2, [1, 2, 4, 8, 16, 32, 64]),
    "whole numbers on a logarithm": (Range(low=1, high=3, integer=True, scale="log"), 2, [1, 2, 3]),
    "values in the study's order": (Values(values=(3, "a", None)), 2, [3, "a", None]),
    "a normal's quantiles": (Normal(mean=5, sd=2), 3, [3.0651568678, 5.0, 6.9348431322]),
}


@pytest.mark.parametrize(("factor", "steps", "values"), LEVELS.values(), ids=list(LEVELS))
def test_levels(factor: Factor, steps: int, values: list[Value]) -> None:
    assert [factor.value(unit) for unit in factor.levels(steps)] == values


SCIPY: dict[str, tuple[Factor, Any]] = {
    "normal": (Normal(mean=5, sd=2), stats.norm(5, 2)),
    "normal, cut": (Normal(mean=5, sd=2, at_least=4, at_most=10), stats.truncnorm(-0.5, 2.5, 5, 2)),
    "normal, cut below": (Normal(mean=0, sd=1, at_least=2), stats.truncnorm(2, math.inf)),
    "lognormal": (LogNormal(median=3, sigma=0.5), stats.lognorm(0.5, scale=3)),
    "triangular": (Triangular(low=1, mode=2, high=6), stats.triang(0.2, 1, 5)),
    "triangular, mode at an end": (Triangular(low=1, mode=6, high=6), stats.triang(1, 1, 5)),
    "range": (Range(low=2, high=5), stats.uniform(2, 3)),
    "range of logarithms": (Range(low=2, high=50, scale="log"), stats.loguniform(2, 50)),
}


@pytest.mark.parametrize(("factor", "judge"), SCIPY.values(), ids=list(SCIPY))
def test_quantiles_are_scipys(factor: Factor, judge: Any) -> None:
    units = [0.001, 0.1, 0.2, 0.5, 0.77, 0.999]
    assert [factor.value(unit) for unit in units] == pytest.approx(judge.ppf(units), rel=1e-8)


def test_the_end_of_a_tail_is_a_number() -> None:
    normal = Normal(mean=0, sd=1)
    assert normal.value(0.0) == pytest.approx(-7.03, abs=0.01)
    assert Normal(mean=0, sd=1, at_least=-1).value(0.0) == -1.0


def test_whole_numbers_on_a_logarithm_are_likely_by_their_part_of_it() -> None:
    factor = Range(low=1, high=3, integer=True, scale="log")
    share = np.mean([factor.value(unit) == 1 for unit in np.linspace(0, 1, 10_000, endpoint=False)])
    assert share == pytest.approx(math.log(1.5 / 0.5) / math.log(3.5 / 0.5), abs=1e-3)


def test_levels_change_what_they_say() -> None:
    levels = Levels.model_validate({"levels": {"a": ["x.y=1e3", "z={kind: none}"], "b": []}})
    assert levels.changes("f", "a") == (("x.y", 1000), ("z", {"kind": "none"}))
    assert levels.changes("f", "b") == ()
    assert [levels.value(unit) for unit in (0.0, 0.49, 0.5)] == ["a", "a", "b"]


def test_a_value_goes_to_every_path() -> None:
    assert Values(values=(1,)).changes("seats", 1) == (("seats", 1),)
    assert Values(values=(1,), path="a.b").changes("seats", 1) == (("a.b", 1),)
    assert Values(values=(1,), path=("a.b", "c")).changes("seats", 1) == (("a.b", 1), ("c", 1))


def _rows(folder: Path, text: str, **columns: str | list[str]) -> Rows:
    (folder / "rows.csv").write_text(text)
    return Rows.model_validate({"file": "rows.csv", "columns": columns}).located(folder)


def test_rows_set_what_their_columns_are_for(tmp_path: Path) -> None:
    text = '\ufefffleet.modules,link, note,policy\n2,1e-3,"a, b",{kind: none}\n\n4,2.50,7,"{kind: x, n: 1}"\n'
    rows = _rows(tmp_path, text, link=["plant.link_ohm", "other"], note="")
    assert not rows.mistakes()
    assert rows.changes("r", 1) == (
        ("fleet.modules", 4),
        ("plant.link_ohm", 2.5),
        ("other", 2.5),
        ("policy", {"kind": "x", "n": 1}),
    )
    assert rows.columns("r", 0) == {"r": 0, "fleet.modules": 2, "link": 0.001, "note": "a, b", "policy": "{kind: none}"}


WRONG: dict[str, tuple[Callable[[Path], Factor], list[str]]] = {
    "an empty range": (lambda _: Range(low=3, high=3), ["high: an empty range: found 3; expected more than low, 3"]),
    "a logarithm of nothing": (
        lambda _: Range(low=0, high=3, scale="log"),
        ["low: found 0; expected more than 0 on a scale of logarithms"],
    ),
    "half a number": (
        lambda _: Range(low=0.5, high=3, integer=True, steps=9),
        ["low: found 0.5; expected a whole number", "steps: found 9; there are 3.5 whole numbers"],
    ),
    "a triangle upside down": (
        lambda _: Triangular(low=1, mode=7, high=6),
        ["mode: found 7; expected a number from low to high, 1 to 6"],
    ),
    "nothing left of a distribution": (
        lambda _: Normal(mean=0, sd=1, at_least=20),
        ["an empty range: next to nothing of the distribution is between at_least and at_most"],
    ),
    "cut the wrong way round": (
        lambda _: LogNormal(median=1, sigma=1, at_least=3, at_most=2),
        ["an empty range: next to nothing of the distribution is between at_least and at_most"],
    ),
    "a level that changes nothing": (
        lambda _: Levels.model_validate({"path": "x", "levels": {"a": ["b", "c=[", "d=1"]}}),
        [
            "path: not used here: every level says what it sets",
            "levels.a[0]: 'b' is no path=value",
            "levels.a[1]: 'c=[' broken YAML: expected the node content, but found '<stream end>'",
        ],
    ),
    "no file": (
        lambda folder: Rows(file="no.csv").located(folder),
        ["file: {folder}/no.csv cannot be read: No such file or directory"],
    ),
    "a broken table": (
        lambda folder: _rows(folder, "a,b,a,\n1,2\n1,2,3,4\n1,2,3,4,5\n"),
        [
            "{folder}/rows.csv:1: found the column a twice",
            "{folder}/rows.csv:1: found '' as column 4; expected a path or a word",
            "{folder}/rows.csv:2: found 2 values; expected 4, as there are names",
            "{folder}/rows.csv:4: found 5 values; expected 4, as there are names",
        ],
    ),
    "a broken table and a column that is not there": (
        lambda folder: _rows(folder, "modules,b\n1\n", module="fleet.modules"),
        [
            "{folder}/rows.csv:2: found 1 values; expected 2, as there are names",
            "columns.module: {folder}/rows.csv has no column module (did you mean modules?)",
        ],
    ),
    "a broken cell": (
        lambda folder: _rows(folder, 'a\n{}\n"{b: 1"\n'),
        ["{folder}/rows.csv:3: broken YAML: expected ',' or '}}', but got '<stream end>'"],
    ),
    "names only": (
        lambda folder: _rows(folder, "a,b\n"),
        ["{folder}/rows.csv: found no rows; expected a line of names, then a line for each row"],
    ),
    "a column that is not there": (
        lambda folder: _rows(folder, "modules\n1\n", module="fleet.modules", modules="fleet modules"),
        [
            "columns.module: {folder}/rows.csv has no column module (did you mean modules?)",
            "columns.modules: 'fleet modules' is no path (e.g. fleet.modules)",
        ],
    ),
}


@pytest.mark.parametrize(("factor", "expected"), WRONG.values(), ids=list(WRONG))
def test_mistakes(factor: Callable[[Path], Factor], expected: list[str], tmp_path: Path) -> None:
    found = [_shortened(problem) for problem in factor(tmp_path).mistakes()]
    assert found == [text.format(folder=tmp_path) for text in expected]


def _shortened(problem: Problem) -> str:
    return str(problem).partition(" (while")[0]


FACTORS: dict[str, Factor] = {"a": Range(low=0, high=4), "b": Values(values=("x", "y"))}


def _values(design: Design, factors: dict[str, Factor] = FACTORS) -> list[tuple[Value, ...]]:
    rows = design.next(Space(factors, 0, {}), ())
    return [tuple(one.value(unit) for one, unit in zip(factors.values(), row, strict=True)) for row in rows]


def test_the_last_factor_of_a_grid_changes_fastest() -> None:
    assert _values(Grid(steps=2)) == [(0.0, "x"), (0.0, "y"), (4.0, "x"), (4.0, "y")]


def test_one_at_a_time_starts_from_its_reference() -> None:
    found = _values(OneAtATime(steps=3, reference={"b": "x"}))
    assert found == [(2.0, "x"), (0.0, "x"), (4.0, "x"), (2.0, "y")]


def test_a_reference_is_a_level() -> None:
    design = OneAtATime(steps=3, reference={"b": "z", "c": 1, "a": 2})
    assert [str(problem) for problem in design.mistakes(Space(FACTORS, 0, {}))] == [
        "reference.b: found z; expected one of the factor's levels: x, y",
        "reference.c: there is no factor c",
    ]


@pytest.mark.parametrize("optimize", [False, True])
def test_a_latin_hypercube_meets_every_part_of_every_factor_once(optimize: bool) -> None:
    rows = np.array(LatinHypercube(points=17, optimize=optimize).next(Space(FACTORS, 5, {}), ()))
    assert (np.sort(np.floor(rows * 17), axis=0) == np.arange(17)[:, None]).all()


def test_a_sobol_sequence_is_balanced() -> None:
    rows = np.array(Sobol(points=64).next(Space(FACTORS, 5, {}), ()))
    counts, _, _ = np.histogram2d(rows[:, 0], rows[:, 1], bins=8, range=[[0, 1], [0, 1]])
    assert (counts == 1).all()


def test_saltelli_crosses_two_samples_as_the_analysis_expects() -> None:
    rows = np.array(Saltelli(samples=4).next(Space(FACTORS, 5, {}), ())).reshape(4, 6, 2)
    first, second = rows[:, 0], rows[:, 5]
    crossed = rows[:, 1:5]
    for factor in (0, 1):
        other = 1 - factor
        assert (crossed[:, factor, factor] == second[:, factor]).all()
        assert (crossed[:, factor, other] == first[:, other]).all()
        assert (crossed[:, 2 + factor, factor] == first[:, factor]).all()
        assert (crossed[:, 2 + factor, other] == second[:, other]).all()


def test_saltelli_needs_a_power_of_two_and_two_factors() -> None:
    alone = Space({"a": FACTORS["a"]}, 0, {})
    assert [str(problem) for problem in Saltelli(samples=100).mistakes(alone)] == [
        "samples: found 100; expected a power of two (128?)",
        "kind: of a single factor there are no shares; expected two factors or more",
    ]
