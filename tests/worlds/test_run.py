"""Small fleets from end to end: the same bytes, one site alone, faults noticed, failures kept apart."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import twin
from tests.worlds import failing_module
from tests.worlds.command import ROOT
from tests.worlds.command import twin as command
from tests.worlds.run_files import datasets, differing, flushed_rows
from twin.cli.execute import execute
from twin.network.dbc.database import Database
from twin.scenario import load

SCENARIO = ROOT / "scenarios" / "home_fleet.yaml"
SMALL = ("fleet.sites=3", "duration_s=90", "faults=[]")
COMMAND = ("--quiet", *(word for change in SMALL for word in ("--set", change)))


def _run(folder: Path, *changes: str, shards: int = 1) -> Path:
    """Run the small fleet in this process."""
    execute(load(SCENARIO, [*SMALL, *changes]), folder, quiet=True, shards=shards)
    return folder


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small fleet, run by the command."""
    folder = tmp_path_factory.mktemp("runs") / "fleet"
    done = command("run", SCENARIO, "-o", folder, *COMMAND)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize(
    ("changes", "shards"),
    [
        ([], 1),
        (["plant.threads=2"], 1),
        ([], 2),
        ([], 3),
        (["plant.backend=fmpy"], 1),
        (["bus.engine=simpy"], 1),
        (["record.segment_s=0.2"], 1),
    ],
    ids=[
        "in another process",
        "two threads",
        "two shards",
        "three shards",
        "FMPy steps the FMUs",
        "SimPy computes the buses",
        "other segments",
    ],
)
def test_same_bytes(fleet: Path, tmp_path: Path, changes: list[str], shards: int) -> None:
    assert not differing(datasets(fleet), datasets(_run(tmp_path / "other", *changes, shards=shards)))


def test_another_seed_is_another_fleet(fleet: Path, tmp_path: Path) -> None:
    other = datasets(_run(tmp_path / "other", "seed=1"))
    assert "cell_voltage_V" in differing(datasets(fleet), other)


def test_one_site_alone_has_the_values_of_the_fleet(fleet: Path, tmp_path: Path) -> None:
    assert command("rerun", fleet, "--site", "2", "-o", tmp_path / "alone", "--quiet").returncode == 0
    there, alone = datasets(fleet), datasets(tmp_path / "alone")
    signals = [name for name, values in alone.items() if values.ndim and values.shape[0] == 1 and "/" not in name]
    assert len(signals) > 20
    for name in signals:
        assert alone[name][0].tobytes() == there[name][2].tobytes(), name
    with twin.open_run(tmp_path / "alone") as run:
        frames = run["frames"].to_dataset()
        assert frames.sizes["frame"] == int(run["bus"]["frames"].sum())
        assert (frames["finish_ns"].values[:-1] <= frames["start_ns"].values[1:]).all()


def test_the_fleet_behaves(fleet: Path) -> None:
    with twin.open_run(fleet) as run:
        last = run.to_dataset().isel(time=-1)
        assert (last["pack_state"] == 2).all()
        assert (last["module_state"] == 2).all()
        assert abs(last["module_soc"] - last["soc"].mean("cell")).max() < 0.08
        # What the inverter takes is what the modules give.
        given_W = (last["current_A"].sum("slot") * last["bus_voltage_V"]).values
        assert given_W == pytest.approx(last["power_W"].values, abs=15.0)
        assert run["bus"]["overwritten"].sum() == 0
        # Of each of two modules 8, of their pack 3, to the inverter 6 and its heartbeat; each ECU once a second.
        assert run["bus"]["frames"].sum(("site", "message")) / 90.0 / 3 == pytest.approx(2 * 8 + 3 + 6 + 1, rel=0.01)


def test_a_hot_cell_is_noticed_and_isolated(tmp_path: Path) -> None:
    fault = "faults=[{kind: over_temperature, site: 0, module: 1, cell: 4, start_s: 30, duration_s: 600, heat_W: 800}]"
    folder = _run(tmp_path / "hot", "fleet.sites=1", "duration_s=600", fault)
    with twin.open_run(folder) as run:
        events = run["events"].to_dataset()
        found = events.where(events["code"] == "overtemperature", drop=True)
        levels = found["level"].values.tolist()
        assert levels[:3] == [1, 2, 3]
        assert set(found["slot_id"].values.tolist()) == {1}
        assert set(found["cell_id"].values.tolist()) == {4}
        signals = run.to_dataset().isel(site=0)
        fatal_s = float(found["time_ns"].values[levels.index(3)]) * 1e-9
        row = np.arange(1, 601)
        is_open = (signals["module_state"].sel(slot=1).values == 0) & (row > 60)
        assert 0.0 < row[is_open][0] - fatal_s <= 1.0
        last = signals.isel(time=-1)
        assert last["module_state"].values.tolist() == [2, 0]
        assert last["pack_state"] == 2
        assert abs(float(last["current_A"].sel(slot=1))) < 1e-9


def test_a_failing_fmu_costs_its_site_and_no_other(tmp_path: Path) -> None:
    fmu = failing_module.build(tmp_path)
    fault = "faults=[{kind: over_temperature, site: 1, module: 1, cell: 4, start_s: 30, duration_s: 600, heat_W: 800}]"
    folder = _run(tmp_path / "run", "duration_s=400", fault, f"plant.electrical={fmu}")
    with twin.open_run(folder) as run:
        events, signals = run["events"].to_dataset(), run.to_dataset()
        (failed,) = np.flatnonzero(events["code"].values == "quarantine")
        assert int(events["site_id"][failed]) == 1
        assert int(events["slot_id"][failed]) == 1
        assert int(events["level"][failed]) == 3
        failed_s = int(events["time_ns"][failed]) * 1e-9
        voltage_V = signals["cell_voltage_V"].values
        assert np.isfinite(voltage_V[[0, 2]]).all()
        assert np.isfinite(voltage_V[1, ..., : int(failed_s)]).all()
        assert np.isnan(voltage_V[1, ..., int(failed_s) + 1 :]).all()
        assert signals["pack_state"].values[:, -1].tolist() == [2, -1, 2]
        assert np.isnan(signals["pack_soc"].values[1, -1])


def _started(folder: Path, *changes: str) -> subprocess.Popen[bytes]:
    """Start a run of many hours and return once its first rows are in the file."""
    less = (word for one in ("fleet.sites=2", "faults=[]", "record.segment_s=0.2") for word in ("--set", one))
    arguments = ["run", SCENARIO, "-o", folder, "--quiet", *less, *changes]
    process = subprocess.Popen([sys.executable, "-m", "twin", *map(str, arguments)], cwd=ROOT, stderr=subprocess.PIPE)
    while process.poll() is None and not flushed_rows(folder):
        time.sleep(0.2)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "terminate"])
@pytest.mark.parametrize("shards", ["1", "2"])
def test_a_stop_leaves_a_readable_run(tmp_path: Path, shards: str, number: signal.Signals) -> None:
    process = _started(tmp_path / "run", "--shards", shards)
    process.send_signal(number)
    assert process.wait(timeout=600) == 130
    with twin.open_run(tmp_path / "run") as run:
        assert 0 < run.sizes["time"] < 43_200
        assert run.attrs["status"] == "interrupted"
        assert (tmp_path / "run" / "run.h5").is_file()


def test_a_killed_shard_fails_the_run_and_says_so(tmp_path: Path) -> None:
    process = _started(tmp_path / "run", "--shards", "2")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    shards = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(shards) == 2
    os.kill(int(shards[1]), signal.SIGKILL)
    _, said = process.communicate(timeout=600)
    assert process.returncode == 1
    assert b"shard 1 died (exit code -9)" in said
    assert b"Traceback" not in said
    with twin.open_run(tmp_path / "run") as run:
        assert run.sizes["time"] > 0
        assert run.attrs["status"] == "failed"


def test_frames_do_not_tell_of_shards(tmp_path: Path) -> None:
    # 93 s in rows of 7 s: the last frames come after the last row.
    changes = ("duration_s=93", "record.frames=true", "record.period_s=7", "record.detail=module")
    whole = datasets(_run(tmp_path / "whole", *changes))
    assert not differing(whole, datasets(_run(tmp_path / "parts", *changes, shards=2)))
    assert len(whole["frames/identifier"]) == whole["bus/frames"].sum()


def test_an_output_folder_is_never_overwritten(fleet: Path) -> None:
    before = (fleet / "run.h5").read_bytes()
    done = command("run", SCENARIO, "-o", fleet, *COMMAND)
    assert done.returncode == 2
    assert "--force" in done.stderr
    assert (fleet / "run.h5").read_bytes() == before


def test_packs_speak_to_the_inverter_with_one_voice(tmp_path: Path) -> None:
    folder = _run(tmp_path / "packs", "fleet.packs=2", "record.frames=true", "duration_s=300", "fleet.sites=1")
    with twin.open_run(folder) as run:
        last = run.to_dataset().isel(time=-1, site=0)
        assert last["module_state"].values.tolist() == [2, 2, 2, 2]
        assert int(last["pack_state"]) == 2
        frames = run["frames"].to_dataset()
        limits = frames["payload"].values[frames["identifier"].values == 0x351]
    decoded = Database.load("home_battery")["Inverter_Limits"].decode(limits)
    # Four modules of 100 A each, once both packs have closed and the limits have risen.
    assert decoded["DischargeCurrentLimit"][-1] == pytest.approx(400.0, abs=1.0)
    assert decoded["ChargeCurrentLimit"].max() <= 400.0
    assert decoded["DischargeCurrentLimit"][0] == 0.0
    assert len(decoded["DischargeCurrentLimit"]) == pytest.approx(300, abs=2)
