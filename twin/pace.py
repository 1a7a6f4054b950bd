"""Which sites take short steps, and which long ones: a site is quiet while nothing happens that a long step would miss.

A site keeps to the scenario's step for a while after the start, after a contactor moved, after a finding came or went,
and around the instants at which a fault begins or ends; while something is being debounced; where a voltage or
temperature is so near to a limit that noise, the coming change of power, or twice what the last step brought, could
carry it there; and as long as somebody asks for it (``wake``). A site whose power limit binds and moves, or is about
to, takes steps of medium length. All others are quiet. It is decided at the begin of each long tick, from the past
alone, and for each site from its own: its pace does not depend on what other sites there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import Level
from twin.bms.effects import Mishap
from twin.bms.events import Event
from twin.bms.limit_levels import Levels
from twin.build import World
from twin.scenario import Scenario
from twin.scenario.pace import Pace

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

NOISE_SD: Final = 4.0
"""Of a sensor's noise: what two samples in a row, which every debounce time needs, exceed once in a billion times."""
LOOK_AHEAD: Final = 2.0
"""Times what the last long tick brought."""
BINDS: Final = 0.8
"""Share of a power limit from which on it counts as followed."""
WHOLE: Final = 0.95
"""Share of the highest power from which on a limit is not one that moves."""
TAPER_V: Final = 0.12
"""So far before the first limit of the voltage, power limits begin to fall; it is not waited for until they bind."""
NEAR_CURRENT: Final = 0.9
"""Share of the first limit of the current."""


@dataclass(frozen=True, eq=False)
class Stride:
    """Sites that walk through a long tick in steps of ``step_ns``; ``rows`` None: all of them."""

    rows: IntArray | None
    step_ns: int
    once: bool = False
    """Whether an ECU is activated once a step, and the frames of that round stand for all others."""

    def looked_ns(self, start_ns: int) -> int:
        """Return when the outside world is looked at in a step: at its begin, in a longer one in its middle."""
        return start_ns + self.step_ns // 2 if self.once else start_ns


class Pacing:
    """Decides at the begin of each long tick which sites are quiet in it."""

    def __init__(self, world: World, scenario: Scenario, pace: Pace) -> None:
        self._world, self._options = world, pace
        sites = world.fleet.wiring.sites
        self._step_ns, self._limited_ns, self._quiet_ns, self._settle_ns, self._alert_ns = (
            round(time_s * 1e9)
            for time_s in (scenario.step_s, pace.limited_s, pace.quiet_s, pace.settle_s, pace.alert_s)
        )
        self._awake_ns = np.full(sites, self._settle_ns, np.int64)
        self._turns = deque(sorted(_turns(world)))
        bms = scenario.bms
        self._voltage = _Limits.of_voltage(scenario)
        self._temperature = _Limits.of_temperature(scenario)
        self._info_V = bms.limits.cell_overvoltage_V.info, bms.limits.cell_undervoltage_V.info
        self._current_A = NEAR_CURRENT * (bms.limits.overcurrent_A.info)
        fleet = scenario.fleet
        self._paths = fleet.packs * (fleet.modules if fleet.connection == "parallel" else 1)
        self._most_A = np.array([bms.charge_limit_A, bms.discharge_limit_A]) * self._paths
        self._always = np.zeros(sites, np.bool_)
        for replay in world.replays:
            self._always[replay.rows] = True

    def wake(self, rows: IntArray, until_ns: int) -> None:
        """Let the sites ``rows`` keep to the short step in every long tick that begins before ``until_ns``."""
        self._awake_ns[rows] = np.maximum(self._awake_ns[rows], until_ns)

    def note(self, events: Iterable[Event]) -> None:
        """Look at what happened in a long tick: who has found something that acts, or moved a contactor, has to settle.

        Information acts on nothing: a nearly full battery tells all afternoon that its cells come and go apart.
        """
        for event in events:
            if event.source == "plant" or (event.source != "scenario" and event.level >= Level.WARNING):
                self._awake_ns[event.site] = max(self._awake_ns[event.site], event.time_ns + self._settle_ns)

    def strides(self, start_ns: int, end_ns: int, asked_W: FloatArray) -> list[Stride]:
        """Return who walks how through a long tick, in which ``asked_W[site]`` is asked for."""
        while self._turns and self._turns[0][0] < end_ns:
            time_ns, site = self._turns.popleft()
            self._awake_ns[site] = max(self._awake_ns[site], time_ns + self._alert_ns)
        change_V = self._change_V(asked_W)
        near = self._near(change_V)
        active = self._always | (self._awake_ns > start_ns) | self._world.controllers.pending() | near
        limited = ~active & (self._limited(asked_W) | self._tapers(asked_W, change_V))
        groups = (
            (active, Stride(np.flatnonzero(active), self._step_ns)),
            (limited, Stride(np.flatnonzero(limited), self._limited_ns, once=True)),
            (~(active | limited), Stride(np.flatnonzero(~(active | limited)), self._quiet_ns, once=True)),
        )
        return [stride for members, stride in groups if members.any()]

    def _limits_W(self) -> FloatArray:
        """Return what the inverters keep to, charging and discharging, ``[2, site]``."""
        inverter = self._world.plant.inverter
        return np.stack([inverter.charge_limit_W, inverter.discharge_limit_W])

    def _change_V(self, asked_W: FloatArray) -> FloatArray:
        """Return by how much the coming change of power moves the voltages of cells, ``[site]``."""
        plant = self._world.plant
        charge_W, discharge_W = self._limits_W()
        change_W = np.nan_to_num(np.abs(np.clip(asked_W, -charge_W, discharge_W) - plant.power_W))
        ohm = plant.signal("resistance_ohm").max(axis=1) / plant.cell_voltage_V.shape[2]
        change_V: FloatArray = change_W / np.maximum(plant.bus_voltage_V, 1.0) / self._paths * ohm
        return change_V

    def _limited(self, asked_W: FloatArray) -> BoolArray:
        """Return where a limit that is not the highest binds, or nearly."""
        plant = self._world.plant
        most_W = np.minimum(self._most_A[:, None] * plant.bus_voltage_V, plant.inverter.rated_power_W)
        way = (asked_W > 0.0).astype(np.int64)
        limit_W, highest_W = (np.take_along_axis(values, way[None], axis=0)[0] for values in (self._limits_W(), most_W))
        binds: BoolArray = (np.abs(asked_W) > BINDS * limit_W) & (limit_W < WHOLE * highest_W) & (asked_W != 0.0)
        return binds

    def _tapers(self, asked_W: FloatArray, change_V: FloatArray) -> BoolArray:
        """Return where a cell charges, or discharges, into the stretch over which power limits fall."""
        lowest_V, highest_V = self._voltage.extremes
        reach_V = TAPER_V + change_V + self._voltage.moved
        full = (asked_W < 0.0) & (highest_V + reach_V[1] > self._info_V[0])
        empty: BoolArray = (asked_W > 0.0) & (lowest_V - reach_V[0] < self._info_V[1])
        return full | empty

    def _near(self, change_V: FloatArray) -> BoolArray:
        """Return where a limit is near, or a current high."""
        plant = self._world.plant
        high: BoolArray = np.abs(plant.current_A).max(axis=1) > self._current_A
        return (
            high
            | self._voltage.near(plant.cell_voltage_V, change_V)
            | self._temperature.near(plant.temperature_K, np.zeros_like(change_V))
        )


class _Limits:
    """The limits of a quantity of all cells, and how it has moved."""

    def __init__(self, limits: Iterable[float], band: float) -> None:
        self._limits = np.array(sorted(limits))
        self._band = band
        self.extremes: FloatArray
        """The lowest and the highest of each site, ``[2, site]``, at the last look."""
        self.moved: FloatArray
        """What they may move by in a long tick, by what they have moved in the last."""
        self._looked = False

    @classmethod
    def of_voltage(cls, scenario: Scenario) -> _Limits:
        """Return those of voltages."""
        limits, sensor = scenario.bms.limits, scenario.bms.sensors.cell_voltage_V
        levels = (limits.cell_overvoltage_V, limits.cell_undervoltage_V)
        return cls(_stated(levels), NOISE_SD * sensor.noise + sensor.resolution)

    @classmethod
    def of_temperature(cls, scenario: Scenario) -> _Limits:
        """Return those of temperatures."""
        limits, sensor = scenario.bms.limits, scenario.bms.sensors.temperature_K
        levels = (limits.overtemperature_K, limits.undertemperature_K)
        return cls(_stated(levels), NOISE_SD * sensor.noise + sensor.resolution)

    def near(self, values: FloatArray, change: FloatArray) -> BoolArray:
        """Return where an extreme of ``values[site, slot, cell]`` may reach a limit, if they change by ``change``."""
        extremes = np.stack([values.min(axis=(1, 2)), values.max(axis=(1, 2))])
        before = self.extremes if self._looked else extremes
        self.extremes, self._looked = extremes, True
        self.moved = LOOK_AHEAD * np.nan_to_num(np.abs(extremes - before))
        reach = self._band + change + self.moved
        place = np.searchsorted(self._limits, extremes)
        ends = np.concatenate([[-np.inf], self._limits, [np.inf]])
        distance = np.minimum(extremes - ends[place], ends[place + 1] - extremes)
        found: BoolArray = (distance < reach).any(axis=0)
        return found


def _stated(levels: Iterable[Levels]) -> Iterator[float]:
    for one in levels:
        yield from (limit for limit in one.limits().values() if limit is not None)


def _turns(world: World) -> Iterator[tuple[int, int]]:
    """Yield (instant, site) of every begin and end of what the scenario does to a site."""
    fleet = world.fleet
    for one in (*fleet.actions, *fleet.disturbances, *fleet.mishaps):
        yield one.time_ns, one.site
        if isinstance(one, Mishap):
            yield one.end_ns, one.site
