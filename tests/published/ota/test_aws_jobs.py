"""Jobs behave as AWS IoT documents them: rates, abort criteria, timeouts, one rule a test.

AWS IoT developer guide, "How job configurations work"; API reference of ExponentialRolloutRate, AbortCriteria and
TimeoutConfig.
"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.worlds.virtual_devices import Desk, all_of
from twin.ota.campaign.options import CampaignOptions
from twin.ota.causes import Cause
from twin.ota.states import UpdateState

SUCCESS, FAILURE = UpdateState.SUCCESS, UpdateState.FAILURE
EXAMPLE = {"base_rate_per_minute": 50, "increment_factor": 2, "number_of_notified_things": 1000}
"""Of the developer guide."""


def _desk(sites: int, **policy: Any) -> Desk:
    extra = {key: policy.pop(key) for key in ("retry", "commands") if key in policy}
    return Desk(sites, {"kind": "aws_jobs", **policy}, **extra)


def _notified(desk: Desk, minutes: int, **at: Any) -> list[int]:
    """Return how many are told to update at each minute."""
    return [len(desk.at(60.0 * minute, **at).start) for minute in range(minutes)]


def test_the_documented_example_has_50_100_200_400_from_minutes_0_20_30_35() -> None:
    desk = _desk(10_000, exponential_rate=EXAMPLE)
    expected = [50] * 20 + [100] * 10 + [200] * 5 + [400] * 2
    assert _notified(desk, 37) == expected
    assert sum(expected) == 3800


def test_the_rate_stops_at_its_maximum() -> None:
    desk = _desk(10_000, exponential_rate=EXAMPLE, maximum_per_minute=150)
    assert _notified(desk, 40) == [50] * 20 + [100] * 10 + [150] * 10


def test_without_an_exponential_rate_it_is_constant() -> None:
    desk = _desk(250, maximum_per_minute=100)
    assert _notified(desk, 4) == [100, 100, 50, 0]


def test_the_rate_may_hang_on_what_has_succeeded() -> None:
    rate = {"base_rate_per_minute": 10, "increment_factor": 3, "number_of_succeeded_things": 20}
    desk = _desk(500, exponential_rate=rate)
    assert _notified(desk, 5) == [10] * 5, "nobody has succeeded"
    found = [len(desk.at(300, all_of(range(20), SUCCESS)).start), len(desk.at(360).start)]
    assert found == [30, 30]
    assert len(desk.at(420, all_of(range(20, 40), SUCCESS)).start) == 90


def test_a_rate_that_is_no_whole_number_is_rounded_down() -> None:
    rate = {"base_rate_per_minute": 5, "increment_factor": 1.5, "number_of_notified_things": 10}
    assert _notified(_desk(100, exponential_rate=rate), 4) == [5, 5, 7, 7]


def _aborting(sites: int = 100, **criterion: Any) -> Desk:
    stated = {"threshold_percentage": 20, "min_number_of_executed_things": 10, **criterion}
    return _desk(sites, maximum_per_minute=10, abort=[stated], in_progress_timeout_min=60)


def test_it_aborts_when_the_percentage_of_executed_things_is_reached() -> None:
    desk = _aborting()
    desk.at(0)
    desk.at(30, {0: FAILURE})
    assert "stop" not in desk.kinds()
    desk.at(40, {1: FAILURE})
    assert desk.kinds()[-1] == "stop", "2 of 10 are 20 %"
    assert not len(desk.at(60).start)


def test_it_does_not_abort_before_enough_things_were_executed() -> None:
    desk = _aborting(min_number_of_executed_things=30)
    desk.at(0)
    desk.at(30, all_of(range(10), FAILURE))
    assert "stop" not in desk.kinds()
    desk.at(60)
    desk.at(120)
    assert not len(desk.at(180).start), "30 were executed, 10 failed"
    assert desk.kinds()[-1] == "stop"


def test_an_abort_cancels_what_is_queued_and_lets_what_is_in_progress_go_on() -> None:
    desk = _aborting()
    desk.at(0)
    desk.at(20, all_of([2, 3, 4], UpdateState.DOWNLOADING))
    decision = desk.at(30, all_of([0, 1], FAILURE))
    assert decision.cancel.tolist() == [5, 6, 7, 8, 9]
    assert not decision.finished
    desk.at(40, all_of([5, 6, 7, 8, 9], UpdateState.ABORTED))
    assert desk.at(50, all_of([2, 3, 4], SUCCESS)).finished


@pytest.mark.parametrize(
    ("failure_type", "cause", "aborts"),
    [
        ("FAILED", Cause.BOOT_FAILED, True),
        ("FAILED", Cause.IMAGE_REFUSED, False),
        ("REJECTED", Cause.IMAGE_REFUSED, True),
        ("REJECTED", Cause.CONDITIONS_UNMET, True),
        ("REJECTED", Cause.BOOT_FAILED, False),
        ("TIMED_OUT", Cause.BOOT_FAILED, False),
        ("ALL", Cause.IMAGE_REFUSED, True),
        ("ALL", Cause.BOOT_FAILED, True),
    ],
)
def test_a_criterion_counts_its_own_type_of_failure(failure_type: str, cause: Cause, aborts: bool) -> None:
    desk = _aborting(failure_type=failure_type)
    desk.at(0)
    desk.at(30, all_of([0, 1, 2], FAILURE), cause=cause)
    assert ("stop" in desk.kinds()) is aborts


def test_an_execution_that_is_too_long_in_progress_times_out_and_counts() -> None:
    desk = _aborting(10, failure_type="TIMED_OUT")
    desk.at(0)
    desk.at(60, all_of([0, 1, 2], UpdateState.DOWNLOADING))
    assert desk.at(60 + 3540).cancel.tolist() == []
    decision = desk.at(60 + 3600)
    assert set(decision.cancel.tolist()) >= {0, 1, 2}
    assert "stop" in desk.kinds()


def test_what_is_queued_does_not_time_out() -> None:
    desk = _desk(10, in_progress_timeout_min=1, maximum_per_minute=10)
    desk.at(0)
    assert not len(desk.at(100_000).cancel)


def test_a_timed_out_execution_stays_timed_out_whatever_comes_later() -> None:
    desk = _desk(2, in_progress_timeout_min=1)
    desk.at(0)
    desk.at(10, {0: UpdateState.DOWNLOADING})
    desk.at(70)
    decision = desk.at(80, {0: SUCCESS, 1: SUCCESS})
    assert decision.finished
    assert desk.campaign.ledger.tally.counts[0].tolist() == [0, 0, 1, 0, 0, 1, 0, 0]


def test_a_retried_execution_counts_only_after_its_last_try() -> None:
    desk = _desk(10, maximum_per_minute=10, abort=[{"threshold_percentage": 10}], retry={"backoff_s": 100})
    desk.at(0)
    desk.at(30, {0: FAILURE})
    assert "stop" not in desk.kinds()
    assert desk.at(130).start.tolist() == [0]
    desk.at(160, {0: FAILURE})
    assert desk.kinds()[-1] == "stop"


@pytest.mark.parametrize(
    ("policy", "complaint"),
    [
        ({"maximum_per_minute": 1001}, "less than or equal to 1000"),
        ({"exponential_rate": {**EXAMPLE, "increment_factor": 1.0}}, "greater than or equal to 1.1"),
        ({"exponential_rate": {**EXAMPLE, "increment_factor": 1.55}}, "one digit"),
        ({"exponential_rate": {**EXAMPLE, "number_of_succeeded_things": 5}}, "either"),
        ({"exponential_rate": {"base_rate_per_minute": 50, "increment_factor": 2}}, "either"),
        ({"exponential_rate": EXAMPLE, "maximum_per_minute": 20}, "above maximum_per_minute"),
        ({"abort": [{"threshold_percentage": 100.5}]}, "less than or equal to 100"),
        ({"in_progress_timeout_min": 10_081}, "less than or equal to 10080"),
    ],
)
def test_values_that_aws_refuses_are_refused(policy: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        CampaignOptions.model_validate({"policy": {"kind": "aws_jobs", **policy}})
