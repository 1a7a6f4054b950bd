"""What a study will cost: from its two smallest points and its largest, which are run for it, and from what is done."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapreplace
from pathlib import Path
from typing import Final

import numpy as np

from twin.sweep.attempt.process import PointProcess
from twin.sweep.folder import StudyFolder
from twin.sweep.points import Prepared
from twin.sweep.study.load import LoadedStudy

DISK_BLOCK: Final = 512
"""Bytes that ``st_blocks`` counts in (POSIX)."""


@dataclass(frozen=True)
class Line:
    """A cost as a constant, and a share of a point's size; neither is negative."""

    constant: float
    slope: float

    def at(self, size: float) -> float:
        """Return the cost of a point."""
        return self.constant + self.slope * size


@dataclass(frozen=True)
class Estimate:
    """What is still to be done, and what it takes. What nobody could measure is NaN."""

    points: int
    """Runs of the study, at most; those of equal content count once as far as they are known."""
    done: int
    seconds: tuple[float, ...]
    """Of each point that is known and still to run, on one core."""
    later: int
    """Points that a search will choose by what others gave; each is taken for one as those that are known."""
    mean_s: float
    """Of a point that is known, done or not."""
    batch: int
    """Points that a search chooses together."""
    memory_MB: float
    """Of one worker: the most that any point took so far."""
    disk_MB: float
    """Of all points, done or not."""
    measured: int
    """Points that the estimate rests on."""
    problems: tuple[str, ...] = ()
    """Why a point that was tried gave nothing."""

    @property
    def cpu_s(self) -> float:
        """Seconds of one core that are still to compute."""
        return math.fsum(self.seconds) + self.later * self.mean_s

    def wall_s(self, workers: int) -> float:
        """Return the time until all is done: each point goes to the worker that is free next, batch by batch."""
        whole, rest = divmod(self.later, self.batch)
        later_s = whole * span_s([self.mean_s] * self.batch, workers) + span_s([self.mean_s] * rest, workers)
        return span_s(self.seconds, workers) + later_s

    def lines(self, workers: int) -> tuple[str, ...]:
        """Return the estimate in words, a line each."""
        return tuple(self._lines(workers))

    def _lines(self, workers: int) -> Iterator[str]:
        chosen = f", {self.later} of them chosen by what others give" if self.later else ""
        yield f"points     {self.points} ({self.done} done{chosen})"
        if self.cpu_s > 0.0:
            known = self.seconds or (self.mean_s,)
            least, most = _time(min(known)), _time(max(known))
            each = least if least == most else f"{least} to {most}"
            yield f"a point    {each} (from {self.measured} that {'is' if self.measured == 1 else 'are'} done)"
            yield f"compute    {_time(self.cpu_s)} of one core"
            named = "1 worker" if workers == 1 else f"{workers} workers"
            yield f"time       about {_time(self.wall_s(workers))} with {named}, once they are up"
        if not math.isnan(self.memory_MB):
            yield f"memory     {self.memory_MB:.0f} MB a worker"
            yield f"disk       {self.disk_MB:.3g} MB"
        yield from (f"no figure  {problem}" for problem in self.problems)


def estimate(loaded: LoadedStudy, prepared: Sequence[Prepared], folder: StudyFolder, *, pilot: bool = True) -> Estimate:
    """Return what a study costs whose first or only points are ``prepared``, and are in its folder.

    With ``pilot`` the two smallest points and the largest are run if they are open; what they give stays.
    """
    points = list({one.content.id: one for one in prepared}.values())
    pilots = _pilots(points, folder) if pilot else []
    problems = tuple(_run(loaded, pilots, folder)) if pilots else ()
    results = {one.content.id: folder.result(one.content.id) for one in points}
    open_ = [one for one in points if results[one.content.id] is None]
    done = [(one, found) for one in points if (found := results[one.content.id]) and found.state == "done"]
    fit = [
        (one, result) for one, result in done if one not in pilots[:1]
    ]  # The first of a process loads its libraries.
    seconds = line_through([(one.content.size, result.seconds) for one, result in fit or done])
    disk_MB = line_through([(one.content.size, _size_MB(folder.of(one.content.id))) for one, _ in done])
    later = _later(loaded, prepared, folder)
    return Estimate(
        points=len(points) + later,
        done=len(done),
        seconds=tuple(seconds.at(one.content.size) for one in open_),
        later=later,
        mean_s=_mean(seconds.at(one.content.size) for one in points),
        batch=_batch(loaded, prepared),
        memory_MB=max((result.memory_MB for _, result in done), default=math.nan),
        disk_MB=_mean(disk_MB.at(one.content.size) for one in points) * (len(points) + later),
        measured=len(done),
        problems=problems,
    )


def span_s(seconds: Iterable[float], workers: int) -> float:
    """Return how long workers take for points, in their order, each by the worker that is free next."""
    free = [0.0] * workers
    for one in seconds:
        heapreplace(free, free[0] + one)
    return max(free)


def line_through(measured: Sequence[tuple[float, float]]) -> Line:
    """Return the line of least squares through pairs of size and cost; NaN through none."""
    if not measured:
        return Line(math.nan, 0.0)
    sizes, costs = np.array(measured, dtype=float).T
    if np.ptp(sizes) == 0.0:
        return Line(float(costs.mean()), 0.0)
    slope, constant = np.polyfit(sizes, costs, 1)
    if slope < 0.0:
        return Line(float(costs.mean()), 0.0)
    if constant < 0.0:
        return Line(0.0, float(sizes @ costs / (sizes @ sizes)))
    return Line(float(constant), float(slope))


def _pilots(points: Sequence[Prepared], folder: StudyFolder) -> list[Prepared]:
    """Return the two smallest points and the largest, as far as they are open; the smallest first."""
    ordered = sorted(points, key=lambda one: one.content.size)
    ends = [*ordered[:2], *ordered[2:][-1:]]
    return [one for one in ends if folder.state(one.content.id) == "open"]


def _run(loaded: LoadedStudy, pilots: Sequence[Prepared], folder: StudyFolder) -> Iterator[str]:
    """Run points, and yield why any of them gave nothing."""
    study = loaded.study
    memory_bytes = None if study.memory_GB is None else int(study.memory_GB * 1e9)
    with PointProcess(folder.path, timeout_s=study.timeout_s, memory_bytes=memory_bytes, keep=study.keep) as process:
        for pilot in pilots:
            outcome = process.run(pilot.content.id, 1)
            if outcome.state == "failed":
                yield f"{folder.of(pilot.content.id)}: {outcome.error}"


def _later(loaded: LoadedStudy, prepared: Sequence[Prepared], folder: StudyFolder) -> int:
    """Return how many points a search has yet to choose."""
    design = loaded.study.design
    known = max(len(prepared), len(folder.design()))
    return max(0, design.count(loaded.space) * loaded.study.replications - known) if design.adaptive else 0


def _batch(loaded: LoadedStudy, prepared: Sequence[Prepared]) -> int:
    """Return how many points are chosen together: a search that has begun has chosen more by now."""
    rows: int | None = getattr(loaded.study.design, "batch", None)
    return max(1, len(prepared)) if rows is None else rows * loaded.study.replications


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return math.fsum(listed) / len(listed) if listed else math.nan


def _size_MB(folder: Path) -> float:
    return sum(path.lstat().st_blocks for path in folder.rglob("*")) * DISK_BLOCK / 1e6


def _time(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    for unit, length_s in (("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if seconds >= length_s:
            return f"{seconds / length_s:.3g} {unit}"
    return f"{seconds * 1e3:.3g} ms"
