"""What may happen to a site's network, stated by the names of its nodes and messages."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from twin.errors import Problem
from twin.network.engines.engine import LAST_BIT, Engine
from twin.network.network import Message
from twin.network.site import SiteNetwork

BABBLE = "Babble"
"""Messages of babbling nodes are called this, and their identifier."""


@dataclass(frozen=True)
class Disturbance(ABC):
    """A change to one site's network at an instant."""

    time_ns: int
    site: int

    @abstractmethod
    def apply(self, engine: Engine, wires: SiteNetwork) -> None:
        """Tell the engine, of which ``site`` is a row."""

    def problems(self, names: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
        """Yield what it names and a site has not; ``names`` are those of the site's nodes and messages."""
        for field, known in names.items():
            value = getattr(self, field, "")
            if value and value not in known:
                close = difflib.get_close_matches(value, known, 1)
                suggestion = f"did you mean {close[0]}?" if close else None
                yield Problem(f"there is no {field} {value!r} on the bus", path=field, suggestion=suggestion)

    @property
    def ends(self) -> bool:
        """Whether it ends what another one has begun: at one instant it comes before those that begin."""
        return False

    @property
    @abstractmethod
    def change(self) -> str:
        """The change in words."""

    def rows(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the site as engines take it."""
        return np.array([self.site])

    def instants(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the instant as engines take it."""
        return np.array([self.time_ns])


@dataclass(frozen=True)
class Noise(Disturbance):
    """Every bit on the site's segments is wrong with probability ``rate`` from now on; None: as undisturbed."""

    rate: float | None

    def apply(self, engine: Engine, wires: SiteNetwork) -> None:
        """Set the rate of every segment."""
        rate = wires.bit_error_rate if self.rate is None else self.rate
        for segment in range(len(wires.network.segments)):
            engine.noise(segment, self.rows(), self.instants(), rate)

    @property
    def ends(self) -> bool:
        """Whether the bus is undisturbed again."""
        return self.rate is None

    @property
    def change(self) -> str:
        """The change in words."""
        if self.rate is None:
            return "the share of wrong bits on the bus is as before"
        return f"the share of wrong bits on the bus becomes {self.rate:g}"


@dataclass(frozen=True)
class WrongFrames(Disturbance):
    """A bit of the next ``frames`` of a node is inverted, or of a message, on each bus on which its sender sends it."""

    frames: int
    bit: int = LAST_BIT
    node: str = ""
    message: str = ""

    def apply(self, engine: Engine, wires: SiteNetwork) -> None:
        """Invert the bit."""
        if self.node:
            engine.invert(self.rows(), self.instants(), bit=self.bit, frames=self.frames, node=wires.node(self.node))
            return
        for message in wires.sent(wires.layout(self.message)):
            engine.invert(self.rows(), self.instants(), bit=self.bit, frames=self.frames, message=message)

    @property
    def change(self) -> str:
        """The change in words."""
        which = "the last bit" if self.bit == LAST_BIT else f"bit {self.bit}"
        return f"{which} of the next {self.frames} frames of {self.message or self.node} is inverted"


@dataclass(frozen=True)
class Wire(Disturbance):
    """A node loses its connection to the bus, or has it again."""

    node: str
    connected: bool

    def apply(self, engine: Engine, wires: SiteNetwork) -> None:
        """Connect or disconnect the node's controllers."""
        for controller in wires.controllers[self.node].values():
            engine.connect(controller, self.rows(), self.instants(), on=self.connected)

    @property
    def ends(self) -> bool:
        """Whether the wire is whole again."""
        return self.connected

    @property
    def change(self) -> str:
        """The change in words."""
        return f"{self.node} is connected to the bus again" if self.connected else f"the bus wire of {self.node} breaks"


@dataclass(frozen=True)
class Babbling(Disturbance):
    """A node sends frames of an identifier that nobody asked for, every ``period_ns``; 0 ends it."""

    node: str
    identifier: int
    period_ns: int

    def apply(self, engine: Engine, wires: SiteNetwork) -> None:  # noqa: ARG002 - it is beside the database
        """Begin or end the cycle of the extra message."""
        name = babble(self.node, self.identifier).name
        message = [one.name for one in engine.network.messages].index(name)
        payload = np.full((1, engine.network.payload_bytes), 0xFF, np.uint8)
        engine.cycle(message, self.rows(), self.instants(), np.array([self.period_ns]), payload)

    @property
    def ends(self) -> bool:
        """Whether the node is silent again."""
        return not self.period_ns

    @property
    def change(self) -> str:
        """The change in words."""
        if not self.period_ns:
            return f"{self.node} is silent again on {self.identifier:#x}"
        return f"{self.node} sends {self.identifier:#x} every {self.period_ns * 1e-6:g} ms"


def babble(node: str, identifier: int) -> Message:
    """Return the message of a babbling node, whose place in the network is yet to be said."""
    return Message(f"{BABBLE}_{node}_{identifier:X}", identifier, 8, 0)
