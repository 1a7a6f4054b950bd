"""The gallery of faults, run: every fault changes something in its home, and nothing in any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from twin import resources
from twin.bms.events import Event
from twin.build import build
from twin.log import Log
from twin.record import Column
from twin.run import Run
from twin.scenario import Scenario, load

SCENARIO = load(resources.folder("scenarios") / "fault_gallery.yaml")
SITES = SCENARIO.fleet.sites
SHOWN = {fault.site: fault for fault in reversed(SCENARIO.faults)}
"""What each home shows; what else is stated there makes it visible."""
COMPANIONS = [fault for fault in SCENARIO.faults if SHOWN[fault.site] is not fault]
START_S = 60


class Kept:
    """What a run has logged, in memory."""

    def __init__(self) -> None:
        self.rows: list[Mapping[str, npt.NDArray[Any]]] = []
        self.events: list[Event] = []

    def append(self, time_ns: int, values: Mapping[str, npt.NDArray[Any]]) -> None:
        self.rows.append({name: np.array(value) for name, value in values.items()})

    def event(self, event: Event) -> None:
        if event.source != "scenario":
            self.events.append(event)

    def frames(self, site: int, columns: Mapping[str, npt.NDArray[Any]]) -> None:
        raise AssertionError("no frames are logged")

    def table(self, name: str, columns: Mapping[str, Column]) -> None:
        pass

    def of(self, site: int, before_s: int | None = None) -> tuple[list[bytes], list[Event]]:
        """Return all that was logged of a site, to the bit."""
        rows = self.rows[:before_s]
        values = [np.array([row[name][site] for row in rows]).tobytes() for name in rows[0]]
        end_ns = len(rows) * 10**9
        return values, [event for event in self.events if event.site == site and event.time_ns < end_ns]


def _run(scenario: Scenario) -> Kept:
    world, kept = build(scenario), Kept()
    try:
        Run(world, Log(world, kept, 10**9)).execute()
    finally:
        world.close()
    return kept


@pytest.fixture(scope="module")
def faulty() -> Kept:
    return _run(SCENARIO)


@pytest.fixture(scope="module")
def healthy() -> Kept:
    return _run(SCENARIO.model_copy(update={"faults": COMPANIONS}))


@pytest.mark.parametrize("site", SHOWN, ids=[fault.kind for fault in SHOWN.values()])
def test_a_fault_changes_something(faulty: Kept, healthy: Kept, site: int) -> None:
    assert faulty.of(site) != healthy.of(site)


@pytest.mark.parametrize("site", [site for site, fault in SHOWN.items() if fault.start_ns == START_S * 10**9])
def test_nothing_changes_before_a_fault(faulty: Kept, healthy: Kept, site: int) -> None:
    assert faulty.of(site, START_S) == healthy.of(site, START_S)


def test_a_home_without_a_fault_is_as_it_was(faulty: Kept, healthy: Kept) -> None:
    assert SITES - 1 not in SHOWN
    assert faulty.of(SITES - 1) == healthy.of(SITES - 1)
