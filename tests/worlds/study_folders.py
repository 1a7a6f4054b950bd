"""Folders of studies whose points were never run: a plain function says what came of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from twin.sweep.folder import Point, Result, StudyFolder, write_result
from twin.sweep.study.design import Space, Units
from twin.sweep.study.factor import Value
from twin.sweep.study.study import Study

Respond = Callable[[Mapping[str, Any], int], Mapping[str, float]]


def study_folder(
    path: Path, content: Mapping[str, Any], respond: Respond, rows: Sequence[Units] | None = None
) -> StudyFolder:
    """Make the folder of a study in which every point is done; where ``respond`` raises ValueError, it failed."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "study.yaml").write_text(json.dumps({"name": path.name, "base": "base.py", **content}))
    study = TypeAdapter(Study).validate_python({"name": path.name, "base": "base.py", **content})
    objectives = {name: one.objective for name, one in study.responses.items() if one.objective != "none"}
    chosen = study.design.next(Space(study.factors, study.seed, objectives), ()) if rows is None else rows
    folder = StudyFolder(path)
    points = [
        _point(study, units, row, replication)
        for row, units in enumerate(chosen)
        for replication in range(study.replications)
    ]
    folder.write_design(points)
    for point in points:
        folder.of(point.id).mkdir(parents=True, exist_ok=True)
        write_result(folder.of(point.id), _result(point, respond))
    return folder


def _point(study: Study, units: Units, row: int, replication: int) -> Point:
    values: dict[str, Value] = {}
    for (name, factor), unit in zip(study.factors.items(), units, strict=True):
        values |= factor.columns(name, factor.value(unit))
    seed = study.seed + replication
    identity = sha256(json.dumps([values, seed]).encode()).hexdigest()[:16]
    return Point(identity, row, replication, seed, tuple(units), values)


def _result(point: Point, respond: Respond) -> Result:
    facts: dict[str, Any] = {"memory_MB": 120.0 + point.row % 7, "attempts": 1, "version": "0.1.0", "host": "node1"}
    facts |= {"seconds": 0.5 + 0.1 * (point.row % 13), "started": "2026-01-01T00:00:00+00:00"}
    try:
        values = respond(point.factors, point.seed)
    except ValueError as mistake:
        return Result("failed", {}, error=str(mistake), **facts)
    return Result("done", {name: {"mean": float(value)} for name, value in values.items()}, **facts)
