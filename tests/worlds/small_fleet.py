"""A few homes of one architecture with a fault each, run in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from twin.bms.events import Event
from twin.build import World, build
from twin.log import Log
from twin.record import Column
from twin.run import Run
from twin.scenario import Scenario

SECOND = 1_000_000_000
Faults = Sequence[Mapping[str, Any]]


def homes(architecture: str, faults: Faults = (), sites: int = 1, duration_s: int = 30, **sections: Any) -> Scenario:
    """Return homes of one pack of three modules at half charge that deliver 2 kW, if nothing else is said."""
    said: dict[str, Any] = {
        "name": "Small fleet",
        "seed": 1,
        "start": "2026-06-21T00:00:00+08:00",
        "duration_s": duration_s,
        "fleet": {"sites": sites, "modules": 3, "spread": {"soc": 0.5}},
        "load": {"kind": "constant", "power_W": 2000},
        "faults": list(faults),
        "bms": {"architecture": architecture, "insulation": {"interval_s": 10, "cycle_s": 5}},
    }
    for name, section in sections.items():
        said[name] = {**said.get(name, {}), **section}
    return Scenario.model_validate(said)


class Kept:
    """What a run has logged, in memory: row ``n`` is the end of second ``n``."""

    def __init__(
        self, scenario: Scenario, world: World | None = None, on_tick: Callable[[int], None] = lambda _: None
    ) -> None:
        self._rows: list[Mapping[str, npt.NDArray[Any]]] = []
        self._events: list[Event] = []
        world = world or build(scenario)
        try:
            Run(world, Log(world, self, SECOND), on_tick).execute()
        finally:
            world.close()

    def append(self, time_ns: int, values: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take a row."""
        self._rows.append({name: np.array(value) for name, value in values.items()})

    def event(self, event: Event) -> None:
        """Take an event."""
        self._events.append(event)

    def frames(self, site: int, columns: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take frames of one site."""
        raise AssertionError("no frames are logged")

    def table(self, name: str, columns: Mapping[str, Column]) -> None:
        """Take a table."""

    def signal(self, name: str, site: int = 0) -> npt.NDArray[Any]:
        """Return a signal of a site, ``[second, ...]``."""
        return np.array([row[name][site] for row in self._rows])

    def events(self, site: int = 0, source: str | None = None, code: str | None = None) -> list[Event]:
        """Return what was told of a site, by whom and of what as asked."""
        found = [one for one in self._events if one.site == site]
        return [one for one in found if source in (None, one.source) and code in (None, one.code)]
