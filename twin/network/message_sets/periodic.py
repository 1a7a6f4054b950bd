"""A message that is sent periodically: what analyses and simulations of message sets start from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from numbers import Integral
from types import MappingProxyType

from twin.errors import InputError, Problem, attempt
from twin.network.frames import bits as frames
from twin.network.network import Node

_LOWEST: Mapping[str, int | None] = MappingProxyType(
    {"identifier": None, "period_ns": 1, "offset_ns": 0, "jitter_ns": 0, "frame_bits": 1}
)


@dataclass(frozen=True)
class PeriodicMessage:
    """Frames of one identifier: the n-th is due at ``offset_ns + n * period_ns`` and queued up to ``jitter_ns`` later.

    Raises InputError with everything in it that is wrong.
    """

    identifier: int
    period_ns: int
    offset_ns: int = 0
    jitter_ns: int = 0
    data: bytes = b""
    frame_bits: int | None = None
    """Replaces the length that frames have by their content, interframe space included, as published examples do; all
    of them at the nominal bit rate."""
    node: str | Node | None = None
    """Who sends it: None, a node of its own; a name, the node of that name, which has a queue by priority."""
    _: KW_ONLY
    extended: bool = False
    fd: bool = False
    bit_rate_switch: bool = False

    def __post_init__(self) -> None:
        for name in _LOWEST:
            value = getattr(self, name)
            if isinstance(value, Integral):  # NumPy's integers would overflow in silence
                object.__setattr__(self, name, int(value))
        problems = list(_mistakes(self))
        if isinstance(self.identifier, int) and isinstance(self.data, bytes):
            flags = {"extended": self.extended, "fd": self.fd, "bit_rate_switch": self.bit_rate_switch}
            attempt(problems, lambda: frames.frame_bits(self.identifier, self.data, **flags))
        if problems:
            raise InputError(problems)

    @property
    def sender(self) -> Node | None:
        """The node that sends it; None: a node of its own."""
        return Node(self.node) if isinstance(self.node, str) else self.node

    @property
    def priority(self) -> tuple[int, bool, int]:
        """What arbitration compares, the lowest wins.

        Bit by bit on the wire: 11 bits of identifier, then RTR (RRS) and IDE, dominant in a base frame and recessive
        in an extended one, then the other 18 bits.
        """
        if self.extended:
            return self.identifier >> 18, True, self.identifier & 0x3FFFF
        return self.identifier, False, 0

    def worst_bits(self) -> tuple[int, int]:
        """Return the most bits of a frame with as many bytes: at the nominal and at the data bit rate.

        ``frame_bits`` where it is given, else the bound over all payloads and identifiers.
        """
        if self.frame_bits is not None:
            return self.frame_bits, 0
        bits = frames.worst_frame_bits(len(self.data), extended=self.extended, fd=self.fd)
        if not self.bit_rate_switch:
            return bits, 0
        # Of all stuff bits, as many as can be lie in the slow header: one for every four bits after the first.
        header_bits = 36 if self.extended else 17
        nominal_bits = header_bits + (header_bits - 1) // 4 + frames.FD_TAIL_BITS
        return nominal_bits, bits - nominal_bits


def _mistakes(message: PeriodicMessage) -> Iterator[Problem]:
    """Yield what is wrong in the numbers; identifier and data are checked as a frame."""
    for name, lowest in _LOWEST.items():
        value = getattr(message, name)
        if name == "frame_bits" and value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool):
            yield Problem(f"found {value!r}; expected a whole number", path=name)
        elif lowest is not None and value < lowest:
            yield Problem(f"found {value}; expected {'at least' if lowest == 0 else 'more than'} 0", path=name)
    if not isinstance(message.data, bytes):
        yield Problem(f"found {message.data!r}; expected bytes", path="data")
