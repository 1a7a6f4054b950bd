"""What every rollout policy promises, whatever its rules: a fleet of virtual devices goes through each of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.worlds.virtual_devices import START, VirtualFleet, campaign, ns
from twin.ota import policies
from twin.ota.campaign.campaign import Campaign, Decision, Look
from twin.ota.campaign.mistakes import mistakes
from twin.ota.campaign.options import CampaignOptions
from twin.ota.causes import Cause
from twin.ota.gates.gate import GateLook, Verdict
from twin.ota.policies.policy import Policy
from twin.plugins import discover
from twin.streams import stream

EXAMPLES: dict[str, dict[str, Any]] = {
    "all_at_once": {},
    "hawkbit": {"number_of_groups": 10, "success_threshold": 80, "error_threshold": 10},
    "aws_jobs": {
        "exponential_rate": {"base_rate_per_minute": 50, "increment_factor": 2, "number_of_notified_things": 1000},
        "abort": [{"threshold_percentage": 10, "min_number_of_executed_things": 100}],
        "in_progress_timeout_min": 600,
    },
    "phased": {"phases": [{"batch_percent": 5}, {"batch_percent": 15, "start_s": "24 h"}, {"start_s": "48 h"}]},
    "canary": {"canaries": 40, "baseline": 100, "stages_percent": [10, 30]},
}
"""One policy of each kind."""
KINDS = discover(policies, Policy)  # type: ignore[type-abstract]
DECIDE_S = 60
STOPPERS = ("hawkbit", "aws_jobs", "canary")


def _policy(kind: str) -> dict[str, Any]:
    return {"kind": kind, **EXAMPLES[kind]}


DRAWS = stream(7, "fates").random(10_000)


def _fate(share: float) -> Callable[[int], Cause]:
    return lambda site: Cause.BOOT_FAILED if DRAWS[site] < share else Cause.NONE


class _Run:
    """A campaign and its fleet, run to an end; gates pass six hours after a group began."""

    def __init__(self, one: Campaign, fleet: VirtualFleet, decisions: int, verdict: Verdict = Verdict.PASS) -> None:
        self.campaign, self.fleet = one, fleet
        self.decisions: list[Decision] = []
        self.spent_s = 0.0
        for number in range(decisions):
            time_ns = ns(number * DECIDE_S)
            reports = fleet.reports(time_ns)
            began_s = time.perf_counter()
            looks: dict[int, Look] = {
                request.group: GateLook(time_ns, verdict, (), "for the test")
                for request in one.soaking
                if time_ns >= request.since_ns + ns(6 * 3600)
            }
            decision = one.decide(time_ns, reports, looks)
            self.spent_s += time.perf_counter() - began_s
            self.decisions.append(decision)
            fleet.obey(decision.orders(), time_ns)

    def of(self, name: str) -> list[int]:
        return [site for decision in self.decisions for site in getattr(decision, name).tolist()]

    def kinds(self) -> set[str]:
        return {told.kind for decision in self.decisions for told in decision.told}


def _run(kind: str, sites: int, decisions: int, share: float = 0.0, **options: Any) -> _Run:
    fleet = VirtualFleet(sites, 300.0, 900.0, lambda site: site * 7.0 % 300.0, _fate(share))
    return _Run(campaign(sites, _policy(kind), order="seeded", **options), fleet, decisions)


def test_there_is_an_example_of_every_kind() -> None:
    assert set(EXAMPLES) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_is_called_as_its_kind(kind: str) -> None:
    assert KINDS[kind].model_fields["kind"].default == kind


@pytest.mark.parametrize("kind", KINDS)
def test_every_site_is_in_one_group_and_groups_are_fixed(kind: str) -> None:
    for sites in (1, 2, 7, 1000):
        one = Campaign(CampaignOptions.model_validate({"policy": _policy(kind)}), sites, 1, START)
        assert sorted(one.order.tolist()) == list(range(sites))
        assert np.bincount(one.group, minlength=len(one.groups)).tolist() == [group.size for group in one.groups]


@pytest.mark.parametrize("kind", KINDS)
def test_three_days_of_ten_thousand_sites_are_decided_in_time_and_all_get_it(kind: str) -> None:
    run = _run(kind, 10_000, 4320, share=0.02, offline={"percent": 50}, retry={"count": 1})
    assert sorted(set(run.of("start"))) == list(range(10_000))
    assert run.decisions[-1].finished
    assert not run.of("cancel")
    failed = int((DRAWS < 0.02).sum())
    assert int(run.fleet.runs.sum()) == 10_000 - failed
    assert len(run.of("start")) == 10_000 + failed, "each that failed was tried once more"
    assert run.spent_s < 20.0, f"{run.spent_s:.1f} s for 4320 decisions"


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_is_told_twice_and_decisions_are_sorted(kind: str) -> None:
    run = _run(kind, 400, 4320)
    started = run.of("start")
    assert len(started) == len(set(started)) == 400
    assert all(np.all(np.diff(decision.start) > 0) for decision in run.decisions)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_fleet_makes_the_same_decisions(kind: str) -> None:
    first, second = (_run(kind, 600, 2000, share=0.05) for _ in range(2))
    for one, other in zip(first.decisions, second.decisions, strict=True):
        assert one.told == other.told
        assert one.start.tolist() == other.start.tolist()


@pytest.mark.parametrize("kind", STOPPERS)
def test_a_release_that_fails_everywhere_reaches_few(kind: str) -> None:
    run = _run(kind, 2000, 2000, share=1.0)
    assert run.kinds() & {"pause", "stop"}
    assert len(run.of("start")) < 2000


@pytest.mark.parametrize("kind", KINDS)
def test_stop_all_leaves_nothing_under_way(kind: str) -> None:
    commands = [{"time_s": 1200, "do": "stop_all"}]
    run = _run(kind, 600, 200, commands=commands)
    assert run.decisions[-1].finished
    late = [site for decision in run.decisions[21:] for site in decision.start.tolist()]
    assert not late
    assert not run.of("roll_back")


@pytest.mark.parametrize("kind", KINDS)
def test_roll_back_brings_everybody_back_also_those_that_finish_after_it(kind: str) -> None:
    run = _run(kind, 600, 200, commands=[{"time_s": 1200, "do": "roll_back"}])
    assert run.decisions[-1].finished
    assert not run.fleet.runs.any()
    assert run.of("roll_back"), "somebody had it"


@pytest.mark.parametrize("kind", KINDS)
def test_a_pause_begins_nothing_and_cancels_nothing(kind: str) -> None:
    run = _run(kind, 600, 400, commands=[{"time_s": 60, "do": "pause"}])
    assert not [site for decision in run.decisions[2:] for site in decision.start.tolist()]
    assert not run.of("cancel")
    assert not run.decisions[-1].finished


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_is_no_mistake_for_a_fleet_of_its_size(kind: str) -> None:
    options = CampaignOptions.model_validate({"policy": _policy(kind)})
    assert not list(mistakes(options, 10_000, 1, START, 3 * 86_400.0))
