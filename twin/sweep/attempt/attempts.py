"""Folders in which attempts at a point compute: one an attempt, which leaves nothing behind, however it ends.

They are in the point's own folder, or in ``$TWIN_SCRATCH`` where that is set: a disk of the machine, say. Their names
tell host and process, so that what a killed process left is known by its process being gone.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


@contextmanager
def attempt_folder(point: Path) -> Iterator[Path]:
    """Yield an empty folder for an attempt at a point; it is gone afterwards."""
    remove_dead(point)
    folder = _place(point) / f"attempt-{point.name}-{os.uname().nodename}-{os.getpid()}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_dead(point: Path) -> None:
    """Remove what processes of this host left that are gone, where attempts at a point compute."""
    for folder in _place(point).glob(f"attempt-*-{os.uname().nodename}-*"):
        process = folder.name.rpartition("-")[2]
        # One's own: a process makes one attempt at a time, so it is of one before that had the same number.
        if process.isdigit() and (int(process) == os.getpid() or not psutil.pid_exists(int(process))):
            shutil.rmtree(folder, ignore_errors=True)


def remove_all(point: Path) -> None:
    """Remove every attempt in a point's folder: it is done, whoever may still be at it."""
    for folder in point.glob("attempt-*"):
        shutil.rmtree(folder, ignore_errors=True)


def keep(run: Path, place: Path) -> None:
    """Move a run to its place, whole or not at all; one that is there already was left by an attempt that then died."""
    part = place.with_name(f"attempt-{place.name}-{os.uname().nodename}-{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.move(run, part)  # may be from another disk
    shutil.rmtree(place, ignore_errors=True)
    part.rename(place)


def _place(point: Path) -> Path:
    return Path(os.environ.get("TWIN_SCRATCH") or point)
