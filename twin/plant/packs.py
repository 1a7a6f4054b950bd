"""How modules make a pack: in parallel on a bus bar, or in series as a string; ``[site, pack, module]`` throughout.

::

    parallel                                    series, with a bypass

    module -- link -- contactor --+             +-- module -- contactor --+
    module -- link -- contactor --+-- bus bar   +----------- bypass ------+-- link -- next module ... bus bar

In series an open contactor opens the string. With a bypass, the string goes on past that module through its link: a
half bridge, as in modular multilevel batteries; a string whose modules are all open conducts nothing either way.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from twin.plant.dc_bus import CLOSED, OPEN, PRECHARGE, BoolArray, Packs, StateArray
from twin.plant.pool import FloatArray

Connection = Literal["parallel", "series"]


@dataclass(frozen=True)
class Sources:
    """What modules are to their pack: an emf behind a resistance."""

    emf_V: FloatArray
    resistance_ohm: FloatArray
    """Of the module and its link, without its pre-charge resistor."""
    link_ohm: FloatArray
    """Of the link alone."""


@dataclass(frozen=True)
class Joints:
    """How the modules of every pack of a cohort are joined."""

    connection: Connection
    bypass: bool
    """Whether a module of a string is bypassed when its contactor opens."""
    precharge_ohm: float

    def packs(self, sources: Sources, module_state: StateArray | None) -> Packs:
        """Return the packs of modules whose contactors are in ``module_state``; None means that all are closed."""
        if self.connection == "series":
            state = np.full(sources.emf_V.shape, CLOSED, np.int8) if module_state is None else module_state
            return SeriesPacks(sources, state, self)
        return ParallelPacks(sources, module_state, self)


class ParallelPacks(Packs):
    """Packs whose modules share a bus bar, each behind its own contactor."""

    def __init__(self, sources: Sources, module_state: StateArray | None, joints: Joints) -> None:
        self._emf_V, self._state = sources.emf_V, module_state
        if module_state is None:
            self._module_S = 1.0 / sources.resistance_ohm
        else:
            in_the_way_ohm = (module_state == PRECHARGE) * joints.precharge_ohm
            self._module_S = (module_state != OPEN) / (sources.resistance_ohm + in_the_way_ohm)

    @cached_property
    def conductance_S(self) -> FloatArray:
        """The sum over the modules."""
        conductance_S: FloatArray = self._module_S.sum(axis=-1)
        return conductance_S

    @cached_property
    def short_circuit_A(self) -> FloatArray:
        """The sum over the modules."""
        short_circuit_A: FloatArray = (self._module_S * self._emf_V).sum(axis=-1)
        return short_circuit_A

    @property
    def emf_V(self) -> FloatArray:
        """Where unequal modules settle that drive currents through each other."""
        return self.short_circuit_A / np.where(self.conductance_S > 0.0, self.conductance_S, 1.0)

    @property
    def firm(self) -> BoolArray:
        """Whether the contactor of any module is closed."""
        if self._state is None:
            return np.ones(self.conductance_S.shape, np.bool_)
        return (self._state == CLOSED).any(axis=-1)

    @property
    def busy(self) -> bool:
        """Whether it is so for a pack of every site."""
        return self._state is None or super().busy

    def current_A(self, bar_V: FloatArray) -> FloatArray:
        """Return what each module drives against its bus bar."""
        return self._module_S * (self._emf_V - bar_V[..., None])

    def loop_gain_Hz(self, elastance_V_As: FloatArray) -> FloatArray:
        """Return the highest loop gain of any module behind its own resistance."""
        gain_Hz: FloatArray = (self._module_S * elastance_V_As).max(axis=(1, 2))
        return gain_Hz

    def joined(self, pack_state: StateArray) -> BoolArray:
        """Return the closed modules of closed packs."""
        closed = (pack_state == CLOSED)[..., None]
        return np.broadcast_to(closed, self._emf_V.shape) if self._state is None else (self._state == CLOSED) & closed

    def inrush_A(self, joined: BoolArray, before: BoolArray, link_voltage_V: FloatArray) -> FloatArray:
        """Return the sum over the modules that have joined: those already there share the link's voltage."""
        peak_A = (joined & ~before) * self._module_S * (self._emf_V - link_voltage_V[:, None, None])
        return np.abs(peak_A.sum(axis=-1))


class SeriesPacks(Packs):
    """Packs that are one string each: all that is in it carries the same current."""

    def __init__(self, sources: Sources, module_state: StateArray, joints: Joints) -> None:
        self._inside = module_state != OPEN
        self._conducts = self._inside.any(axis=-1) if joints.bypass else self._inside.all(axis=-1)
        self._precharges = (module_state == PRECHARGE).any(axis=-1)
        in_the_way_ohm = sources.resistance_ohm + (module_state == PRECHARGE) * joints.precharge_ohm
        resistance_ohm = np.where(self._inside, in_the_way_ohm, sources.link_ohm).sum(axis=-1)
        self._string_V = np.where(self._inside, sources.emf_V, 0.0).sum(axis=-1) * self._conducts
        self._string_S = self._conducts / resistance_ohm

    @property
    def conductance_S(self) -> FloatArray:
        """Over the sum of what is in the way."""
        return self._string_S

    @cached_property
    def short_circuit_A(self) -> FloatArray:
        """Of the whole string."""
        return self._string_S * self._string_V

    @property
    def emf_V(self) -> FloatArray:
        """The sum of the modules that are in the string."""
        return self._string_V

    @property
    def firm(self) -> BoolArray:
        """Whether the string conducts without a pre-charge resistor in it."""
        return self._conducts & ~self._precharges

    def current_A(self, bar_V: FloatArray) -> FloatArray:
        """Return the string's current for every module in it, and none for the others."""
        string_A = self.conductance_S * (self._string_V - bar_V)
        return np.where(self._inside, string_A[..., None], 0.0)

    def loop_gain_Hz(self, elastance_V_As: FloatArray) -> FloatArray:
        """Return the highest loop gain of any string: voltages and resistances of its modules add up."""
        gain_Hz: FloatArray = (self.conductance_S * (self._inside * elastance_V_As).sum(axis=-1)).max(axis=-1)
        return gain_Hz

    def joined(self, pack_state: StateArray) -> BoolArray:
        """Return the modules in firm strings of closed packs."""
        return self._inside & (self.firm & (pack_state == CLOSED))[..., None]

    def inrush_A(self, joined: BoolArray, before: BoolArray, link_voltage_V: FloatArray) -> FloatArray:
        """Return what the whole string drives into the link, where any of its modules has joined or was bypassed."""
        changed = (joined != before).any(axis=-1) & joined.any(axis=-1)
        return np.abs(self.conductance_S * (self._string_V - link_voltage_V[:, None])) * changed
