"""What runs on a Dask worker: chunks of points, in a process of their own that stays from one to the next.

A chunk tells the coordinator when it starts and what came of its points as events, not as its value: so nothing has to
be fetched from a worker that may be gone by then. Whoever hears nothing looks into the study's folder, which is right.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from distributed import Worker, WorkerPlugin, get_worker
from distributed.utils import sync

from twin.sweep.attempt.point import Outcome
from twin.sweep.attempt.process import PointProcess
from twin.sweep.folder import StudyFolder

if TYPE_CHECKING:
    from twin.sweep.attempt.scenario_point import Keep


def version() -> str:
    """Return the version of bms-twin on this machine."""
    return importlib.metadata.version("bms-twin")


@dataclass(frozen=True)
class Orders:
    """What a worker must know to run a study's points; small and plain, for it crosses machines."""

    sweep: str
    """Name of this sweep among all that share the scheduler: its events and its plug-in go by it."""
    folder: str
    token: str
    """Stands in the folder's coordinator.json: a worker that reads it there sees the same folder."""
    version: str
    """Of bms-twin."""
    timeout_s: float | None
    memory_bytes: int | None
    """Of a point; a worker's share of its machine unless given."""
    keep: Keep
    probe_s: float = 20.0
    """So long a worker looks for the study's folder: network file systems show a new file late."""


class Points(WorkerPlugin):
    """Holds the processes that run a study's points on one worker: one for each of its threads."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    def setup(self, worker: Worker) -> None:
        """Take the worker's place."""
        self._worker = worker
        self._folder = StudyFolder(Path(self._orders.folder))
        self._idle: list[PointProcess] = []
        self._all: list[PointProcess] = []
        self._busy: dict[int, PointProcess] = {}
        """By the number of the chunk."""
        self._abandoned: set[int] = set()
        self._lock = threading.Lock()
        self._fit = False
        self._leaving = False

    def teardown(self, worker: Worker) -> None:
        """End the processes, and what they run: of that nothing is told, for it runs again elsewhere."""
        del worker
        self._leaving = True
        for process in [*self._all]:
            process.close()

    def run(self, number: int, points: Sequence[tuple[str, int]]) -> None:
        """Run a chunk's points that are not done yet, and tell what came of them."""
        # surely, so that it is known which point ran, should this worker die now
        self._tell(number, "started", surely=True, lifetime_s=self._worker.lifetime)
        if not self._fit and (reason := self._unfit()):
            self._tell(number, "unfit", reason=reason)
            return
        self._fit = True
        with self._process(number) as process:
            if number not in self._abandoned:
                self._run(process, number, points)

    def abandon(self, number: int) -> None:
        """End what a chunk runs here, and begin nothing more of it."""
        self._abandoned.add(number)  # first: it may be just about to begin
        if process := self._busy.get(number):
            process.close()

    def _run(self, process: PointProcess, number: int, points: Sequence[tuple[str, int]]) -> None:
        """Run the points; what failed leaves no file, so it is told before the next one can take this worker down."""
        since_s = time.monotonic()
        news: list[dict[str, object]] = []
        for outcome in self._outcomes(process, points):
            news.append(asdict(outcome))
            if outcome.state == "failed":
                self._tell(number, "told", surely=True, outcomes=news, seconds=time.monotonic() - since_s)
                since_s, news = time.monotonic(), []
        self._tell(number, "told", outcomes=news, seconds=time.monotonic() - since_s)

    def _outcomes(self, process: PointProcess, points: Sequence[tuple[str, int]]) -> Iterator[Outcome]:
        for point_id, attempt in points:
            if self._leaving or process.closed or (self._folder.path / "cancel").exists():
                return
            if self._folder.state(point_id) == "done":  # by a worker that died, or was thought dead, after it
                yield Outcome(point_id, "done")
            else:
                yield process.run(point_id, attempt)

    @contextmanager
    def _process(self, number: int) -> Iterator[PointProcess]:
        with self._lock:
            process = self._busy[number] = self._idle.pop() if self._idle else self._new()
        try:
            yield process
        finally:
            with self._lock:
                del self._busy[number]
                (self._all.remove if process.closed else self._idle.append)(process)

    def _new(self) -> PointProcess:
        share = getattr(self._worker.memory_manager, "memory_limit", None)
        process = PointProcess(
            self._folder.path,
            timeout_s=self._orders.timeout_s,
            memory_bytes=self._orders.memory_bytes or share,
            keep=self._orders.keep,
        )
        self._all.append(process)
        return process

    def _tell(self, number: int, what: str, *, surely: bool = False, **news: object) -> None:
        """Tell the coordinator; ``surely``: return only when the scheduler knows."""
        if self._leaving:
            return
        message = {"chunk": number, "what": what, "worker": self._worker.address, "host": socket.gethostname(), **news}
        if surely:
            sync(self._worker.loop, self._worker.scheduler.log_event, topic=self._orders.sweep, msg=message)
        else:
            self._worker.log_event(self._orders.sweep, message)

    def _unfit(self) -> str:
        """Say why points cannot be run here."""
        if version() != self._orders.version:
            return f"has bms-twin {version()}, the sweep {self._orders.version}"
        path = self._folder.path / "coordinator.json"
        end_s = time.monotonic() + self._orders.probe_s
        while not _holds(path, self._orders.token):
            if time.monotonic() > end_s:
                return (
                    f"does not see the study's folder {self._folder.path}; it must be on a file system that all share"
                )
            time.sleep(1.0)
        return ""


def run_chunk(sweep: str, number: int, points: Sequence[tuple[str, int]]) -> None:
    """Run a chunk on the worker that this is called on: all that is ever sent to one."""
    plugin = get_worker().plugins[sweep]
    assert isinstance(plugin, Points)
    plugin.run(number, points)


async def abandon(sweep: str, number: int, dask_worker: Worker) -> None:
    """End what a chunk runs on a worker, where it has begun."""
    plugin = dask_worker.plugins.get(sweep)
    if isinstance(plugin, Points):
        await asyncio.to_thread(plugin.abandon, number)


def dask_setup(worker: object) -> None:
    """Leave the terminal's process group when a worker starts: Ctrl-C is for the coordinator alone (a Dask preload)."""
    del worker
    os.setpgid(0, 0)


def _holds(path: Path, token: str) -> bool:
    try:
        return bool(json.loads(path.read_text(encoding="utf-8"))["token"] == token)
    except (OSError, ValueError, KeyError):
        return False
