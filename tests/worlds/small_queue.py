"""The other side: a batch queue that starts each job at once on this machine, and speaks as PBS or as LSF does.

It is called by programs named ``qsub``, ``bjobs`` and so on, that ``install`` puts into a folder. What it keeps of a
job is a file: its process group and its name. It knows one queue, ``main``, and neither users nor limits.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path


def install(folder: Path, kind: str) -> None:
    """Put the programs of a queue into ``folder``, whose jobs are kept there too."""
    (folder / "jobs").mkdir()
    for name, (of, _) in PROGRAMS.items():
        if of == kind:
            program = folder / name
            program.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} {folder}/jobs {name} "$@"\n')
            program.chmod(0o755)


def _start(jobs: Path, script: str) -> int:
    number, claimed = _claim(jobs)
    name = re.search(r"^#(?:PBS -N|BSUB -J) (\S+)", script, re.M)
    with (jobs.parent / f"job-{number}.log").open("w") as log:
        job = subprocess.Popen(
            ["bash", "-c", script], stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
        )
    claimed.write_text(f"{job.pid} {name[1] if name else '-'}")
    return number


def _claim(jobs: Path) -> tuple[int, Path]:
    """Return the next number, also where several are submitted at once."""
    for number in count(1):
        with suppress(FileExistsError):
            (jobs / str(number)).touch(exist_ok=False)
            return number, jobs / str(number)
    raise AssertionError("numbers do not end")


def _running(jobs: Path, name: str) -> list[str]:
    def runs(job: Path) -> bool:
        try:
            pid, named = job.read_text().split()
            return named == name and Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
        except (FileNotFoundError, ValueError):  # it has ended, or is just being submitted
            return False

    return [job.name for job in sorted(jobs.iterdir()) if runs(job)]


def _kill(jobs: Path, number: str) -> None:
    pid, _ = (jobs / number.split(".")[0]).read_text().split()
    os.killpg(int(pid), signal.SIGKILL)


def _qsub(jobs: Path, script: str) -> None:
    print(f"{_start(jobs, Path(script).read_text())}.here")


def _qselect(jobs: Path, _u: str, _user: str, _n: str, name: str) -> None:
    print("".join(f"{number}.here\n" for number in _running(jobs, name)), end="")


def _bsub(jobs: Path) -> None:
    print(f"Job <{_start(jobs, sys.stdin.read())}> is submitted to queue <main>.")


def _bjobs(jobs: Path, _u: str, _user: str, _j: str, name: str, *_format: str) -> None:
    if not (running := _running(jobs, name)):
        print(f"Job <{name}> is not found", file=sys.stderr)  # and yet bjobs ends with 0 where it lists by name
    print("".join(f"{number}\n" for number in running), end="")


def _known(_jobs: Path, *arguments: str) -> None:
    if arguments[-1] != "main":
        sys.exit(f"unknown queue {arguments[-1]}")


PROGRAMS: dict[str, tuple[str, Callable[..., None]]] = {
    "qsub": ("pbs", _qsub),
    "qdel": ("pbs", _kill),
    "qselect": ("pbs", _qselect),
    "qstat": ("pbs", _known),
    "bsub": ("lsf", _bsub),
    "bkill": ("lsf", _kill),
    "bjobs": ("lsf", _bjobs),
    "bqueues": ("lsf", _known),
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[2]][1](Path(sys.argv[1]), *sys.argv[3:])
