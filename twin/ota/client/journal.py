"""What the clients of a shard write down: changes of state, transfers and boots."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.ota.causes import Cause
from twin.ota.states import UpdateState


class Transition(NamedTuple):
    """A site's change of state, or a new cause or attempt within a state."""

    time_ns: int
    site: int
    state: UpdateState
    cause: Cause
    release: int
    attempt: int


class Transfer(NamedTuple):
    """Bytes that went into an ECU's slot, or, where ``ecu`` is -1, over the WAN to the gateway, and how it ended."""

    site: int
    ecu: int
    begin_ns: int
    end_ns: int
    size_bytes: int
    """Of what has arrived."""
    outcome: Cause


class Boot(NamedTuple):
    """From ``time_ns`` on an ECU starts ``version``; -1: it has no power, or nothing to start."""

    time_ns: int
    site: int
    ecu: int
    version: int


@dataclass(frozen=True, eq=False)
class Transitions:
    """Changes of state as columns, ordered by (time, site); ``site`` is the row."""

    time_ns: NDArray[np.int64]
    site: NDArray[np.int64]
    state: NDArray[np.int8]
    cause: NDArray[np.int8]
    release: NDArray[np.int64]
    attempt: NDArray[np.int64]

    @classmethod
    def of(cls, transitions: Sequence[Transition]) -> Transitions:
        """Return transitions, in which each site's are in order, as columns."""
        ordered = sorted(transitions, key=lambda one: one[:2])
        columns = np.array(ordered, np.int64).reshape(-1, len(Transition._fields)).T
        time_ns, site, state, cause, release, attempt = columns
        return cls(time_ns, site, state.astype(np.int8), cause.astype(np.int8), release, attempt)


class Journal:
    """What happened, and of the changes of state what the server knows of them."""

    def __init__(self) -> None:
        self.transitions: list[Transition] = []
        self.told: list[Transition] = []
        self.untold: dict[int, list[Transition]] = defaultdict(list)
        """By site what it will tell when it next speaks to the server."""
        self.transfers: list[Transfer] = []
        self.boots: list[Boot] = []

    def note(self, transition: Transition) -> None:
        """Write a change of state down, to be told."""
        self.transitions.append(transition)
        self.untold[transition.site].append(transition)

    def tell(self, site: int) -> None:
        """Let a site tell the server all that it has not told yet."""
        self.told += self.untold.pop(site, [])
