"""A rollout that is stopped or killed in the middle leaves what is known of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import twin
from tests.worlds.command import ROOT
from tests.worlds.rollout_homes import stated, table
from tests.worlds.run_files import flushed_rows
from twin.ota.states import UpdateState

HOURS = 3
SHARDS = [1, 2]


@contextmanager
def _running(folder: Path, shards: int) -> Iterator[subprocess.Popen[str]]:
    """Run a rollout of hours, of which the first minutes are in the file by the time that this is entered."""
    said = stated(sites=2, duration_s=HOURS * 3600, record={"detail": "site", "segment_s": 0.2})
    (folder / "s.yaml").write_text(json.dumps(said))
    arguments = ("run", "s.yaml", "-o", "run", "--quiet", "--shards", str(shards))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "twin", *arguments], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        while process.poll() is None and flushed_rows(folder / "run") < 200:
            time.sleep(0.2)
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("shards", SHARDS)
def test_ctrl_c_leaves_the_tables_as_far_as_the_run_has_come(tmp_path: Path, shards: int) -> None:
    with _running(tmp_path, shards) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 130, process.stderr.read() if process.stderr else ""
    run = tmp_path / "run"
    states = table(run, "ota_transitions")
    assert states["site_id"][states["state"] == UpdateState.SUCCESS].tolist() == [0, 1]
    ran = table(run, "ota_versions")
    assert set(ran["version"][np.isinf(ran["end_s"]) & (ran["ecu"] != "Inverter")]) == {"2.4.0"}
    assert table(run, "ota_orders")["site_id"].tolist() == [0, 1]
    assert len(table(run, "ota_decisions")["kind"]) == 1
    with twin.open_run(run) as tree:
        assert tree.attrs["status"] == "interrupted"
        end_s = float(tree.to_dataset()["time_s"].values[-1])
    assert end_s < HOURS * 3600
    lost = table(run, "ota_outages")
    assert (lost["begin_s"] < end_s).all()
    assert all(one < end_s or np.isinf(one) for one in lost["end_s"])


def test_what_a_killed_run_had_flushed_tells_of_its_updates(tmp_path: Path) -> None:
    with _running(tmp_path, 1) as process:
        process.kill()
        process.wait()
    with twin.open_run(tmp_path / "run") as tree:
        assert tree.attrs["status"] == "running", "nobody has closed it"
        events = tree.children["events"].to_dataset(inherit=False).to_dataframe()
        assert tree.sizes["time"] >= 200
    told = events[events["source"] == "ota"]
    assert (told["code"] == "update_success").sum() == 2
    assert told[told["site_id"] == -1]["code"].tolist() == ["group_begins"]
