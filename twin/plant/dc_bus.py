"""The DC circuit of a site: packs, their contactors and pre-charge, the inverter and the capacitor of its DC link.

::

    modules == bus bar of the pack --+-- main contactor ---------+
                                     +-- pre-charge resistor ----+-- DC link -- inverter
                                                   other packs --+    | capacitor

Everything is a pure function over arrays ``[site, pack]``. A pack is a source behind a resistance, whether its modules
are in parallel or in series (``twin.plant.packs``) and averaged over the coming step, so the circuit is linear but for
the inverter, whose constant power costs one square root. While a closed contactor holds the link, the capacitor follows
the modules within a millisecond and is left out; while only resistors do, or none, the link's voltage is an exponential
and its mean over the step is exact. ``docs/decisions/0009-coupling.md`` has the reasons.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
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


class Packs(ABC):
    """The packs as their main contactors see them: a source ``[site, pack]`` each, whatever their modules do inside."""

    @property
    @abstractmethod
    def conductance_S(self) -> FloatArray:
        """Of each pack between its bus bar and an ideal source; none where no module feeds it."""

    @property
    @abstractmethod
    def short_circuit_A(self) -> FloatArray:
        """What each pack would carry at 0 V."""

    @property
    @abstractmethod
    def emf_V(self) -> FloatArray:
        """Voltage of the bus bars without load, ``[site, pack]``; 0 where no module feeds them."""

    @property
    @abstractmethod
    def firm(self) -> BoolArray:
        """Whether the modules feed the bus bar through closed contactors, not through resistors, ``[site, pack]``."""

    @property
    def busy(self) -> bool:
        """Whether modules feed a bus bar of every site through closed contactors."""
        return bool(self.firm.any(axis=-1).all())

    @abstractmethod
    def current_A(self, bar_V: FloatArray) -> FloatArray:
        """Return the modules' currents ``[site, pack, module]`` at the voltages of the bus bars ``[site, pack]``."""

    @abstractmethod
    def loop_gain_Hz(self, elastance_V_As: FloatArray) -> FloatArray:
        """Return each site's highest loop gain for a step of one second, ``[site]``.

        The loop gain is the voltage that a current moves over a step, over the voltage that it moves at once.
        """

    @abstractmethod
    def joined(self, pack_state: StateArray) -> BoolArray:
        """Return which modules ``[site, pack, module]`` are on the DC link without a resistor between."""

    @abstractmethod
    def inrush_A(self, joined: BoolArray, before: BoolArray, link_voltage_V: FloatArray) -> FloatArray:
        """Return each pack's peak current ``[site, pack]`` as it meets the charged capacitor.

        ``joined`` and ``before``: which modules are on the link now and were before, ``[site, pack, module]``.
        """


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
    bar_voltage_V: FloatArray
    """Mean voltage of the bus bars, ``[site, pack]``, or ``[site, 1]`` where it is that of the link for all."""
    bar_end_V: FloatArray
    """The same at the end of the step."""
    infeasible: BoolArray
    """Sites whose modules cannot deliver the power: the inverter has tripped and takes nothing."""


def solve(
    packs: Packs,
    pack_state: StateArray | None,
    link: Link,
    power_W: FloatArray,
    link_voltage_V: FloatArray,
    step_s: float | FloatArray,
) -> Flow:
    """Return the currents at which every site's circuit is in balance over a step of ``step_s`` (one, or one a site).

    ``pack_state[site, pack]``: the main contactors; None means that all are closed.
    ``power_W[site]`` is what the inverter asks for, ``link_voltage_V[site]`` the capacitor's voltage at the start.
    """
    if (pack_state is None or (pack_state == CLOSED).all()) and packs.busy:
        node = _busy_node(packs.conductance_S.sum(axis=-1), packs.short_circuit_A.sum(axis=-1), power_W)
    else:
        states = np.full(packs.conductance_S.shape, CLOSED, np.int8) if pack_state is None else pack_state
        node = _any_node(packs, states, link, power_W, link_voltage_V, step_s)
    return Flow(
        current_A=packs.current_A(node.bar_V),
        power_W=node.power_W,
        bus_voltage_V=node.voltage_V,
        link_voltage_V=node.end_V,
        bar_voltage_V=node.bar_V,
        bar_end_V=node.bar_end_V,
        infeasible=node.infeasible,
    )


@dataclass(frozen=True)
class _Node:
    """Voltages of the DC link, mean and final, and of the bus bars ``[site, pack]``, and the inverter's power."""

    voltage_V: FloatArray
    end_V: FloatArray
    bar_V: FloatArray
    bar_end_V: FloatArray
    power_W: FloatArray
    infeasible: BoolArray


def _busy_node(conductance_S: FloatArray, short_circuit_A: FloatArray, power_W: FloatArray) -> _Node:
    voltage_V, infeasible = constant_power_voltage(conductance_S, short_circuit_A, power_W)
    bar_V = voltage_V[:, None]
    return _Node(voltage_V, voltage_V, bar_V, bar_V, np.where(infeasible, 0.0, power_W), infeasible)


def _any_node(
    packs: Packs,
    pack_state: StateArray,
    link: Link,
    power_W: FloatArray,
    link_voltage_V: FloatArray,
    step_s: float | FloatArray,
) -> _Node:
    """Solve sites with packs in any state; where all are closed, to the same bits as ``_busy_node``."""
    closed, joined = pack_state == CLOSED, pack_state != OPEN
    # A pre-charging pack reaches the link through its own resistance and the resistor, in series.
    share = joined / (1.0 + packs.conductance_S * ((pack_state == PRECHARGE) * link.precharge_ohm))
    branch_S, branch_A = packs.conductance_S * share, packs.short_circuit_A * share
    link_S, link_A = branch_S.sum(axis=-1), branch_A.sum(axis=-1)

    live = (closed & packs.firm).any(axis=-1)
    busy = _busy_node(np.where(live, link_S, 1.0), link_A, np.where(live, power_W, 0.0))
    idle_V, idle_end_V = _capacitor(link_S, link_A, link, link_voltage_V, step_s)
    voltage_V, end_V = np.where(live, busy.voltage_V, idle_V), np.where(live, busy.voltage_V, idle_end_V)
    # Modules of unequal emf drive currents around among themselves in an open pack too: it settles at its own emf.
    fed = packs.conductance_S > 0.0
    bar_S = np.where(fed, packs.conductance_S, 1.0)

    def bar_V(link_V: FloatArray) -> FloatArray:
        of_link_V = link_V[:, None]
        drop_V = (branch_A - branch_S * of_link_V) / bar_S
        return np.where(closed | (joined & ~fed), of_link_V, packs.emf_V - drop_V)

    return _Node(voltage_V, end_V, bar_V(voltage_V), bar_V(end_V), busy.power_W, busy.infeasible)


def _capacitor(
    conductance_S: FloatArray, short_circuit_A: FloatArray, link: Link, start_V: FloatArray, step_s: float | FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return mean and final voltage of the link's capacitor while no closed contactor holds it."""
    alone = conductance_S == 0.0
    conductance_S = np.where(alone, 1.0 / link.discharge_ohm, conductance_S)
    settled_V = short_circuit_A / conductance_S
    ratio = step_s * conductance_S / link.capacitance_F
    remaining = np.exp(-ratio)
    mean_V = settled_V - (start_V - settled_V) * np.expm1(-ratio) / ratio
    return mean_V, settled_V + (start_V - settled_V) * remaining
