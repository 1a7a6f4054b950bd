"""What a module's ECU knows of its peers, and the inverter of all modules, where no controller speaks for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.bms import codes
from twin.bms.firmware.firmware import FloatArray, Inputs, IntArray
from twin.bms.firmware.pack_view import TIMEOUT_PERIODS
from twin.bms.site import Site

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class PeerView:
    """What the bus has told of the modules of the site, ``[row, slot]``; the reader's own place counts as not heard."""

    slot: IntArray
    """Of the reader, ``[row]``."""
    heard: BoolArray
    closed: BoolArray
    ready: BoolArray
    level: FloatArray
    code: FloatArray
    soc: FloatArray
    current_A: FloatArray
    voltage_V: FloatArray
    limit_A: FloatArray
    """``[row, slot, direction]``"""
    told_lowest_V: FloatArray
    told_balancing: BoolArray
    told_measures: BoolArray
    last_ns: IntArray
    """When what a peer says was received; -1: nothing was."""
    modules: int
    """Of a pack."""

    @classmethod
    def of(cls, inputs: Inputs, site: Site, period_s: float) -> PeerView:
        """Read the modules' frames."""
        state, ability = inputs.received["Module_State"], inputs.received["Module_Limits"]
        timeout_ns = round(TIMEOUT_PERIODS * period_s * 1e9)
        latest_ns = np.minimum(state.time_ns, ability.time_ns)
        heard = (latest_ns >= 0) & (inputs.time_ns[:, None] - latest_ns < timeout_ns)
        return cls(
            inputs.slot,
            heard,
            heard & (state["ContactorClosed"] > 0),
            heard & (ability["Ready"] > 0),
            state["Level"] * heard,
            state["FaultCode"] * heard,
            state["SOC"] / 100.0,
            state["Current"],
            state["Voltage"],
            np.stack([ability["ChargeCurrentLimit"], ability["DischargeCurrentLimit"]], axis=-1),
            ability["LowestCellVoltage"],
            heard & (state["Balancing"] > 0),
            heard & (ability["Measures"] > 0),
            latest_ns,
            site.modules,
        )

    @property
    def others(self) -> BoolArray:
        """Every place but the reader's own."""
        other: BoolArray = np.arange(self.heard.shape[1]) != self.slot[:, None]
        return other

    @property
    def heard_all(self) -> BoolArray:
        """Whether all others are heard, ``[row]``."""
        return ~self.silent.max(axis=1)

    @property
    def silent(self) -> BoolArray:
        """Who is not heard."""
        return ~self.heard & self.others

    @property
    def balancing(self) -> BoolArray:
        """Whether any other balances, ``[row]``."""
        anyone: BoolArray = self.told_balancing.max(axis=1)
        return anyone

    @property
    def measuring(self) -> BoolArray:
        """Whether any other measures the insulation, which balancing would disturb, ``[row]``."""
        anyone: BoolArray = self.told_measures.max(axis=1)
        return anyone

    @property
    def insulation_failed(self) -> BoolArray:
        """Whether anybody says so, ``[row]``."""
        say = (self.code == codes.INSULATION_LOW.number) & (self.level >= codes.Level.FATAL)
        said: BoolArray = say.max(axis=1)
        return said

    @property
    def own_pack(self) -> BoolArray:
        """Who is in the reader's pack and heard."""
        pack = np.arange(self.heard.shape[1]) // self.modules
        same: BoolArray = self.heard & (pack == (self.slot // self.modules)[:, None])
        return same

    @property
    def lowest_V(self) -> FloatArray:
        """Lowest cell of the others of the pack, ``[row]``; infinite where nobody is heard."""
        lowest: FloatArray = np.where(self.own_pack, self.told_lowest_V, np.inf).min(axis=1)
        return lowest

    @property
    def string_V(self) -> FloatArray:
        """Voltage of the others of the pack that are ready, in series, ``[row]``."""
        together: FloatArray = (self.voltage_V * (self.own_pack & self.ready)).sum(axis=1)
        return together

    def first(self, well: BoolArray, *, everywhere: bool) -> BoolArray:
        """Return who has the lowest number of those that are ready, at the site or in its pack, ``[row]``."""
        before = self.ready & (np.arange(self.heard.shape[1]) < self.slot[:, None])
        if not everywhere:
            before = before & self.own_pack
        return well & ~before.any(axis=1)
