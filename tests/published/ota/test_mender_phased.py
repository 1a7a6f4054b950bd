"""Phases behave as Mender documents them: by size and time, fixed at creation, the last takes the rest."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.worlds.virtual_devices import Desk, all_of
from twin.ota.campaign.options import CampaignOptions
from twin.ota.policies.phased import Phased
from twin.ota.states import UpdateState

BLOG = [{"batch_percent": 5}, {"batch_percent": 15, "start_s": "24 h"}, {"start_s": "48 h"}]
"""Mender's own example of phases: 5 %, a day later 15 %, a day later the rest."""
FAILURE, SUCCESS = UpdateState.FAILURE, UpdateState.SUCCESS


def _sizes(sites: int, *percents: float) -> list[int]:
    phases: list[dict[str, Any]] = [
        {"batch_percent": percent, "start_s": 60.0 * number} for number, percent in enumerate(percents)
    ]
    policy = Phased.model_validate({"phases": [*phases, {"start_s": 1e6}]})
    return [group.size for group in policy.groups(sites)]


@pytest.mark.parametrize(
    ("sites", "percents", "sizes"),
    [
        (100, [5, 15], [5, 15, 80]),
        (1000, [10], [100, 900]),
        (33, [10, 50], [3, 16, 14]),
        (7, [1], [1, 6]),
        (9, [], [9]),
    ],
    ids=["Mender's example", "two phases", "parts of a device are left to the last", "at least one", "one phase"],
)
def test_sizes_are_parts_of_all_devices_and_the_last_takes_the_rest(
    sites: int, percents: list[float], sizes: list[int]
) -> None:
    assert _sizes(sites, *percents) == sizes


def test_phases_begin_at_their_times_whatever_comes_back() -> None:
    desk = Desk(100, {"kind": "phased", "phases": BLOG}, start_s=3600)
    for hour in range(60):
        desk.at(3600.0 * hour, all_of(range(5), FAILURE) if hour == 3 else None)
    begun = {time_s / 3600: len(sites) for time_s, sites in desk.started.items()}
    assert begun == {1: 5, 25: 15, 49: 80}


def test_sizes_were_fixed_when_the_deployment_was_created() -> None:
    commands = [{"time_s": 60, "do": "delete", "sites": [0, 1, 50]}]
    desk = Desk(100, {"kind": "phased", "phases": BLOG}, commands=commands)
    desk.at(0)
    desk.at(86_400)
    assert desk.started[86_400] == list(range(5, 20))


def test_a_device_that_fails_is_tried_again_as_often_as_the_deployment_says() -> None:
    phases = [{"start_s": 0}]
    desk = Desk(2, {"kind": "phased", "phases": phases}, retry={"count": 2, "backoff_s": 60, "factor": 1})
    desk.at(0)
    desk.at(60, {0: FAILURE, 1: SUCCESS})
    assert desk.at(120).start.tolist() == [0]
    desk.at(180, {0: FAILURE})
    assert desk.at(240).start.tolist() == [0]
    assert desk.at(300, {0: FAILURE}).finished, "three tries"


def test_an_abort_ends_the_phases_and_cancels_what_is_under_way() -> None:
    desk = Desk(100, {"kind": "phased", "phases": BLOG}, commands=[{"time_s": 600, "do": "stop_all"}])
    desk.at(0)
    desk.at(300, {0: SUCCESS})
    assert desk.at(600).cancel.tolist() == [1, 2, 3, 4]
    desk.at(86_400, all_of([1, 2, 3, 4], UpdateState.ABORTED))
    assert list(desk.started) == [0]


def test_phases_that_are_due_during_a_pause_begin_after_it() -> None:
    commands = [{"time_s": 600, "do": "pause"}, {"time_s": 90_000, "do": "resume"}]
    desk = Desk(100, {"kind": "phased", "phases": BLOG}, commands=commands)
    for time_s in (0, 600, 86_400, 90_000):
        desk.at(time_s)
    assert [(time_s, len(sites)) for time_s, sites in desk.started.items()] == [(0, 5), (90_000, 15)]


@pytest.mark.parametrize(
    ("phases", "complaint"),
    [
        ([{"batch_percent": 60}, {"batch_percent": 60, "start_s": 60}], "take 120 %"),
        ([{"batch_percent": 60}, {"batch_percent": 30, "start_s": 60}], "take 90 %"),
        ([{"batch_percent": 100}, {"start_s": 60}], "leave nothing for the last"),
        ([{}, {"batch_percent": 50, "start_s": 60}], "phase 0 has no batch_percent"),
        ([{"batch_percent": 50, "start_s": 60}, {"start_s": 60}], "same time or out of order"),
        ([], "at least 1"),
    ],
)
def test_phases_that_do_not_add_up_are_refused(phases: list[dict[str, Any]], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        CampaignOptions.model_validate({"policy": {"kind": "phased", "phases": phases}})
