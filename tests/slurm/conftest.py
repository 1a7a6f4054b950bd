"""A small Slurm for these tests alone, and studies that run on it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import psutil
import pytest

from twin.sweep.engine.cluster import Order
from twin.sweep.engine.clusters.slurm import Slurm
from twin.sweep.folder import StudyFolder

LAB = Path(__file__).parent / "lab"


class Lab:
    """The Slurm, and what may happen to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def ask(self, *command: str) -> list[str]:
        """Return the lines that a command of Slurm prints."""
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
        return done.stdout.splitlines()

    def jobs(self, name: str, state: str = "all") -> list[str]:
        """Return the jobs of that name that have not ended, oldest first."""
        states = () if state == "all" else ("--states", state)
        return sorted(self.ask("squeue", "--noheader", "--name", name, "--format", "%A", *states), key=int)

    def node_of(self, job: str) -> str:
        """Return where a job runs."""
        return self.ask("squeue", "--noheader", "--jobs", job, "--format", "%N")[0]

    def processes(self, job: str, of: str) -> list[psutil.Process]:
        """Return a job's processes with ``of`` in their command line."""

        def is_meant(process: psutil.Process) -> bool:
            try:
                return process.environ().get("SLURM_JOB_ID") == job and of in " ".join(process.cmdline())
            except psutil.Error:
                return False

        return [process for process in psutil.process_iter() if is_meant(process)]

    def cut_power(self, node: str) -> None:
        """Kill all that runs on a node at once: jobs, their keepers and the node's own daemon."""
        os.kill(int((self.folder / "run" / f"slurmd-{node}.pid").read_text()), signal.SIGKILL)
        for process in psutil.process_iter():
            try:
                mine = process.environ().get("SLURM_CONF") == str(self.folder / "slurm.conf")
                if mine and process.environ().get("SLURMD_NODENAME") == node:
                    process.kill()
            except psutil.Error:
                continue

    def power_on(self, node: str) -> None:
        """Have a node come back."""
        log = (self.folder / "log" / f"slurmd-{node}.log").open("a")
        daemon = shutil.which("slurmd", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"]))
        assert daemon, "the lab has installed it"
        command = [daemon, "-c", "-N", node, "-f", str(self.folder / "slurm.conf")]
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True, timeout=30)


class Sweep:
    """``twin sweep`` of a study, as a process of its own."""

    def __init__(self, study: Path, site: Path) -> None:
        self.folder = StudyFolder(study.parent / "run")
        self.log = study.parent / "sweep.log"
        self.hurry = study.parent / "hurry"
        """Once it is there, points take no time any more."""
        self._command = [sys.executable, "-m", "twin", "sweep", str(study), "-o", str(self.folder.path), "--quiet"]
        self._command += ["--on", "slurm", "--site", str(site)]

    def start(self) -> Sweep:
        """Begin it, or go on with it."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log, start_new_session=True)
        return self

    @cached_property
    def name(self) -> str:
        """What its jobs are called."""
        return Slurm(Order("slurm", self.folder.path.resolve())).job_name

    def done(self) -> list[str]:
        """Return the points that are done."""
        ids = dict.fromkeys(point.id for point in self.folder.design())
        return [point_id for point_id in ids if self.folder.state(point_id) == "done"]

    def until(self, there: Callable[[], bool], limit_s: float = 60.0) -> None:
        """Wait for something while it runs."""
        end_s = time.monotonic() + limit_s
        while not there():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end_s, f"{len(self.done())} points done; {self.log.read_text()}"
            time.sleep(0.2)

    def end(self, limit_s: float = 120.0) -> int:
        """Wait for its end and return its exit code."""
        return self.process.wait(limit_s)

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    # Short, because it holds sockets, and not below pytest's own folder, which is for one user only.
    folder = Path(tempfile.mkdtemp(prefix="lab-", dir="/tmp"))
    up = subprocess.run([LAB / "up.sh", folder], capture_output=True, text=True, timeout=180, check=False)
    assert up.returncode == 0, up.stderr
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    try:
        yield Lab(folder)
    finally:
        subprocess.run([LAB / "down.sh", folder], timeout=60, check=False)
        del os.environ["SLURM_CONF"]
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sweep(lab: Lab, tmp_path: Path) -> Iterator[Callable[..., Sweep]]:
    """Return a maker of sweeps, as ``slow_study`` makes them."""
    made: list[Sweep] = []

    def make(points: int, wait_s: float, site: str) -> Sweep:
        made.append(slow_study(tmp_path, points, wait_s, site))
        return made[-1]

    yield make
    for one in made:
        one.kill()


@pytest.fixture(scope="session")
def short_jobs(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sweep]:
    """Yield a sweep with one point that takes longer than a job may; it runs beside other tests, as it mostly waits.

    Slurm's shortest time is a minute; a worker leaves 15 s before it.
    """
    study = slow_study(tmp_path_factory.mktemp("short"), 1, 0.1, "jobs: 1\nwalltime_s: 60\n")
    file = study.hurry.with_name("slow.yaml")
    text = file.read_text().replace("[0.1]", "[0.1, 300.0, 0.2, 0.3]").replace("retries: 5", "retries: 0")
    text = text.replace("{kind: range, low: 0, high: 1}", "{kind: values, values: [0]}")
    file.write_text(text.replace("{kind: random, points: 1}", "{kind: grid}"))
    yield study.start()
    study.kill()


def slow_study(folder: Path, points: int, wait_s: float, site: str) -> Sweep:
    """Return a sweep, not yet begun, of points that take a stated time, with further lines for the site file."""
    (folder / "slow.py").write_text(SLOW.format(hurry=folder / "hurry"))
    study = folder / "slow.yaml"
    study.write_text(STUDY.format(points=points, wait_s=wait_s))
    (folder / "site.yaml").write_text(f"queue: main\ninterface: lo\nmemory_GB: 1\nask_every_s: 1\n{site}")
    return Sweep(study, folder / "site.yaml")


SLOW = """\
import time
from pathlib import Path


def respond(seed: int, x: float, wait_s: float) -> dict[str, float]:
    time.sleep(0.0 if Path("{hurry}").exists() else wait_s)
    return {{"y": 2 * x + seed}}
"""
STUDY = """\
name: slow points
base: slow.py
factors:
  x: {{kind: range, low: 0, high: 1}}
  wait_s: {{kind: values, values: [{wait_s}]}}
design: {{kind: random, points: {points}}}
retries: 5
responses:
  y: {{objective: minimize}}
"""
