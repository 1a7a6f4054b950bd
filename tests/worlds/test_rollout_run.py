"""A rollout from one end to the other: server, WAN, clients, buses, bootloaders, tables, and who reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.worlds.commands import run_all
from tests.worlds.rollout_homes import SLOT_BYTES, homes, table
from twin.cli.execute import execute
from twin.ota.causes import Cause
from twin.ota.states import UpdateState

SITES = 4
DURATION_S = 100.0
S = UpdateState
COURSE = [S.PENDING, S.WAITING, S.DOWNLOADING, S.INSTALLING, S.REBOOTING, S.CHECKING, S.SUCCESS]
"""What a site goes through that nothing hinders."""
EVALUATION_S = 2.0
"""Between two looks of hawkBit at its groups."""
LOST_S, BACK_S = 5.0, 32.5
"""When the line of the last site is down, before it first asks."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rollout") / "run"
    lost = {"kind": "wan_loss", "site": SITES - 1, "start_s": LOST_S, "duration_s": BACK_S - LOST_S}
    campaign = {
        "policy": {"kind": "hawkbit", "number_of_groups": 2, "success_threshold": "100"},
        "decide_s": 5,
        "must_finish": False,
    }
    ota = {"campaign": campaign, "wan": {"outages_per_day": 0}}
    execute(homes(sites=SITES, duration_s=DURATION_S, faults=[lost], ota=ota), folder, quiet=True, shards=1)
    return folder


def _of(columns: Mapping[str, np.ndarray], site: int) -> dict[str, Any]:
    mine = columns["site_id"] == site
    return {name: values[mine] for name, values in columns.items() if len(values) == len(mine)}


@pytest.mark.parametrize("site", range(SITES))
def test_every_site_goes_through_all_states(run: Path, site: int) -> None:
    own = _of(table(run, "ota_transitions"), site)
    assert own["state"].tolist() == [int(state) for state in COURSE]
    assert set(own["cause"]) == {int(Cause.NONE)}
    assert set(own["release"]) == set(own["attempt"]) == {1}
    assert (np.diff(own["time_s"]) >= 0).all()


def test_every_ecu_that_the_release_is_for_ends_on_it_and_no_other_boots(run: Path) -> None:
    ran = table(run, "ota_versions")
    last = np.isinf(ran["end_s"])
    assert last.sum() == 4 * SITES
    ends = Counter(zip(ran["ecu"][last].tolist(), ran["version"][last].tolist(), strict=True))
    assert ends == {(ecu, "2.4.0"): SITES for ecu in ("Pack1", "Module01", "Module02")} | {("Inverter", "1.0.0"): SITES}
    first = ran["begin_s"] == 0.0
    assert set(ran["version"][first]) == {"1.0.0"}
    assert set(ran["release"][first]) == {0}
    assert len(ran["ecu"]) == 7 * SITES, "the inverter ran one version, the others two"


@pytest.mark.parametrize("site", range(SITES))
def test_bytes_go_over_the_line_and_then_over_the_bus_one_ecu_after_the_other(run: Path, site: int) -> None:
    own = _of(table(run, "ota_transfers"), site)
    assert sorted(own["ecu"].tolist()) == ["", "Module01", "Module02", "Pack1"]
    assert own["path"].tolist() == [0, 1, 1, 1]
    assert own["bytes"].tolist() == [2 * SLOT_BYTES, SLOT_BYTES, SLOT_BYTES, SLOT_BYTES]
    assert (own["begin_s"][1:] >= own["end_s"][:-1]).all()
    states = _of(table(run, "ota_transitions"), site)
    time_s = dict(zip(states["state"].tolist(), states["time_s"].tolist(), strict=True))
    assert own["begin_s"][0] == time_s[S.DOWNLOADING]
    assert own["end_s"][0] == time_s[S.INSTALLING]
    assert own["end_s"][-1] == time_s[S.REBOOTING]
    rebooted = _of(table(run, "ota_versions"), site)
    assert (rebooted["end_s"][np.isfinite(rebooted["end_s"])] >= time_s[S.REBOOTING]).all()


def test_the_second_group_is_ordered_when_the_first_is_done(run: Path) -> None:
    orders, states = table(run, "ota_orders"), table(run, "ota_transitions")
    assert orders["site_id"].tolist() == [0, 1, 2, 3]
    assert set(orders["release"]) == {1}
    done = states["state"] == S.SUCCESS
    first = max(states["time_s"][done & (states["site_id"] == site)][0] for site in (0, 1))
    begins_s = orders["time_ns"] * 1e-9
    assert begins_s[:2].tolist() == [0.0, 0.0]
    assert first <= begins_s[2] == begins_s[3] <= first + 20.0, "the server hears of it at a poll"
    plan = table(run, "ota_plan")
    assert plan["group"].tolist() == [0, 0, 1, 1]
    decided = table(run, "ota_decisions")
    groups = decided["kind"] == "group_begins"
    assert decided["time_s"][groups].tolist() == [0.0, -(-first // EVALUATION_S) * EVALUATION_S]
    assert decided["group"][groups].tolist() == [0, 1]


def test_a_lost_line_is_recorded(run: Path) -> None:
    lost = table(run, "ota_outages")
    assert lost["site_id"].tolist() == [SITES - 1]
    assert (lost["begin_s"].tolist(), lost["end_s"].tolist()) == ([LOST_S], [BACK_S])


def test_events_say_what_tables_say(run: Path) -> None:
    events, states = table(run, "events"), table(run, "ota_transitions")
    update = (events["source"] == "ota") & (events["site_id"] >= 0)
    told = Counter(zip(events["site_id"][update].tolist(), events["code"][update].tolist(), strict=True))
    codes = [f"update_{UpdateState(state).name.lower()}" for state in states["state"]]
    assert told == Counter(zip(states["site_id"].tolist(), codes, strict=True))
    fleet = events["site_id"] == -1
    assert set(events["source"][fleet]) == {"ota"}
    decided = table(run, "ota_decisions")
    assert events["code"][fleet].tolist() == decided["kind"].tolist()
    assert (events["time_ns"][fleet] * 1e-9).tolist() == decided["time_s"].tolist()


def test_what_is_about_the_fleet_is_shown_as_such(run: Path) -> None:
    commands = ["events run", "events run --format csv", "events run --site 0", "report run -o report.html"]
    text, rows, one, _ = run_all([(line.split(), run.parent) for line in commands])
    assert "info    the fleet: the campaign: group-1: 2 sites [group_begins]" in text.output
    assert "site -1" not in text.output
    assert any(row.startswith(",,,,info,,group_begins,the campaign: ") for row in rows.output.splitlines())
    assert "the fleet" not in one.output
    page = (run.parent / "report.html").read_text()
    assert 'data-site="fleet" title="group_begins"' in page
    assert "<option>fleet</option>" in page
    assert 'data-site="-1"' not in page
