"""A site's bus coupled to any interface that python-can knows, paced to real time, so that a real ECU takes part.

The outside world is one node of the network (``outside``): what the interface receives is released as that node's
frames, and takes part in arbitration like all others; what other nodes have sent goes out of the interface once it was
seen on the simulated bus.

What this costs in time: a frame enters and leaves at the first step after its instant, so one ``period_ns`` later at
the most, plus what the operating system takes. Frames of the interface have an arbitration of their own there, on a bus
whose load is the real one. Errors do not cross: a destroyed frame is repeated on its own side.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import can
import numpy as np

from twin.network.engines.engine import Engine
from twin.network.engines.records import FrameFlag
from twin.network.traces.recording import Recording


class SimulatedBus(Protocol):
    """The side of the simulation, whatever steps it: an engine alone, or a whole world with its firmware."""

    def send(self, message: can.Message, time_ns: int) -> bool:
        """Release a frame of the outside node; False if that node has no such message."""

    def advance(self, until_ns: int) -> Recording:
        """Go on to an instant, and return the frames that other nodes have sent since the last call."""


class EngineBus:
    """One segment of one site of an engine, which must be ``logged``, as a ``SimulatedBus``."""

    def __init__(self, engine: Engine, outside: int, *, site: int = 0, segment: int = 0) -> None:
        self._engine = engine
        self._outside = outside
        self._segment = segment
        self._row = np.array([site])
        self._until_ns = np.zeros(engine.count, np.int64)
        messages = engine.network.messages
        self._node = np.array([message.node for message in messages], np.int64)
        self._message = {
            (message.identifier, message.extended, message.fd, message.remote): index
            for index, message in enumerate(messages)
            if message.node == outside
        }

    def send(self, message: can.Message, time_ns: int) -> bool:
        """Release a frame of the outside node; False if that node has no such message, or none of that length."""
        kind = message.arbitration_id, message.is_extended_id, message.is_fd, message.is_remote_frame
        index = self._message.get(kind)
        if index is None or message.dlc not in self._engine.network.messages[index].lengths():
            return False
        payload = np.frombuffer(bytes(message.data).ljust(message.dlc, b"\0"), np.uint8)[None, :]
        self._engine.send(index, self._row, np.array([time_ns]), payload, length=message.dlc)
        return True

    def advance(self, until_ns: int) -> Recording:
        """Advance the site, and return the frames that other nodes have sent since the last call."""
        site = int(self._row[0])
        self._until_ns[site] = until_ns
        self._engine.advance(self._until_ns)
        frames = self._engine.take_log(site)
        theirs = (frames.segment == self._segment) & (self._node[frames.message] != self._outside)
        theirs &= frames.flags & int(FrameFlag.ERROR) == 0
        columns = {name: column[theirs] for name, column in vars(frames).items()}
        rates = [segment.bitrate_bit_s for segment in self._engine.network.segments]
        return Recording.of_log(columns, rates)


@dataclass
class Crossings:
    """What crossed the bridge, and how well time was kept."""

    sent: int = 0
    """Frames that went out of the interface."""
    unsent: int = 0
    """Frames that the interface refused."""
    received: int = 0
    """Frames that came in."""
    unknown: int = 0
    """Frames that came in and are none of the outside node's: not on the simulated bus."""
    late_ns: int = 0
    """The longest time between two steps, less the period: real time that was not kept."""


class Bridge:
    """Exchanges frames between a simulated bus and an interface."""

    def __init__(self, simulated: SimulatedBus, interface: can.BusABC) -> None:
        self._simulated = simulated
        self._interface = interface
        self._waiting: list[can.Message] = []
        self.crossings = Crossings()

    def step(self, now_ns: int) -> None:
        """Let in what the interface has received, go on to ``now_ns``, and let out what was seen by then."""
        while (message := self._interface.recv(timeout=0)) is not None:
            self._waiting.append(message)
        for message in self._waiting:
            self._let_in(message, now_ns)
        self._waiting.clear()
        for message in self._simulated.advance(now_ns).messages():
            self._let_out(message)

    def run(
        self, duration_ns: int, *, period_ns: int = 1_000_000, clock: Callable[[], int] = time.monotonic_ns
    ) -> Crossings:
        """Step every ``period_ns``, and as soon as a frame comes in, for ``duration_ns`` of real time."""
        start_ns, before_ns = clock(), 0
        while (now_ns := clock() - start_ns) < duration_ns:
            self.crossings.late_ns = max(self.crossings.late_ns, now_ns - before_ns - period_ns)
            self.step(now_ns)
            before_ns = now_ns
            next_ns = min(duration_ns, (now_ns // period_ns + 1) * period_ns)
            message = self._interface.recv(timeout=max(0, start_ns + next_ns - clock()) * 1e-9)
            if message is not None:
                self._waiting.append(message)
        self.step(duration_ns)
        return self.crossings

    def _let_in(self, message: can.Message, now_ns: int) -> None:
        if message.is_error_frame:
            return
        if self._simulated.send(message, now_ns):
            self.crossings.received += 1
        else:
            self.crossings.unknown += 1

    def _let_out(self, message: can.Message) -> None:
        message.channel = None
        try:
            self._interface.send(message)
        except can.CanError:
            self.crossings.unsent += 1
        else:
            self.crossings.sent += 1
