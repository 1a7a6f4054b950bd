"""A campaign's own rules, which hold for every policy: order, retries, silence, bringing back, gates, late reports."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.worlds.virtual_devices import START, Desk, all_of, campaign, ns, reports
from twin.ota.campaign.groups import Role
from twin.ota.campaign.preview import preview
from twin.ota.causes import Cause
from twin.ota.gates.gate import GateLook, Verdict
from twin.ota.states import UpdateState

SUCCESS, FAILURE, ABORTED = UpdateState.SUCCESS, UpdateState.FAILURE, UpdateState.ABORTED
ALL = {"kind": "all_at_once"}
CANARY = {"kind": "canary", "canaries": 2, "baseline": 3, "stages_percent": [50]}


def test_turns_by_number_by_list_and_by_draw() -> None:
    assert campaign(5, ALL).order.tolist() == [0, 1, 2, 3, 4]
    assert campaign(5, ALL, order=[3, 1]).order.tolist() == [3, 1, 0, 2, 4]
    drawn = campaign(50, ALL, order="seeded").order.tolist()
    assert sorted(drawn) == list(range(50))
    assert drawn != list(range(50))


def test_a_draw_of_turns_does_not_hang_on_which_other_sites_there_are() -> None:
    many = campaign(60, ALL, order="seeded").order.tolist()
    few = campaign(60, ALL, order="seeded", sites=list(range(0, 60, 2))).order.tolist()
    assert few == [site for site in many if site % 2 == 0]


def test_sites_outside_the_campaign_are_left_alone() -> None:
    desk = Desk(6, ALL, sites=[1, 4])
    assert desk.at(0).start.tolist() == [1, 4]
    assert desk.campaign.group.tolist() == [-1, 0, -1, -1, 0, -1]
    assert not desk.at(60, {0: FAILURE, 1: SUCCESS}).finished
    assert desk.at(120, {4: SUCCESS}).finished


def test_a_campaign_begins_at_a_local_time() -> None:
    desk = Desk(2, ALL, start_s=3600, start_at="02:00")
    assert not len(desk.at(20 * 3600 - 60).start)
    assert len(desk.at(20 * 3600).start) == 2, "the run begins at 06:00"


def test_orders_name_releases() -> None:
    desk = Desk(3, ALL, commands=[{"time_s": 60, "do": "roll_back"}])
    assert desk.at(0).orders().release.tolist() == [1, 1, 1]
    orders = desk.at(60, {1: SUCCESS}).orders()
    assert dict(zip(orders.site.tolist(), orders.release.tolist(), strict=True)) == {0: -1, 1: 0, 2: -1}


def test_what_is_cancelled_before_its_order_left_needs_no_confirmation() -> None:
    desk = Desk(3, ALL, start_s=10, commands=[{"time_s": 20, "do": "stop_all"}])
    decision = desk.at(60)
    assert not len(decision.start)
    assert not len(decision.cancel)
    assert decision.finished


def test_a_site_that_finishes_after_roll_back_is_brought_back_too() -> None:
    desk = Desk(2, ALL, commands=[{"time_s": 60, "do": "roll_back"}])
    desk.at(0)
    assert desk.at(60, {0: SUCCESS}).roll_back.tolist() == [0]
    late = desk.at(120, {1: SUCCESS})
    assert late.roll_back.tolist() == [1]
    assert not late.finished
    assert desk.at(180, {0: SUCCESS, 1: SUCCESS}, release=0).finished


def test_a_failed_return_is_told() -> None:
    desk = Desk(1, ALL, commands=[{"time_s": 60, "do": "roll_back"}])
    desk.at(0)
    desk.at(60, {0: SUCCESS})
    assert desk.at(120, {0: FAILURE}, release=0).finished
    assert desk.kinds()[-1] == "roll_back_failed"


def test_a_stop_brings_back_where_the_options_say_so() -> None:
    commands = [{"time_s": 60, "do": "stop_all"}]
    for wanted in (False, True):
        desk = Desk(2, ALL, roll_back_on_stop=wanted, commands=commands)
        desk.at(0)
        assert desk.at(60, {0: SUCCESS}).roll_back.tolist() == [0] * wanted


def test_retries_wait_longer_each_time() -> None:
    desk = Desk(1, ALL, retry={"count": 2, "backoff_s": 60, "factor": 3})
    desk.at(0)
    desk.at(100, {0: FAILURE})
    assert not len(desk.at(159).start)
    assert len(desk.at(160).start)
    desk.at(200, {0: FAILURE})
    assert not len(desk.at(379).start)
    assert len(desk.at(380).start)
    assert desk.at(400, {0: FAILURE}).finished


def test_retries_after_the_rollout_come_when_everybody_has_had_a_turn() -> None:
    retry = {"count": 1, "when": "after_rollout", "backoff_s": 60}
    desk = Desk(4, {"kind": "hawkbit", "number_of_groups": 2, "error_threshold": 60}, retry=retry)
    desk.at(0)
    assert desk.at(60, {0: FAILURE, 1: SUCCESS}).start.tolist() == [2, 3]
    assert not desk.at(120, {2: SUCCESS, 3: FAILURE}).finished
    assert desk.at(180).start.tolist() == [0, 3]
    assert desk.at(240, {0: SUCCESS, 3: FAILURE}).finished


@pytest.mark.parametrize(("of", "halts"), [("group", True), ("fleet", False)])
def test_silence_of_many_halts(of: str, halts: bool) -> None:
    rule = {"after_s": 600, "percent": 50, "of": of}
    desk = Desk(10, {"kind": "hawkbit", "number_of_groups": 5}, offline=rule)
    desk.at(0, contact_s=[0] * 10)
    desk.at(600, contact_s=[0] + [600] * 9)
    assert "pause" not in desk.kinds(), "600 s are not more than 600 s"
    desk.at(660, contact_s=[0] + [660] * 9)
    assert ("pause" in desk.kinds()) is halts, "1 of 2 of the group, 1 of 10 of the fleet"


def test_a_silence_that_was_overruled_halts_again_only_after_it_was_over() -> None:
    rule = {"after_s": 60, "percent": 100}
    desk = Desk(1, ALL, offline=rule, commands=[{"time_s": 200, "do": "resume"}])
    for time_s, contact_s in ((0, 0), (100, 0), (200, 0), (300, 300), (400, 300)):
        desk.at(time_s, contact_s=[contact_s])
    assert [time_s for time_s, kind, _ in desk.told if kind == "pause"] == [100, 400]


def test_canaries_have_to_pass_before_the_next_stage() -> None:
    desk = Desk(11, CANARY)
    assert desk.at(0).start.tolist() == [0, 1]
    desk.at(60, all_of([0, 1], SUCCESS))
    (request,) = desk.campaign.soaking
    assert (request.group, request.canaries.tolist(), request.baseline.tolist()) == (0, [0, 1], [8, 9, 10])
    desk.at(3600, looks={0: GateLook(0, Verdict.WAIT, (), "no")})
    assert list(desk.started) == [0]
    desk.at(7200, looks={0: GateLook(0, Verdict.PASS, (), "nothing worse")})
    assert desk.started[7200] == [2, 3, 4]
    assert not desk.campaign.soaking
    desk.at(7260, all_of([2, 3, 4], SUCCESS))
    desk.at(7320, all_of([5, 6, 7], SUCCESS))
    assert desk.started[7320] == [8, 9, 10], "the baseline has its turn last"


def test_a_gate_that_stops_brings_canaries_back() -> None:
    desk = Desk(11, CANARY)
    desk.at(0)
    desk.at(60, all_of([0, 1], SUCCESS))
    decision = desk.at(3600, looks={0: GateLook(0, Verdict.STOP, (), "more resets")})
    assert decision.roll_back.tolist() == [0, 1]
    assert desk.at(3660, all_of([0, 1], SUCCESS), release=0).finished
    assert list(desk.started) == [0]


@pytest.mark.parametrize(("on_stop", "back", "kind"), [("stop", [], "stop"), ("pause", [], "pause")])
def test_a_gate_may_stop_or_pause_without_bringing_back(on_stop: str, back: list[int], kind: str) -> None:
    desk = Desk(11, {**CANARY, "on_stop": on_stop}, commands=[{"time_s": 7200, "do": "resume"}])
    desk.at(0)
    desk.at(60, all_of([0, 1], SUCCESS))
    assert desk.at(3600, looks={0: GateLook(0, Verdict.STOP, (), "worse")}).roll_back.tolist() == back
    assert desk.kinds()[-1] == kind
    desk.at(7200)
    assert (7200 in desk.started) is (on_stop == "pause"), "an operator may overrule a pause"


def test_every_stage_may_be_gated() -> None:
    desk = Desk(11, {**CANARY, "gated": "stages"})
    desk.at(0)
    desk.at(60, all_of([0, 1], SUCCESS), looks={0: GateLook(0, Verdict.PASS, (), "fine")})
    desk.at(120, all_of([2, 3, 4], SUCCESS))
    assert [request.group for request in desk.campaign.soaking] == [1]
    assert 180 not in desk.started
    desk.at(180, looks={1: GateLook(0, Verdict.PASS, (), "fine")})
    assert desk.started[180] == [5, 6, 7]


def test_canaries_without_gates_go_by_thresholds_and_a_soak() -> None:
    desk = Desk(11, {**CANARY, "gates": None, "soak_s": 3600, "error_threshold": 50})
    desk.at(0)
    desk.at(60, all_of([0, 1], SUCCESS))
    desk.at(3540)
    assert list(desk.started) == [0]
    desk.at(3600)
    assert desk.started[3600] == [2, 3, 4]


def test_roles_say_who_is_compared() -> None:
    one = campaign(11, CANARY)
    assert np.flatnonzero(one.role == Role.CANARY).tolist() == [0, 1]
    assert np.flatnonzero(one.role == Role.BASELINE).tolist() == [8, 9, 10]


def test_a_late_report_counts_from_the_last_decision_on() -> None:
    one = campaign(4, {"kind": "hawkbit", "number_of_groups": 2})
    one.decide(0, reports([], 4, 0))
    one.decide(ns(600), reports([], 4, 0))
    told = one.decide(ns(660), reports([(ns(100), 0, SUCCESS, Cause.NONE, 1)], 4, 0)).told
    assert [(one.time_ns, one.group) for one in told] == [(ns(600), 1)]


def test_a_preview_says_what_is_certain_and_what_is_an_estimate() -> None:
    options: Any = campaign(100, {"kind": "hawkbit", "number_of_groups": 2}).options
    lines = list(preview(options, 100, 1, START, 86_400).lines())
    assert lines[1].split()[:6] == ["group-1", "50", "at", "Mon", "22", "06:00:00"]
    assert lines[2].split()[2:7] == ["not", "before", "Mon", "22", "06:00:00"]
    assert "about Mon 22 06:17:30" in lines[2]
    assert "always open" in lines[3]


def test_a_preview_warns_of_a_threshold_that_nobody_can_read() -> None:
    options = campaign(10, {"kind": "hawkbit", "number_of_groups": 2, "error_threshold": "5%"}).options
    assert "'5%' is no whole number" in list(preview(options, 10, 1, START, 86_400).lines())[-1]
