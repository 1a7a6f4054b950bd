"""Runs points on Dask workers: each at least once, whatever dies.

The study's folder is the truth: a point is done when its file is there. What workers tell is news, and may be lost.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import dask
from distributed import Client, Future
from distributed.scheduler import KilledWorker

from twin.errors import SimulationError
from twin.sweep.attempt.point import Outcome
from twin.sweep.engine.chunks import Chunk, Chunks
from twin.sweep.engine.cluster import Cluster
from twin.sweep.engine.worker import Orders, Points, abandon, run_chunk
from twin.sweep.folder import StudyFolder

UPKEEP_S = 5.0
ANSWER_S = 10.0
"""So long a scheduler may take to answer."""
UNFIT = 3
"""So many workers in a row that cannot run points, and nothing that runs: those that follow will be no better."""
SETTINGS = {
    "distributed.scheduler.allowed-failures": 0,  # Dask blames all that waited at a dead worker; Chunks knows better
    "distributed.scheduler.worker-ttl": "60s",  # a node without power: nobody closes its connection
    "distributed.scheduler.worker-saturation": 1.0,
    # Dask looks once, so long after a worker was lost, whether one of its name is there, and else gives it up for good:
    # also one that came back and was lost again just then. Its nanny, or the cluster, brings it back.
    "distributed.deploy.lost-worker-timeout": 1e9,
    "distributed.admin.low-level-log-length": 1000,
}


@dataclass
class Flight:
    """A chunk on its way."""

    chunk: Chunk
    future: Future
    started: bool = False
    worker: str = ""
    host: str = ""
    since_s: float = 0.0
    lifetime_s: float | None = None
    """After which its worker leaves, as the queue would end its job; None where nobody set a time."""
    outcomes: list[Outcome] = field(default_factory=list)


@dataclass(frozen=True)
class Running:
    """What a worker runs now."""

    worker: str
    host: str
    points: tuple[str, ...]
    seconds: float

    def told(self) -> dict[str, Any]:
        """Return it as coordinator.json tells it."""
        return {
            "host": self.host,
            "worker": self.worker,
            "points": list(self.points),
            "seconds": round(self.seconds, 1),
        }


@dataclass
class Engine:
    """Dask's side of a sweep; points are told only when nothing about them can change any more."""

    cluster: Cluster
    orders: Orders
    retries: int
    warn: Callable[[str], None]
    dashboard: str = field(init=False, default="")
    workers: int = field(init=False, default=0)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Have workers, and let them go. Raises SimulationError where no scheduler answers."""
        self._folder = StudyFolder(Path(self.orders.folder))
        self._chunks = Chunks(self.retries)
        self._flights: dict[int, Flight] = {}
        self._inbox: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._looked_s = 0.0
        self._ran = False
        self._workers: Mapping[str, int] = {}
        self._unfit: dict[str, str] = {}
        self._hopeless: SimulationError | None = None
        with ExitStack() as stack:
            stack.enter_context(_quiet())
            stack.enter_context(dask.config.set(SETTINGS))
            reached = stack.enter_context(self.cluster.open())
            try:
                self._client = stack.enter_context(Client(reached, timeout=ANSWER_S, set_as_default=False))
            except OSError as error:  # also what Dask raises where nobody answers in time
                raise SimulationError(f"no Dask scheduler answers at {reached}: {error}") from None
            self.dashboard = self._client.dashboard_link
            self._client.subscribe_topic(self.orders.sweep, self._event)
            self._client.register_plugin(Points(self.orders), name=self.orders.sweep)
            stack.callback(self._leave)
            yield

    def run(self, point_ids: Iterable[str], told: Callable[[Outcome, int], None], go_on: Callable[[], bool]) -> None:
        """Run points until each is done or given up.

        ``told`` gets each final outcome once, with the number of attempts that failed. ``go_on`` is asked at least
        twice a second; when it says no, nothing new is begun, and this returns when what runs has ended. Raises
        SimulationError where no worker can run points: then too when what runs has ended; or the scheduler is gone.
        """
        self._told = told
        self._chunks.add(point_ids)
        while not self._chunks.empty:
            wanted = go_on() and not self._hopeless
            self._look_after_workers(replace=wanted)
            if wanted:
                self._send()
            elif not self._withdrawn():
                break
            self._hear()
        if self._hopeless and not self._chunks.empty:
            raise self._hopeless

    def running(self) -> tuple[Running, ...]:
        """Return what runs now, the longest first."""
        now_s = time.monotonic()
        flights = sorted((one for one in list(self._flights.values()) if one.started), key=lambda one: one.since_s)
        return tuple(
            Running(one.worker, one.host, tuple(point for point, _ in one.chunk.points), now_s - one.since_s)
            for one in flights
        )

    def _look_after_workers(self, *, replace: bool) -> None:
        """Count them now and then, and have those that were lost replaced."""
        now_s = time.monotonic()
        if replace and self._workers and now_s - self._looked_s < UPKEEP_S:
            return
        self._looked_s = now_s
        if self._client.status not in ("running", "connecting"):
            raise SimulationError("the Dask scheduler is gone; the same command again goes on where this stopped")
        self._workers = self._client.nthreads()
        self.workers = sum(self._workers.values())
        try:
            if replace:
                self.cluster.keep()
        except SimulationError as error:
            self._hopeless = error

    def _send(self) -> None:
        while chunk := self._chunks.next(self.workers):
            key = f"{self.orders.sweep}-{chunk.number}"
            future = self._client.submit(
                run_chunk, self.orders.sweep, chunk.number, chunk.points, key=key, pure=False, retries=0
            )
            self._flights[chunk.number] = Flight(chunk, future)
            number = chunk.number
            future.add_done_callback(lambda _, number=number: self._inbox.put(lambda: self._ended(number)))

    def _hear(self) -> None:
        """Wait a moment for news, and take in all that is there."""
        try:
            self._inbox.get(timeout=0.5)()
            while True:
                self._inbox.get_nowait()()
        except Empty:
            return

    def _event(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Pass on an event of a worker; called from Dask's thread."""
        self._inbox.put(lambda: self._heard(event[1]))

    def _heard(self, news: Mapping[str, Any]) -> None:
        flight = self._flights.get(news["chunk"])
        if flight is None:
            return
        if news["what"] == "started":
            self._began(flight, news)
        elif flight.future.cancelled():
            return  # what it tells of the end that was put to it
        elif news["what"] == "told":
            self._ran, self._unfit = True, {}
            flight.outcomes += [Outcome(**outcome) for outcome in news["outcomes"]]
            if news["outcomes"]:
                self._chunks.took(news["seconds"], len(news["outcomes"]))
        else:
            self._dismiss(flight, f"the worker on {news['host']} {news['reason']}")

    def _began(self, flight: Flight, news: Mapping[str, Any]) -> None:
        """Note who runs a chunk; if another did before, that one left, and Dask moved what it left."""
        cut = [*self._found(flight, _left(flight))] if flight.started else []
        flight.started, flight.since_s = True, time.monotonic()
        flight.worker, flight.host, flight.lifetime_s = news["worker"], news["host"], news["lifetime_s"]
        failed = [outcome for outcome in cut if outcome.state == "failed"]
        if failed and not self._chunks.cut(failed[0].point_id):
            flight.outcomes += cut
            self._abandon(flight)

    def _abandon(self, flight: Flight) -> None:
        """Have a worker end what it runs: else it would be busy with that for as long as it lives."""
        flight.future.cancel()
        with suppress(OSError, TimeoutError):  # the worker may be gone
            self._client.run(
                abandon, self.orders.sweep, flight.chunk.number, workers=[flight.worker], on_error="ignore"
            )

    def _dismiss(self, flight: Flight, reason: str) -> None:
        """Let a worker go that cannot run points: an error where none ever could, or none any more."""
        if not self._ran:
            raise SimulationError(reason)
        if reason not in self._unfit.values():
            self.warn(f"{reason}: it is let go")
        self._unfit[flight.worker] = reason
        flight.started = False
        flight.future.cancel()  # Dask keeps a worker that alone holds what a task gave
        self._client.retire_workers(workers=[flight.worker], close_workers=True, remove=True)
        if len(self._unfit) >= UNFIT and not self.running():
            self._hopeless = SimulationError(f"{reason}; {len(self._unfit)} workers in a row could not run points")

    def _ended(self, number: int) -> None:
        flight = self._flights.pop(number, None)
        if flight is None:
            return
        found = self._found(flight, self._reason(flight))
        flight.future.release()
        for outcome in self._chunks.over(number, [*flight.outcomes, *found]):
            self._told(outcome, self._chunks.attempts(outcome.point_id))

    def _reason(self, flight: Flight) -> str:
        """Say why a chunk ended without a word; empty where nobody is to blame."""
        if flight.future.status == "error":
            error = flight.future.exception()
            if isinstance(error, KilledWorker):
                return f"its worker on {flight.host or 'an unknown host'} was lost while it ran"
            if not flight.started:
                raise SimulationError(f"a worker cannot run points: {type(error).__name__}: {error}")
            return f"its worker failed: {type(error).__name__}: {error}"
        return ""

    def _found(self, flight: Flight, reason: str) -> Iterator[Outcome]:
        """Yield what there is of points of which nothing was told.

        They ran in order, so the first of them that is open was running: that one is blamed, if any.
        """
        told = {outcome.point_id for outcome in flight.outcomes}
        blamed = not (reason and flight.started)
        for point_id, _ in flight.chunk.points:
            if point_id in told:
                continue
            if self._folder.state(point_id) == "done":
                yield Outcome(point_id, "done")
            elif not blamed:
                blamed = True
                seconds = time.monotonic() - flight.since_s
                yield Outcome(point_id, "failed", reason, again=True, seconds=seconds, host=flight.host)

    def _withdrawn(self) -> bool:
        """Take back what no worker has begun, or one that has left, and say whether anything still runs."""
        for flight in self._flights.values():
            if not (flight.started and flight.worker in self._workers):
                flight.future.cancel()
        return bool(self._flights)

    def _leave(self) -> None:
        """Leave nothing on a scheduler that goes on without us."""
        with suppress(OSError, TimeoutError):
            self._client.cancel([flight.future for flight in self._flights.values()])
            self._client.unregister_worker_plugin(self.orders.sweep)


def _left(flight: Flight) -> str:
    """Say what became of a point that Dask moved, as it does where a worker leaves in good order."""
    lost = (
        f"its worker on {flight.host} was lost while it ran, {time.monotonic() - flight.since_s:.0f} s after it began"
    )
    if flight.lifetime_s is None:
        return f"{lost}: the worker died, its walltime was over, or somebody let it go"
    return f"{lost}: a worker here leaves after {flight.lifetime_s:.0f} s, before its job's walltime is over"


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's log to itself: what matters of it is told in the study's own words."""
    loggers = [logging.getLogger(name) for name in ("distributed", "tornado.application", "asyncio")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
