"""Kill the writer at any instant: what was flushed is there, and nothing that is there is wrong."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import twin
from tests.worlds.killed_writer import FLUSH_EVERY, WORLD
from tests.worlds.runs import open_writer, rows, write_run
from twin.bms.codes import Level
from twin.bms.events import Event
from twin.errors import InputError
from twin.record.consolidate import consolidate
from twin.streams import stream

ROOT = Path(__file__).resolve().parents[2]


def _killed_after(folder: Path, delay_s: float) -> int:
    """Run the writer, kill it, and return the number of rows that it said to be flushed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.worlds.killed_writer", str(folder)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(delay_s)
    process.send_signal(signal.SIGKILL)
    said = [line for line in process.stdout.read().splitlines() if line.isdecimal()]
    process.wait()
    return int(said[-1]) if said else 0


def _messages(tree: xr.DataTree) -> list[str]:
    return [str(text) for text in tree["events"].to_dataset()["message"].values]


@pytest.mark.parametrize("trial", range(6))
def test_what_was_flushed_survives_a_kill(tmp_path: Path, trial: int) -> None:
    delay_s = stream(3, "kill", trial).uniform(0.0, 1.2)
    flushed = _killed_after(tmp_path / "run", delay_s)
    tree = twin.open_run(tmp_path / "run")
    found = tree.sizes["time"]
    assert found >= flushed
    assert found % FLUSH_EVERY == 0 or found == WORLD.rows
    expected = np.stack([row["soc"] for row in rows(WORLD)], axis=-1)[..., :found]
    assert np.abs(tree["soc"].values - expected).max(initial=0.0) <= 2.0**-17
    if found:
        assert _messages(tree) == [f"row {number}" for number in range(found)]


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A run folder as a kill leaves it: three segments, rows that were never flushed, no end."""
    writer = open_writer(tmp_path / "run", WORLD)
    for number, row in enumerate(rows(WORLD)):
        writer.append(WORLD.time_ns(number), row)
        if number in (10, 30, 60):
            writer.event(Event(WORLD.time_ns(number), 100, -1, -1, Level.INFO, "x", "test", "text " * (number // 10)))
            writer.flush()
        if number == 70:
            break
    (tmp_path / "run/segments/000004.h5.part").write_bytes(b"half of a segm")
    return tmp_path / "run"


def test_a_killed_run_reads_lazily_as_a_finished_one(killed: Path, tmp_path: Path) -> None:
    whole = twin.open_run(write_run(tmp_path / "whole", WORLD))
    tree = twin.open_run(killed)
    assert tree.attrs["status"] == "running"
    assert tree.sizes["time"] == 61
    assert tree["provenance/machine"].attrs["python"] == whole["provenance/machine"].attrs["python"]
    for name, variable in tree.to_dataset().variables.items():
        expected = whole[str(name)].isel(time=slice(61)) if "time" in variable.dims else whole[str(name)]
        xr.testing.assert_identical(variable, expected.variable)


INDEXERS = {
    "one row": {"time": 12},
    "across a cut": {"time": slice(8, 33), "site": 1},
    "every seventh": {"time": slice(3, None, 7), "cell": slice(1, 3)},
    "backwards": {"time": slice(None, None, -1), "site": slice(None, None, -1)},
    "none": {"time": slice(5, 5)},
    "picked": {"time": [3, 60, 11], "cell": [2, 0]},
}


@pytest.mark.parametrize("indexer", INDEXERS.values(), ids=INDEXERS.keys())
def test_any_part_of_a_killed_run_can_be_read(killed: Path, indexer: dict[str, int | slice]) -> None:
    voltage = twin.open_run(killed)["cell_voltage_V"]
    np.testing.assert_array_equal(voltage.isel(indexer).values, voltage.copy(deep=True).load().isel(indexer).values)


def test_a_killed_run_can_be_sent_to_another_process(killed: Path) -> None:
    dataset = twin.open_run(killed).to_dataset()
    xr.testing.assert_identical(pickle.loads(pickle.dumps(dataset)), dataset)


def test_a_killed_run_can_be_consolidated_later(killed: Path) -> None:
    before = twin.open_run(killed).to_dataset().load()
    consolidate(killed, "interrupted")
    tree = twin.open_run(killed)
    assert tree.attrs["status"] == "interrupted"
    assert [len(text) for text in _messages(tree)] == [5, 15, 30]
    np.testing.assert_array_equal(tree["temperature_K"].values, before["temperature_K"].values)


@pytest.mark.parametrize("damage", ["missing", "cut short", "changed"])
def test_a_damaged_segment_is_never_read_in_silence(killed: Path, damage: str) -> None:
    path = killed / "segments/000002.h5"
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(content[:-100] if damage == "cut short" else content[:-100] + bytes(100))
    with pytest.raises(InputError, match="000002"):
        twin.open_run(killed)
