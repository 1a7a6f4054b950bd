"""What of a world can be seen from outside: by its operators, and by the gateways of its sites."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from twin.bms.controllers import SILENT
from twin.bms.events import Event
from twin.build import World
from twin.ota.behaviour.observation import Observation
from twin.ota.client.conditions import SiteView
from twin.plant.dc_bus import CLOSED

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


class Telemetry:
    """Sees the sites of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        sites = world.fleet.wiring.sites
        names = [message.name for message in world.buses.network.messages]
        self._control = np.array([not _is_diagnostic(name) for name in names])
        soc, current_A, low_K, high_K = (np.full(sites, np.nan) for _ in range(4))
        self._view = SiteView(soc, current_A, low_K, high_K, np.zeros(sites, np.bool_), np.ones(sites, np.bool_))

    def soc(self, rows: IntArray | None = None) -> FloatArray:
        """Return the mean state of charge that the packs of each of ``rows`` believe in; NaN before any does."""
        told = self._world.controllers.beliefs("pack_soc")[slice(None) if rows is None else rows]
        known = ~np.isnan(told)
        count = known.sum(axis=1)
        return np.where(count, np.where(known, told, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)

    def view(self, rows: IntArray | None) -> SiteView:
        """Return what gateways know of their batteries, brought up to date for ``rows``."""
        plant, view = self._world.plant, self._view
        where = slice(None) if rows is None else rows
        view.soc[where] = self.soc(rows)
        view.current_A[where] = np.abs(plant.current_A[where]).max(axis=1)
        temperature_K = plant.temperature_K[where].reshape(len(view.soc[where]), -1)
        view.temperature_low_K[where] = temperature_K.min(axis=1)
        view.temperature_high_K[where] = temperature_K.max(axis=1)
        closed = (plant.module_state[where] == CLOSED).all(axis=1) & (plant.pack_state[where] == CLOSED).all(axis=1)
        view.contactors_closed[where] = closed
        return view

    def observation(self, start_ns: int, end_ns: int, rows: IntArray, events: Sequence[Event]) -> Observation:
        """Return what the tick from ``start_ns`` to ``end_ns`` shows of ``rows``."""
        plant, controllers, statistics = self._world.plant, self._world.controllers, self._world.buses.statistics
        bleed = controllers.commanded("bleed")
        return Observation(
            start_ns=start_ns,
            end_ns=end_ns,
            rows=rows,
            events=events,
            request_W=plant.request_W[rows],
            power_W=plant.power_W[rows],
            charge_limit_W=plant.inverter.charge_limit_W[rows],
            discharge_limit_W=plant.inverter.discharge_limit_W[rows],
            module_soc=controllers.beliefs("module_soc")[rows],
            current_A=plant.current_A[rows],
            module_state=plant.module_state[rows].astype(np.int64),
            pack_state=plant.pack_state[rows].astype(np.int64),
            cell_voltage_V=plant.cell_voltage_V[rows],
            temperature_K=plant.temperature_K[rows],
            bleed=np.zeros_like(plant.soc[rows]) if bleed is None else np.nan_to_num(bleed[rows]),
            busy_ns=statistics.busy_ns[rows],
            frames=statistics.frames[rows][:, self._control].sum(axis=1),
            restarts=controllers.restarts[rows].sum(axis=1),
            silent=(controllers.running[rows] == SILENT).mean(axis=1),
            rated_W=plant.inverter.rated_power_W,
            capacity_Ah=self._world.capacity_Ah,
        )


def _is_diagnostic(name: str) -> bool:
    return name.endswith(("_DiagnosticRequest", "_DiagnosticResponse"))
