"""The scenario of attacks, cut to five minutes and small images: what runs where, who noticed, what is reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.published.ota.test_uptane_attacks import ROWS
from tests.worlds.rollout_homes import table
from twin.cli.execute import execute
from twin.ota.states import UpdateState
from twin.record.rollout import OUTCOMES
from twin.scenario import load

ATTACKED = 20
"""Homes with somebody who attacks them, but the first; what befalls the others needs no attacker."""
FOOLED = {17, 18, 19}
"""Both repositories' roots, both repositories' online keys, and the primary with the Director's targets."""
SPARED = {0, 1, *FOOLED}
"""Whose updates come to an end: without an attacker, with one that only listens, or with the attacker's image."""
SHORT = (
    *("duration_s=300", "record.period_s=60", "ota.flash.slot_bytes=32768"),
    *("ota.campaign.start_s=60", "ota.client.poll_s=30", "ota.client.check_s=10", "ota.client.slow_s=20"),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scenario = load("ota_attacks", SHORT)
    faults = [fault for fault in scenario.faults if fault.site < ATTACKED]
    fleet = scenario.fleet.model_copy(update={"sites": ATTACKED})
    folder = tmp_path_factory.mktemp("attacks") / "run"
    execute(scenario.model_copy(update={"faults": faults, "fleet": fleet}), folder, quiet=True, shards=1)
    return folder


def _rows(run: Path) -> list[dict[str, Any]]:
    columns = table(run, "ota_attacks")
    return [
        dict(zip(columns, row, strict=True)) for row in zip(*(one.tolist() for one in columns.values()), strict=True)
    ]


def test_foreign_images_run_only_where_enough_keys_were_stolen(run: Path) -> None:
    ran = table(run, "ota_versions")
    foreign = ran["release"] == -1
    assert set(ran["site_id"][foreign]) == FOOLED
    assert {row["site_id"] for row in _rows(run) if row["ran"]} == FOOLED
    assert set(ran["version"][~foreign]) == {"1.0.0", "2.4.0"}


def test_others_end_on_the_release_or_keep_what_they_had(run: Path) -> None:
    states, ran = table(run, "ota_transitions"), table(run, "ota_versions")
    assert set(states["site_id"][states["state"] == UpdateState.SUCCESS]) == SPARED
    last = np.isinf(ran["end_s"]) & (ran["ecu"] != "Inverter")
    for site in set(range(ATTACKED)) - FOOLED:
        expected = "2.4.0" if site in SPARED else "1.0.0"
        assert set(ran["version"][last & (ran["site_id"] == site)]) == {expected}, site
    assert last.sum() == 3 * ATTACKED, "no ECU is silent at the end"


def test_each_outcome_is_that_of_the_table_of_the_standard(run: Path) -> None:
    known = {(row.attack, ", ".join(row.keys), row.ecu): row for row in ROWS}
    compared = 0
    for row in _rows(run):
        if stated := known.get((row["attack"], row["keys"], row["ecu"])):
            compared += 1
            late = stated.by == "expiry"  # after a day at the soonest
            assert row["outcome"] == OUTCOMES["no_effect" if late else stated.outcome], row
            assert row["check"] == (stated.check if stated.outcome == "detected" and not late else ""), row
            assert np.isfinite(row["noticed_s"]) == bool(row["check"]), row
    assert compared > 30
    assert OUTCOMES["undetected"] not in {row["outcome"] for row in _rows(run)}


def test_no_text_says_that_an_image_ran_which_did_not(run: Path) -> None:
    for row in _rows(run):
        assert ("the attacker's image runs" in row["text"]) == bool(row["ran"]), row


def test_version_reports_name_each_ecu_that_runs_what_nobody_released(run: Path) -> None:
    events = table(run, "events")
    reported = [
        (site, text)
        for site, code, text in zip(events["site_id"], events["code"], events["message"], strict=True)
        if code == "report_version"
    ]
    expected = {(site, ecu) for site in FOOLED for ecu in ("Pack1", "Module01", "Module02")}
    assert {(site, text.split()[2]) for site, text in reported} == expected
    assert all(text.endswith("which points to arbitrary software") for _, text in reported)
