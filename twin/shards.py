"""A fleet cut into shards: each steps some of the sites in a process of its own, and one process writes the log.

Sites do not act on each other, and every draw is keyed by its site, so a shard computes what the whole would. Shards
send rows in blocks of the same ticks; the writer puts the blocks of all shards side by side along the site axis. After
a block a shard waits for leave to go on, and all get the same leaves: so they stop at the same tick.

Where a release is rolled out, shards meet at the decisions of the update server, which lives beside the writer: every
shard asks it at the same instants, between its blocks, and waits for its orders.
"""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from twin.bms.events import Event
from twin.build import World, build
from twin.errors import InputError, SimulationError
from twin.log import Log, Sink, Values, signals_of
from twin.ota.messages import Orders, Reports
from twin.ota.server import Columns, UpdateServer
from twin.pace import Pacing
from twin.profile import Profile
from twin.record import Column, Signal
from twin.record.rollout import ROWS_OF_SITES
from twin.run import Run, Status
from twin.scenario import Scenario

BLOCK_TICKS = 50
BLOCK_SITE_TICKS = 10_000
"""Ticks of a block at the most, and ticks times sites: some megabytes."""
AHEAD = 3
"""Blocks that a shard may be ahead of the writer, so that neither waits for the other."""


@dataclass
class Block:
    """What a shard logged during some ticks, or at the end."""

    ticks: int = 0
    rows: list[tuple[int, Mapping[str, Values]]] = field(default_factory=list)
    events: list[tuple[int, Event]] = field(default_factory=list)
    """With the number of the tick that told of it: what a bus or the server tells may have been before."""
    frames: list[tuple[int, int, Mapping[str, Values]]] = field(default_factory=list)
    """The how-manieth of its site in the block, the site, the frames."""
    tables: dict[str, Mapping[str, Column]] = field(default_factory=dict)
    status: Status | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """What a shard asks the update server."""

    time_ns: int
    reports: Reports


class Whole:
    """All sites in this process; the same interface as ``Shards``.

    ``server``: whom the sites ask for updates, if anybody.
    """

    def __init__(
        self,
        scenario: Scenario,
        sites: Sequence[int] | None,
        *,
        profile: bool,
        server: UpdateServer | None = None,
    ) -> None:
        self._scenario, self._sites, self._server = scenario, sites, server
        self._times = Profile() if profile else None
        self._run: Run | None = None
        self._world: World | None = None

    def __enter__(self) -> Whole:
        return self

    def __exit__(self, *_: object) -> None:
        if self._world:
            self._world.close()

    @property
    def seconds(self) -> Mapping[str, float]:
        """Wall time by part."""
        return self._times.seconds if self._times else {}

    def ready(self) -> None:
        """Build the world. Raises InputError with the mistakes that the parts find."""
        self._world = build(self._scenario, self._sites)

    def stop(self) -> None:
        """Stop after the tick that is under way."""
        if self._run:
            self._run.stop()

    def execute(self, sink: Sink, on_tick: Callable[[int], None]) -> Status:
        """Run to the end, or until stopped, and log everything to ``sink``."""
        assert self._world, "ready() comes first"
        if self._times:
            _watch(self._times, self._world, sink)
        log = Log(self._world, sink, round(self._scenario.record.period_s * 1e9))
        pace = self._scenario.pace
        pacing = Pacing(self._world, self._scenario, pace) if pace else None
        self._run = Run(self._world, log, on_tick, pacing, self._server)
        return self._run.execute()


def _watch(times: Profile, world: World, sink: Sink) -> None:
    times.watch(world.surroundings, "sample", "profiles")
    times.watch(world.sensing, "sample", "sensors")
    times.watch(world.controllers, "run_until", "firmware")
    times.watch(world.messages, "read", "codecs")
    times.watch(world.messages, "send", "codecs")
    times.watch(world.buses, "send", "bus")
    times.watch(world.buses, "advance", "bus")
    times.watch(world.plant, "advance", "plant")
    times.watch(sink, "append", "record")


class Shards:
    """Processes that together run all ``sites``; a context manager that leaves none behind."""

    def __init__(
        self, scenario: Scenario, parts: Sequence[Sequence[int]], *, profile: bool, server: UpdateServer | None = None
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._server = server
        self._decided: list[tuple[int, Event]] = []
        """What the server has told since the last blocks, with the number of the tick."""
        self._tick_ns = round((scenario.pace.quiet_s if scenario.pace else scenario.step_s) * 1e9)
        self._connections: list[Connection] = []
        self._counters: list[Connection] = []
        """Where each shard gets the server's orders: apart from its leaves, which come ahead of time."""
        self._processes = []
        self.seconds: dict[str, float] = {}
        most = max(len(part) for part in parts)
        block_ticks = max(1, min(BLOCK_TICKS, BLOCK_SITE_TICKS // most))
        for part in parts:
            ours, theirs = context.Pipe()
            orders, counter = context.Pipe(duplex=False)
            task = scenario, list(part), theirs, orders, block_ticks, profile
            process = context.Process(target=_serve, args=task, daemon=True)
            with _ctrl_c_blocked():
                process.start()
            theirs.close()
            orders.close()
            self._connections.append(ours)
            self._counters.append(counter)
            self._processes.append(process)
        self._stopped = False

    def __enter__(self) -> Shards:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.terminate()
            process.join()

    def ready(self) -> None:
        """Wait until every shard is built. Raises InputError with the mistakes that any of them found."""
        self._receive()

    def stop(self) -> None:
        """Stop all shards after the blocks that they have leave for."""
        self._stopped = True

    def execute(self, sink: Sink, on_tick: Callable[[int], None]) -> Status:
        """Run to the end, or until stopped, and log everything to ``sink``.

        Raises SimulationError if a shard fails or dies; what was received before is in the log.
        """
        writing = Profile()
        writing.watch(sink, "append", "record")
        for _ in range(AHEAD):
            self._give_leave()
        ticks = 0
        while True:
            answers = self._receive()
            if isinstance(answers[0], Question):
                self._decide(answers)
                continue
            blocks: list[Block] = answers
            _merge(blocks, sink, self._decided)
            self._decided = []
            if blocks[0].status:
                self._add_up([*(block.seconds for block in blocks), writing.seconds])
                return blocks[0].status
            self._give_leave()
            ticks += blocks[0].ticks
            on_tick(ticks)

    def _decide(self, questions: Sequence[Question]) -> None:
        """Let the update server decide upon what all shards report, and tell them all."""
        assert self._server, "only a scenario with a rollout asks"
        reports = Reports.joined([question.reports for question in questions])
        orders = self._server.decide(questions[0].time_ns, reports)
        tick = questions[0].time_ns // self._tick_ns
        self._decided += [(tick, event) for event in self._server.take_events()]
        for counter in self._counters:
            try:
                counter.send(orders)
            except (BrokenPipeError, ConnectionResetError):
                continue  # as below

    def _give_leave(self) -> None:
        for connection in self._connections:
            try:
                connection.send(not self._stopped)
            except (BrokenPipeError, ConnectionResetError):
                continue  # it has ended: what it sent last says how

    def _receive(self) -> list[Any]:
        answers = []
        for number, connection in enumerate(self._connections):
            try:
                answer = connection.recv()
            except (EOFError, ConnectionResetError):
                self._processes[number].join(1.0)
                code = self._processes[number].exitcode
                raise SimulationError(f"the process of shard {number} died (exit code {code})") from None
            if isinstance(answer, str):
                raise SimulationError(f"shard {number} failed:\n{answer}")
            answers.append(answer)
        problems = {problem: None for answer in answers if isinstance(answer, tuple) for problem in answer}
        if problems:
            raise InputError(problems)
        return answers

    def _add_up(self, parts: Sequence[Mapping[str, float]]) -> None:
        for part in parts:
            for name, seconds in part.items():
                self.seconds[name] = self.seconds.get(name, 0.0) + seconds


class _Outlet:
    """The sink of a shard: keeps what is logged and sends it block by block."""

    def __init__(self, connection: Connection, signals: Sequence[Signal], block_ticks: int) -> None:
        self._connection = connection
        self._dtypes = {signal.name: signal.dtype for signal in signals}
        self._block_ticks = block_ticks
        self._block = Block()
        self._ticks = 0

    def append(self, time_ns: int, values: Mapping[str, Values]) -> None:
        """Keep a row; the world goes on changing its arrays."""
        row = {name: np.array(values[name], dtype) for name, dtype in self._dtypes.items()}
        self._block.rows.append((time_ns, row))

    def event(self, event: Event) -> None:
        """Keep an event."""
        self._block.events.append((self._ticks, event))

    def frames(self, site: int, columns: Mapping[str, Values]) -> None:
        """Keep frames."""
        turn = sum(other == site for _, other, _ in self._block.frames)
        self._block.frames.append((turn, site, columns))

    def table(self, name: str, columns: Mapping[str, Column]) -> None:
        """Keep a table."""
        self._block.tables[name] = columns

    def tick(self, whole: Whole) -> None:
        """Send the block when it is full, and wait for leave to begin another."""
        self._ticks += 1
        self._block.ticks += 1
        if self._block.ticks == self._block_ticks:
            self._send()
            if not self._connection.recv():
                whole.stop()

    def finish(self, status: Status, seconds: Mapping[str, float]) -> None:
        """Send what is left."""
        self._block.status, self._block.seconds = status, seconds
        self._send()

    def _send(self) -> None:
        self._connection.send(self._block)
        self._block = Block()


class _Counter:
    """The update server as a shard sees it: at the other end of two pipes."""

    def __init__(self, connection: Connection, orders: Connection) -> None:
        self._connection, self._orders = connection, orders

    def decide(self, time_ns: int, reports: Reports) -> Orders:
        """Ask, and wait for what is decided upon the reports of all shards."""
        self._connection.send(Question(time_ns, reports))
        orders: Orders = self._orders.recv()
        return orders

    def take_events(self) -> list[Event]:
        """Return nothing: what is decided is logged by whoever decides."""
        return []

    def tables(self) -> Mapping[str, Columns]:
        """Return nothing, for the same reason."""
        return {}


@contextmanager
def _ctrl_c_blocked() -> Iterator[None]:
    """Keep Ctrl-C from a process that starts meanwhile, which inherits this; here it waits for the end."""
    resource_tracker.ensure_running()  # its start would unblock SIGINT
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(
    scenario: Scenario,
    sites: Sequence[int],
    connection: Connection,
    orders: Connection,
    block_ticks: int,
    profile: bool,
) -> None:
    """Be a shard; Ctrl-C is the writer's to decide on, and was blocked when this process began."""
    outlet = _Outlet(connection, signals_of(scenario), block_ticks)

    server = _Counter(connection, orders) if scenario.ota else None
    try:
        with Whole(scenario, sites, profile=profile, server=server) as whole:
            whole.ready()
            connection.send(None)
            status = whole.execute(outlet, lambda _: outlet.tick(whole))
            outlet.finish(status, whole.seconds)
    except InputError as error:
        connection.send(error.problems)
    except Exception:
        connection.send(traceback.format_exc())


def _merge(blocks: Sequence[Block], sink: Sink, decided: Sequence[tuple[int, Event]]) -> None:
    """Log blocks of the same ticks as one: sites side by side, the events of each tick in the order of time and site.

    ``decided``: what the update server has told meanwhile, by tick.
    """
    events = [*decided, *(told for block in blocks for told in block.events)]
    for _, event in sorted(events, key=lambda told: (told[0], told[1].time_ns, told[1].site)):
        sink.event(event)
    for rows in zip(*(block.rows for block in blocks), strict=True):
        names = rows[0][1]
        sink.append(rows[0][0], {name: np.concatenate([values[name] for _, values in rows]) for name in names})
    frames = [batch for block in blocks for batch in block.frames]
    for _, site, columns in sorted(frames, key=lambda batch: batch[:2]):
        sink.frames(site, columns)
    for name, first in blocks[0].tables.items():
        sink.table(name, {column: _joined([block.tables[name][column] for block in blocks]) for column in first})


def _joined(columns: Sequence[Column]) -> Column:
    """Return a column of all shards: one after the other where its rows are of sites, else the first shard's."""
    first = columns[0]
    if first.dims[0] not in ("site", *ROWS_OF_SITES):
        return first
    values = np.concatenate([column.values for column in columns])
    return Column(values, first.dims, first.unit, first.long_name, first.flags)
