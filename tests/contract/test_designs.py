"""What every design of a study promises, whatever its kind."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from twin.plugins import discover
from twin.sweep.study import designs
from twin.sweep.study.design import Design, Space, Told
from twin.sweep.study.factor import Factor
from twin.sweep.study.factors.range import Range
from twin.sweep.study.factors.values import Values
from twin.sweep.study.study import AnyDesign

EXAMPLES: dict[str, dict[str, Any]] = {
    "grid": {"steps": 3},
    "random": {"points": 20},
    "latin_hypercube": {"points": 20},
    "sobol": {"points": 20},
    "saltelli": {"samples": 8},
    "one_at_a_time": {"steps": 4, "reference": {"b": "y"}},
    "optuna": {"points": 20, "batch": 4},
}
"""One design of each kind."""
LARGER = {"random": {"points": 40}, "sobol": {"points": 40}, "saltelli": {"samples": 16}}
"""Designs that begin with the rows of a smaller one."""
RANDOM = ("random", "latin_hypercube", "sobol", "saltelli", "optuna")
KINDS = discover(designs, Design)  # type: ignore[type-abstract]
FACTORS: dict[str, Factor] = {
    "a": Range(low=1, high=5),
    "b": Values(values=("x", "y", "z")),
    "c": Range(low=1, high=4, integer=True),
}


def _space(seed: int = 3) -> Space:
    return Space(FACTORS, seed, {"cost": "minimize"})


def _design(kind: str, **stated: Any) -> Design:
    adapter: TypeAdapter[Design] = TypeAdapter(AnyDesign)
    return adapter.validate_json(json.dumps({"kind": kind, **(stated or EXAMPLES[kind])}), strict=True)


@pytest.mark.parametrize("kind", KINDS)
def test_it_fits_its_example(kind: str) -> None:
    assert not _design(kind).mistakes(_space())


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_places_of_the_unit_cube_and_as_many_as_was_said(kind: str) -> None:
    design = _design(kind)
    rows = design.next(_space(), ())
    assert len(rows) == (4 if design.adaptive else design.count(_space()))
    assert design.count(_space()) >= len(rows) > 0
    assert all(len(row) == len(FACTORS) for row in rows)
    assert all(type(unit) is float and 0.0 <= unit < 1.0 for row in rows for unit in row)


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_has_one_design(kind: str) -> None:
    rows = [tuple(_design(kind).next(_space(seed), ())) for seed in (3, 3, 4)]
    assert rows[0] == rows[1]
    assert (rows[0] != rows[2]) == (kind in RANDOM)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not KINDS[kind].adaptive])
def test_a_fixed_design_answers_once(kind: str) -> None:
    rows = _design(kind).next(_space(), ())
    assert not _design(kind).next(_space(), [Told(tuple(rows[0]), {"cost": 1.0})])


@pytest.mark.parametrize("kind", LARGER)
def test_a_larger_one_begins_with_the_smaller(kind: str) -> None:
    small, large = _design(kind).next(_space(), ()), _design(kind, **LARGER[kind]).next(_space(), ())
    assert list(large[: len(small)]) == list(small)
    assert len(large) == 2 * len(small)
