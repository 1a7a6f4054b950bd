"""``twin trace`` as a user meets it: from a log, from a site that is simulated again, and with mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import can
import numpy as np
import pytest

import twin
from tests.worlds.commands import Done, run_all
from twin.cli.execute import execute
from twin.cli.rerun import command as rerun
from twin.network.engines.records import FrameFlag
from twin.network.traces import FORMATS, Recording, read_trace
from twin.scenario import load

SMALL = ("fleet.sites=3", "duration_s=20", "faults=[]")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``fleet``, three homes of which no frame is logged, and ``home``, one of them with its frames."""
    folder = tmp_path_factory.mktemp("runs")
    execute(load("home_fleet", SMALL), folder / "fleet", quiet=True)
    rerun(folder / "fleet", 1, folder / "home", quiet=True)
    return folder


def _traced(folder: Path, commands: Sequence[Sequence[str]]) -> list[Done]:
    return run_all([(["trace", *arguments, "--quiet"], folder) for arguments in commands])


def _absolute(file: Path) -> Recording:
    """Return the frames of an ASC file with the time stamps that stand in it."""
    with can.ASCReader(file) as reader:
        first_s = next(iter(reader)).timestamp
    read = read_trace(file)
    return Recording(**{**vars(read), "time_ns": read.time_ns + round(first_s * 1e9)})


def _same(one: Recording, other: Recording) -> None:
    for name, column in vars(one).items():
        assert np.array_equal(column, getattr(other, name)), name


def test_every_frame_that_receivers_saw(runs: Path) -> None:
    (done,) = _traced(runs, [["home", "--site", "1", "-o", "logged.asc"]])
    assert (done.code, done.output, done.changed) == (0, "logged.asc\n", ["logged.asc"])
    with twin.open_run(runs / "home") as run:
        frames = run["frames"].to_dataset()
        columns = {name: frames[name].values for name in ("identifier", "finish_ns", "payload")}
        sent = int(run["bus"]["frames"].sum())
    trace = _absolute(runs / "logged.asc")
    assert len(trace) == sent > 300
    assert trace.identifier.tolist() == columns["identifier"].tolist()
    # 500 kbit/s: the interframe space is 6 us, and ASC resolves 1 us.
    assert np.abs(trace.time_ns - (columns["finish_ns"] - 6000)).max() <= 500
    inside = np.arange(8) < trace.length[:, None]
    assert (trace.payload[inside] == columns["payload"][inside]).all()
    assert not (trace.flags & FrameFlag.ERROR).any()


def test_a_site_without_logged_frames_is_simulated_again(runs: Path) -> None:
    window = ["--from", "5", "--to", "0.2 min"]
    again, logged = _traced(
        runs,
        [
            ["fleet", "--site", "1", "-o", "again.asc", *window],
            ["home", "--site", "1", "-o", "part.asc", *window],
        ],
    )
    assert (again.code, again.changed) == (0, ["again.asc"]), again.errors
    assert logged.code == 0, logged.errors
    _same(_absolute(runs / "again.asc"), _absolute(runs / "part.asc"))
    time_ns = _absolute(runs / "again.asc").time_ns
    assert 5.0 <= time_ns[0] * 1e-9 < 5.5
    assert 11.5 < time_ns[-1] * 1e-9 < 12.0


def test_every_format(runs: Path) -> None:
    done = _traced(runs, [["home", "--site", "1", "-o", f"all{one.suffix}"] for one in FORMATS.values()])
    reference = read_trace(runs / "all.blf")
    assert len(reference) > 300
    for name, one in zip(FORMATS, done, strict=True):
        file = f"all{FORMATS[name].suffix}"
        assert (one.code, one.output, one.changed) == (0, f"{file}\n", [file]), one.errors
        read = read_trace(runs / file)
        assert np.array_equal(read.identifier, reference.identifier)
        assert np.array_equal(read.payload, reference.payload)
        assert np.abs(read.time_ns - reference.time_ns).max() <= 1000


def test_a_file_a_site(runs: Path) -> None:
    (done,) = _traced(runs, [["fleet", "--site", "0", "--site", "2", "--to", "4"]])
    files = ["fleet-site-0.blf", "fleet-site-2.blf"]
    assert (done.code, done.output.split(), done.changed) == (0, files, files), done.errors
    first, second = (read_trace(runs / file) for file in files)
    assert not np.array_equal(first.payload, second.payload[: len(first)])


def test_the_ending_says_the_format(runs: Path) -> None:
    (done,) = _traced(runs, [["home", "--site", "1", "-o", "home-{site}.log", "--segment", "0"]])
    assert (done.code, done.changed) == (0, ["home-1.log"]), done.errors
    assert (runs / "home-1.log").read_text().startswith("(17819928")


@dataclass(frozen=True)
class Case:
    arguments: str
    says: list[str]


MISTAKES = {
    "several at once": Case(
        "home --site 7 --site 1 --site 0 --format bfl --from 5 --to 3 -o fleet/{site}.blf",
        [
            "--format: found 'bfl'; expected blf, asc, mf4, candump, trc (did you mean blf?)",
            "--site: found 7; the run has the site 1",
            "--site: found 0; the run has the site 1",
            "--from, --to: found 5 s to 3 s; expected a part of 0 s to 20 s",
        ],
    ),
    "one file for two sites": Case(
        "fleet --site 0 --site 1 -o x.blf", ["-o: x.blf: one file for 2 sites (e.g. site-{site}.blf)"]
    ),
    "an ending that says nothing": Case(
        "home --site 1 -o x.txt",
        ["x.txt: found the ending '.txt'; expected .blf (blf), .asc (asc), .mf4 (mf4), .log (candump), .trc (trc)"],
    ),
    "no time": Case(
        "home --site 1 --from soon", ["--from: 'soon' is no number with a unit; expected e.g. 3.5 or '3.5 s'"]
    ),
    "a wrong unit": Case("home --site 1 --to 3kg", ["--to: '3kg' has the wrong unit; expected second"]),
    "after the end": Case(
        "home --site 1 --from 1h", ["--from, --to: found 3600 s to 20 s; expected a part of 0 s to 20 s"]
    ),
    "an empty window": Case("home --site 1 --to 1us", ["--from, --to: site 1 has no frame from 0 s to 1e-06 s"]),
    "an empty segment": Case(
        "home --site 1 --segment 3", ["--segment: site 1 has no frame on segment 3 from 0 s to 20 s"]
    ),
    "no folder to write to": Case("home --site 1 -o no/x.blf", ["no: there is no such folder to write to"]),
    "the file exists": Case(
        "home --site 1 -o kept.blf", ["kept.blf: the file exists (choose another one, or replace it: --force)"]
    ),
    "a folder for a file": Case(
        "home --site 1 -o fleet --format blf", ["fleet: this is a folder; expected a file to write"]
    ),
    "no run": Case("nope --site 1", ["nope: no such run folder"]),
}


@pytest.fixture(scope="module")
def mistaken(runs: Path) -> dict[str, Done]:
    (runs / "kept.blf").write_text("kept")
    return dict(zip(MISTAKES, _traced(runs, [case.arguments.split() for case in MISTAKES.values()]), strict=True))


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(mistaken: dict[str, Done], name: str) -> None:
    done, case = mistaken[name], MISTAKES[name]
    assert (done.code, done.output, done.changed) == (2, "", [])
    count = len(case.says)
    said = f"{count} mistake{'s' if count > 1 else ''} in the input; nothing was written"
    assert done.errors == [*(f"error: {line}" for line in case.says), said]


def test_force_replaces_a_file(runs: Path) -> None:
    (runs / "old.blf").write_text("old")
    (done,) = _traced(runs, [["home", "--site", "1", "-o", "old.blf", "--force"]])
    assert (done.code, done.changed) == (0, ["old.blf"])
    assert len(read_trace(runs / "old.blf")) > 300
