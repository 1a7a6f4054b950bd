"""All diagnoses together: what whoever looks after modules calls at every look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import twin.bms.diagnosis
from twin.bms.codes import (
    BALANCING_INEFFECTIVE,
    BALANCING_WRONG_CELL,
    INTERNAL_SHORT,
    PROTECTION_CODES,
    WEAK_CELL,
    FaultCode,
)
from twin.bms.diagnosis.comparison import Comparison
from twin.bms.diagnosis.diagnosis import MODULE, Diagnosis
from twin.bms.diagnosis.evidence import Evidence, Recent
from twin.bms.diagnosis.look import Look
from twin.bms.limit_levels import Limits
from twin.bms.module_data import ModuleData
from twin.bms.protection import NEVER, Protection, Thresholds
from twin.bms.rows import each, put, take
from twin.plugins import discover

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def _place(kind: type[Diagnosis[Any]]) -> tuple[int, int]:
    protects = kind.code in PROTECTION_CODES
    return (PROTECTION_CODES.index(kind.code) if protects else len(PROTECTION_CODES)), kind.code.number


KINDS: Final = tuple(sorted(discover(twin.bms.diagnosis, Diagnosis).values(), key=_place))  # type: ignore[type-abstract]
"""All diagnoses: those that protect first, then by the number of their code."""
LEDGER_CODES: Final = (INTERNAL_SHORT, WEAK_CELL, BALANCING_INEFFECTIVE, BALANCING_WRONG_CELL)
"""What the ledger of charge tells; it speaks every five minutes, at rest, if it has a past to compare with."""


@dataclass(frozen=True)
class Memory:
    """What is remembered of modules whose readings come: ``[row]`` each."""

    recent: Recent
    comparison: Comparison
    states: tuple[Any, ...]


@dataclass(frozen=True)
class Watch:
    """What whoever looks after modules remembers of them, ``[row]`` each."""

    memory: Memory
    stale: tuple[Any, ...]
    """Of diagnoses that see all rows, also those that are not fresh."""
    protection: Protection


@dataclass(frozen=True)
class Found:
    """What is found now, ``[row, code]``."""

    level: NDArray[np.int8]
    since_ns: IntArray
    """The first sample beyond the limit of the level; -1 where there is no finding."""
    cell: IntArray
    """-1: the module as a whole."""
    value: FloatArray
    """NaN where nothing was said at this look."""

    @cached_property
    def severity(self) -> NDArray[np.int8]:
        """The highest level of each row."""
        severity: NDArray[np.int8] = self.level.max(axis=1)
        return severity

    @cached_property
    def worst(self) -> IntArray:
        """The code of each row's most severe finding, the first of them, by its place in ``codes``."""
        worst: IntArray = self.level.argmax(axis=1)
        return worst


class Diagnoses:
    """Every diagnosis that there is, with a scenario's limits, for modules of one kind."""

    def __init__(self, limits: Limits, module: ModuleData) -> None:
        self._module = module
        self._all: tuple[Diagnosis[Any], ...] = tuple(kind() for kind in KINDS)
        self._read = [place for place, one in enumerate(self._all) if not one.sees_stale]
        self._stale = [place for place, one in enumerate(self._all) if one.sees_stale]
        self.codes: tuple[FaultCode, ...] = tuple(one.code for one in self._all)
        signs = np.array([one.sign for one in self._all])
        self.thresholds = Thresholds.of_levels([one.levels(limits) for one in self._all], signs)

    def initial(self, rows: int) -> Watch:
        """Return the memory of who has not looked at ``rows`` modules yet."""
        cells = self._module.cells
        states = [one.initial(rows, self._module) for one in self._all]
        memory = Memory(
            Recent.initial(rows, cells), Comparison.initial(rows, cells), tuple(states[place] for place in self._read)
        )
        stale = tuple(states[place] for place in self._stale)
        return Watch(memory, stale, Protection.initial(rows, len(self._all)))

    def step(self, watch: Watch, look: Look) -> tuple[Watch, Found]:
        """Return the memory after a look, and what is found.

        Where readings are not fresh, nothing is said but how old they are: levels and debounce stay as they are.
        """
        rows, fresh = len(look.measured.fresh), look.measured.fresh
        value, cell = np.empty((rows, len(self._all))), np.empty((rows, len(self._all)), np.int64)
        if fresh.all():
            memory = self._examine(watch.memory, look, value, cell)
        else:
            value[:], cell[:] = np.nan, MODULE
            memory = self._examine_some(np.flatnonzero(fresh), watch.memory, look, value, cell)
        stale = self._grow_old(watch, look, value, cell)
        protection = watch.protection.step(value, look.measured.time_ns, self.thresholds)
        found = Found(protection.level, protection.began_ns, cell, value)
        return Watch(memory, stale, protection), found

    def clear(self, watch: Watch, rows: BoolArray) -> Watch:
        """Return the memory after a service tool's command to clear latched findings, in ``rows[row]``.

        How cells compared with each other is forgotten, too, and what was found by their ledger: readings that led to
        a finding, or that the tool itself has brought about, would be held against the true ones for days.
        """
        some, comparison = np.flatnonzero(rows), each(np.copy, watch.memory.comparison)
        put(comparison, some, Comparison.initial(len(some), self._module.cells))
        memory = replace(watch.memory, comparison=comparison)
        return Watch(memory, watch.stale, self._forgotten(watch.protection, rows).clear(rows))

    def pending(self, watch: Watch, time_ns: IntArray) -> BoolArray:
        """Return of which rows something is being debounced, as of their last look at ``time_ns[row]``."""
        return watch.protection.pending(time_ns, self.thresholds)

    def _forgotten(self, protection: Protection, rows: BoolArray) -> Protection:
        """Return the state without what the ledger has led to, in ``rows[row]``: it might not speak again for hours."""
        gone = rows[:, None] & np.array([code in LEDGER_CODES for code in self.codes])
        since_ns = np.where(gone[..., None], NEVER, protection.since_ns)
        return Protection(since_ns, np.where(gone, 0, protection.active).astype(np.uint8))

    def _examine(self, memory: Memory, look: Look, value: FloatArray, cell: IntArray) -> Memory:
        """Run the diagnoses over rows that are all fresh; what they say goes into ``value`` and ``cell``."""
        before = memory.comparison.apart
        comparison, compared, losses = memory.comparison.step(look, self._module)
        evidence = Evidence(look, self._module, memory.recent, before, comparison.apart, compared, losses)
        states = []
        for place, state in zip(self._read, memory.states, strict=True):
            after, (value[:, place], cell[:, place]) = self._all[place].step(state, evidence)
            states.append(after)
        return Memory(evidence.remembered(), comparison, tuple(states))

    def _examine_some(self, rows: IntArray, memory: Memory, look: Look, value: FloatArray, cell: IntArray) -> Memory:
        """Run the diagnoses over some rows."""
        if not len(rows):
            return memory
        after = each(np.copy, memory)
        some_value, some_cell = value[rows], cell[rows]
        put(after, rows, self._examine(take(memory, rows), look.of(rows), some_value, some_cell))
        value[rows], cell[rows] = some_value, some_cell
        return after

    def _grow_old(self, watch: Watch, look: Look, value: FloatArray, cell: IntArray) -> tuple[Any, ...]:
        """Run the diagnoses that see all rows."""
        nobody = np.zeros(len(look.measured.fresh), np.bool_)
        apart = watch.memory.comparison.apart
        evidence = Evidence(look, self._module, watch.memory.recent, apart, apart, nobody, None)
        states = []
        for place, state in zip(self._stale, watch.stale, strict=True):
            after, (value[:, place], cell[:, place]) = self._all[place].step(state, evidence)
            states.append(after)
        return tuple(states)
