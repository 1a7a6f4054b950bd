"""The folder of a study on disk: the only place that knows where its files are.

::

    study.yaml             the study, resolved
    base.json              the base that its points were made of
    inputs/<hash>-<name>   the files that scenarios name, once each
    <name>                 those that the study's factors name, as they name them
    design.jsonl           a line a point, in order
    points/<ab>/<id>/      scenario.json or call.json, then done.json or failed.json, and run/ if it is kept
    coordinator.json       who runs the study now, written every few seconds
    cancel                 there while somebody asks it to stop
    table.parquet table.h5 report.html

A point's id is the hash of all that its result depends on. Everything is written beside its place and renamed, so that
a file is there whole or not at all, and whoever writes it twice writes the same.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from twin.errors import InputError, Problem
from twin.sweep.study.design import Units
from twin.sweep.study.factor import Value

if TYPE_CHECKING:  # who runs points needs neither: they load every plug-in
    from twin.sweep.points import Prepared
    from twin.sweep.study.load import LoadedStudy
    from twin.sweep.study.study import Study

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

    def study(self) -> Study:
        """Return the study as the folder keeps it, its base not looked at. Raises InputError if it is not there."""
        from twin.sweep.study.load import read_study

        return read_study(self.path)

    def begin(self, loaded: LoadedStudy, prepared: Sequence[Prepared]) -> None:
        """Write the study and its points so that they can be run; what is there stays, but for the list of points."""
        (self.path / "inputs").mkdir(parents=True, exist_ok=True)
        base, standing = loaded.base.kept()
        self._take(base.inputs)
        write(self.path / "base.json", base.text)
        study = loaded.study.model_dump(mode="json", by_alias=True) | dict(standing)
        for name, factor in loaded.space.factors.items():
            if file := getattr(factor, "file", None):  # a factor's field of that name names a file
                study["factors"][name]["file"] = self._taken(Path(file))
        write(self.path / "study.yaml", _yaml(study))
        self._prepare(prepared)
        self.write_design(one.point for one in prepared)

    def prepare(self, prepared: Sequence[Prepared]) -> None:
        """Add points to a study that has begun."""
        self._prepare(prepared)
        there = self.design()
        known = {(point.row, point.replication) for point in there}
        new = [one.point for one in prepared if (one.point.row, one.point.replication) not in known]
        if new:
            self.write_design([*there, *new])

    def changed(self, loaded: LoadedStudy) -> list[str]:
        """Return what is not as it was when the points were made, in words; nothing of a new study.

        That is the base, and tables that factors name; further rows at a table's end are no change, but more to run.
        """
        path = self.path / "base.json"
        if not path.exists():
            return []
        try:
            before = dict(_flat(json.loads(path.read_text(encoding="utf-8"))))
        except ValueError as mistake:
            raise InputError(Problem(f"is no base of a study: {mistake}", str(path))) from None
        now = dict(_flat(json.loads(loaded.base.kept()[0].text)))
        if ("file" in before) != ("file" in now):
            return [f"it is another base altogether: {loaded.study.base}"]
        places = [place for place in {**now, **before} if place not in _LABELS]
        differences = [_difference(place, before, now) for place in places if before.get(place) != now.get(place)]
        return [*differences, *self._changed_tables(loaded)]

    def changed_files(self, prepared: Sequence[Prepared]) -> list[str]:
        """Return which files have other contents than when the points were made, in words.

        Told are those for which a point is another one now, with the values and the seed that it had.
        """
        before = {_told_as(point): point.id for point in self.design()}
        moved = (one for one in prepared if before.get(_told_as(one.point), one.point.id) != one.point.id)
        names = {name for one in moved for name in one.content.inputs}
        kept = {path.name for path in (self.path / "inputs").glob("*")}
        known = {_bare(name) for name in kept}
        return [f"the contents of {name}" for name in sorted({_bare(one) for one in names - kept} & known)]

    def _changed_tables(self, loaded: LoadedStudy) -> Iterator[str]:
        if not (self.path / "study.yaml").exists():
            return
        before = self.study().factors
        for name, factor in loaded.space.factors.items():
            source, kept = (getattr(one, "file", None) for one in (factor, before.get(name)))
            if source and kept and Path(source).name in (Path(kept).name, _bare(Path(kept).name)):
                old, new = ((self.path / path).read_bytes().splitlines() for path in (kept, source))
                if new[: len(old)] != old:
                    yield f"factors.{name}.file: the contents of {_bare(Path(kept).name)}"

    def _prepare(self, prepared: Sequence[Prepared]) -> None:
        self._take({name: path for one in prepared for name, path in one.content.inputs.items()})
        named = {name: path for one in prepared for name, path in one.content.named.items()}
        for name, source in named.items():
            target = self.path / name
            if ".." not in Path(name).parts and target.resolve() != source.resolve():
                target.parent.mkdir(parents=True, exist_ok=True)
                _copy(source, target)
        for one in prepared:
            folder = self.of(one.content.id)
            if not (folder / one.content.file).exists():
                folder.mkdir(parents=True, exist_ok=True)
                write(folder / one.content.file, one.content.text)

    def _take(self, inputs: Mapping[str, Path]) -> None:
        """Copy files that are not there yet; their names tell their contents."""
        for name, source in inputs.items():
            if not (self.path / "inputs" / name).exists():
                _copy(source, self.path / "inputs" / name)

    def _taken(self, source: Path) -> str:
        digest = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
        name = f"{digest}-{source.name.removeprefix(f'{digest}-')}"
        self._take({name: source})
        return f"inputs/{name}"

    def mistake(self) -> Problem | None:
        """Return why no study can begin or go on in this folder, None where it can."""
        if not self.path.exists():
            return None
        if not self.path.is_dir():
            return Problem("is a file; expected the folder that the study leaves", str(self.path))
        own = {"study.yaml", "coordinator.json"}  # of a study that was stopped before its first point there is only one
        if own.isdisjoint(others := {path.name for path in self.path.iterdir()}) and others:
            return Problem("holds other files and no study; expected a new folder, or a study's", str(self.path))
        return None

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
    part = _part(path)
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _copy(source: Path, target: Path) -> None:
    part = _part(target)
    shutil.copyfile(source, part)
    part.replace(target)


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.{os.uname().nodename}-{os.getpid()}.part")


def _point(line: str, path: Path, number: int) -> Point:
    try:
        data: dict[str, Any] = json.loads(line)
        return Point(**{**data, "units": tuple(data["units"])})
    except (ValueError, TypeError, KeyError) as mistake:
        raise InputError(Problem(f"is no list of a study's points: {mistake}", str(path), number)) from None


_LABELS = ("name", "description")


def _yaml(data: Mapping[str, Any]) -> str:
    from ruamel.yaml import YAML

    yaml = YAML(pure=True)
    yaml.width = 120
    text = io.StringIO()
    yaml.dump(data, text)
    return text.getvalue()


def _flat(data: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of nested data with its path: ``fleet.sites``, ``faults[0].kind``."""
    if isinstance(data, dict) and data:
        for key, value in data.items():
            yield from _flat(value, f"{above}.{key}" if above else key)
    elif isinstance(data, list) and data:
        for index, value in enumerate(data):
            yield from _flat(value, f"{above}[{index}]")
    else:
        yield above, data


def _bare(name: str) -> str:
    """Return the name that a file had before it was taken among the inputs."""
    return name.partition("-")[2]


def _told_as(point: Point) -> tuple[str, int]:
    """Return what tells a point from others to who reads the table."""
    return json.dumps(dict(point.factors), sort_keys=True), point.seed


def _difference(place: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return how a value of the base differs, as a line to read."""
    old, new = (json.dumps(side[place]) if place in side else "nothing" for side in (before, now))
    names = [str(side.get(place)).removeprefix("inputs/").partition("-") for side in (before, now)]
    if names[0][2] and names[0][2] == names[1][2] and old.startswith('"inputs/'):
        return f"{place}: the contents of {names[0][2]}"
    return f"{place}: {new}, was {old}"
