"""What studies cost beside their points, on a local cluster; contenders side by side in one run.

    python -m benchmarks.sweep [--rounds 3] [--only overhead long two table]

``overhead``: empty points (a Python function that returns at once), from a design's rows to their results, beside the
same points in one child process without a cluster. ``long``: points that wait for ten seconds. ``two``: points that
compute for about a second, by two workers over one, beside plain processes that do the same without any of this.
``table``: what a study of 10,000 points takes: the sweep with its memory and files, the status, the table.

The start (Dask, workers, imports) is not counted: the clock runs from the first result of every worker to the last, as
the files of the results tell it.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import psutil

from twin.sweep.attempt.process import PointProcess
from twin.sweep.coordinator import Coordinator
from twin.sweep.engine.cluster import Order, cluster_of
from twin.sweep.folder import StudyFolder
from twin.sweep.points import points_of
from twin.sweep.results.table import table_of, write_table
from twin.sweep.status import status_of
from twin.sweep.study.load import LoadedStudy, load_study

EMPTY = "pass"
LONG_S = 10.0
LONG = f"time.sleep({LONG_S})"
WORK = "sum(number * number for number in range(12_000_000))"


def load(folder: Path, points: int, does: str) -> LoadedStudy:
    """Return a study of so many points that do something."""
    folder.mkdir()
    call = f"import time\n\ndef respond(seed, x):\n    {does}\n    return {{'y': x}}\n"
    (folder / "base.py").write_text(call)
    (folder / "study.yaml").write_text(
        "name: benchmark\nbase: base.py\nfactors:\n  x: {kind: range, low: 0, high: 1}\n"
        f"design: {{kind: random, points: {points}}}\nmost_points: {points}\nresponses:\n  y: {{}}\n"
    )
    return load_study(folder / "study.yaml")


@dataclass(frozen=True)
class Swept:
    """How a sweep went."""

    workers: int
    prepare_s: float
    """From the design's rows to folders that can be run, of all points."""
    ended_s: tuple[float, ...]
    """When each point ended, in their order."""

    @property
    def pace_s(self) -> float:
        """From one result to the next, once every worker has given one."""
        first = self.workers - 1
        return (self.ended_s[-1] - self.ended_s[first]) / (len(self.ended_s) - 1 - first)


def sweep(points: int, does: str, workers: int) -> Swept:
    """Run a study."""
    with place() as folder:
        loaded = load(folder / "study", points, does)
        out = StudyFolder(folder / "out")
        cluster = cluster_of(Order("local", out.path, workers))
        prepare_s = timed(lambda: out.begin(loaded, points_of(loaded, loaded.study.design.next(loaded.space, ()))))
        assert Coordinator(loaded, out, cluster, print).sweep(_quiet, retry_failed=False, changed=False) == "finished"
        ended = sorted(path.stat().st_mtime_ns * 1e-9 for path in out.path.glob("points/*/*/done.json"))
    assert len(ended) == points
    return Swept(workers, prepare_s, tuple(ended))


def in_one_child(points: int) -> float:
    """Return how long empty points take in a process of their own, without a cluster."""
    with place() as folder:
        loaded = load(folder / "study", points, EMPTY)
        out = StudyFolder(folder / "out")
        prepared = points_of(loaded, loaded.study.design.next(loaded.space, ()))
        out.begin(loaded, prepared)
        with PointProcess(out.path) as process:
            process.run(prepared[0].point.id)
            began_s = time.perf_counter()
            for one in prepared[1:]:
                assert process.run(one.point.id).state == "done"
            return time.perf_counter() - began_s


def overhead(rounds: int) -> None:
    points = 1000
    swept: dict[int, list[Swept]] = {1: [], 2: []}
    child: list[float] = []
    for number in range(rounds):
        for workers in (1, 2) if number % 2 else (2, 1):
            swept[workers].append(sweep(points, EMPTY, workers))
        child.append(in_one_child(points) / points)
    prepare_s = median([one.prepare_s / points for one in (*swept[1], *swept[2])])
    paces = {workers: median([one.pace_s for one in found]) for workers, found in swept.items()}
    print(f"{points} empty points, ms a point: prepared in {1e3 * prepare_s:.2f}; ", end="")
    print(f"run by 1 worker {1e3 * paces[1]:.2f}, by 2 workers {1e3 * paces[2]:.2f}: ", end="")
    print(f"together {1e3 * (prepare_s + paces[1]):.2f} and {1e3 * (prepare_s + paces[2]):.2f} (aim 10)")
    over = median([one.pace_s / bare for one, bare in zip(swept[1], child, strict=True)])
    print(
        f"  run by one child process without a cluster {1e3 * median(child):.2f}; 1 worker takes {over:.2f} times that"
    )


def long(rounds: int) -> None:
    points, workers = 8, 2
    shares = []
    for _ in range(rounds):
        ended_s = sweep(points, LONG, workers).ended_s
        chains = [ended_s[worker::workers] for worker in range(workers)]  # all last as long: they end in turn
        spent_s = statistics.mean(chain[-1] - chain[0] for chain in chains)
        shares.append(spent_s / (LONG_S * (len(chains[0]) - 1)) - 1.0)
    print(f"{points} points of {LONG_S:g} s by {workers} workers: {100 * median(shares):.2f} % on top (aim below 2)")


def two(rounds: int) -> None:
    points = 30
    found: list[float] = []
    plain: list[float] = []
    for _ in range(rounds):
        before = plainly(1, points // 3) / plainly(2, points // 6)
        found.append(sweep(points, WORK, 1).pace_s / sweep(points, WORK, 2).pace_s)
        plain.append(min(before, plainly(1, points // 3) / plainly(2, points // 6)))
        print(
            f"  a round: 2 workers over 1 {found[-1]:.2f} times faster, 2 plain processes {plain[-1]:.2f}", flush=True
        )
    over = median([one / other for one, other in zip(found, plain, strict=True)])
    print(f"{points} points that compute: 2 workers over 1 {median(found):.2f} times faster (aim 1.8), ", end="")
    print(f"2 plain processes over 1 {median(plain):.2f}; of what the machine gives {over:.2f}")


def plainly(processes: int, points: int) -> float:
    """Return how long plain processes take, each for so many points."""
    code = f"import time\nbegan = time.perf_counter()\nfor _ in range({points}): {WORK}\n"
    code += "print(time.perf_counter() - began)"
    running = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(processes)]
    return max(float(one.communicate()[0]) for one in running)


def table(rounds: int) -> None:
    points = 10_000
    with place() as folder:
        load(folder / "study", points, EMPTY)
        out = folder / "out"
        command = [sys.executable, "-m", "twin", "sweep", str(folder / "study" / "study.yaml"), "-o", str(out)]
        began_s = time.perf_counter()
        with subprocess.Popen([*command, "--workers", "2", "--quiet"], stdout=subprocess.DEVNULL) as process:
            watched = Watched(process.pid)
            assert process.wait() == 0
            watched.end()
        spent_s = time.perf_counter() - began_s
        print(
            f"{points} points: sweep and table {spent_s:.0f} s; coordinator at most {watched.memory_MB:.0f} MB, ",
            end="",
        )
        print(f"{watched.handles} files and sockets open; {watched.late_handles} in its second half")
        study = StudyFolder(out)
        fully = [timed(lambda: write_table(study)) for _ in range(rounds)]
        gathered = [timed(lambda: table_of(study)) for _ in range(rounds)]
        looked = [timed(lambda: list(status_of(study).lines())) for _ in range(rounds)]
        asked = [
            timed(lambda: subprocess.run([*command, "--status"], stdout=subprocess.DEVNULL)) for _ in range(rounds)
        ]
        print(f"  table written in {median(fully):.2f} s (aim 10), of it {median(gathered):.2f} s to gather; ", end="")
        print(f"status {median(looked):.2f} s (aim 1), as a command {median(asked):.2f} s")


@dataclass
class Watched:
    """The most memory and open files of a process, looked at twice a second."""

    pid: int
    memory_MB: float = 0.0

    def __post_init__(self) -> None:
        self._seen: list[int] = []
        self._over = Event()
        self._thread = Thread(target=self._watch)
        self._thread.start()

    @property
    def handles(self) -> int:
        """The most that were open."""
        return max(self._seen, default=0)

    @property
    def late_handles(self) -> int:
        """The most that were open in the second half of the time."""
        return max(self._seen[len(self._seen) // 2 :], default=0)

    def end(self) -> None:
        """Watch no longer."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        process = psutil.Process(self.pid)
        while not self._over.wait(0.5):
            with contextlib.suppress(psutil.Error):
                self._seen.append(process.num_fds())
                self.memory_MB = max(self.memory_MB, process.memory_info().rss / 1e6)


def timed(call: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    call()
    return time.perf_counter() - began_s


def median(values: list[float]) -> float:
    return statistics.median(values)


@contextlib.contextmanager
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _quiet() -> None: ...


PARTS: dict[str, Callable[[int], None]] = {"overhead": overhead, "long": long, "two": two, "table": table}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    options = parser.parse_args()
    for name in options.only:
        PARTS[name](options.rounds)


if __name__ == "__main__":
    main()
