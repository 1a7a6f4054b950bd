"""The faults of a scenario: those that it states and those that it draws, and what they do to some of its sites."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from twin.bms.effects import Mishap
from twin.faults.combined import combined
from twin.faults.drawn import Drawing
from twin.faults.fault import Deviation, Fault
from twin.faults.protection_self_test import ProtectionSelfTest
from twin.network.disturbances import Disturbance
from twin.ota.campaign.campaign import Campaign
from twin.ota.effects import Incident
from twin.plant.action import Action, Change, Replacement
from twin.scenario.models import CELLS, Scenario
from twin.streams import stream


def faults_of(scenario: Scenario, sites: Sequence[int]) -> tuple[Fault, ...]:
    """Return the faults of ``sites``, site by site: stated ones in their order, drawn ones, a rollout's tests."""
    drawing = _drawing(scenario)
    found: dict[int, list[Fault]] = {int(site): [] for site in sites}
    for fault in scenario.faults:
        if fault.site in found:
            found[fault.site].append(fault)
    for site, of_site in found.items():
        of_site += drawing.of_site(site) if drawing else ()
    for test in _self_tests(scenario):
        if test.site in found:
            found[test.site].append(test)
    return tuple(fault for of_site in found.values() for fault in of_site)


def _self_tests(scenario: Scenario) -> Iterator[ProtectionSelfTest]:
    """Yield the tests of protection at the sites whose behaviour a rollout compares."""
    ota, tests = scenario.ota, scenario.ota and scenario.ota.campaign.policy.tests
    if not ota or not tests:
        return
    campaign = Campaign(ota.campaign, scenario.fleet.sites, scenario.seed, scenario.start)
    modules = scenario.fleet.packs * scenario.fleet.modules
    for site in campaign.watched.tolist():
        draws = stream(scenario.seed, "site", site, "self-tests")
        start_s = tests.first_s + round(tests.within_s * draws.random(), 3)
        count = int((scenario.duration_s - start_s) // tests.every_s)
        if count > 0:
            where = {"site": site, "module": int(draws.integers(modules)), "cell": int(draws.integers(CELLS))}
            yield ProtectionSelfTest(start_s=start_s, every_s=tests.every_s, count=count, **where)


def _drawing(scenario: Scenario) -> Drawing | None:
    if scenario.drawn is None:
        return None
    fleet = scenario.fleet
    slots = fleet.packs * fleet.modules
    return Drawing(scenario.drawn, scenario.seed, fleet.sites, slots, CELLS, scenario.duration_s)


@dataclass(frozen=True)
class Injected:
    """What faults do to the sites of a cohort, by whom it concerns; each in the order of time, ``site`` is the row."""

    deviations: tuple[Deviation, ...]
    actions: tuple[Change, ...]
    disturbances: tuple[Disturbance, ...]
    mishaps: tuple[Mishap, ...]
    incidents: tuple[Incident, ...]

    @classmethod
    def of(cls, faults: Sequence[Fault], rows: Mapping[int, int]) -> Injected:
        """Return what ``faults`` do; ``rows`` are those of the sites by their numbers."""
        effects = [
            [replace(effect, site=rows[effect.site]) for effect in fault.effects() if effect.site in rows]
            for fault in faults
        ]
        every = [effect for of_one in effects for effect in of_one]
        swaps = [one for one in every if isinstance(one, Replacement)]
        actions = combined([[one for one in of_one if isinstance(one, Action)] for of_one in effects])
        return cls(
            tuple(one for one in every if isinstance(one, Deviation)),
            tuple(sorted([*actions, *swaps], key=_instant)),
            tuple(sorted((one for one in every if isinstance(one, Disturbance)), key=_ends_first)),
            tuple(sorted((one for one in every if isinstance(one, Mishap)), key=_instant)),
            tuple(sorted((one for one in every if isinstance(one, Incident)), key=_instant)),
        )


def _instant(effect: Change | Mishap | Incident) -> int:
    return effect.time_ns


def _ends_first(effect: Disturbance) -> tuple[int, bool]:
    """Return the place in time, so that a fault may begin when one like it ends, whichever is stated first."""
    return effect.time_ns, not effect.ends
