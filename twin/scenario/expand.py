"""From a scenario to the values of every site: seeded spread, profiles and faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.bms.effects import Mishap
from twin.errors import InputError, Problem
from twin.faults.fault import Fault
from twin.network.disturbances import Disturbance
from twin.ota.effects import Incident
from twin.plant.action import Change
from twin.plant.ageing.naumann import resistance_growth
from twin.plant.plant import Wiring
from twin.scenario.checks import Mistake, View, mistakes, nanoseconds
from twin.scenario.document import dotted
from twin.scenario.faults import Injected, faults_of
from twin.scenario.models import CELLS, PROFILES, Scenario
from twin.scenario.profiles.profile import Window
from twin.scenario.series import Series
from twin.scenario.spread import Draws

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fleet:
    """The values of some sites of a scenario; row r is the site ``site_ids[r]``."""

    site_ids: NDArray[np.int64]
    wiring: Wiring
    capacity_Ah: FloatArray
    """Of every cell as it is today, ``[S, slot, C]``, as the next two."""
    resistance_factor: FloatArray
    soc_start: FloatArray
    soh: FloatArray
    """What each has left of a new cell's capacity."""
    temperature_start_K: FloatArray
    """``[S, slot]``"""
    load: Series
    """W, positive when the home draws."""
    pv: Series
    """W, positive when the roof gives."""
    ambient: Series
    """K"""
    tariff: Series
    """Price over that of a flat hour; whole local days."""
    frequency: Series
    """Hz"""
    schedule: Series
    """W, positive when the battery is to discharge."""
    faults: tuple[Fault, ...]
    """Stated and drawn, site by site; ``Fault.site`` is the site's number, and what follows names the row."""
    actions: tuple[Change, ...]
    """Of the faults, in the order of time."""
    disturbances: tuple[Disturbance, ...]
    """Of the network by the faults, in the order of time."""
    mishaps: tuple[Mishap, ...]
    """Of sensors, ECUs and wires by the faults, in the order of time."""
    incidents: tuple[Incident, ...]
    """Of the update clients by the faults, in the order of time."""
    duration_ns: int
    step_ns: int
    tick_ns: int
    """A step, or with a pace a long one."""

    @property
    def ticks(self) -> int:
        """Of the run."""
        return self.duration_ns // self.tick_ns


def expand(scenario: Scenario, sites: Sequence[int] | None = None) -> Fleet:
    """Return the values of all sites, or of ``sites``: the same ones as in the whole fleet, in that order.

    Raises InputError if the scenario does not agree with itself, a profile's file is wrong, or a site does not exist.
    """
    _refuse(scenario)
    site_ids = _chosen(scenario.fleet.sites, sites)
    rows = {site: row for row, site in enumerate(site_ids)}
    draws = Draws(scenario.seed, site_ids)
    duration_ns = nanoseconds(scenario.duration_s)
    window = Window(scenario.start, duration_ns)
    fleet = scenario.fleet
    wiring = Wiring(len(site_ids), fleet.packs, fleet.modules, CELLS, fleet.connection)
    faults = faults_of(scenario, site_ids)
    injected = Injected.of(faults, rows)
    cells = _cells(scenario, draws, wiring)
    for deviation in injected.deviations:
        cells[deviation.parameter][deviation.site, deviation.slot, deviation.cell] *= deviation.factor
    start_K = draws.per_site(scenario.fleet.spread.temperature_start_K, "temperature_start_K")
    return _finite(
        Fleet(
            site_ids=np.array(site_ids, dtype=np.int64),
            wiring=wiring,
            capacity_Ah=cells["capacity_Ah"],
            resistance_factor=cells["resistance_factor"],
            soc_start=cells["soc_start"],
            soh=cells["soh"],
            temperature_start_K=np.repeat(start_K[:, None], wiring.slots, axis=1),
            load=scenario.load.series(window, draws),
            pv=scenario.pv.series(window, draws),
            ambient=scenario.ambient.series(window, draws),
            tariff=scenario.tariff.series(window, draws),
            frequency=scenario.frequency.series(window, draws),
            schedule=scenario.schedule.series(window, draws),
            faults=faults,
            actions=injected.actions,
            disturbances=injected.disturbances,
            mishaps=injected.mishaps,
            incidents=injected.incidents,
            duration_ns=duration_ns,
            step_ns=nanoseconds(scenario.step_s),
            tick_ns=nanoseconds(scenario.pace.quiet_s if scenario.pace else scenario.step_s),
        )
    )


def _cells(scenario: Scenario, draws: Draws, wiring: Wiring) -> Mapping[str, FloatArray]:
    """Return what each cell is like before faults, ``[S, slot, C]`` by parameter."""
    spread, shape = scenario.fleet.spread, (wiring.slots, wiring.cells)
    soh = draws.per_cell(spread.soh, "soh", shape)
    return {
        "capacity_Ah": draws.per_cell(spread.capacity_Ah, "capacity_Ah", shape) * soh,
        "resistance_factor": draws.per_cell(spread.resistance_factor, "resistance_factor", shape)
        * resistance_growth(soh),
        "soh": soh,
        "soc_start": draws.per_cell(spread.soc, "soc", shape),
    }


def _refuse(scenario: Scenario) -> None:
    problems = [
        Problem(mistake.message, None, None, dotted(mistake.path), mistake.suggestion)
        if isinstance(mistake, Mistake)
        else mistake
        for mistake in mistakes(View(scenario.model_dump()))
    ]
    if problems:
        raise InputError(problems)


def _chosen(count: int, sites: Sequence[int] | None) -> tuple[int, ...]:
    if sites is None:
        return tuple(range(count))
    beyond = [site for site in sites if not 0 <= site < count]
    problems = [Problem(f"found site {site}; the fleet has the sites 0 to {count - 1}") for site in beyond]
    if len(set(sites)) != len(sites) or not sites:
        problems.append(Problem(f"found sites {list(sites)}; expected each site once, and at least one"))
    if problems:
        raise InputError(problems)
    return tuple(int(site) for site in sites)


def _finite(fleet: Fleet) -> Fleet:
    """Refuse a fleet with a value that no plant can start from; a spread, profile or fault is to blame."""
    positive = {name: getattr(fleet, name) for name in ("capacity_Ah", "resistance_factor", "temperature_start_K")}
    wrong = [name for name, values in positive.items() if not (np.isfinite(values) & (values > 0)).all()]
    if not ((fleet.soc_start >= 0) & (fleet.soc_start <= 1)).all():
        wrong.append("soc_start")
    for name in PROFILES:
        series: Series = getattr(fleet, name)
        if not all(np.isfinite(part).all() for part in (series.values, series.scale, series.offset)):
            wrong.append(name)
    if wrong:
        raise InputError([Problem("found values that are not finite, or not positive", path=name) for name in wrong])
    return fleet
