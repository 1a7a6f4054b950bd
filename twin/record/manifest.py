"""The manifest of a run folder: which files hold its rows, and whether the run has ended.

It is the truth about the folder: a file that it does not list does not count. It is only ever replaced as a whole.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from twin.errors import InputError, Problem

Status: TypeAlias = Literal["running", "complete", "interrupted", "failed"]

FORMAT: Final = "bms-twin run"
VERSION: Final = 1
MANIFEST: Final = "manifest.json"
RUN_FILE: Final = "run.h5"
SCENARIO: Final = "scenario.yaml"
HEADER: Final = "segments/header.h5"


@dataclass(frozen=True)
class Segment:
    """One file of consecutive rows, complete on disk and never touched again."""

    file: str
    first_row: int
    rows: int
    tables: dict[str, int]
    """Length of each table's part in this segment."""
    bytes: int
    sha256: str

    @property
    def stop_row(self) -> int:
        """The row after the last one."""
        return self.first_row + self.rows


@dataclass(frozen=True)
class Manifest:
    """State of a run folder: either ``segments``, or, once consolidated, ``file``."""

    status: Status
    start: str
    row_period_ns: int
    segments: tuple[Segment, ...] = ()
    file: str | None = None

    @property
    def rows(self) -> int:
        """Rows that are safe in the segments."""
        return self.segments[-1].stop_row if self.segments else 0


def load(folder: Path) -> Manifest:
    """Read the manifest of a run folder. Raises InputError if the folder holds none, or one that cannot be read."""
    path = folder / MANIFEST
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw.pop("format") != FORMAT:
            raise ValueError("its format is another one")
        if (version := raw.pop("version")) != VERSION:
            raise ValueError(f"its version is {version}, expected {VERSION}")
        segments = tuple(Segment(**segment) for segment in raw.pop("segments"))
        return Manifest(segments=segments, **raw)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(_no_run(folder)) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as mistake:
        raise InputError(Problem(f"not the manifest of a run: {mistake}", file=str(path))) from None


def _no_run(folder: Path) -> Problem:
    if not folder.exists():
        return Problem("no such run folder", file=str(folder))
    suggestion = f"give the folder, {folder.parent}" if folder.name == RUN_FILE else "expected the folder of 'twin run'"
    return Problem(f"not a run folder: it holds no {MANIFEST}", file=str(folder), suggestion=suggestion)


def scenario_of(folder: Path) -> Path:
    """Return the resolved scenario of a run. Raises InputError if ``folder`` is not one of a run, or has lost it."""
    load(folder)
    path = folder / SCENARIO
    if not path.is_file():
        raise InputError(Problem(f"the run has lost its {SCENARIO}", file=str(folder)))
    return path


def save(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest of ``folder``, durably."""
    document: dict[str, Any] = {"format": FORMAT, "version": VERSION, **dataclasses.asdict(manifest)}
    part = folder / f"{MANIFEST}.part"
    part.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    make_durable(part, folder / MANIFEST)


def make_durable(part: Path, final: Path) -> None:
    """Give a finished ``.part`` file its name, so that after a crash either all of it is there or nothing."""
    _fsync(part)
    part.rename(final)
    _fsync(final.parent)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def output_problem(folder: Path, *, force: bool) -> Problem | None:
    """Say why a run must not be written to ``folder``, or None; with ``force``, an old run may be replaced."""
    place = str(folder)
    if not folder.exists() and not folder.is_symlink():
        return None
    if not force:
        return Problem("the output folder exists", file=place, suggestion="choose another one, or replace it: --force")
    if folder.is_symlink() or not folder.is_dir():
        return Problem("the output is no folder: nothing is replaced", file=place)
    try:
        load(folder)
    except InputError:
        return Problem("the output folder is not one of a run: nothing is replaced", file=place)
    return None


def claim(folder: Path, *, force: bool) -> None:
    """Create the folder of a new run, replacing an old run with ``force``. Raises InputError and changes nothing."""
    if problem := output_problem(folder, force=force):
        raise InputError(problem)
    if folder.exists():
        shutil.rmtree(folder)
    try:
        (folder / "segments").mkdir(parents=True)
    except OSError as mistake:
        raise InputError(Problem(f"cannot create the output folder: {mistake.strerror}", file=str(folder))) from None
