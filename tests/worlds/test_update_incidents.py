"""Incidents in a real run: server, lines, buses, ECUs and batteries, and a home for each of them."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.worlds.command import twin
from twin.ota.causes import Cause
from twin.ota.states import UpdateState

FIRMWARE = Path(__file__).resolve().parents[2] / "scenarios" / "firmware" / "good"
SCENARIO = f"""\
name: Incidents
seed: 4
start: 2026-06-21T10:00:00+08:00
duration_s: 160
step_s: 1
fleet: {{sites: 5, packs: 1, modules: 2}}
load: {{kind: bdew, annual_kWh: 4000}}
pv: {{kind: clear_sky, peak_W: 6 kW}}
ota:
  release:
    pack_controller: {FIRMWARE / "pack_controller_2_4_0.py"}
    module_monitor: {FIRMWARE / "module_monitor_2_4_0.py"}
  client: {{poll_s: 20, check_s: 20, look_s: 5}}
  campaign: {{policy: {{kind: all_at_once}}, must_finish: false}}
faults:
  - {{kind: power_loss, site: 0, start_s: 25.3, duration_s: 10}}
  - {{kind: power_loss, site: 1, start_s: 60.1, duration_s: 5}}
  - {{kind: wan_loss, site: 2, start_s: 0, duration_s: 70}}
  - {{kind: clock_wrong, site: 3, start_s: 0, duration_s: null, offset_s: 400 day}}
  - {{kind: update_attack, site: 4, start_s: 0, duration_s: null, attack: freeze}}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("incidents")
    (folder / "scenario.yaml").write_text(SCENARIO)
    done = twin("run", str(folder / "scenario.yaml"), "-o", str(folder / "run"), "--quiet")
    assert done.returncode == 0, done.stderr
    return folder / "run" / "run.h5"


ENDS = {
    "power loss in a transfer": (0, "SUCCESS", {Cause.POWER_LOST}, {b"2.4.0"}),
    "power loss on trial": (1, "SUCCESS", {Cause.POWER_LOST}, {b"2.4.0"}),
    "no line at first": (2, "SUCCESS", set(), {b"2.4.0"}),
    "a clock that lets metadata expire": (3, "WAITING", {Cause.METADATA_REFUSED}, {b"1.0.0"}),
    "metadata that are frozen": (4, "PENDING", set(), {b"1.0.0"}),
}


@pytest.mark.parametrize(("site", "state", "causes", "versions"), ENDS.values(), ids=ENDS.keys())
def test_what_comes_of_an_incident(run: Path, site: int, state: str, causes: set[Cause], versions: set[bytes]) -> None:
    with h5py.File(run) as file:
        told, ran = file["ota_transitions"], file["ota_versions"]
        own = told["site_id"][:] == site
        assert UpdateState(told["state"][:][own][-1]).name == state
        assert {Cause(cause) for cause in told["cause"][:][own] if cause} == causes
        updated = (ran["site_id"][:] == site) & (ran["ecu"][:] != b"Inverter")
        last = updated & np.isinf(ran["end_s"][:])
        assert set(ran["version"][:][last]) == versions
        assert last.sum() == 3, "nobody is silent at the end"
