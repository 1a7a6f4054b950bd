"""A rollout is the same, byte by byte, however its fleet is cut, whoever steps its buses, and whoever runs it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.worlds.rollout_homes import homes, table
from tests.worlds.run_files import datasets, differing
from twin.cli.execute import execute
from twin.cli.recorded import Window, again, from_log, recorded_server
from twin.cli.rerun import command as rerun
from twin.record.reader import open_run
from twin.scenario import Scenario, load

DAYS = {"kind": "update_attack", "start_s": 0, "duration_s": None}
BOTH = ["targets", "snapshot", "timestamp"]
FAULTS = [
    {"kind": "power_loss", "site": 1, "start_s": 12.3, "duration_s": 6},
    DAYS
    | {
        "site": 2,
        "attack": "key_compromise",
        "keys": [f"{one}.{key}" for one in ("director", "image") for key in BOTH],
    },
    DAYS | {"site": 3, "attack": "arbitrary_software"},
    {"kind": "wan_loss", "site": 4, "start_s": 0, "duration_s": 20},
]
"""The attacker of home 2 makes it run an image that no release has, and that others have never seen."""
SITES = 6
CAMPAIGN = {"policy": {"kind": "hawkbit", "number_of_groups": 2}, "decide_s": 5, "must_finish": False}
SHARDS = {"every tick a second": 3, "with a pace": 2}
PACES: dict[str, dict[str, Any]] = {
    "every tick a second": {"duration_s": 100},
    "with a pace": {"duration_s": 240, "pace": {"quiet_s": 20, "settle_s": 20}, "record": {"period_s": 20}},
}


def _fleet(pace: str, **more: Any) -> Scenario:
    return homes(sites=SITES, faults=FAULTS, ota={"campaign": CAMPAIGN}, **PACES[pace], **more)


@pytest.fixture(scope="module", params=PACES)
def pace(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def run(pace: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    execute(_fleet(pace), folder, quiet=True, shards=1)
    return folder


def test_the_run_has_what_could_differ(run: Path) -> None:
    ran = table(run, "ota_versions")
    assert set(ran["site_id"][ran["release"] == -1]) == {2}, "the foreign image ran there, and nowhere else"
    assert set(ran["site_id"][ran["release"] == 1]) == {0, 1, 4, 5}
    assert len(table(run, "ota_outages")["site_id"]) > 1
    assert len(set(table(run, "ota_orders")["time_ns"])) == 2
    events = table(run, "events")
    reported = events["code"] == "report_version"
    assert set(events["site_id"][reported]) == {2}
    assert all(text.endswith("which points to arbitrary software") for text in events["message"][reported])


def test_shards_and_threads_change_no_byte(run: Path, pace: str, tmp_path: Path) -> None:
    scenario = _fleet(pace, bus={"threads": 2}, plant={"threads": 2})
    execute(scenario, tmp_path / "other", quiet=True, shards=SHARDS[pace])
    assert differing(datasets(run), datasets(tmp_path / "other")) == []


@pytest.fixture(scope="module", params=[1, 2])
def alone(run: Path, request: pytest.FixtureRequest) -> tuple[int, Path]:
    """A site, and the run of it alone: of the one that loses its power, and the one that an attacker deceives."""
    folder = run.parent / f"alone_{request.param}"
    rerun(run, request.param, folder, quiet=True)
    return request.param, folder


def test_a_site_run_again_alone_does_what_it_did_in_the_fleet(run: Path, alone: tuple[int, Path]) -> None:
    site, folder = alone
    with h5py.File(run / "run.h5") as fleet, h5py.File(folder / "run.h5") as one:
        signals = {name for name, values in fleet.items() if isinstance(values, h5py.Dataset) and len(values) == SITES}
        assert {"soc", "power_W", "level", "bus_load"} < signals
        assert [name for name in signals if fleet[name][site].tobytes() != one[name][0].tobytes()] == []
    for name in ("ota_transitions", "ota_transfers", "ota_versions", "ota_outages", "ota_attacks"):
        assert _rows(run, name, site) == _rows(folder, name, site)
    said = [row for row in _rows(run, "events", site) if not row["code"].startswith("report_")]
    assert _rows(folder, "events", site) == said, "but for what the server finds in a report"


def _rows(folder: Path, name: str, site: int) -> list[dict[str, Any]]:
    """Return the rows of a site, without their own numbers."""
    columns = {column: values for column, values in table(folder, name).items() if column != name.removesuffix("s")}
    rows = [
        dict(zip(columns, row, strict=True)) for row in zip(*(one.tolist() for one in columns.values()), strict=True)
    ]
    return [row for row in rows if row["site_id"] == site]


def test_a_trace_shows_the_frames_that_a_site_run_again_logs(run: Path, alone: tuple[int, Path]) -> None:
    site, folder = alone
    scenario, window = load(run / "scenario.yaml"), Window(20_000_000_000, 60_000_000_000)
    with open_run(run) as fleet, open_run(folder) as one:
        traced = again(scenario, site, window, lambda _: None, recorded_server(fleet))
        logged = from_log(one, scenario, site, window)
    assert logged is not None
    assert len(traced) == len(logged) > 500
    for name in ("time_ns", "identifier", "payload"):
        assert np.array_equal(getattr(traced, name), getattr(logged, name))
