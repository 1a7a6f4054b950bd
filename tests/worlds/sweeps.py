"""Studies of a Python function that writes down each of its calls, and ``twin sweep`` of them as another process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from tests.worlds.command import ROOT
from twin.sweep.folder import StudyFolder

PATIENCE_S = 60.0


class SmallStudy:
    """A study whose factor ``x`` counts from 0; ``body`` is what its function does with it."""

    def __init__(self, folder: Path, points: int, body: str = "pass", *, extra: str = "") -> None:
        self.path = folder / "small.yaml"
        self.folder = StudyFolder(folder / "run")
        self.calls_file = folder / "calls.txt"
        self.calls_file.touch()
        (folder / "base.py").write_text(
            f"import os, signal, time\ndef respond(seed, x):\n    with open({str(self.calls_file)!r}, 'a') as file:\n"
            f"        file.write(f'{{x}}\\n')\n    {body}\n    return {{'y': 2 * x}}\n"
        )
        self.path.write_text(
            f"name: small\nbase: base.py\nfactors:\n  x: {{kind: values, values: {list(range(points))}}}\n"
            f"design: {{kind: grid}}\nresponses:\n  y: {{}}\n{extra}"
        )

    def calls(self) -> Counter[int]:
        """Return how often the function has been called with each ``x``."""
        return Counter(int(line) for line in self.calls_file.read_text().split())

    def in_state(self, state: str) -> set[int]:
        """Return the ``x`` of the points that are done, failed or open."""
        points = self.folder.design()
        return {int(str(point.factors["x"])) for point in points if self.folder.state(point.id) == state}


class Sweep:
    """A ``twin sweep`` under way in a process of its own, and those that it started."""

    def __init__(self, study: SmallStudy, *arguments: str) -> None:
        self._study = study
        self._output = (study.path.parent / "output.txt").open("w+")
        command = [sys.executable, "-m", "twin", "sweep", str(study.path), "-o", str(study.folder.path), *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
        self.process = subprocess.Popen(
            command, stdout=self._output, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
        self._family: set[psutil.Process] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._look()
        for process in (self.process, *self._family):
            if process.pid and psutil.pid_exists(process.pid):
                process.kill()
        self.process.wait()
        self._output.close()

    def until(self, happened: Callable[[], bool], what: str) -> None:
        """Wait for something."""
        end_s = time.monotonic() + PATIENCE_S
        while not happened():
            assert time.monotonic() < end_s, f"{what} did not happen:\n{self.said()}"
            time.sleep(0.05)

    def until_done(self, points: int) -> None:
        """Wait until so many points are done."""

        def enough() -> bool:
            assert self.process.poll() is None, f"ended before {points} points were done:\n{self.said()}"
            return (self._study.folder.path / "design.jsonl").exists() and len(self._study.in_state("done")) >= points

        self.until(enough, f"{points} points done")

    def workers(self) -> list[psutil.Process]:
        """Return the Dask workers."""
        return self._named("spawn_main")

    def children(self) -> list[psutil.Process]:
        """Return the processes that run points."""
        return self._named("--attached")

    def orphans(self) -> set[psutil.Process]:
        """Return those of its processes that still run."""
        return {
            process for process in self._family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        }

    def ends(self) -> int:
        """Wait until it ends, and return its exit code."""
        return self.process.wait(PATIENCE_S)

    def said(self) -> str:
        """Return what it has printed so far."""
        return Path(self._output.name).read_text()

    def _named(self, word: str) -> list[psutil.Process]:
        self._look()
        found = []
        for process in self._family:
            try:
                if any(word in part for part in process.cmdline()) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def _look(self) -> None:
        try:
            self._family |= set(psutil.Process(self.process.pid).children(recursive=True))
        except psutil.NoSuchProcess:
            return
