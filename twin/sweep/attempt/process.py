"""A child process that runs points one after another, so that none has to pay for a start.

A point may end its process, eat memory or never come back: then the child is killed with all that it started, the
outcome says why, and the next point gets a new child. A child ends by itself, at once, when its parent is gone: the
pipe that it reads ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import IO, TYPE_CHECKING, Any, Final

import psutil

from twin.sweep.attempt.attempts import remove_dead
from twin.sweep.attempt.point import Outcome, now
from twin.sweep.folder import StudyFolder

if TYPE_CHECKING:
    from twin.sweep.attempt.scenario_point import Keep

START_S: Final = 300.0
"""A start may take that long: imports from a busy network disk do."""
LOOK_S: Final = 0.5
"""Between two looks at a child under way, at the least."""
LOOKING_SHARE: Final = 0.01
"""Of the time that looking may take: on a large machine it is slow to say who is whose child."""
RETAINED_MB: Final = 1000.0
"""A child that keeps so much more than it began with is replaced, or half of what its limit leaves."""
LONGEST_LOG: Final = 2**20
"""Bytes of what a failed point printed that are kept: the last."""
LARGEST_LOG: Final = 64 * 2**20
"""A log that has grown to this while a point is under way begins anew."""
THREADS: Final = dict.fromkeys(
    (
        *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
        *("VECLIB_MAXIMUM_THREADS", "ARROW_NUM_THREADS", "POLARS_MAX_THREADS", "NUMBA_NUM_THREADS"),
    ),
    "1",
)
"""One thread a point, as there is a worker a core; libraries read these when they are imported."""


class PointProcess:
    """Runs points of a study in a child process, one at a time, each to an outcome; it has none before the first.

    ``timeout_s``: longest time of a point on the wall; ``memory_bytes``: most resident memory of a point's process and
    those that it started; beyond, it is killed. Points shorter than ``LOOK_S`` are not looked at.
    """

    def __init__(
        self,
        study_folder: Path,
        *,
        timeout_s: float | None = None,
        memory_bytes: int | None = None,
        keep: Keep = "results",
    ) -> None:
        self._study = StudyFolder(study_folder.resolve())
        self._limits = Limits(timeout_s, None if memory_bytes is None else memory_bytes / 1e6)
        self._keep: Keep = keep
        self._child: _Child | None = None
        self._closed = False
        self._busy = Lock()

    def __enter__(self) -> PointProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, point_id: str, attempt: int = 1) -> Outcome:
        """Make an attempt at a point, and return what came of it; never raises for what goes wrong there."""
        with self._busy:
            try:
                child = self._living_child()
            except OSError as mistake:
                return Outcome(point_id, "failed", f"no process for it can be started: {mistake}", again=True)
            if self._closed:
                self._drop()
                return Outcome(point_id, "failed", "stopped before it began", again=True)
            return self._run(child, self._study.of(point_id), attempt)

    @property
    def closed(self) -> bool:
        """Whether it runs nothing any more."""
        return self._closed

    def close(self) -> None:
        """End the child. From another thread than the one that is in ``run``: that returns soon, with a failure."""
        self._closed = True
        if child := self._child:
            child.kill()
        with self._busy:
            self._drop()

    def _run(self, child: _Child, folder: Path, attempt: int) -> Outcome:
        watch = _Watch(child, self._limits)
        try:
            outcome = watch.outcome({"folder": str(folder), "attempt": attempt})
        except _LostError as end:
            outcome = watch.failure(folder.name, "stopped" if self._closed else str(end))
            child.end()
            remove_dead(folder)
        child.hand_over_log(folder / "log.txt", wanted=outcome.state == "failed")
        if watch.over:
            self._drop()
        return outcome

    def _living_child(self) -> _Child:
        if self._child is None or not self._child.lives:
            self._drop()
            self._child = _Child(self._keep)
        return self._child

    def _drop(self) -> None:
        child, self._child = self._child, None
        if child:
            child.free()


@dataclass(frozen=True)
class Limits:
    """Of one point; None: as much as there is."""

    timeout_s: float | None
    memory_MB: float | None

    def retained_MB(self, began_MB: float) -> float:
        """Return what a child may hold between points that began with ``began_MB``."""
        left_MB = float("inf") if self.memory_MB is None else max(self.memory_MB - began_MB, 0.0) / 2
        return began_MB + min(RETAINED_MB, left_MB)


class _LostError(Exception):
    """The child has ended, or must: why."""


class _Child:
    """The process, its pipes, and the file that takes what points print."""

    def __init__(self, keep: Keep) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by free()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "twin", "point", "-", "--attached", "--keep", keep],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,
            env={**THREADS, **os.environ},
            start_new_session=True,  # not reached by Ctrl-C; and what it starts ends with it
        )
        assert self._process.stdin
        assert self._process.stdout
        self._requests, self._answers = self._process.stdin, self._process.stdout
        self._ready = select.poll()
        self._ready.register(self._answers, select.POLLIN)
        self._read = b""
        self.began_MB: float | None = None
        """Resident memory when its first point began."""

    def send(self, request: str) -> None:
        """Ask for a point. Raises _LostError."""
        self._log.seek(0)  # of both processes: they share one open file
        self._log.truncate()
        try:
            self._requests.write(f"{request}\n".encode())
        except BrokenPipeError:
            raise _LostError(self.death()) from None

    def line(self, patience_s: float) -> str | None:
        """Return the next line of an answer, or None where it does not come in time. Raises _LostError."""
        if b"\n" not in self._read and self._ready.poll(max(patience_s, 0.0) * 1e3):
            data = os.read(self._answers.fileno(), 65536)
            if not data:
                raise _LostError(self.death())
            self._read += data
        line, found, rest = self._read.partition(b"\n")
        if not found:
            return None
        self._read = rest
        return line.decode()

    @property
    def lives(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def death(self) -> str:
        """Return how the process ended, in words."""
        try:
            code = self._process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            return "does not answer any more"
        if code >= 0:
            said = self._tail().decode(errors="replace").strip().rpartition("\n")[2]
            return f"ended with exit code {code}" + (f": {said[:500]}" if said else "")
        guess = ", maybe out of memory" if -code == signal.SIGKILL else ""
        return f"killed by signal {-code} ({signal.Signals(-code).name}){guess}"

    def resident_MB(self) -> float:
        """Return the resident memory of the process and of those that it started."""
        total = 0
        with contextlib.suppress(psutil.Error):
            own = psutil.Process(self._process.pid)
            for one in (own, *own.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    total += one.memory_info().rss
        return total / 1e6

    def begin_log_anew(self) -> None:
        """Forget what the point under way has printed, if that is too much."""
        if os.fstat(self._log.fileno()).st_size > LARGEST_LOG:
            self._log.seek(0)
            self._log.truncate()

    def hand_over_log(self, place: Path, *, wanted: bool) -> None:
        """Put what the point printed into a file, or remove the one of an attempt before."""
        with contextlib.suppress(OSError):
            text = self._tail() if wanted else b""
            if text:
                place.write_bytes(text)
            else:
                place.unlink(missing_ok=True)

    def _tail(self) -> bytes:
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), LONGEST_LOG, max(0, size - LONGEST_LOG))

    def kill(self) -> None:
        """Kill the process and all that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # PermissionError: macOS, of a dead one
            os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> None:
        """Kill the process, and wait until it is gone."""
        self.kill()
        self._process.wait()

    def free(self) -> None:
        """End the process and close what was open to it."""
        self.end()
        for file in (self._requests, self._answers, self._log):
            file.close()


class _Watch:
    """One attempt under way: its time, its memory, and when it has to end."""

    def __init__(self, child: _Child, limits: Limits) -> None:
        self._child, self._limits = child, limits
        self._begun = False
        self._since_s = time.monotonic()
        self._gap_s = LOOK_S
        self._peak_MB = 0.0
        self._started = now()
        self.over = True
        """Whether the child must not be asked again."""

    def outcome(self, request: Mapping[str, object]) -> Outcome:
        """Return what the child answers. Raises _LostError where it dies, or must."""
        self._child.send(json.dumps(request))
        answer = self._answer()
        if "outcome" not in answer:
            self._begin(answer["resident_MB"])
            answer = self._answer()
        began_MB = self._child.began_MB or answer["resident_MB"]
        self.over = answer["resident_MB"] > self._limits.retained_MB(began_MB)
        return Outcome(**answer["outcome"])

    def failure(self, point_id: str, error: str) -> Outcome:
        """Return the outcome where the child cannot tell it."""
        seconds = time.monotonic() - self._since_s
        return Outcome(point_id, "failed", error, True, seconds, self._peak_MB, started=self._started)

    def _begin(self, resident_MB: float) -> None:
        self._begun = True
        self._since_s, self._started = time.monotonic(), now()
        if self._child.began_MB is None:
            self._child.began_MB = resident_MB

    def _answer(self) -> dict[str, Any]:
        while (line := self._child.line(min(self._gap_s, self._left_s()))) is None:
            self._look()
        found: dict[str, Any] = json.loads(line)
        return found

    def _left_s(self) -> float:
        limit_s = self._limits.timeout_s if self._begun else START_S
        return float("inf") if limit_s is None else self._since_s + limit_s - time.monotonic()

    def _look(self) -> None:
        if not self._child.lives:
            raise _LostError(self._child.death())
        if self._left_s() <= 0:
            limit = (
                f"took longer than {self._limits.timeout_s:g} s" if self._begun else f"did not begin in {START_S:g} s"
            )
            raise _LostError(limit)
        self._child.begin_log_anew()
        if self._limits.memory_MB is not None:
            self._look_at_memory(self._limits.memory_MB)

    def _look_at_memory(self, limit_MB: float) -> None:
        before_s = time.monotonic()
        resident_MB = self._child.resident_MB()
        self._gap_s = max(LOOK_S, (time.monotonic() - before_s) / LOOKING_SHARE)
        self._peak_MB = max(self._peak_MB, resident_MB)
        if resident_MB > limit_MB:
            raise _LostError(f"out of memory: used {resident_MB:.0f} MB of {limit_MB:.0f} MB")
