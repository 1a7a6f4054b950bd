"""A rollout in every architecture, of packs of parallel modules and of stacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.worlds.rollout_homes import RELEASE, homes, table
from twin.build import build
from twin.cli.execute import execute
from twin.log import Log
from twin.ota.states import UpdateState
from twin.run import Run
from twin.site_updates import update_server

ROLES = {"centralized": ["central_controller"], "distributed": ["peer_monitor"], "hybrid": list(RELEASE)}
ECUS = {"centralized": {"Pack1"}, "distributed": {"Module01", "Module02"}, "hybrid": {"Pack1", "Module01", "Module02"}}
SOURCE = """\
from twin.bms.firmware.{module} import {base}


class Next({base}):
    version = "2.4.0"
"""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """By role the next version of the firmware that is there."""
    folder = tmp_path_factory.mktemp("firmware")
    for role in ("central_controller", "peer_monitor"):
        base = "".join(word.title() for word in role.split("_"))
        (folder / f"{role}.py").write_text(SOURCE.format(module=role, base=base))
    return RELEASE | {path.stem: str(path) for path in folder.glob("*.py")}


@pytest.mark.parametrize("connection", ["parallel", "series"])
@pytest.mark.parametrize("architecture", ROLES)
def test_every_ecu_that_a_gateway_reaches_can_be_updated(
    architecture: str, connection: str, release: dict[str, str], tmp_path: Path
) -> None:
    scenario = homes(
        sites=2,
        duration_s=50,
        fleet={"connection": connection},
        bms={"architecture": architecture},
        ota={"release": {role: release[role] for role in ROLES[architecture]}, "wan": {"outages_per_day": 0}},
    )
    execute(scenario, tmp_path / "run", quiet=True, shards=1)
    states, ran = table(tmp_path / "run", "ota_transitions"), table(tmp_path / "run", "ota_versions")
    assert states["site_id"][states["state"] == UpdateState.SUCCESS].tolist() == [0, 1]
    last = np.isinf(ran["end_s"])
    assert set(ran["ecu"][last & (ran["version"] == "2.4.0")]) == ECUS[architecture]
    assert set(ran["ecu"][last & (ran["version"] == "1.0.0")]) == {"Inverter"}
    events = table(tmp_path / "run", "events")
    assert events["level"].max() == 1, "nobody takes an ECU that boots for a failure"


class Nobody:
    """Takes a log and keeps nothing of it."""

    def append(self, time_ns: int, values: Any) -> None:
        """Take a row."""

    def event(self, event: Any) -> None:
        """Take an event."""

    def frames(self, site: int, columns: Any) -> None:
        """Take frames."""

    def table(self, name: str, columns: Any) -> None:
        """Take a table."""


def test_what_bootloaders_start_is_what_controllers_run() -> None:
    scenario = homes(sites=2, duration_s=50, ota={"wan": {"outages_per_day": 0}})
    world = build(scenario)
    try:
        Run(world, Log(world, Nobody(), 1_000_000_000), server=update_server(scenario)).execute()
        expected = [1 if ecu.node in ECUS["hybrid"] else 0 for ecu in world.controllers.ecus]
        assert world.controllers.running.tolist() == [expected, expected]
    finally:
        world.close()
