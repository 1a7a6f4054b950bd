"""What a pack's controller knows from the bus: its own modules, and the other packs of the site."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from twin.bms.firmware.firmware import FloatArray, Inputs, IntArray, Received
from twin.bms.firmware.module_frames import KELVIN, TEMPERATURE_FRAMES, VOLTAGE_FRAMES

TIMEOUT_PERIODS = 3.5
"""Who is not heard for so many periods is silent: three frames are missing."""


@dataclass(frozen=True)
class PackView:
    """What the bus has told of the modules, ``[row, module]``.

    Level, code and current of a module that is not heard are 0.
    """

    heard: NDArray[np.bool_]
    closed: NDArray[np.bool_]
    level: FloatArray
    code: FloatArray
    soc: FloatArray
    current_A: FloatArray
    voltage_V: FloatArray
    highest_V: FloatArray
    lowest_V: FloatArray
    hottest_K: FloatArray
    coldest_K: FloatArray
    balancing: NDArray[np.bool_]
    since_ns: IntArray
    """When what a module says was received, ``[row, module]``; -1: nothing was."""
    soh: FloatArray
    resistance_factor: FloatArray
    """Over a new module's, as estimated."""

    @classmethod
    def of(cls, inputs: Inputs, timeout_ns: int) -> PackView:
        """Read the modules' frames."""
        state = inputs.received["Module_State"]
        heard = _fresh(state, inputs.time_ns, timeout_ns)
        voltages_V = _stack([inputs.received[name] for name in VOLTAGE_FRAMES])
        temperatures_K = _stack([inputs.received[name] for name in TEMPERATURE_FRAMES]) + KELVIN
        return cls(
            heard,
            heard & (state["ContactorClosed"] > 0),
            state["Level"] * heard,
            state["FaultCode"] * heard,
            state["SOC"] / 100.0,
            state["Current"] * heard,
            state["Voltage"],
            voltages_V.max(axis=0),
            voltages_V.min(axis=0),
            temperatures_K.max(axis=0),
            temperatures_K.min(axis=0),
            heard & (state["Balancing"] > 0),
            state.time_ns,
            inputs.received["Module_Health"]["SOH"] / 100.0,
            inputs.received["Module_Health"]["Resistance"] / 100.0,
        )

    @cached_property
    def live(self) -> IntArray:
        """How many modules are closed, ``[row]``."""
        live: IntArray = self.closed.sum(axis=1)
        return live

    def voltage(self, *, series: bool) -> FloatArray:
        """Return the voltage of packs, ``[row]``: of the closed modules the mean, or in series the sum."""
        total: FloatArray = (self.voltage_V * self.closed).sum(axis=1)
        return total if series else total / np.maximum(self.live, 1)

    def mean(self, values: FloatArray) -> FloatArray:
        """Return the mean over the closed modules, 0 where none is."""
        mean: FloatArray = (values * self.closed).sum(axis=1) / np.maximum(self.live, 1)
        return mean


@dataclass(frozen=True)
class Packs:
    """What the packs of a site can do, ``[row, pack]``: the row's own in the first column, then what others told."""

    limit_A: FloatArray
    """``[row, pack, direction]``: charging, discharging."""
    modules: FloatArray
    """That deliver."""
    soc: FloatArray
    current_A: FloatArray
    hottest_C: FloatArray
    level: FloatArray
    code: FloatArray

    def joined(self, heard: Inputs, own_pack: IntArray, timeout_ns: int) -> Packs:
        """Return the own pack with the others of its site beside it; of who is silent, nothing counts."""
        state, limits = heard.received["Pack_State"], heard.received["Pack_Limits"]
        if state.time_ns.shape[1] == 1:
            return self
        other = np.arange(state.time_ns.shape[1]) != own_pack[:, None]
        fresh = (_fresh(frame, heard.time_ns, timeout_ns) for frame in (state, limits))
        counts = np.logical_and.reduce([other, *fresh])

        def beside(own: FloatArray, told: FloatArray) -> FloatArray:
            return np.concatenate([own, np.where(counts, told, 0.0)], axis=1)

        told_A = limits["ChargeCurrentLimit"], limits["DischargeCurrentLimit"]
        return Packs(
            np.stack([beside(self.limit_A[..., way], told) for way, told in enumerate(told_A)], axis=-1),
            beside(self.modules, limits["Modules"]),
            beside(self.soc, state["SOC"] / 100.0),
            beside(self.current_A, state["Current"]),
            np.concatenate([self.hottest_C, np.where(counts, limits["Temperature"], -np.inf)], axis=1),
            beside(self.level, state["Level"]),
            beside(self.code, state["FaultCode"]),
        )

    @cached_property
    def delivering(self) -> FloatArray:
        """How many modules of all packs deliver, ``[row]``."""
        modules: FloatArray = self.modules.sum(axis=1)
        return modules

    def together_A(self, *, series: bool) -> FloatArray:
        """Return the limits of all together: packs in parallel do not share evenly, so the smallest share counts.

        A share is that of a module, or where modules are in ``series``, of a pack.
        """
        modules = ((self.modules > 0) if series else self.modules)[..., None]
        total = modules.sum(axis=1)
        share_A = np.where(modules > 0, self.limit_A / np.maximum(modules, 1.0), np.inf).min(axis=1)
        return np.where(total > 0, share_A, 0.0) * total

    def mean_soc(self) -> FloatArray:
        """Return the state of charge of all modules that deliver, 0 where none does."""
        soc: FloatArray = (self.soc * self.modules).sum(axis=1) / np.maximum(self.delivering, 1.0)
        return soc


def _fresh(frame: Received, time_ns: IntArray, timeout_ns: int) -> NDArray[np.bool_]:
    fresh: NDArray[np.bool_] = (frame.time_ns >= 0) & (time_ns[:, None] - frame.time_ns < timeout_ns)
    return fresh


def _stack(frames: list[Received]) -> FloatArray:
    """Return every signal of several frames as ``[signal, row, module]``."""
    return np.concatenate([frame.values for frame in frames])
