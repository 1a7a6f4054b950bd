"""Runs a study from its design to its last point: asks the design for rows, has their points run, tells it the results.

All that lasts is in the study's folder. So the same call again goes on where the last one stopped, however it did, and
points that are there already are not run again, whoever asked for them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Literal

from twin.errors import InputError, Problem
from twin.sweep.attempt.point import Outcome, now
from twin.sweep.engine.cluster import Cluster
from twin.sweep.engine.engine import Engine
from twin.sweep.engine.worker import Orders, version
from twin.sweep.estimate import Estimate, estimate
from twin.sweep.folder import Point, StudyFolder, write_result
from twin.sweep.lock import Pulse, refuse_second, sole_coordinator
from twin.sweep.points import Prepared, points_of
from twin.sweep.stop import Stop
from twin.sweep.study.design import Told, Units
from twin.sweep.study.load import LoadedStudy
from twin.sweep.study.study import Study
from twin.sweep.told import told_of

MOST_LISTED = 20
"""Changes of the base; the rest are counted."""


@dataclass
class Count:
    """How far a sweep is. Points of equal content count once."""

    points: int = 0
    """Known so far; of a search, at most so many in all."""
    done: int = 0
    failed: int = 0
    began_s: float = field(default_factory=time.monotonic)
    ended_here: int = 0
    """Of done and failed, by this process."""

    @property
    def open(self) -> int:
        """Points still to run."""
        return max(0, self.points - self.done - self.failed)

    @property
    def per_s(self) -> float:
        """Points a second, over this process's time."""
        return self.ended_here / max(time.monotonic() - self.began_s, 1e-9)

    @property
    def left_s(self) -> float | None:
        """How long the rest takes at this pace; None while no pace is known."""
        return self.open / self.per_s if self.ended_here else None


class Coordinator:
    """One process that runs one study."""

    def __init__(self, loaded: LoadedStudy, folder: StudyFolder, cluster: Cluster, warn: Callable[[str], None]) -> None:
        """``warn`` is told in a sentence what somebody should know who may look at it only tomorrow."""
        self._loaded, self._folder, self.cluster, self._warn = loaded, folder, cluster, warn
        self._design = loaded.study.design
        self._points: list[Point] = []
        self._results: list[Told] = []
        """Of rows that have ended, in their order."""
        self._stop = Stop(folder.path)
        self._engine: Engine | None = None
        self.count = Count()

    @property
    def engine(self) -> Engine | None:
        """What runs points, while anything does."""
        return self._engine

    def sweep(
        self, watch: Callable[[], None], *, retry_failed: bool, changed: bool
    ) -> Literal["finished", "cancelled"]:
        """Run all points that are not done; ``watch`` is called about twice a second.

        ``retry_failed``: those too that failed before. ``changed``: also where the base is another one than before.
        Raises InputError before anything is written; SimulationError where no worker can run points; StoppedError when
        asked twice to stop.
        """
        prepared = self._planned(changed=changed)
        with sole_coordinator(self._folder.path, now()) as pulse:
            pulse.progress = self._progress
            try:
                with self._stop.listening():
                    self._begin(prepared, retry_failed=retry_failed)
                    prepared.clear()  # texts of perhaps thousands of scenarios
                    self._run(pulse, watch)
                    state: Literal["finished", "cancelled"] = "cancelled" if self._stop.asked else "finished"
            except BaseException:
                pulse.end("failed")
                raise
            pulse.end(state)
        return state

    def estimate(self, *, changed: bool) -> Estimate:
        """Return what the study will cost; its two smallest points and the largest are run for that, and stay done.

        Raises InputError as ``sweep`` does.
        """
        prepared = self._planned(changed=changed)
        with sole_coordinator(self._folder.path, now()) as pulse, self._stop.listening():
            self._folder.begin(self._loaded, prepared)
            found = estimate(self._loaded, prepared, self._folder)
            pulse.end("finished")
        return found

    def _planned(self, *, changed: bool) -> list[Prepared]:
        """Return the points that are known so far, with nothing written. Raises InputError with all that is wrong."""
        if mistake := self._folder.mistake():
            raise InputError(mistake)
        refuse_second(self._folder.path)
        if not changed:
            self._refuse(self._folder.changed(self._loaded))
        prepared = points_of(self._loaded, self._rows())
        if not changed:
            self._refuse(self._folder.changed_files(prepared))
        return prepared

    def _refuse(self, differences: Sequence[str]) -> None:
        if not differences:
            return
        listed = [Problem(f"the base has changed: {one}", str(self._loaded.path)) for one in differences[:MOST_LISTED]]
        rest = f", and {len(differences) - MOST_LISTED} more changes" if len(differences) > MOST_LISTED else ""
        listed[-1] = replace(listed[-1], message=f"{listed[-1].message}{rest}", suggestion=_WAYS_ON)
        raise InputError(listed)

    def _begin(self, prepared: Sequence[Prepared], *, retry_failed: bool) -> None:
        self._folder.begin(self._loaded, prepared)
        self._points = [one.point for one in prepared]
        if retry_failed:
            for point_id in self._in_state("failed", self._points):
                (self._folder.of(point_id) / "failed.json").unlink(missing_ok=True)
        ids = dict.fromkeys(point.id for point in self._points)
        states = [self._folder.state(point_id) for point_id in ids]
        self.count = Count(len(ids), states.count("done"), states.count("failed"))
        if self._design.adaptive:
            self.count.points = max(len(ids), self._design.count(self._loaded.space) * self._loaded.study.replications)

    def _rows(self) -> Sequence[Units]:
        """Return the rows to begin with: of a search that goes on those that it has chosen already."""
        chosen = self._chosen() if self._design.adaptive else ()
        return chosen or self._design.next(self._loaded.space, ())

    def _chosen(self) -> Sequence[Units]:
        rows = {point.row: point.units for point in self._folder.design()}
        if not rows or not _same_search(self._folder.study(), self._loaded.study):
            return ()
        return [rows[row] for row in sorted(rows)][: self._design.count(self._loaded.space)]

    def _run(self, pulse: Pulse, watch: Callable[[], None]) -> None:
        batches = self._batches()
        first = next(batches, None)
        if first is None:
            return  # all is there: no worker is asked for
        self._engine = Engine(self.cluster, self._orders(pulse.token), self._loaded.study.retries, self._warn)
        with self._engine.open():
            for batch in chain((first,), batches):
                self._engine.run(batch, self._told, lambda: self._go_on(watch))
                if self._stop.asked:
                    return

    def _batches(self) -> Iterator[list[str]]:
        """Yield what is to be run next, until the design knows nothing more."""
        new = self._points
        while True:
            if open_ids := self._in_state("open", new):
                yield open_ids
            rows = self._next_rows()
            if not rows:
                self.count.points = len({point.id for point in self._points})  # a search may end early
                return
            prepared = points_of(self._loaded, rows, 1 + self._points[-1].row)
            self._folder.prepare(prepared)
            new = [one.point for one in prepared]
            self._points += new

    def _next_rows(self) -> Sequence[Units]:
        if not self._design.adaptive:
            return ()
        self._results = told_of(self._folder, self._loaded, self._points, self._results)
        return self._design.next(self._loaded.space, self._results)

    def _in_state(self, state: Literal["open", "failed"], points: Iterable[Point]) -> list[str]:
        ids = dict.fromkeys(point.id for point in points)
        return [point_id for point_id in ids if self._folder.state(point_id) == state]

    def _orders(self, token: str) -> Orders:
        study = self._loaded.study
        memory_bytes = None if study.memory_GB is None else round(study.memory_GB * 1e9)
        folder = str(self._folder.path)
        return Orders(f"sweep-{token}", folder, token, version(), study.timeout_s, memory_bytes, study.keep)

    def _told(self, outcome: Outcome, failures: int) -> None:
        if outcome.state == "failed":
            write_result(self._folder.of(outcome.point_id), outcome.result(failures))
            self.count.failed += 1
        else:
            self.count.done += 1
        self.count.ended_here += 1

    def _go_on(self, watch: Callable[[], None]) -> bool:
        watch()
        return not self._stop.asked

    def _progress(self) -> Mapping[str, Any]:
        """Return what the folder tells others of this process."""
        count, engine = self.count, self._engine
        return {
            "on": self.cluster.describe(),
            "workers": engine.workers if engine else 0,
            "dashboard": engine.dashboard if engine else "",
            "points": count.points,
            "done": count.done,
            "failed": count.failed,
            "left_s": count.left_s,
            "running": [one.told() for one in engine.running()] if engine else [],
        }


_WAYS_ON = "points of this study were made before: --changed goes on with the new base, -o begins in another folder"


def _same_search(one: Study, other: Study) -> bool:
    """Whether two studies search in the same way in the same space, one perhaps for longer."""
    if (type(one.design), one.seed, one.factors) != (type(other.design), other.seed, other.factors):
        return False
    return one.design == other.design.model_copy(update={"points": getattr(one.design, "points", None)})
