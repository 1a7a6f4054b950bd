"""The DC circuit of a site: modules, contactors, links, pre-charge, the inverter and the capacitor of its DC link.

::

    module -- link -- contactor --+
    module -- link -- contactor --+-- bus bar of the pack --+-- main contactor ---------+
                                                            +-- pre-charge resistor ----+-- DC link -- inverter
                                                                          other packs --+    | capacitor

Everything is a pure function over arrays ``[site, pack, module]``. A module is an emf behind a resistance, both
averaged over the coming step, so the circuit is linear but for the inverter, whose constant power costs one square
root. While a main contactor is closed, the capacitor follows the modules within a millisecond and is left out; while
none is, the link's voltage is an exponential and its mean over the step is exact.
``docs/decisions/0009-coupling.md`` has the reasons.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from twin.plant.inverter import constant_power_voltage
from twin.plant.pool import FloatArray

BoolArray = NDArray[np.bool_]
StateArray = NDArray[np.int8]

LOOP_GAIN_LIMIT = 0.5
"""Highest loop gain of a step: beyond it, the voltage moves so far that the current is no longer nearly constant."""


class Contactor(IntEnum):
    """How a pack is joined to the DC link, or a module to its pack."""

    OPEN = 0
    PRECHARGE = 1
    """Through the pre-charge resistor."""
    CLOSED = 2
    """Through the contactor itself."""


OPEN, PRECHARGE, CLOSED = map(int, Contactor)
"""The same as plain integers: an attribute of an enum costs a microsecond in Python 3.11, and NumPy three more."""


@dataclass(frozen=True)
class Link:
    """The DC link of a site, and how a pack and the inverter's discharge circuit reach it."""

    capacitance_F: float
    precharge_ohm: float
    discharge_ohm: float
    """Takes the capacitor's charge away while no pack is joined to it (IEC 62109-1 asks for it)."""


@dataclass(frozen=True)
class Sources:
    """What modules are to the bus, ``[site, pack, module]``: an emf behind a resistance, the link included."""

    emf_V: FloatArray
    resistance_ohm: FloatArray

    def conductance_S(self, closed: BoolArray) -> FloatArray:
        """Return each module's conductance to its pack's bus bar; none where its contactor is open."""
        return closed / self.resistance_ohm

    def through(self, module_state: StateArray, precharge_ohm: float) -> Sources:
        """Return the same sources with the pre-charge resistors of modules in their way."""
        precharge = module_state == PRECHARGE
        if not precharge.any():
            return self
        return Sources(self.emf_V, self.resistance_ohm + precharge * precharge_ohm)


@dataclass(frozen=True)
class Switches:
    """The contactors as ``Contactor``: of modules ``[site, pack, module]``, and of packs ``[site, pack]``."""

    module_state: StateArray
    pack_state: StateArray

    def joined(self) -> BoolArray:
        """Return which modules are on the DC link with nothing but their own link resistance between."""
        return (self.module_state == CLOSED) & (self.pack_state == CLOSED)[..., None]


@dataclass(frozen=True)
class Flow:
    """What flows over the step."""

    current_A: FloatArray
    """Of the modules, ``[site, pack, module]``; positive discharges."""
    power_W: FloatArray
    """What the inverter takes, ``[site]``: ``bus_voltage_V`` times the current that arrives there."""
    bus_voltage_V: FloatArray
    """Mean voltage of the DC link."""
    link_voltage_V: FloatArray
    """Voltage of the capacitor at the end of the step."""
    infeasible: BoolArray
    """Sites whose modules cannot deliver the power: the inverter has tripped and takes nothing."""


def loop_gain_Hz(sources: Sources, elastance_V_As: FloatArray, closed: BoolArray) -> FloatArray:
    """Return each site's highest loop gain for a step of one second, ``[site]``.

    The loop gain is the voltage that a current moves over a step, over the voltage that it moves at once.
    ``sources``: as they are now.
    """
    gain_Hz: FloatArray = (sources.conductance_S(closed) * elastance_V_As).max(axis=(1, 2))
    return gain_Hz


def inrush_A(sources: Sources, joining: BoolArray, link_voltage_V: FloatArray) -> FloatArray:
    """Return each pack's peak current ``[site, pack]`` as its ``joining`` modules meet the charged capacitor."""
    peak_A = sources.conductance_S(joining) * (sources.emf_V - link_voltage_V[:, None, None])
    return np.abs(peak_A.sum(axis=-1))


def solve(
    sources: Sources,
    switches: Switches,
    link: Link,
    power_W: FloatArray,
    link_voltage_V: FloatArray,
    step_s: float | FloatArray,
) -> Flow:
    """Return the currents at which every site's circuit is in balance over a step of ``step_s`` (one, or one a site).

    ``power_W[site]`` is what the inverter asks for, ``link_voltage_V[site]`` the capacitor's voltage at the start.
    """
    sources = sources.through(switches.module_state, link.precharge_ohm)
    conductance_S = sources.conductance_S(switches.module_state != OPEN)
    bars = _BusBars(conductance_S.sum(axis=-1), (conductance_S * sources.emf_V).sum(axis=-1))
    closed = switches.pack_state == CLOSED
    if closed.all() and bars.conductance_S.any(axis=-1).all():
        node = _busy_node(bars.conductance_S.sum(axis=-1), bars.short_circuit_A.sum(axis=-1), power_W)
    else:
        precharge = switches.pack_state == PRECHARGE
        node = _any_node(bars, closed, precharge, link, power_W, link_voltage_V, step_s)
    return Flow(
        current_A=conductance_S * (sources.emf_V - node.bar_V[..., None]),
        power_W=node.power_W,
        bus_voltage_V=node.voltage_V,
        link_voltage_V=node.end_V,
        infeasible=node.infeasible,
    )


@dataclass(frozen=True)
class _BusBars:
    """The packs as their bus bars see their modules, ``[site, pack]``."""

    conductance_S: FloatArray
    short_circuit_A: FloatArray


@dataclass(frozen=True)
class _Node:
    """Voltages of the DC link, mean and final, and of the bus bars ``[site, pack]``, and the inverter's power."""

    voltage_V: FloatArray
    end_V: FloatArray
    bar_V: FloatArray
    power_W: FloatArray
    infeasible: BoolArray


def _busy_node(conductance_S: FloatArray, short_circuit_A: FloatArray, power_W: FloatArray) -> _Node:
    voltage_V, infeasible = constant_power_voltage(conductance_S, short_circuit_A, power_W)
    return _Node(voltage_V, voltage_V, voltage_V[:, None], np.where(infeasible, 0.0, power_W), infeasible)


def _any_node(
    bars: _BusBars,
    closed: BoolArray,
    precharge: BoolArray,
    link: Link,
    power_W: FloatArray,
    link_voltage_V: FloatArray,
    step_s: float | FloatArray,
) -> _Node:
    """Solve sites with packs in any state; where all are closed, to the same bits as ``_busy_node``."""
    bar_S = np.where(bars.conductance_S > 0.0, bars.conductance_S, 1.0)
    # Modules of unequal emf in an open pack drive currents around among themselves: this is where they settle.
    bar_emf_V = bars.short_circuit_A / bar_S
    # A pre-charging pack reaches the link through its own resistance and the resistor, in series.
    branch_S = precharge * bars.conductance_S / (1.0 + bars.conductance_S * link.precharge_ohm)
    link_S = (bars.conductance_S * closed + branch_S).sum(axis=-1)
    link_A = (bars.short_circuit_A * closed + branch_S * bar_emf_V).sum(axis=-1)

    live = (bars.conductance_S * closed).any(axis=-1)
    busy = _busy_node(np.where(live, link_S, 1.0), link_A, np.where(live, power_W, 0.0))
    idle_V, idle_end_V = _capacitor(link_S, link_A, link, link_voltage_V, step_s)
    voltage_V = np.where(live, busy.voltage_V, idle_V)
    branch_A = branch_S * (bar_emf_V - voltage_V[:, None])
    return _Node(
        voltage_V=voltage_V,
        end_V=np.where(live, busy.voltage_V, idle_end_V),
        bar_V=np.where(closed, voltage_V[:, None], bar_emf_V - branch_A / bar_S),
        power_W=busy.power_W,
        infeasible=busy.infeasible,
    )


def _capacitor(
    conductance_S: FloatArray, short_circuit_A: FloatArray, link: Link, start_V: FloatArray, step_s: float | FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return mean and final voltage of the link's capacitor while no main contactor holds it."""
    alone = conductance_S == 0.0
    conductance_S = np.where(alone, 1.0 / link.discharge_ohm, conductance_S)
    settled_V = short_circuit_A / conductance_S
    ratio = step_s * conductance_S / link.capacitance_F
    remaining = np.exp(-ratio)
    mean_V = settled_V - (start_V - settled_V) * np.expm1(-ratio) / ratio
    return mean_V, settled_V + (start_V - settled_V) * remaining
