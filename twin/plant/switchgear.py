"""The contactors of a cohort: what each was told, when it will have moved, and where it stands.

A contactor moves some milliseconds after its command; another command in between takes the place of the first, and one
for where it still stands cancels it. A welded contactor does not leave ``CLOSED``; freed, it does what it was last
told. A module that is unplugged takes its contactor along.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.plant.dc_bus import CLOSED, OPEN, StateArray

NEVER_NS = int(np.iinfo(np.int64).max)


@dataclass(frozen=True)
class Movement:
    """What a contactor is, beside its place in the circuit."""

    close_ns: int = 0
    """From the command to the contact, of a pre-charge relay too."""
    open_ns: int = 0
    modules_fixed: bool = False
    """The modules have no contactors: they are closed from the start."""
    packs_fixed: bool = False


AT_ONCE = Movement()
"""Contactors without delay."""


@dataclass(frozen=True)
class Moved:
    """A contactor that has reached another state."""

    time_ns: int
    site: int
    contactor: int
    state: int


class Switchgear:
    """All contactors, ``[site, contactor]``: those of the modules by slot, then those of the packs."""

    def __init__(self, sites: int, slots: int, packs: int, movement: Movement) -> None:
        shape = sites, slots + packs
        self.slots = slots
        self.state: StateArray = np.full(shape, OPEN, np.int8)
        self.commanded: StateArray = np.full(shape, OPEN, np.int8)
        self.due_ns = np.full(shape, NEVER_NS, np.int64)
        self.welded = np.zeros(shape, np.bool_)
        self.present = np.ones((sites, slots), np.bool_)
        self.modules_closed, self.packs_closed = False, False
        """Whether every one is closed, of the whole cohort."""
        self.moving = False
        """Whether a contactor is under way."""
        self.movement = movement
        fixed = np.repeat([movement.modules_fixed, movement.packs_fixed], [slots, packs])
        self.state[:, fixed] = self.commanded[:, fixed] = CLOSED
        self.refresh()

    def close(self) -> None:
        """Close all contactors at once, as in a site that has long been in operation."""
        self.state[:] = self.commanded[:] = CLOSED
        self.due_ns[:] = NEVER_NS
        self.refresh()

    def command(self, time_ns: int, site: int, contactors: slice, state: int) -> None:
        """Tell some contactors of a site where to go; those of unplugged modules do not hear it."""
        own = np.ones(self.state.shape[1], np.bool_)
        own[: self.slots] = self.present[site]
        new = own[contactors] & (self.commanded[site, contactors] != state)
        self.commanded[site, contactors][new] = state
        self.due_ns[site, contactors][new] = self._due_ns(time_ns, site, contactors)[new]
        self.moving |= bool(new.any())

    def weld(self, time_ns: int, site: int, contactors: slice, welded: bool) -> None:
        """Weld contactors of a site, or free them."""
        freed = self.welded[site, contactors] & (not welded)
        self.welded[site, contactors] = welded
        self.due_ns[site, contactors][freed] = self._due_ns(time_ns, site, contactors)[freed]
        self.moving |= bool(freed.any())

    def unplug(self, site: int, slot: int) -> None:
        """Take a module away, and its contactor with it."""
        self.present[site, slot] = False
        self._set(site, slot, OPEN)

    def plug(self, site: int, slot: int) -> None:
        """Put a module in: its contactor is open, sound, and knows of no command."""
        self.present[site, slot] = True
        self._set(site, slot, CLOSED if self.movement.modules_fixed else OPEN)

    def next_ns(self, sites: NDArray[np.intp] | slice) -> NDArray[np.int64]:
        """Return when the next contactor of each site will have moved; ``NEVER_NS`` where none moves."""
        instants: NDArray[np.int64] = self.due_ns[sites].min(axis=1)
        return instants

    def settle(self, sites: NDArray[np.intp], times_ns: NDArray[np.int64]) -> list[Moved]:
        """Let the contactors of ``sites`` arrive that are due, each site at its own instant."""
        due = self.due_ns[sites] <= times_ns[:, None]
        if not due.any():
            return []
        moved = []
        for place, contactor in np.argwhere(due).tolist():
            site = int(sites[place])
            self.due_ns[site, contactor] = NEVER_NS
            if not (self.welded[site, contactor] and self.state[site, contactor] == CLOSED):
                state = self.state[site, contactor] = self.commanded[site, contactor]
                moved.append(Moved(int(times_ns[place]), site, contactor, int(state)))
        self.refresh()
        return moved

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """Return the whole state."""
        return self.state, self.commanded, self.due_ns, self.welded, self.present

    def refresh(self) -> None:
        """Look again at an array that somebody else has written."""
        closed = self.state == CLOSED
        self.modules_closed, self.packs_closed = (
            bool(closed[:, : self.slots].all()),
            bool(closed[:, self.slots :].all()),
        )
        self.moving = bool((self.due_ns != NEVER_NS).any())

    def _set(self, site: int, slot: int, state: int) -> None:
        self.state[site, slot] = self.commanded[site, slot] = state
        self.due_ns[site, slot], self.welded[site, slot] = NEVER_NS, False
        self.refresh()

    def _due_ns(self, time_ns: int, site: int, contactors: slice) -> NDArray[np.int64]:
        """Return when contactors are where they were told to go."""
        now, told = self.state[site, contactors], self.commanded[site, contactors]
        arrival_ns = time_ns + np.where(told > now, self.movement.close_ns, self.movement.open_ns)
        return np.where(told == now, NEVER_NS, arrival_ns)
