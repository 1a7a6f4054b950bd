"""The update clients of all sites of a shard, as the run calls them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from twin.ota.client.conditions import SiteView
from twin.ota.client.journal import Boot, Transfer, Transitions
from twin.ota.client.machine import NOTHING, Machine, Surroundings
from twin.ota.client.options import ClientOptions, nanoseconds
from twin.ota.client.slots import Slots
from twin.ota.messages import Orders
from twin.ota.states import AT_WORK
from twin.streams import stream

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Rows = slice | IntArray
Heard = tuple[int, Callable[[int], None]]
"""When something happened to a site, and what is to be done about it at that instant."""


class Clients:
    """The update client of every site; ``sites[row]`` are their numbers in the fleet, each has so many ``ecus``.

    In every tick: ``lose_power`` before anything of it is computed, ``step`` after its ECUs have run. Sites learn from
    the server when they ask, every ``poll_s`` and each at a phase of its own; all else happens at its own instant, and
    what the clients ask of others begins at the tick's end.
    """

    def __init__(
        self, options: ClientOptions, seed: int, sites: Sequence[int] | IntArray, ecus: int, around: Surroundings
    ) -> None:
        self._sites = np.asarray(sites, np.int64)
        self._row = {int(site): row for row, site in enumerate(self._sites)}
        self._around = around
        self._machine = Machine(options, seed, self._sites, ecus, around)
        self._period_ns = nanoseconds(options.poll_s)
        phases = [stream(seed, "site", int(site), "update poll").random() for site in self._sites]
        self._poll_ns = np.array([int(phase * self._period_ns) for phase in phases], np.int64)
        self._heard: dict[int, list[Heard]] = defaultdict(list)
        self.contact_ns: IntArray = np.full(len(self._sites), -1, np.int64)
        """When each site last spoke to the server, -1 if never."""

    @property
    def slots(self) -> Slots:
        """What the ECUs' flash has."""
        return self._machine.slots

    @property
    def state(self) -> NDArray[np.int8]:
        """The UpdateState of each site."""
        return self._machine.state

    @property
    def running(self) -> NDArray[np.int32]:
        """Version that each ECU was booted with, ``[site, ecu]``; -1 without power."""
        return self._machine.bootloaders.running

    @property
    def restarts(self) -> IntArray:
        """Boots of each site's ECUs since the run's begin."""
        return self._machine.bootloaders.restarts

    def order(self, orders: Orders, time_ns: int) -> None:
        """Take what the server wants at a decision instant; orders for sites of other shards are passed over."""
        for site, release in zip(orders.site.tolist(), orders.release.tolist(), strict=True):
            if site in self._row:
                self._machine.order(self._row[site], release, time_ns)

    def lose_power(self, end_ns: int, rows: Rows = slice(None)) -> None:
        """Tell whom it concerns which sites lose their power before ``end_ns``, and when."""
        incidents, powered = self._around.incidents, self._machine.powered
        for row in self._chosen(rows, powered & (incidents.power_ns < end_ns)).tolist():
            time_ns = int(incidents.power_ns[row])
            self._around.installer.power_off(row, time_ns)
            self._around.ecus.power_off(row, time_ns)

    def wants_short(self, end_ns: int) -> BoolArray:
        """Return which sites should go on to ``end_ns`` in short ticks.

        They are those at work, and those that before ``end_ns`` lose or get power, learn an order, or do something by
        themselves but look whether an obstacle is still there.
        """
        machine = self._machine
        due = (machine.due_ns < end_ns) & ~machine.blocked
        learns = (machine.ordered != NOTHING) & (self._poll_ns < end_ns)
        return np.isin(machine.state, AT_WORK) | due | learns | (self._around.incidents.power_ns < end_ns)

    def step(self, end_ns: int, rows: Rows, view: SiteView) -> None:
        """Let the clients of ``rows`` decide about all that has happened to them before ``end_ns``.

        ``view`` has the values of all sites, of which those of ``rows`` are looked at.
        """
        machine = self._machine
        machine.begin_tick(end_ns, view)
        self._hear()
        concerned = (machine.due_ns < end_ns) | (self._around.incidents.power_ns < end_ns)
        polls = self._poll_ns < end_ns
        concerned |= polls & (machine.ordered != NOTHING)
        concerned[list(self._heard)] = True
        concerned[[row for row in machine.journal.untold if polls[row]]] = True
        self._poll(self._chosen(rows, polls & ~concerned), end_ns)
        for row in self._chosen(rows, concerned).tolist():
            self._serve(row, self._heard.pop(row, []), end_ns)
            machine.act()

    def take_transitions(self) -> Transitions:
        """Return the changes of state since the last call."""
        journal = self._machine.journal
        taken, journal.transitions = journal.transitions, []
        return Transitions.of(taken)

    def take_told(self) -> Transitions:
        """Return the changes of state that the server has heard of since the last call, whenever they were."""
        journal = self._machine.journal
        taken, journal.told = journal.told, []
        return Transitions.of(taken)

    def take_transfers(self) -> list[Transfer]:
        """Return the transfers that have ended since the last call."""
        journal = self._machine.journal
        taken, journal.transfers = journal.transfers, []
        return taken

    def take_boots(self) -> list[Boot]:
        """Return which ECU began to run what since the last call."""
        journal = self._machine.journal
        taken, journal.boots = journal.boots, []
        return taken

    def _chosen(self, rows: Rows, mask: BoolArray) -> IntArray:
        """Return those of ``rows`` that are in the mask."""
        if isinstance(rows, slice):
            return np.arange(len(mask))[rows][mask[rows]]
        return rows[mask[rows]]

    def _hear(self) -> None:
        """Take what others tell."""
        for done in self._around.installer.take_finished():
            act = partial(self._machine.finished, done.site, done.ecu, done.cause)
            self._heard[done.site].append((done.time_ns, act))
        for crash in self._around.ecus.take_failures():
            self._heard[crash.site].append((crash.time_ns, partial(self._machine.crashed, crash.site, crash.ecu)))

    def _poll(self, rows: IntArray, end_ns: int) -> None:
        """Let sites ask that have nothing to tell and nothing to learn."""
        while rows.size:
            times_ns = self._poll_ns[rows]
            reached = self._machine.powered[rows] & self._around.lines.up(rows, times_ns)
            self.contact_ns[rows[reached]] = times_ns[reached]
            self._poll_ns[rows] += self._period_ns
            rows = rows[self._poll_ns[rows] < end_ns]

    def _serve(self, row: int, heard: list[Heard], end_ns: int) -> None:
        """Let one site go through all that happens to it before ``end_ns``, in the order of time."""
        machine, power_ns = self._machine, self._around.incidents.power_ns
        waiting = sorted(heard, key=itemgetter(0), reverse=True)
        while True:
            told_ns = min(waiting[-1][0], end_ns - 1) if waiting else end_ns
            time_ns = min(int(power_ns[row]), told_ns, int(machine.due_ns[row]), int(self._poll_ns[row]))
            if time_ns >= end_ns:
                return
            if time_ns == power_ns[row]:
                self._power(row, time_ns)
            elif time_ns == told_ns:
                waiting.pop()[1](time_ns)
            elif time_ns == machine.due_ns[row]:
                machine.due(row, time_ns)
            else:
                self._ask(row, time_ns)
            self._tell(row, time_ns)

    def _power(self, row: int, time_ns: int) -> None:
        self._around.incidents.power_changes(row)
        if self._machine.powered[row]:
            self._machine.power_lost(row, time_ns)
        else:
            self._machine.power_back(row)

    def _ask(self, row: int, time_ns: int) -> None:
        """Ask the server, if it can be reached."""
        self._poll_ns[row] += self._period_ns
        if self._reached(row, time_ns) and self._machine.ordered[row] != NOTHING:
            self._machine.learn(row, time_ns)

    def _tell(self, row: int, time_ns: int) -> None:
        """Tell the server what has changed."""
        if row in self._machine.journal.untold and self._reached(row, time_ns):
            self._machine.journal.tell(row)

    def _reached(self, row: int, time_ns: int) -> bool:
        """Return whether a site can speak to the server, and note that it does."""
        reached = bool(self._machine.powered[row]) and self._around.lines.up_from_ns(row, time_ns) == time_ns
        if reached:
            self.contact_ns[row] = time_ns
        return reached
