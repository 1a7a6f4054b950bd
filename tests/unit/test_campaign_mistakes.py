"""Campaigns that cannot be meant are refused before anything runs, with all that is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.worlds.virtual_devices import START
from twin.ota.campaign.mistakes import mistakes
from twin.ota.campaign.options import CampaignOptions

DAY_S = 86_400.0
FIVE_PERCENT = {"threshold_percentage": 5}
HAWKBIT = {"kind": "hawkbit", "number_of_groups": 2}


def _found(options: dict[str, Any], sites: int = 100, duration_s: float = DAY_S) -> dict[str, str]:
    stated = CampaignOptions.model_validate(options)
    found = mistakes(stated, sites, 1, START, duration_s)
    return {".".join(str(part) for part in mistake.path): mistake.message for mistake in found}


def _one(options: dict[str, Any], path: str, words: str, **more: Any) -> None:
    found = _found(options, **more)
    assert list(found) == [path], found
    assert words in found[path]


@pytest.mark.parametrize(
    ("options", "path", "words"),
    [
        ({"sites": [1, 100]}, "sites", "there is no site 100"),
        ({"sites": [1, 1]}, "sites", "site 1 stands there more than once"),
        ({"order": [7, 200]}, "order", "there is no site 200"),
        ({"sites": [1, 2], "order": [3]}, "order", "the campaign has other sites"),
        ({"time_zones": [{"utc_offset_h": 1, "sites": [-1]}]}, "time_zones.0.sites", "there is no site -1"),
        ({"start_s": "30 h"}, "start_s", "the run ends at 86400"),
        ({"commands": [{"time_s": "25 h", "do": "pause"}]}, "commands.0.time_s", "the run ends"),
        ({"start_s": 60, "commands": [{"time_s": 1, "do": "pause"}]}, "commands.0.time_s", "begins at 60"),
        ({"commands": [{"time_s": 1, "do": "cancel", "sites": [500]}]}, "commands.0.sites", "no site 500"),
        ({"policy": {"kind": "hawkbit"}}, "policy.number_of_groups", "either number_of_groups or groups_of"),
        ({"policy": {"kind": "hawkbit", "number_of_groups": 101}}, "policy.number_of_groups", "some are empty"),
        (
            {"policy": {"kind": "hawkbit", "groups_of": [{"percent": 50}]}},
            "policy.groups_of",
            "leave 50 sites over",
        ),
        (
            {
                "policy": {
                    "kind": "aws_jobs",
                    "abort": [{"threshold_percentage": 5, "min_number_of_executed_things": 101}],
                }
            },
            "policy.abort.0.min_number_of_executed_things",
            "it can never abort",
        ),
        (
            {"policy": {"kind": "aws_jobs", "abort": [{"threshold_percentage": 5, "failure_type": "TIMED_OUT"}]}},
            "policy.abort.0.failure_type",
            "nothing times out",
        ),
        ({"policy": {"kind": "canary", "canaries": 90, "baseline": 32}}, "policy.canaries", "the campaign has 100"),
        ({"policy": {"kind": "canary", "canaries": 2}}, "policy.gates", "cannot be told apart"),
        ({"policy": {"kind": "phased", "phases": [{"batch_percent": 10}, {"start_s": "30 h"}]}}, "policy", "phase 2"),
        ({"policy": {**HAWKBIT, "success_action": "pause"}}, "policy", "does not finish"),
        ({"policy": HAWKBIT, "commands": [{"time_s": 60, "do": "pause"}]}, "policy", "the last that happened: pause"),
        (
            {
                "policy": {
                    "kind": "aws_jobs",
                    "exponential_rate": {
                        "base_rate_per_minute": 1,
                        "increment_factor": 1.1,
                        "number_of_succeeded_things": 5000,
                    },
                },
                "start_s": "23 h",
            },
            "policy",
            "not everybody would be done",
        ),
        (
            {"window": {"opens": "01:00", "closes": "02:00", "days": ["sat"]}},
            "policy",
            "does not finish within the run",
        ),
    ],
)
def test_one_mistake_is_found_where_it_is(options: dict[str, Any], path: str, words: str) -> None:
    _one(options, path, words)


def test_all_mistakes_are_found_at_once() -> None:
    options = {
        "sites": [0, 300],
        "start_s": "2 days",
        "policy": {"kind": "hawkbit", "number_of_groups": 40},
        "commands": [{"time_s": 5, "do": "pause"}],
    }
    assert set(_found(options)) == {"sites", "start_s", "policy.number_of_groups", "commands.0.time_s"}


def test_a_campaign_that_need_not_finish_may_be_cut_off() -> None:
    assert not _found({"policy": {**HAWKBIT, "success_action": "pause"}, "must_finish": False})


def test_operators_may_make_it_finish() -> None:
    policy = {**HAWKBIT, "success_action": "pause"}
    assert not _found({"policy": policy, "commands": [{"time_s": 3600, "do": "resume"}]})
    assert not _found({"policy": policy, "commands": [{"time_s": 3600, "do": "stop_all"}]})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"commands": [{"time_s": 9, "do": "pause"}, {"time_s": 3, "do": "resume"}]}, "resume at 3 s stands after"),
        ({"commands": [{"time_s": 3, "do": "stop_all"}, {"time_s": 9, "do": "resume"}]}, "which ends the campaign"),
        ({"commands": [{"time_s": 3, "do": "cancel"}]}, "cancel needs sites"),
        ({"commands": [{"time_s": 3, "do": "pause", "sites": [1]}]}, "pause takes no sites"),
        ({"offline": {"percent": 101}}, "less than or equal to 100"),
        ({"offline": {"percent": 0}}, "greater than 0"),
        ({"retry": {"count": 0}}, "greater than or equal to 1"),
        ({"time_zones": [{"utc_offset_h": 1, "share": 0.7}, {"utc_offset_h": 2, "share": 0.7}]}, "add up to 140 %"),
        ({"policy": {"kind": "canary", "success_threshold": 101}}, "less than or equal to 100"),
        ({"policy": {"kind": "canary", "gates": {"behaviours": [{"behaviour": "restart"}]}}}, "did you mean restarts"),
        ({"policy": {"kind": "big_bang"}}, "does not match any of the expected tags"),
    ],
)
def test_values_that_cannot_be_are_refused_as_they_are_read(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        CampaignOptions.model_validate(options)
