"""The inverter's side of the bus: it takes and gives what the pack allows, and nothing when it hears nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from twin.bms.firmware.firmware import Contents, Firmware, Inputs, IntArray, Outputs, Reach, Scope, Signals
from twin.bms.options import Bms
from twin.bms.site import Site
from twin.plant.action import Actuator

LIMITS_TIMEOUT_PERIODS = 10
"""Without limits for so many periods, the inverter stops."""


@dataclass(frozen=True)
class InverterState:
    """A count of heartbeats, ``[row]``."""

    counter: IntArray


class InverterControl(Firmware[InverterState]):
    """Version 1.0.0 of an inverter that speaks the common low-voltage battery protocol."""

    role: ClassVar[str] = "inverter"
    scope: ClassVar[Scope] = "site"
    version: ClassVar[str] = "1.0.0"
    reads: ClassVar[tuple[str, ...]] = ("Inverter_Limits", "Inverter_Measurements")
    sends: ClassVar[tuple[str, ...]] = ("Inverter_Heartbeat",)
    commands: Mapping[Actuator, Reach] = MappingProxyType({"power_limit_W": Reach(cells=2)})

    def __init__(self, options: Bms, site: Site) -> None:  # noqa: ARG002 - the frames say all that it needs
        self._timeout_ns = LIMITS_TIMEOUT_PERIODS * round(options.period_s * 1e9)

    def initial(self, rows: int, memory: Signals) -> InverterState:  # noqa: ARG002 - it remembers nothing
        """Return no heartbeats."""
        return InverterState(np.zeros(rows, np.int64))

    def step(self, state: InverterState, inputs: Inputs) -> tuple[InverterState, Outputs]:
        """Turn the pack's limits into limits of power: current limit times voltage, in whole volts.

        Whole volts, so that the limit changes when the pack's word changes and not with every millivolt.
        """
        limits = inputs.received["Inverter_Limits"]
        fresh = (limits.time_ns >= 0) & (inputs.time_ns - limits.time_ns < self._timeout_ns)
        voltage_V = np.floor(inputs.received["Inverter_Measurements"]["Voltage"])
        current_A = np.stack([limits["ChargeCurrentLimit"], limits["DischargeCurrentLimit"]], axis=1)
        power_W = np.where(fresh[:, None], current_A * voltage_V[:, None], 0.0)
        after = InverterState((state.counter + 1) % 256)
        heartbeat: Contents = {"Counter": after.counter}
        return after, Outputs({"Inverter_Heartbeat": heartbeat}, {"power_limit_W": power_W}, None, {})
