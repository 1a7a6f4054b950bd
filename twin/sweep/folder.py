"""The folder of a study on disk: the only place that knows where its files are.

::

    study.yaml             the study, resolved
    base.json              the base that its points were made of
    inputs/<hash>-<name>   the files that scenarios name, once each
    design.jsonl           a line a point, in order
    points/<ab>/<id>/      scenario.json or call.json, then done.json or failed.json, and run/ if it is kept
    coordinator.json       who runs the study now, written every few seconds
    cancel                 there while somebody asks it to stop
    table.parquet table.h5 report.html

A point's id is the hash of all that its result depends on. Everything is written beside its place and renamed, so that
a file is there whole or not at all, and whoever writes it twice writes the same.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from twin.errors import InputError, Problem
from twin.sweep.design import Units
from twin.sweep.factor import Value

State: TypeAlias = Literal["done", "failed", "open"]


@dataclass(frozen=True)
class Point:
    """One run of a study."""

    id: str
    """Hash of all that its result depends on, 16 hexadecimal digits."""
    row: int
    """Of the design, from 0."""
    replication: int
    seed: int
    units: Units
    factors: Mapping[str, Value]
    """Values by the table's columns."""


@dataclass(frozen=True)
class Result:
    """What came of a point, as its file says it."""

    state: Literal["done", "failed"]
    metrics: Mapping[str, Mapping[str, float]]
    """By metric and statistic; of a Python function the statistic is ``mean``."""
    seconds: float
    """On the wall, of the attempt that ended it."""
    memory_MB: float
    """Peak of the process's resident memory while it ran."""
    attempts: int
    version: str
    """Of bms-twin."""
    host: str
    started: str
    """ISO 8601."""
    error: str = ""
    """Why it failed."""


class StudyFolder:
    """Reads and writes the files of a study."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def of(self, point_id: str) -> Path:
        """Return the folder of a point."""
        return self.path / "points" / point_id[:2] / point_id

    def state(self, point_id: str) -> State:
        """Return how far a point is."""
        folder = self.of(point_id)
        if (folder / "done.json").exists():
            return "done"
        return "failed" if (folder / "failed.json").exists() else "open"

    def design(self) -> list[Point]:
        """Return the points in their order; none where the study has not begun. Raises InputError if it is broken."""
        path = self.path / "design.jsonl"
        if not path.exists():
            return []
        with path.open(encoding="utf-8") as lines:
            return [_point(line, path, number) for number, line in enumerate(lines, 1)]

    def write_design(self, points: Iterable[Point]) -> None:
        """Replace the list of points."""
        write(self.path / "design.jsonl", "".join(f"{json.dumps(asdict(point))}\n" for point in points))

    def result(self, point_id: str) -> Result | None:
        """Return what came of a point; None while it is open. Raises InputError if its file is broken."""
        folder = self.of(point_id)
        for name in ("done.json", "failed.json"):
            try:
                text = (folder / name).read_text(encoding="utf-8")
            except FileNotFoundError:
                continue
            try:
                return Result(**json.loads(text))
            except (ValueError, TypeError) as mistake:
                raise InputError(Problem(f"is no result of a point: {mistake}", str(folder / name))) from None
        return None

    def results(self, points: Iterable[Point]) -> Iterator[tuple[Point, Result | None]]:
        """Yield every point with what came of it, one file at a time."""
        for point in points:
            yield point, self.result(point.id)


def write_result(folder: Path, result: Result) -> None:
    """Write what came of a point into its folder; a failure of before is replaced, a success never by a failure."""
    if result.state == "failed" and (folder / "done.json").exists():
        return
    write(folder / f"{result.state}.json", json.dumps(asdict(result), indent=1) + "\n")
    if result.state == "done":
        (folder / "failed.json").unlink(missing_ok=True)


def write(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all, whoever else writes it at the same time."""
    part = path.with_name(f"{path.name}.{os.uname().nodename}-{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _point(line: str, path: Path, number: int) -> Point:
    try:
        data: dict[str, Any] = json.loads(line)
        return Point(**{**data, "units": tuple(data["units"])})
    except (ValueError, TypeError, KeyError) as mistake:
        raise InputError(Problem(f"is no list of a study's points: {mistake}", str(path), number)) from None
