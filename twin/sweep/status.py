"""How far a study is, from its folder alone: from any host that sees it, whether anybody runs it or not."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from twin.errors import InputError, Problem
from twin.sweep.folder import StudyFolder
from twin.sweep.lock import Beat, beat_of

MOST_LISTED = 10
"""Reasons, and running points: the rest are counted."""
_LONGEST_REASON = 200


@dataclass(frozen=True)
class Status:
    """How far a study is."""

    folder: Path
    points: int
    """Of the design as far as it is known; those of equal content count once."""
    done: int
    failed: int
    reasons: Counter[str]
    """Why points failed, and how many for each."""
    beat: Beat | None
    """The last sign of life of whoever runs it, or ran it last."""

    @property
    def open(self) -> int:
        """Points that are neither done nor failed."""
        return self.points - self.done - self.failed

    def lines(self) -> Iterator[str]:
        """Yield what to print."""
        yield f"{self.folder}: {self.done} of {self.points} points done, {self.failed} failed, {self.open} open"
        yield from self._coordinator()
        yield from failures(self.reasons)

    def _coordinator(self) -> Iterator[str]:
        beat = self.beat
        if beat is None:
            yield "nobody has run it yet"
        elif beat.alive:
            ago_s = max(0.0, time.time() - beat.time_s)
            yield f"run by process {beat.pid} on {beat.host} since {beat.started}, last sign of life {ago_s:.0f} s ago"
            yield from _progress(beat)
        elif beat.state == "running":
            yield f"process {beat.pid} on {beat.host} that ran it died; the same twin sweep again goes on"
        else:
            yield f"{beat.state}; begun {beat.started} on {beat.host}"


def status_of(folder: StudyFolder) -> Status:
    """Return how far the study in a folder is. Raises InputError if there is none."""
    path = folder.path / "design.jsonl"
    if not path.exists():
        raise InputError(Problem("holds no study that has begun", str(folder.path)))
    with path.open(encoding="utf-8") as lines:
        ids = list(dict.fromkeys(_id(line, path, number) for number, line in enumerate(lines, 1)))
    states = {point_id: folder.state(point_id) for point_id in ids}
    count = Counter(states.values())
    failed = [point_id for point_id, state in states.items() if state == "failed"]
    return Status(
        folder.path, len(ids), count["done"], count["failed"], reasons_of(folder, failed), beat_of(folder.path)
    )


def reasons_of(folder: StudyFolder, failed: list[str]) -> Counter[str]:
    """Return why points failed: the last line of each error, the most frequent first."""
    found: Counter[str] = Counter()
    for point_id in failed:
        result = folder.result(point_id)
        if result:
            found[(result.error.strip() or "no reason was given").splitlines()[-1][:_LONGEST_REASON]] += 1
    return found


def failures(reasons: Counter[str]) -> Iterator[str]:
    """Yield the reasons of failed points, a line each."""
    for reason, number in reasons.most_common(MOST_LISTED):
        yield f"  {number} failed: {reason}"
    if len(reasons) > MOST_LISTED:
        yield f"  and {len(reasons) - MOST_LISTED} more reasons"


def _progress(beat: Beat) -> Iterator[str]:
    """Yield what a coordinator tells of itself."""
    told = beat.progress
    if not told.get("dashboard"):
        yield "workers have not been reached yet"
        return
    left_s = told["left_s"]
    rest = f", about {timedelta(seconds=round(left_s))} left" if left_s is not None else ""
    yield f"on {told['on']}: {told['workers']} there{rest}; dashboard {told['dashboard']}"
    running = told.get("running", [])
    for one in running[:MOST_LISTED]:
        more = f" and {len(one['points']) - 1} more" if len(one["points"]) > 1 else ""
        yield f"  {one['host']} runs {one['points'][0]}{more}, for {one['seconds']:.0f} s"
    if len(running) > MOST_LISTED:
        yield f"  and {len(running) - MOST_LISTED} more workers"


def _id(line: str, path: Path, number: int) -> str:
    try:
        return str(json.loads(line)["id"])
    except (ValueError, KeyError, TypeError) as mistake:
        raise InputError(Problem(f"is no list of a study's points: {mistake}", str(path), number)) from None
