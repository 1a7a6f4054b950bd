"""Studies through ``twin sweep`` as a process: killed, cancelled, refused, begun again."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pandas as pd
import psutil
import pytest

from tests.worlds.command import twin
from tests.worlds.sweeps import SmallStudy, Sweep


def test_whatever_is_killed_nothing_is_lost_or_run_again(tmp_path: Path) -> None:
    """A worker, a point's process and at last the coordinator are killed; the same command ends the study."""
    gate = tmp_path / "gate"
    study = SmallStudy(tmp_path, 24, f"while x >= 16 and not os.path.exists({str(gate)!r}): time.sleep(0.05)")
    with Sweep(study, "--workers", "2") as sweep:
        sweep.until_done(16)
        sweep.workers()[0].kill()
        sweep.until(lambda: len(sweep.children()) == 2, "a worker in the place of the killed one")
        sweep.children()[0].kill()
        refused = twin("sweep", study.path, "-o", study.folder.path)
        sweep.until(lambda: len(sweep.children()) == 2, "a process in the place of the killed one")
        sweep.process.kill()
        sweep.until(lambda: not sweep.orphans(), "the end of what the killed process started")
    assert refused.returncode == 2
    assert f"is run by process {sweep.process.pid}" in refused.stderr
    calls = study.calls()
    assert study.in_state("done") == set(range(16))

    status = twin("sweep", study.folder.path, "--status")
    assert "16 of 24 points done, 0 failed, 8 open" in status.stdout
    assert f"process {sweep.process.pid} on" in status.stdout
    assert "died" in status.stdout

    gate.touch()
    again = twin("sweep", study.path, "-o", study.folder.path, "--quiet")
    assert again.returncode == 0, again.stderr
    assert "24 of 24 points done, 0 failed; 8 of them now" in again.stdout
    assert study.calls() - calls == dict.fromkeys(range(16, 24), 1), "points that were done ran again"
    table = pd.read_parquet(study.folder.path / "table.parquet")
    assert sorted(table["x"]) == list(range(24))
    assert list(table["y"]) == [2 * x for x in table["x"]]


def test_cancelled_from_another_process(tmp_path: Path) -> None:
    """What runs ends first; what is done stays; the same command goes on."""
    gate = tmp_path / "gate"
    study = SmallStudy(tmp_path, 8, f"while x >= 2 and not os.path.exists({str(gate)!r}): time.sleep(0.05)")
    with Sweep(study, "--workers", "1") as sweep:
        sweep.until(lambda: study.calls()[2] == 1, "the start of the third point")
        asked = twin("sweep", study.folder.path, "--cancel")
        gate.touch()
        assert sweep.ends() == 130
        assert "asked to stop after what runs" in asked.stdout
        assert "cancelled: " in sweep.said()
        assert "the same command goes on" in sweep.said()
    assert study.in_state("done") == {0, 1, 2}
    assert study.calls() == {0: 1, 1: 1, 2: 1}
    assert not (study.folder.path / "cancel").exists()
    assert "nobody runs it" in twin("sweep", study.folder.path, "--cancel").stdout


def test_ctrl_c_lets_points_end_and_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    """A terminal's Ctrl-C reaches all processes of its group: the workers must not be among them."""
    study = SmallStudy(tmp_path, 4, "time.sleep(0.1 if x == 0 else 300)")
    with Sweep(study, "--workers", "1") as sweep:
        sweep.until(lambda: len(study.calls()) >= 2, "the start of a long point")
        child = sweep.children()[0]
        os.killpg(sweep.process.pid, signal.SIGINT)
        sweep.until((study.folder.path / "cancel").exists, "the answer to the first signal")
        with pytest.raises(psutil.TimeoutExpired):
            child.wait(1.0)
        assert sweep.process.poll() is None
        sweep.process.terminate()
        assert sweep.ends() == 130
        sweep.until(lambda: not sweep.orphans(), "the end of the long point")
    assert study.in_state("done") == {0}
    assert "the same command goes on" in sweep.said()
