"""Whatever stands in a study's file: it is loaded, or its mistakes are told; never anything else."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from twin.errors import InputError, Problem
from twin.sweep.points import points_of
from twin.sweep.study.load import load_study

STUDY: dict[str, Any] = {
    "name": "x",
    "base": "f.py",
    "set": ["b=2"],
    "factors": {
        "a": {"kind": "range", "low": 0, "high": 1, "scale": "linear", "integer": False, "steps": 3},
        "c": {"kind": "levels", "levels": {"x": ["c=1"], "y": []}},
        "d": {"kind": "rows", "file": "rows.csv", "columns": {"note": ""}},
        "e": {"kind": "triangular", "low": 0, "mode": 1, "high": 3, "at_least": 0.5},
        "f": {"kind": "values", "path": ["f", "g"], "values": [1, "two", None]},
    },
    "design": {"kind": "one_at_a_time", "steps": 3, "reference": {"a": 0.5}},
    "replications": 2,
    "responses": {"y": {"metric": "y", "statistic": "mean", "objective": "minimize"}},
    "constraints": ["a + e <= 10", "y * a >= 0"],
    "most_points": 1000,
    "timeout_s": "3 min",
}
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10**19),
    st.floats(allow_nan=True),
    st.sampled_from(["", "a", "kind", "x=1", "a <= 1", "grid", "no/such.file", "f.py", "1 kg", "a.b", "seed=3", "é"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abkx"), inner, max_size=3),
    max_leaves=4,
)


def _paths(data: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path for key, value in items for path in ((*above, key), *_paths(value, (*above, key)))]


PATHS = _paths(STUDY)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.sampled_from(PATHS), st.just("remove") | VALUES), min_size=1, max_size=3))
def test_a_study_is_loaded_or_its_mistakes_are_told(changes: list[tuple[tuple[Any, ...], Any]], tmp_path: Path) -> None:
    data = copy.deepcopy(STUDY)
    for path, value in changes:
        _change(data, path, value)
    (tmp_path / "f.py").write_text("def respond(seed, **factors):\n    return {}\n")
    (tmp_path / "rows.csv").write_text("d,note\n1,a\n2,b\n")
    YAML(pure=True).dump(data, tmp_path / "s.yaml")
    problems, points = _loaded(tmp_path / "s.yaml")
    assert problems or points
    assert all(problem.file or problem.message.startswith("and ") for problem in problems)


def _loaded(path: Path) -> tuple[tuple[Problem, ...], int]:
    """Return the problems of a study, or how many points it has."""
    try:
        study = load_study(path)
        points = points_of(study, study.study.design.next(study.space, ()))
    except InputError as error:
        return error.problems, 0
    assert len(points) <= study.study.most_points
    return (), len(points)


def _change(data: Any, path: tuple[Any, ...], value: Any) -> None:
    """Change or remove what is at a path, as far as an earlier change has left it there."""
    *above, last = path
    try:
        for key in above:
            data = data[key]
        if value != "remove":
            data[last] = value
        elif isinstance(data, dict):
            data.pop(last, None)
    except (KeyError, IndexError, TypeError):
        return
