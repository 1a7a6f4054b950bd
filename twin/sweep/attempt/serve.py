"""Runs points one after another as lines ask for them: what a process does that lives longer than a point.

A line is the folder of a point, or ``{"folder": ..., "attempt": ...}`` with the number of the attempt. It is answered
by a line of JSON when the point's time begins, where it comes to that, and one with the outcome; both tell the resident
memory.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, TextIO

from twin.sweep.attempt.memory import resident_MB
from twin.sweep.attempt.point import run_point

if TYPE_CHECKING:
    from twin.sweep.attempt.scenario_point import Keep, Run


def serve(run: Run, keep: Keep, *, attached: bool) -> None:
    """Run the points that standard input names and answer on standard output, until the input ends.

    ``attached``: the input's end ends this process at once, in the middle of a point too, with all that it started:
    whoever asked is gone. What points read from the input is nothing, and what they print goes to standard error.
    """
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    _keep_points_off_the_lines()
    for line in _while_attached(requests) if attached else requests:
        folder, attempt = _asked(line.rstrip("\n"))
        _run_one(folder, attempt, run, keep, answers)


def _asked(line: str) -> tuple[Path, int]:
    if not line.startswith("{"):
        return Path(line).resolve(), 1
    asked = json.loads(line)
    return Path(asked["folder"]), asked["attempt"]


def _keep_points_off_the_lines() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # so that what a killed point printed is not lost


def _run_one(folder: Path, attempt: int, run: Run, keep: Keep, answers: TextIO) -> None:
    def answer(facts: Mapping[str, object]) -> None:
        print(json.dumps({**facts, "resident_MB": resident_MB()}), file=answers, flush=True)

    outcome = run_point(folder, run, attempt=attempt, keep=keep, begun=partial(answer, {"begun": True}))
    sys.stdout.flush()
    answer({"outcome": asdict(outcome)})


def _while_attached(requests: Iterable[str]) -> Iterator[str]:
    lines: SimpleQueue[str] = SimpleQueue()
    Thread(target=_listen, args=(requests, lines), daemon=True).start()
    while True:
        yield lines.get()


def _listen(requests: Iterable[str], lines: SimpleQueue[str]) -> None:
    for line in requests:
        lines.put(line)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
