"""One coordinator a study: a lock on its folder, and a sign of life that other hosts can read.

On one host the system holds the lock, and lets go of it when the process dies, however it does. Network file systems
may not carry locks between hosts, so there the sign of life decides: whoever gave none for a minute is taken for dead.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import psutil

from twin.errors import InputError, Problem
from twin.sweep.folder import write

BEAT_S = 2.0
DEAD_S = 60.0
"""Without a sign of life from another host; its clock may be off by some seconds, and its files come late."""
SweepState: TypeAlias = Literal["running", "finished", "cancelled", "failed"]


@dataclass(frozen=True)
class Beat:
    """A sign of life, as coordinator.json holds it."""

    token: str
    """Of this coordinator: who reads it sees the same folder."""
    started: str
    """ISO 8601."""
    state: SweepState = "running"
    host: str = field(default_factory=lambda: os.uname().nodename)
    pid: int = field(default_factory=os.getpid)
    process_started_s: float = field(default_factory=lambda: psutil.Process().create_time())
    """Tells the process from a later one with its number."""
    time_s: float = field(default_factory=time.time)
    """Of this sign, since 1970."""
    progress: Mapping[str, Any] = field(default_factory=dict)

    @property
    def alive(self) -> bool:
        """Whether the coordinator runs: seen from its host certain, from others as far as its signs tell."""
        if self.state != "running":
            return False
        if self.host != os.uname().nodename:
            return time.time() - self.time_s < DEAD_S
        try:
            return abs(psutil.Process(self.pid).create_time() - self.process_started_s) < 1.0
        except psutil.NoSuchProcess:
            return False


def beat_of(study: Path) -> Beat | None:
    """Return the last sign of life in a study's folder; None where there is none that can be read."""
    try:
        return Beat(**json.loads((study / "coordinator.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


class Pulse:
    """What a coordinator tells of itself every few seconds."""

    def __init__(self, study: Path, started: str) -> None:
        self.token = secrets.token_hex(8)
        self.progress: Callable[[], Mapping[str, Any]] = dict
        """What to tell; called from a thread of its own."""
        self._study, self._started = study, started
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._go, name="pulse", daemon=True)

    def beat(self, state: SweepState = "running") -> None:
        """Give a sign of life now."""
        beat = Beat(self.token, self._started, state, progress=self.progress())
        write(self._study / "coordinator.json", json.dumps(asdict(beat), indent=1) + "\n")

    def end(self, state: SweepState) -> None:
        """Give the last sign of life: how it ended."""
        self._stop()
        self.beat(state)

    @contextmanager
    def going(self) -> Iterator[None]:
        """Give signs of life meanwhile."""
        self.beat()
        self._thread.start()
        try:
            yield
        finally:
            self._stop()

    def _stop(self) -> None:
        self._end.set()
        self._thread.join()

    def _go(self) -> None:
        while not self._end.wait(BEAT_S):
            try:
                self.beat()
            except OSError:  # a full disk may empty again; who looks sees that the sign is old
                continue


@contextmanager
def sole_coordinator(study: Path, started: str) -> Iterator[Pulse]:
    """Be the only process that runs the study meanwhile, and yield its pulse. Raises InputError if another one is."""
    try:
        study.mkdir(parents=True, exist_ok=True)
    except OSError as mistake:
        raise InputError(Problem(f"cannot be made: {mistake.strerror}", str(study))) from None
    place = os.open(study, os.O_RDONLY)
    try:
        locked = _lock(place)
        refuse_second(study)
        if not locked:
            raise InputError(_other(study, beat_of(study)))
        pulse = Pulse(study, started)
        with pulse.going():
            yield pulse
    finally:
        os.close(place)


def refuse_second(study: Path) -> None:
    """Raise InputError if a process gives signs of life that runs the study."""
    beat = beat_of(study)
    if beat and beat.alive:
        raise InputError(_other(study, beat))


def _lock(place: int) -> bool:
    """Say whether nobody else on this host has the lock; where locks cannot be had, nobody is known to."""
    try:
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True


def _other(study: Path, beat: Beat | None) -> Problem:
    hint = f"stop it: twin sweep {study} --cancel"
    if beat is None:
        return Problem("another process is just beginning to run this study", str(study), suggestion=hint)
    ago_s = max(0.0, time.time() - beat.time_s)
    who = f"is run by process {beat.pid} on {beat.host}, which gave a sign of life {ago_s:.0f} s ago"
    if beat.host != os.uname().nodename:
        hint += f"; if it is dead, wait until that is {DEAD_S:.0f} s"
    return Problem(who, str(study), suggestion=hint)
