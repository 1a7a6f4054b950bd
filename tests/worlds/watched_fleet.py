"""Homes whose behaviour is watched from outside, tick by tick, with the real plant, buses and firmware."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from twin.bms.events import Event
from twin.bms.firmware.python_firmware import firmware_class
from twin.build import World, build
from twin.log import Log
from twin.ota.behaviour.observation import Size
from twin.ota.behaviour.watch import Watch
from twin.ota.gates.resampling import Recording
from twin.record import Column
from twin.run import Run
from twin.scenario import Scenario
from twin.scenario.architecture import architecture_of
from twin.telemetry import Telemetry

SECOND = 1_000_000_000
BOOT_NS = 5 * SECOND


def home_fleet(sites: int, duration_s: float, *, tests: Sequence[Mapping[str, Any]] = (), **sections: Any) -> Scenario:
    """Return homes of two modules near full, out of balance, that live through a June day."""
    said: dict[str, Any] = {
        "name": "Watched fleet",
        "seed": 7,
        "start": "2026-06-21T10:00:00+08:00",
        "duration_s": duration_s,
        "step_s": 1,
        "fleet": {
            "sites": sites,
            "modules": 2,
            "spread": {
                "capacity_Ah": {"mean": 314, "sd": 1, "cell_sd": 0.94},
                "resistance_factor": {"mean": 1, "sd": 0.02, "cell_sd": 0.02},
                "soc": {"mean": 0.7, "sd": 0.03, "cell_sd": 0.01},
                "temperature_start_K": {"mean": "26 degC", "sd": "1 K"},
            },
        },
        "load": {"kind": "bdew", "annual_kWh": {"mean": 4000, "sd": 800}},
        "pv": {"kind": "clear_sky", "peak_W": {"mean": "6 kW", "sd": "1 kW"}},
        "bms": {"balancing": {"kind": "passive_voltage", "threshold_V": 0.003, "minimum_V": 3.3}},
        "faults": [{"kind": "protection_self_test", **test} for test in tests],
    }
    for name, section in sections.items():
        said[name] = {**said[name], **section} if isinstance(said.get(name), dict) else section
    return Scenario.model_validate(said)


class Observer(Log):
    """Takes the place of a run's log: hands every tick to a watch, and keeps the events."""

    def __init__(self, world: World, watch: Watch) -> None:
        super().__init__(world, Nowhere(), SECOND)
        self._telemetry, self.watch = Telemetry(world), watch
        self.events: list[Event] = []
        self._begin_ns = 0

    def tick(self, end_ns: int, events: Iterable[Event]) -> None:
        """Observe the world at the end of a tick."""
        told = list(events)
        self.events += told
        self.watch.see(self._telemetry.observation(self._begin_ns, end_ns, self.watch.rows, told))
        self._begin_ns = end_ns

    def finish(self) -> None:
        """Nothing is left."""


class Nowhere:
    """A sink for nothing: an observer does not log."""

    def append(self, time_ns: int, values: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take no row."""

    def event(self, event: Event) -> None:
        """Take no event."""

    def frames(self, site: int, columns: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take no frames."""

    def table(self, name: str, columns: Mapping[str, Column]) -> None:
        """Take no table."""


@dataclass(frozen=True)
class Update:
    """ECUs of some sites boot another firmware at an instant; ECUs that fail later boot again what they ran."""

    sources: Mapping[str, Path]
    """By role."""
    sites: Sequence[int]
    at_s: float

    def prepare(self, world: World, scenario: Scenario) -> Callable[[int], None]:
        """Return what to do at the end of each tick."""
        controllers, site = world.controllers, architecture_of(scenario).site
        versions = {
            role: controllers.add_version(role, firmware_class(path)(scenario.bms, site))
            for role, path in self.sources.items()
        }
        roles = {ecu: versions[one.role] for ecu, one in enumerate(controllers.ecus) if one.role in versions}

        def at(end_ns: int) -> None:
            for failure in controllers.take_failures():
                again = roles.get(failure.ecu, 0) if failure.site in self.sites else 0
                controllers.boot(failure.site, failure.ecu, again, end_ns, silent_ns=BOOT_NS, migrate=False)
            if end_ns == round(self.at_s * SECOND):
                for row in self.sites:
                    for ecu, version in roles.items():
                        controllers.boot(row, ecu, version, end_ns, silent_ns=BOOT_NS, migrate=True)

        return at


def watched(
    scenario: Scenario,
    on_tick: Callable[[int, Watch], None] = lambda _, __: None,
    update: Update | None = None,
) -> tuple[Watch, list[Event]]:
    """Run a scenario, all of its sites watched; ``on_tick`` is given the end of each tick."""
    world = build(scenario)
    wiring, step_ns = world.fleet.wiring, round(scenario.step_s * SECOND)
    watch = Watch(range(wiring.sites), Size(wiring.sites, wiring.packs, wiring.slots, wiring.cells))
    observer = Observer(world, watch)
    boots = update.prepare(world, scenario) if update else lambda _: None

    def after(ticks: int) -> None:
        boots(ticks * step_ns)
        on_tick(ticks * step_ns, watch)

    try:
        Run(world, observer, after).execute()
    finally:
        world.close()
    return watch, observer.events


def recorded(scenario: Scenario, every_s: int = 300, update: Update | None = None) -> Recording:
    """Return the sums of watched sites every so often."""
    times_ns: list[int] = []
    sums: list[npt.NDArray[np.float64]] = []

    def keep(end_ns: int, watch: Watch) -> None:
        if end_ns % (every_s * SECOND) == 0:
            times_ns.append(end_ns)
            sums.append(watch.sums.copy())

    watched(scenario, keep, update)
    return Recording(np.array(times_ns, np.int64), np.array(sums))
