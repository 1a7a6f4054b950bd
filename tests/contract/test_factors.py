"""What every factor of a study promises, whatever its kind."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from twin.plugins import discover
from twin.scenario.overrides import parsed
from twin.sweep.study import factors
from twin.sweep.study.factor import Factor, spelled
from twin.sweep.study.study import AnyFactor

CSV = "fleet.modules,link,note\n2,1e-3,a\n4,2e-3,b\n8,3e-3,c\n"
EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "values": [{"values": [3, 1, 2]}, {"values": ["a", True, None, 1.5]}],
    "levels": [{"levels": {"small": ["a.b=1", "c=[1, 2]"], "large": ["a.b=2"], "none": []}}],
    "range": [
        {"low": -1, "high": 3},
        {"low": 1e-3, "high": 1e3, "scale": "log"},
        {"low": 2, "high": 9, "integer": True},
        {"low": 1, "high": 40, "integer": True, "scale": "log"},
        {"low": 0, "high": 1, "steps": 4},
        {"low": 1, "high": 64, "steps": 7, "scale": "log", "integer": True},
    ],
    "normal": [{"mean": 5, "sd": 2}, {"mean": 5, "sd": 2, "at_least": 4, "at_most": 20}],
    "lognormal": [{"median": 3, "sigma": 0.5}, {"median": 3, "sigma": 0.5, "at_most": 2.5}],
    "triangular": [{"low": 1, "mode": 2, "high": 6}, {"low": 1, "mode": 1, "high": 6, "at_least": 2}],
    "rows": [{"file": "rows.csv", "columns": {"link": "plant.link_ohm", "note": ""}}],
}
KINDS = discover(factors, Factor)  # type: ignore[type-abstract]
ALL = [(kind, n, stated) for kind in KINDS for n, stated in enumerate(EXAMPLES[kind])]
CASES = [pytest.param(kind, stated, id=f"{kind}-{n}") for kind, n, stated in ALL]
NUMBERS = [pytest.param(kind, stated, id=f"{kind}-{n}") for kind, n, stated in ALL if kind not in ("values", "levels")]
EVEN = [
    pytest.param(kind, stated, id=f"{kind}-{n}")
    for kind, n, stated in ALL
    if kind in ("values", "levels", "rows") or "steps" in stated or (stated.get("integer") and "scale" not in stated)
]
"""Of levels that are equally likely: whole numbers on a scale of logarithms are not."""
UNITS = [(place + 0.5) / 997 for place in range(997)]


@pytest.fixture(name="factor")
def _factor(kind: str, stated: dict[str, Any], tmp_path: Path) -> Factor:
    (tmp_path / "rows.csv").write_text(CSV)
    adapter: TypeAdapter[Factor] = TypeAdapter(AnyFactor)
    text = json.dumps({"kind": kind, "path": [], **stated})
    return adapter.validate_json(text, strict=True).located(tmp_path)


@pytest.mark.parametrize(("kind", "stated"), CASES)
def test_it_is_told_as_it_was_stated(factor: Factor) -> None:
    assert not factor.mistakes()
    told = factor.model_dump_json(by_alias=True)
    assert type(factor).model_validate_json(told, strict=True) == factor


@pytest.mark.parametrize(("kind", "stated"), CASES)
def test_every_coordinate_has_one_value_that_a_table_and_a_file_can_hold(factor: Factor) -> None:
    last = 1.0 - 2**-53
    columns = {frozenset(factor.columns("f", factor.value(unit))) for unit in (0.0, *UNITS, last)}
    assert len(columns) == 1, "all values fill the same columns"
    for unit in (0.0, *UNITS, last):
        value = factor.value(unit)
        assert json.loads(json.dumps(value)) == value == factor.value(unit)
        for path, new in factor.changes("f", value):
            assert parsed(spelled(path, new), "") == (path, new)
        assert all(isinstance(told, str | int | float | None) for told in factor.columns("f", value).values())


@pytest.mark.parametrize(("kind", "stated"), CASES)
def test_levels_are_different_values_in_order(factor: Factor) -> None:
    levels = factor.levels(6)
    assert all(0.0 <= unit < 1.0 for unit in levels)
    assert list(levels) == sorted(set(levels))
    values = [factor.value(unit) for unit in levels]
    assert len(set(map(json.dumps, values))) == len(values)
    assert len(levels) == 6 or not factor.continuous
    if not factor.continuous:
        reached = {json.dumps(factor.value(unit)) for unit in UNITS}
        assert reached == set(map(json.dumps, values)), "coordinates lead to levels, and to nothing else"


@pytest.mark.parametrize(("kind", "stated"), NUMBERS)
def test_numbers_grow_with_the_coordinate(factor: Factor) -> None:
    values = [factor.value(unit) for unit in UNITS]
    assert values == sorted(values, key=lambda value: float(str(value)))
    assert not factor.continuous or len(set(values)) == len(values)


@pytest.mark.parametrize(("kind", "stated"), EVEN)
def test_levels_are_equally_likely(factor: Factor) -> None:
    counts = Counter(json.dumps(factor.value(unit)) for unit in UNITS)
    assert max(counts.values()) - min(counts.values()) <= 1
