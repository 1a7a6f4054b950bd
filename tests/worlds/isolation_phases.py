"""Step faults at stratified phases of the task, run, and what their times to isolate should be on average.

The expectation is worked out here from the scenario's numbers alone; ``T`` is the task's period.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from twin.analysis.evidence import Evidence
from twin.analysis.isolations import Isolation, Terms, isolation
from twin.cli.execute import execute
from twin.faults.fault import Fault
from twin.scenario import Scenario, load

CASES = ("over-voltage", "under-voltage", "over-temperature", "over-current", "over-voltage behind a weld")
"""What the homes of the scenario show, by their number."""
FRAME_NS = 216_000
"""A frame of 8 bytes at 500 kbit/s without its stuff bits: 108 bits until its end is received."""
LATEST_NS = 1_250_000
"""The worst response time of the first module's state, as ``twin bus scenarios/isolation_timing.yaml`` tells it."""


def timing(architecture: str, *overrides: str) -> Scenario:
    """Return the scenario with an architecture."""
    return load("isolation_timing", (f"bms.architecture={architecture}", *overrides))


def stratified(scenario: Scenario, phases: int) -> Scenario:
    """Return the scenario with every home ``phases`` times, its faults later from one to the next.

    They are spread evenly over the longest cycle that they may meet: the task's, or that of a scan.
    """
    cycle_s = max(scenario.bms.period_s, scenario.bms.scan_s if scenario.bms.architecture == "centralized" else 0.0)
    faults: list[Fault] = []
    for fault in scenario.faults:
        for phase in range(phases):
            later_s = (phase + 0.5) / phases * cycle_s
            place = {"site": fault.site * phases + phase, "start_s": fault.start_ns * 1e-9 + later_s}
            faults.append(fault.model_copy(update=place))
    fleet = scenario.fleet.model_copy(update={"sites": scenario.fleet.sites * phases})
    return scenario.model_copy(update={"fleet": fleet, "faults": faults})


def isolated(scenario: Scenario, phases: int, folder: Path) -> dict[str, list[Isolation | None]]:
    """Run the scenario at all phases, and return how each fault was isolated, by case."""
    execute(stratified(scenario, phases), folder, quiet=True, shards=1)
    evidence = Evidence.of(folder)
    found: dict[str, list[Isolation | None]] = defaultdict(list)
    for fault in evidence.faults:
        if fault.kind != "contactor_weld":
            found[CASES[fault.site // phases]].append(isolation(fault, evidence))
    return found


@dataclass(frozen=True)
class Expected:
    """The mean of each term, s."""

    sampling: float
    debounce: float
    response: float
    controller: float
    contactor: float

    @property
    def total(self) -> float:
        """Their sum."""
        return self.sampling + self.debounce + self.response + self.controller + self.contactor


def expected(scenario: Scenario, case: str) -> Expected:
    """Return what each term is on average over all phases of ECUs and faults, by arithmetic.

    - Sampling: half a step until the converters look, half a ``T`` until the task does. A scan comes round to the
      module every ``scan_s``: half of that on top of the task's share; a current is not scanned.
    - Debounce: that of the limits, of foxBMS 2. It is a whole number of ``T``; a clock that is fast by ever so little
      needs one look more, and half of all clocks are fast. A scan that is slower looks at its multiples only.
      Behind a weld: 200 ms to settle, then 200 ms of debounce on top, each by the same clock.
    - Response, if the pack has to open: execution, one frame, and half of one that is on the bus already.
    - Controller: half a ``T``.
    - Contactor: execution, and its own delay.
    """
    bms, contactor = scenario.bms, scenario.plant.contactor
    scanned = bms.architecture == "centralized" and case != "over-current"
    look_s = max(bms.scan_s, bms.period_s) if scanned else bms.period_s
    limits = bms.limits
    debounce_s = {
        "over-voltage": limits.cell_overvoltage_V.debounce_s,
        "under-voltage": limits.cell_undervoltage_V.debounce_s,
        "over-temperature": limits.overtemperature_K.debounce_s,
        "over-current": limits.overcurrent_A.debounce_s,
        "over-voltage behind a weld": limits.cell_overvoltage_V.debounce_s,
    }[case]
    waits = [debounce_s, 0.2, 0.2] if "weld" in case else [debounce_s]
    by_pack = "weld" in case
    load = 0.65 * 0.9
    return Expected(
        sampling=look_s / 2 + bms.period_s / 2,
        debounce=sum(_looks(wait_s, look_s) for wait_s in waits),
        response=bms.execution_s + FRAME_NS * 1e-9 * (1 + load / 2) if by_pack else 0.0,
        controller=bms.period_s / 2 if by_pack else 0.0,
        contactor=bms.execution_s + contactor.open_s,
    )


def _looks(wait_s: float, look_s: float) -> float:
    """Return how long a wait is on average where looks come every ``look_s``."""
    looks = wait_s / look_s
    whole = math.isclose(looks, round(looks), abs_tol=1e-6)
    return (round(looks) + 0.5 if whole else math.ceil(looks)) * look_s


def bounds(scenario: Scenario, case: str) -> Mapping[str, tuple[int, int]]:
    """Return between which numbers of nanoseconds, inclusive, each term must lie."""
    mean, task_ns = expected(scenario, case), round(scenario.bms.period_s * 1e9)
    by_pack, execution_ns = "weld" in case, round(scenario.bms.execution_s * 1e9)
    waits = 3 if by_pack else 1
    least_ns = round((mean.debounce - 0.5 * waits * scenario.bms.period_s) * 1e9)
    drift_ns = 1_000_000  # a hundred ppm of ten seconds
    return {
        "sampling_ns": (0, 2 * task_ns + drift_ns),
        "debounce_ns": (least_ns, least_ns + waits * task_ns + drift_ns),
        "response_ns": (execution_ns + FRAME_NS, execution_ns + LATEST_NS) if by_pack else (0, 0),
        "controller_ns": (0, task_ns) if by_pack else (0, 0),
        "contactor_ns": (22_000_000, 22_000_000),
    }


def mean_of(terms: list[Terms], name: str) -> float:
    """Return the mean of a term, s."""
    return sum(getattr(one, name) for one in terms) / len(terms) * 1e-9
