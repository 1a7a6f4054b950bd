"""What holds for any campaign: its preview equals what happens, however often the server is asked."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worlds.virtual_devices import START, Row, VirtualFleet, campaign, ns, reports
from twin.ota.campaign.campaign import Campaign, Look
from twin.ota.campaign.options import CampaignOptions
from twin.ota.campaign.outcomes import Outcome
from twin.ota.campaign.preview import preview
from twin.ota.campaign.rehearsal import Assumptions
from twin.ota.causes import Cause
from twin.ota.gates.gate import GateLook, Verdict
from twin.ota.states import UpdateState

DAY_S = 86_400
POLICIES = st.one_of(
    st.just({"kind": "all_at_once"}),
    st.builds(
        lambda groups, success, action: {
            "kind": "hawkbit",
            "number_of_groups": groups,
            "success_threshold": success,
            "success_action": action,
        },
        st.integers(1, 6),
        st.integers(0, 100),
        st.sampled_from(["next_group", "pause"]),
    ),
    st.builds(
        lambda base, factor, step, by: {
            "kind": "aws_jobs",
            "exponential_rate": {"base_rate_per_minute": base, "increment_factor": factor, by: step},
        },
        st.integers(1, 9),
        st.sampled_from([1.1, 1.5, 2.0]),
        st.integers(1, 30),
        st.sampled_from(["number_of_notified_things", "number_of_succeeded_things"]),
    ),
    st.builds(
        lambda percent, later_s: {
            "kind": "phased",
            "phases": [{"batch_percent": percent}, {"start_s": float(later_s)}],
        },
        st.integers(1, 99),
        st.integers(60, 7200),
    ),
    st.builds(
        lambda stages, soak_s: {
            "kind": "canary",
            "canaries": 5,
            "baseline": 9,
            "stages_percent": stages,
            "gates": {"soak_s": soak_s},
        },
        st.lists(st.integers(20, 60), max_size=3),
        st.integers(60, 7200),
    ),
)
OPTIONS = st.fixed_dictionaries(
    {
        "policy": POLICIES,
        "order": st.sampled_from(["number", "seeded"]),
        "start_s": st.integers(0, 40).map(lambda minutes: 60.0 * minutes),
        "window": st.sampled_from([None, {"opens": "07:30", "closes": "09:00"}, {"opens": "22:00", "closes": "06:30"}]),
        "time_zones": st.sampled_from([[], [{"utc_offset_h": 9, "share": 0.4}]]),
        "commands": st.sampled_from(
            [
                [],
                [{"time_s": 2700, "do": "next_group"}],
                [{"time_s": 2700, "do": "pause"}, {"time_s": 9000, "do": "resume"}],
                [{"time_s": 9000, "do": "stop_all"}],
            ]
        ),
    }
)


class _WindowedFleet(VirtualFleet):
    """Devices that ask half a minute after each decision, and wait for their window."""

    def __init__(self, one: Campaign, update_s: float) -> None:
        self._one = one
        super().__init__(len(one.group), 60.0, update_s, lambda site: 30.0)

    def begins_ns(self, site: int, asks_ns: int) -> int:
        return self._one.windows.opens_ns(site, asks_ns)


def _soaked(one: Campaign, installed_ns: dict[int, int], time_ns: int) -> dict[int, Look]:
    """Return the gates that pass now: a soak after all of the group have reported."""
    looks: dict[int, Look] = {}
    for request in one.soaking:
        if all(one.ledger.outcome[site] == Outcome.FINISHED for site in request.canaries):
            since_ns = installed_ns.setdefault(request.group, time_ns)
            gates: Any = one.policy
            if time_ns - since_ns >= ns(gates.gates.soak_s):
                looks[request.group] = GateLook(time_ns, Verdict.PASS, (), "")
    return looks


@settings(max_examples=25, deadline=None)
@given(OPTIONS, st.integers(14, 60), st.sampled_from([60.0, 900.0, 5000.0]))
def test_the_preview_equals_what_happens_to_an_ideal_fleet(options: Any, sites: int, update_s: float) -> None:
    one = Campaign(CampaignOptions.model_validate(options), sites, 1, START)
    seen = preview(one.options, sites, 1, START, DAY_S, Assumptions(learns_s=30.0, update_s=update_s))
    fleet, started = _WindowedFleet(one, update_s), list[int]()
    begun, installed_ns = dict[int, int](), dict[int, int]()
    finished_ns = None
    for minute in range(DAY_S // 60 + 1):
        time_ns = ns(60 * minute)
        told = fleet.reports(time_ns)
        decision = one.decide(time_ns, told, _soaked(one, installed_ns, time_ns))
        begun |= {row.group: row.time_ns for row in decision.told if row.kind == "group_begins"}
        started += decision.start.tolist()
        fleet.obey(decision.orders(), time_ns)
        if decision.finished:
            finished_ns = time_ns
            break
    assert {group.number: group.expected_ns for group in seen.groups if group.expected_ns is not None} == begun
    assert seen.finished_ns == finished_ns
    for group in seen.groups:
        assert set(group.sites.tolist()) == set((one.group == group.number).nonzero()[0].tolist())
        if group.number in begun and group.earliest_ns is not None and not options["commands"]:
            assert group.earliest_ns <= begun[group.number]
            assert not group.certain or group.earliest_ns == begun[group.number]
    if not options["commands"] and finished_ns is not None:
        assert sorted(started) == list(range(sites))


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(
        [
            {"kind": "hawkbit", "number_of_groups": 4, "success_threshold": 60, "error_threshold": 40},
            {"kind": "aws_jobs", "maximum_per_minute": 2},
            {"kind": "phased", "phases": [{"batch_percent": 30}, {"start_s": 777.0}]},
        ]
    ),
    st.lists(
        st.tuples(
            st.integers(1, 3000), st.integers(0, 19), st.sampled_from([UpdateState.SUCCESS, UpdateState.FAILURE])
        ),
        max_size=40,
    ),
    st.lists(st.integers(1, 3600), max_size=30),
)
def test_it_does_not_matter_how_reports_are_cut_into_decisions(
    policy: Any, news: list[tuple[int, int, UpdateState]], cuts: list[int]
) -> None:
    rows: list[Row] = [
        (ns(time_s), site, state, Cause.BOOT_FAILED if state is UpdateState.FAILURE else Cause.NONE, 1)
        for time_s, site, state in sorted(news)
    ]
    logs = []
    for instants in ([3600], range(0, 3601, 60), sorted({*cuts, 3600})):
        one, told, started, before_s = campaign(20, policy, order="seeded"), list[Any](), set[int](), -1
        for time_s in instants:
            new = [row for row in rows if ns(before_s) < row[0] <= ns(time_s)]
            decision = one.decide(ns(time_s), reports(new, 20, ns(time_s)))
            told += decision.told
            started |= set(decision.start.tolist())
            before_s = time_s
        logs.append((told, started, one.ledger.outcome.tolist()))
    assert logs[0] == logs[1] == logs[2]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 500), st.integers(1, 40), POLICIES)
def test_groups_hold_everybody_once(sites: int, groups: int, policy: Any) -> None:
    for stated in (policy, {"kind": "hawkbit", "number_of_groups": groups}):
        one = campaign(sites, stated)
        assert sum(group.size for group in one.groups) == sites
        assert sorted(one.order.tolist()) == list(range(sites))
