"""Makes one attempt at a point of a study: runs what its folder says, and writes ``done.json`` if that went well.

What a failure comes to is for others to say: whoever knows whether it was the last attempt.
"""

from __future__ import annotations

import importlib.metadata
import os
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from twin.errors import InputError
from twin.sweep.attempt.memory import forget_peak, peak_MB
from twin.sweep.folder import Result, write_result

if TYPE_CHECKING:
    from twin.sweep.attempt.scenario_point import Keep, Run

Numbers: TypeAlias = Mapping[str, Mapping[str, float]]
_LONGEST_ERROR: Final = 4000
"""Characters; the log tells the rest."""


def now() -> str:
    """Return the wall clock's time, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@cache
def _version() -> str:
    try:
        return importlib.metadata.version("bms-twin")
    except importlib.metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return "not installed"


@dataclass(frozen=True)
class Outcome:
    """What came of one attempt at a point."""

    point_id: str
    state: Literal["done", "failed"]
    error: str = ""
    again: bool = False
    """Whether another attempt may end better; after a mistake in the input none does."""
    seconds: float = 0.0
    """On the wall."""
    memory_MB: float = 0.0
    """Peak of resident memory, as far as it was seen."""
    started: str = field(default_factory=now)
    """ISO 8601."""
    host: str = field(default_factory=lambda: os.uname().nodename)

    def result(self, attempts: int, metrics: Numbers | None = None) -> Result:
        """Return what is to be recorded of it: of the last of so many attempts."""
        facts = (self.seconds, self.memory_MB, attempts, _version(), self.host, self.started, self.error)
        return Result(self.state, metrics or {}, *facts)


def run_point(
    folder: Path,
    run: Run,
    *,
    attempt: int = 1,
    keep: Keep = "results",
    begun: Callable[[], None] = lambda: None,
) -> Outcome:
    """Run what the folder of a point says, and record it there if it is done; one that is done already is left alone.

    ``run``: how a scenario is run into a folder. ``begun`` is called when the point's time begins: what it needs is
    imported by then. Never raises for what goes wrong in the point; that is told in the outcome, and its trace printed.
    """
    clock = _Clock(folder)
    try:
        numbers = _numbers_of(folder, run, keep)
        begun()
        if (folder / "done.json").exists():
            return clock.outcome("done")
        clock = _Clock(folder)
        metrics = numbers()
        outcome = clock.outcome("done")
        write_result(folder, outcome.result(attempt, metrics))
    except (Exception, SystemExit) as mistake:
        if (folder / "done.json").exists():  # by another attempt, which may have removed what this one worked on
            return clock.outcome("done")
        traceback.print_exc()
        return clock.outcome("failed", _said(mistake), again=not isinstance(mistake, InputError))
    return outcome


class _Clock:
    """Time and memory from here on."""

    def __init__(self, folder: Path) -> None:
        self._id, self._started, self._begun_s = folder.name, now(), time.perf_counter()
        forget_peak()

    def outcome(self, state: Literal["done", "failed"], error: str = "", *, again: bool = False) -> Outcome:
        """Return the outcome of what ends now."""
        return Outcome(
            self._id, state, error, again, time.perf_counter() - self._begun_s, peak_MB(), started=self._started
        )


def _numbers_of(folder: Path, run: Run, keep: Keep) -> Callable[[], Numbers]:
    """Return what computes a point's numbers; importing what that needs, which a Python function does without."""
    if (folder / "call.json").exists():
        from twin.sweep.attempt.python_point import respond

        return partial(respond, folder)
    if not (folder / "scenario.json").exists():  # on a network's disk it may come into sight later
        raise FileNotFoundError(f"{folder}: neither scenario.json nor call.json")
    from twin.sweep.attempt.scenario_point import simulate

    return partial(simulate, folder, run, keep)


def _said(mistake: BaseException) -> str:
    """Return an error in words: what, and where in the code if it is none of the input."""
    if isinstance(mistake, InputError):
        return str(mistake)[:_LONGEST_ERROR]
    frames = traceback.extract_tb(mistake.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(mistake).__name__}: {mistake}"[:_LONGEST_ERROR] + place
