"""Rollouts behave as hawkBit's do: group sizes, conditions and actions, one rule a test.

Rules: eclipse-hawkbit, JpaRolloutExecutor, RolloutHelper, Threshold*Condition and its tests, StartNextGroup... and
PauseRolloutGroupAction; what is not in a test of theirs is read from their code.
"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.worlds.virtual_devices import Desk, all_of
from twin.ota.campaign.groups import equal_shares, shares_of_rest
from twin.ota.campaign.options import CampaignOptions
from twin.ota.policies.hawkbit import Hawkbit, error_condition, success_condition
from twin.ota.states import UpdateState

SUCCESS, FAILURE, ABORTED = UpdateState.SUCCESS, UpdateState.FAILURE, UpdateState.ABORTED


def _desk(sites: int = 10, groups: int = 2, success: Any = 50, error: Any = 50, **more: Any) -> Desk:
    policy = {"kind": "hawkbit", "number_of_groups": groups, "success_threshold": success, "error_threshold": error}
    extra: dict[str, Any] = {key: more.pop(key) for key in ("success_action", "error_action") if key in more}
    desk = Desk(sites, {**policy, **extra}, **more)
    desk.at(0)
    return desk


@pytest.mark.parametrize(
    ("sites", "groups", "sizes"),
    [
        (3, 5, [1, 1, 0, 1, 0]),
        (10, 3, [3, 4, 3]),
        (10, 4, [3, 2, 3, 2]),
        (5, 2, [3, 2]),
        (1, 1, [1]),
        (10_000, 3, [3333, 3334, 3333]),
        (0, 2, [0, 0]),
    ],
)
def test_equal_groups_take_their_part_of_what_is_left_a_half_rounded_up(
    sites: int, groups: int, sizes: list[int]
) -> None:
    assert equal_shares(sites, groups) == sizes


@pytest.mark.parametrize(
    ("percents", "sizes"),
    [([10, 50, 100], [10, 45, 45]), ([2.5, 100], [3, 97]), ([100, 100], [100, 0]), ([33, 33], [33, 22])],
    ids=["slow start", "half of a site", "nothing left", "some left over"],
)
def test_a_percentage_is_of_what_earlier_groups_left_over(percents: list[float], sizes: list[int]) -> None:
    assert shares_of_rest(100, percents) == sizes


@pytest.mark.parametrize(
    ("errors", "total", "threshold", "holds"),
    [
        (2, 5, "10", True),
        (1, 10, "10", False),
        (2, 10, "10", True),
        (0, 5, "0", False),
        (1, 5, "0", True),
        (5, 5, "100", False),
        (0, 0, "10", False),
        (5, 5, "five", False),
        (5, 5, "10.5", False),
        (5, 5, " 10", False),
        (5, 5, "+10", True),
    ],
    ids=[
        *("above", "equal is not above", "just above", "none of zero", "any above zero", "all is not above 100"),
        *("nobody is no error", "a word", "a fraction", "a blank", "Java reads a plus"),
    ],
)
def test_the_error_condition_is_strictly_greater(errors: int, total: int, threshold: str, holds: bool) -> None:
    assert error_condition(errors, total, threshold) is holds


@pytest.mark.parametrize(
    ("finished", "total", "threshold", "holds"),
    [(4, 5, "80", True), (3, 5, "80", False), (0, 5, "0", True), (0, 0, "80", True), (5, 5, "all", False)],
    ids=["equal is enough", "below", "zero at once", "nobody is a success", "a word"],
)
def test_the_success_condition_includes_equality(finished: int, total: int, threshold: str, holds: bool) -> None:
    assert success_condition(finished, total, threshold) is holds


def test_nobody_is_a_success_even_with_a_threshold_that_cannot_be_read() -> None:
    assert success_condition(0, 0, "all")


def test_the_first_group_begins_at_once_and_no_other() -> None:
    desk = _desk()
    assert desk.started == {0: [0, 1, 2, 3, 4]}


def test_the_next_group_begins_when_the_threshold_is_reached() -> None:
    desk = _desk()
    desk.at(60, all_of([0, 1], SUCCESS))
    assert 60 not in desk.started
    desk.at(120, {2: SUCCESS})
    assert desk.started[120] == [5, 6, 7, 8, 9]


def test_conditions_are_evaluated_every_two_seconds() -> None:
    desk = _desk()
    desk.at(61, all_of([0, 1, 2], SUCCESS))
    assert 61 not in desk.started, "the next evaluation is at 62 s"
    desk.at(70)
    assert desk.told[-1] == (62.0, "group_begins", 1)


def test_the_error_condition_is_tested_before_the_success_condition() -> None:
    desk = _desk(success=20, error=20)
    desk.at(60, {0: SUCCESS, 1: FAILURE, 2: FAILURE})
    assert "pause" in desk.kinds()
    assert list(desk.started) == [0]


def test_an_error_pauses_and_what_was_begun_goes_on() -> None:
    desk = _desk(error=20)
    decision = desk.at(60, {0: FAILURE, 1: FAILURE})
    assert desk.kinds()[-1] == "pause"
    assert not len(decision.cancel)
    assert not len(decision.roll_back)
    desk.at(120, all_of([2, 3, 4], SUCCESS))
    assert list(desk.started) == [0], "while it is paused nothing is evaluated"


def test_after_an_error_a_resume_begins_the_next_group() -> None:
    desk = _desk(error=20, commands=[{"time_s": 300, "do": "resume"}])
    desk.at(60, {0: FAILURE, 1: FAILURE})
    desk.at(300)
    assert desk.started[300] == [5, 6, 7, 8, 9]


def test_an_error_may_stop_the_rollout_as_users_ask_for() -> None:
    desk = _desk(error=20, error_action="stop")
    decision = desk.at(60, {0: FAILURE, 1: FAILURE, 2: SUCCESS})
    assert decision.cancel.tolist() == [3, 4]
    assert desk.at(120, all_of([3, 4], ABORTED)).finished


def test_a_complete_group_goes_on_below_its_success_threshold() -> None:
    desk = _desk(success=100, error=50)
    desk.at(60, {0: FAILURE, **all_of([1, 2, 3, 4], SUCCESS)})
    assert 60 not in desk.started
    desk.at(62)
    assert desk.started[62] == [5, 6, 7, 8, 9], "the group has finished at 60 s, its success action runs at 62 s"


def test_an_unparsable_threshold_is_never_true() -> None:
    desk = _desk(success="most", error="few")
    desk.at(60, {**all_of([0, 1], FAILURE), **all_of([2, 3], SUCCESS)})
    desk.at(120)
    assert desk.kinds() == ["group_begins"]
    desk.at(180, {4: SUCCESS})
    desk.at(240)
    assert desk.started[240] == [5, 6, 7, 8, 9], "only completeness is left to go on by"


def test_cancelled_counts_as_neither_and_stays_in_the_total() -> None:
    desk = _desk(success=50, error=50, commands=[{"time_s": 30, "do": "cancel", "sites": [0, 1]}])
    desk.at(60)
    desk.at(120, {**all_of([0, 1], ABORTED), **all_of([2, 3], SUCCESS)})
    assert 120 not in desk.started, "2 of 5 are below 50 %"
    tally = desk.campaign.ledger.tally
    assert tally.total(0) == 5
    desk.at(180, {4: SUCCESS})
    assert desk.started[180] == [5, 6, 7, 8, 9]


def test_deleting_an_action_shrinks_the_denominator() -> None:
    desk = _desk(success=50, error=50, commands=[{"time_s": 130, "do": "delete", "sites": [3]}])
    desk.at(120, all_of([0, 1], SUCCESS))
    assert 120 not in desk.started, "2 of 5 are below 50 %"
    desk.at(180)
    assert desk.started[180] == [5, 6, 7, 8, 9], "2 of 4 are 50 %"
    assert desk.told[-1][0] == 130.0


def test_a_group_whose_actions_were_all_deleted_is_a_success() -> None:
    desk = _desk(commands=[{"time_s": 30, "do": "delete", "sites": [0, 1, 2, 3, 4]}])
    desk.at(60)
    assert desk.started[60] == [5, 6, 7, 8, 9]
    assert "pause" not in desk.kinds()


def test_empty_groups_are_passed_over() -> None:
    desk = _desk(3, groups=5)
    for time_s, site in ((60, 0), (120, 1), (180, 2)):
        desk.at(time_s, {site: SUCCESS})
    assert desk.started == {0: [0], 60: [1], 120: [2]}
    assert desk.at(200).finished


def test_an_operator_begins_the_next_group_whatever_the_condition_says() -> None:
    desk = _desk(commands=[{"time_s": 60, "do": "next_group"}])
    desk.at(60)
    assert desk.started[60] == [5, 6, 7, 8, 9]
    desk.at(120, all_of(range(3), FAILURE))
    assert desk.kinds()[-1] == "pause", "the group before runs on, and is evaluated"


def test_a_paused_rollout_begins_nothing_until_it_is_resumed() -> None:
    commands = [{"time_s": 30, "do": "pause"}, {"time_s": 600, "do": "resume"}]
    desk = _desk(commands=commands)
    desk.at(60, all_of(range(5), SUCCESS))
    assert list(desk.started) == [0]
    desk.at(600)
    assert desk.started[600] == [5, 6, 7, 8, 9]


def test_pause_as_success_action_waits_once_for_an_operator() -> None:
    desk = _desk(9, groups=3, success_action="pause", commands=[{"time_s": 600, "do": "resume"}])
    desk.at(60, all_of([0, 1], SUCCESS))
    assert desk.kinds()[-1] == "pause"
    desk.at(600)
    assert desk.started[600] == [3, 4, 5]
    desk.at(660, all_of([3, 4], SUCCESS))
    assert desk.kinds()[-1] == "pause", "and again after the next group"


def test_groups_may_have_sizes_and_conditions_of_their_own() -> None:
    groups = [{"percent": 10, "success_threshold": 100, "error_threshold": 0}, {"percent": 100}]
    desk = Desk(20, {"kind": "hawkbit", "groups_of": groups, "success_threshold": 50})
    desk.at(0)
    assert desk.started[0] == [0, 1]
    desk.at(60, {0: SUCCESS})
    assert 60 not in desk.started
    desk.at(120, {1: FAILURE})
    assert desk.kinds()[-1] == "pause"


def test_defaults_are_those_of_hawkbits_groups() -> None:
    policy = Hawkbit(number_of_groups=1)
    assert (policy.success_threshold, policy.error_threshold) == ("50", "50")
    assert (policy.success_action, policy.error_action) == ("next_group", "pause")


@pytest.mark.parametrize("threshold", ["101", 150, "-1"])
def test_thresholds_beyond_a_hundred_percent_are_refused(threshold: Any) -> None:
    with pytest.raises(ValidationError, match="percentage from 0 to 100"):
        CampaignOptions.model_validate(
            {"policy": {"kind": "hawkbit", "number_of_groups": 2, "error_threshold": threshold}}
        )
