"""The inverter where no controller speaks for the battery: it keeps to the least able of the modules that it hears."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from twin.bms.firmware.firmware import Firmware, FloatArray, Inputs, Outputs, Reach, Scope, Signals
from twin.bms.firmware.inverter_control import InverterState
from twin.bms.firmware.peer_view import PeerView
from twin.bms.options import Bms
from twin.bms.site import Site
from twin.plant.action import Actuator


class InverterOfPeers(Firmware[InverterState]):
    """Version 1.0.0 of an inverter that listens to every module."""

    role: ClassVar[str] = "inverter"
    scope: ClassVar[Scope] = "site"
    version: ClassVar[str] = "1.0.0"
    reads: ClassVar[tuple[str, ...]] = ("Module_State", "Module_Limits")
    sends: ClassVar[tuple[str, ...]] = ("Inverter_Heartbeat",)
    commands: Mapping[Actuator, Reach] = MappingProxyType({"power_limit_W": Reach(cells=2)})
    believes: Mapping[str, Reach] = MappingProxyType({"pack_soc": Reach()})

    def __init__(self, options: Bms, site: Site) -> None:
        self._options, self._site = options, site

    def initial(self, rows: int, memory: Signals) -> InverterState:  # noqa: ARG002 - it remembers nothing
        """Return no heartbeats."""
        return InverterState(np.zeros(rows, np.int64))

    def step(self, state: InverterState, inputs: Inputs) -> tuple[InverterState, Outputs]:
        """Turn what modules say into limits of power, in whole volts as other inverters do."""
        view = PeerView.of(inputs, self._site, self._options.period_s)
        live = view.closed.sum(axis=1)
        power_W = self._together_A(view) * np.floor(self._voltage_V(view))[:, None]
        soc = np.where(live > 0, (view.soc * view.closed).sum(axis=1) / np.maximum(live, 1), np.nan)
        after = InverterState((state.counter + 1) % 256)
        return after, Outputs(
            {"Inverter_Heartbeat": {"Counter": after.counter}}, {"power_limit_W": power_W}, None, {"pack_soc": soc}
        )

    def _together_A(self, view: PeerView) -> FloatArray:
        """Return the limits of the site, ``[row, direction]``: the smallest share times the paths that share."""
        site = self._site
        packs = view.closed.reshape(-1, site.packs, site.modules)
        paths = np.stack([site.paths(packs[:, pack]) for pack in range(site.packs)], axis=1)
        counts = np.repeat(paths > 0, site.modules, axis=1) & view.closed
        least_A = np.where(counts[..., None], view.limit_A, np.inf).min(axis=1)
        total = paths.sum(axis=1)[:, None]
        return np.where(total > 0, least_A, 0.0) * total

    def _voltage_V(self, view: PeerView) -> FloatArray:
        """Return the battery's voltage, ``[row]``: the mean of modules in parallel, the sum over a string's."""
        mean: FloatArray = (view.voltage_V * view.closed).sum(axis=1) / np.maximum(view.closed.sum(axis=1), 1)
        if not self._site.series:
            return mean
        in_string = view.closed.reshape(-1, self._site.packs, self._site.modules).sum(axis=2).max(axis=1)
        return mean * in_string
