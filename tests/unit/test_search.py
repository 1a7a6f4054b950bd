"""Searches, driven without an engine on problems whose best places are known."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from twin.sweep.study.design import Space, Told, Units
from twin.sweep.study.designs.optuna import Optuna
from twin.sweep.study.factor import Factor, Value
from twin.sweep.study.factors.range import Range
from twin.sweep.study.factors.rows import Rows
from twin.sweep.study.factors.values import Values


class Length(Factor):
    """A number from 0 to ``high``."""

    high: float = 1.0
    continuous: ClassVar[bool] = True

    def value(self, unit: float) -> Value:
        return unit * self.high

    def levels(self, steps: int) -> tuple[float, ...]:
        return tuple(float(unit) for unit in np.linspace(0.0, 1.0, steps))


def lengths(count: int, high: float = 1.0) -> dict[str, Factor]:
    return {f"x{number}": Length(high=high) for number in range(count)}


@dataclass(frozen=True)
class Problem:
    """What a study would ask of a base, as a function of the factors' values."""

    factors: Mapping[str, Factor]
    responses: Callable[..., dict[str, float] | None]
    objectives: tuple[str, ...] = ("minimize",)
    violations: Callable[..., tuple[float, ...]] = lambda *_: ()

    def space(self, seed: int) -> Space:
        return Space(self.factors, seed, dict(zip("fg", self.objectives, strict=False)))

    def values(self, units: Units) -> list[Any]:
        return [factor.value(unit) for factor, unit in zip(self.factors.values(), units, strict=True)]

    def told(self, units: Units) -> Told:
        values = self.values(units)
        return Told(units, self.responses(*values), self.violations(*values))


def search(design: Optuna, problem: Problem, space: Space) -> list[Told]:
    """Do what an engine does."""
    told: list[Told] = []
    while rows := design.next(space, told):
        assert all(0.0 <= unit < 1.0 for row in rows for unit in row)
        told += [problem.told(row) for row in rows]
    return told


def optuna(points: int = 96, **options: Any) -> Optuna:
    return Optuna.model_validate({"kind": "optuna", "points": points, **options})


def branin(x: float, y: float) -> dict[str, float]:
    """Dixon and Szegö (1978): three minima of 0.397887 in [-5, 10] x [0, 15]; here both from 0 to 15."""
    first = x - 5.0
    bowl = y - 5.1 / (4.0 * math.pi**2) * first**2 + 5.0 / math.pi * first - 6.0
    return {"f": bowl**2 + 10.0 * (1.0 - 1.0 / (8.0 * math.pi)) * math.cos(first) + 10.0}


def waves(x: float, y: float) -> tuple[float, ...]:
    """Gardner et al. (2014), second simulation: allowed are small islands."""
    return (math.sin(x) * math.sin(y) + 0.95,)


WAVES_BEST = math.asin(0.95) - 1.0
"""Of sin(x) + y: sin(x) = -1 leaves sin(y) >= 0.95, and f falls with -sin(x) along that border."""


def zdt1(*x: float) -> dict[str, float]:
    """Zitzler, Deb and Thiele (2000): the front is g = 1 - sqrt(f), where all but the first are 0."""
    rest = 1.0 + 9.0 * sum(x[1:]) / (len(x) - 1)
    return {"f": x[0], "g": rest * (1.0 - math.sqrt(x[0] / rest))}


BRANIN = Problem(lengths(2, 15.0), branin)
WAVES = Problem(lengths(2, 6.0), lambda x, y: {"f": math.sin(x) + y}, violations=waves)
ZDT1 = Problem(lengths(4), zdt1, ("minimize", "minimize"))


def allowed(told: Sequence[Told]) -> list[Told]:
    return [one for one in told if one.responses and all(by <= 0.0 for by in one.violations)]


def found(told: Sequence[Told], name: str = "f") -> list[float]:
    return [one.responses[name] for one in allowed(told) if one.responses]


def hypervolume(told: Sequence[Told], reference: float) -> float:
    """Return the area between the non-dominated rows and a corner."""
    rows = sorted(zip(found(told, "f"), found(told, "g"), strict=True))
    steps = [(f, min(g for _, g in rows[: number + 1])) for number, (f, g) in enumerate(rows)]
    inside = [(min(f, reference), max(0.0, reference - g)) for f, g in [*steps, (reference, reference)]]
    return sum((right[0] - left[0]) * left[1] for left, right in pairwise(inside))


@pytest.mark.parametrize("seed", [1, 2])
def test_rows_gather_where_a_function_is_small(seed: int) -> None:
    told = search(optuna(160), BRANIN, BRANIN.space(seed))
    chance = search(optuna(160, sampler="random"), BRANIN, BRANIN.space(seed))
    assert len(told) == 160
    assert min(found(told)) == pytest.approx(0.397887, abs=0.1)
    assert np.median(found(told[-80:])) < 0.25 * np.median(found(chance))


def test_the_largest_is_found_where_large_is_good() -> None:
    hill = Problem(lengths(2), lambda x, y: {"f": -((x - 0.3) ** 2) - (y - 0.8) ** 2}, ("maximize",))
    told = search(optuna(80), hill, hill.space(1))
    assert max(found(told)) == pytest.approx(0.0, abs=0.002)
    assert hill.values(max(told, key=lambda one: (one.responses or {})["f"]).units) == pytest.approx(
        [0.3, 0.8], abs=0.05
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_the_best_that_keeps_a_constraint_is_found(seed: int) -> None:
    told = search(optuna(160), WAVES, WAVES.space(seed))
    assert min(found(told)) == pytest.approx(WAVES_BEST, abs=0.1)
    assert len(allowed(told[-60:])) > 2 * len(allowed(told[:60]))
    assert any(one.responses["f"] < WAVES_BEST - 0.1 for one in told if one.responses), "nothing was forbidden"


FRONT = hypervolume([Told((), {"f": f, "g": 1.0 - math.sqrt(f)}) for f in np.linspace(0.0, 1.0, 2001)], 1.1)
NARROW = replace(ZDT1, violations=lambda *x: (0.2 - x[1], x[2] - 0.5))


def test_the_area_under_a_front_is_known() -> None:
    assert pytest.approx(0.1 + 2.0 / 3.0 + 0.11, abs=1e-3) == FRONT
    assert hypervolume([Told((), {"f": 0.1, "g": 0.6}), Told((), {"f": 0.6, "g": 0.1})], 1.1) == pytest.approx(0.75)


@pytest.mark.parametrize(("sampler", "points"), [("tpe", 200), ("nsga2", 400)])
@pytest.mark.parametrize("seed", [2])
def test_rows_come_close_to_a_known_front(sampler: str, points: int, seed: int) -> None:
    told = search(optuna(points, sampler=sampler), ZDT1, ZDT1.space(seed))
    chance = search(optuna(points, sampler="random"), ZDT1, ZDT1.space(seed))
    assert hypervolume(told, 1.1) / FRONT > 0.4 > 1.2 * hypervolume(chance, 1.1) / FRONT


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_constraints_hold_with_two_objectives(sampler: str) -> None:
    told = search(optuna(160, sampler=sampler), NARROW, NARROW.space(1))
    assert len(allowed(told[:16])) < 13
    assert len(allowed(told[-48:])) > 36
    assert {one.violations[1] > 0.0 for one in told} == {True, False}


KINDS = Problem(
    {
        "architecture": Values(kind="values", values=("hybrid", "centralized", "distributed")),
        "modules": Values(kind="values", values=tuple(range(2, 102))),
        "rate": Values(kind="values", values=(125_000, 250_000, 500_000, 1_000_000)),
    },
    lambda kind, modules, rate: {"f": (kind != "distributed") + abs(modules - 63) / 20 + abs(math.log(rate / 5e5))},
)


def test_words_and_numbers_are_searched_without_looking_twice() -> None:
    told = search(optuna(64), KINDS, KINDS.space(3))
    chance = search(optuna(64, sampler="random"), KINDS, KINDS.space(3))
    assert min(found(told)) <= 0.1 < min(found(chance)), "two modules away at most"
    assert len({one.units for one in told}) == 64
    assert np.median(found(told[32:])) < 0.6 * np.median(found(chance))


def test_rows_of_a_file_have_no_order(tmp_path: Path) -> None:
    """The same values in another order of rows: a search that took their numbers for lengths would choose by them."""
    best = []
    for order in (1, 37):
        heights = [abs(number * order % 101 - 50) for number in range(101)]
        (tmp_path / "cells.csv").write_text("height\n" + "".join(f"{height}\n" for height in heights))
        rows: Factor = Rows(kind="rows", file=str(tmp_path / "cells.csv"))
        problem = Problem({"cell": rows}, lambda place, heights=heights: {"f": float(heights[place])})
        told = search(optuna(60), problem, problem.space(1))
        best.append(float(np.median(found(told[16:]))))
    assert min(best) > 20, "25 by chance, 13 where neighbours are alike and taken for it"


def test_a_wide_range_of_whole_numbers_is_searched() -> None:
    wide = Problem({"x": Range(kind="range", low=1, high=200_000, integer=True)}, lambda x: {"f": abs(x - 120_000.0)})
    told = search(optuna(64), wide, wide.space(1))
    assert np.median(found(told[32:])) < 20_000, "some 50,000 by chance"


def test_the_search_ends_where_all_is_known() -> None:
    few = replace(KINDS, factors={**KINDS.factors, "modules": Values(kind="values", values=(63,))})
    told = search(optuna(64), few, few.space(3))
    assert len(told) == 12
    assert min(found(told)) == 0.0


def test_forbidden_places_are_not_chosen_and_batches_are_full() -> None:
    space = replace(BRANIN.space(1), allowed=lambda units: units[0] + units[1] < 0.5)
    design, told = optuna(40), list[Told]()
    while rows := design.next(space, told):
        assert len(rows) == 8
        assert all(space.allowed(row) for row in rows)
        told += [BRANIN.told(row) for row in rows]
    assert len(told) == 40


def test_rows_that_fail_are_kept_away_from() -> None:
    cliff = Problem(lengths(2), lambda x, y: None if x > 0.3 else {"f": 2.0 - x - y})
    told = search(optuna(120), cliff, cliff.space(1))
    assert len(allowed(told[-48:])) > 28, "14 by chance"
    assert min(found(told)) < 0.8


def test_a_row_without_its_number_is_like_a_failed_one() -> None:
    space, first = BRANIN.space(1), optuna(40).next(BRANIN.space(1), ())
    answers: list[dict[str, float] | None] = [None, {}, {"f": math.nan}, {"other": 1.0}]
    chosen = [optuna(40).next(space, [Told(units, one) for units in first]) for one in answers]
    assert chosen[1:] == chosen[:-1]


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
@pytest.mark.parametrize("problem", [BRANIN, WAVES, ZDT1, KINDS], ids=["one", "constrained", "two", "words"])
def test_rows_follow_from_seed_and_results_alone(sampler: str, problem: Problem) -> None:
    design = optuna(60, sampler=sampler, population=12)
    told, other = search(design, problem, problem.space(1)), search(design, problem, problem.space(2))
    assert [one.units for one in told] != [one.units for one in other]
    for known in (0, 8, 11, 24, 39, 56, 59):
        begun = known // 8 * 8
        rows = [one.units for one in told[known : begun + 8]]
        assert design.next(problem.space(1), told[:known]) == rows, f"after {known} rows"


def test_a_longer_search_begins_with_the_rows_of_a_shorter_one() -> None:
    short, long = (search(optuna(points), BRANIN, BRANIN.space(1)) for points in (37, 60))
    assert len(short) == 37
    assert short == long[:37]
    assert [one.units for one in long[37:40]] == optuna(60).next(BRANIN.space(1), short)


def test_the_unit_of_a_constraint_does_not_matter() -> None:
    two = replace(WAVES, violations=lambda x, y: (*waves(x, y), x - 5.0))
    milli = replace(WAVES, violations=lambda x, y: (1e3 * waves(x, y)[0], x - 5.0))
    rows = [[one.units for one in search(optuna(64), problem, problem.space(1))] for problem in (two, milli)]
    assert rows[0] == rows[1]


def test_no_more_rows_are_asked_than_stated() -> None:
    assert optuna(20).count(BRANIN.space(1)) == 20
    told = search(optuna(20), BRANIN, BRANIN.space(1))
    assert len(told) == 20
    assert optuna(10).next(BRANIN.space(1), told) == ()


def test_a_search_for_nothing_is_a_mistake() -> None:
    (problem,) = optuna().mistakes(replace(BRANIN.space(1), objectives={}))
    assert "no response says what is better" in str(problem)
    assert optuna().mistakes(BRANIN.space(1)) == ()
