"""What engines are told, and what they tell: instructions, frames, transfers, changes of nodes' states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.network.network import Network

IntArray = NDArray[np.int64]

LOG_COLUMNS = 6
"""Of a log row before its payload: message, release, start, finish, length, error bit (all ones: none)."""


class Instruction(IntEnum):
    """What an engine is told for an instant."""

    NOISE = 0
    INVERT = 1
    GLITCH = 2
    CONNECT = 3
    POWER = 4
    BUS_OFF = 5
    CYCLE = 6


class NodeState(IntEnum):
    """What a node may do on its bus."""

    ERROR_ACTIVE = 0
    ERROR_PASSIVE = 1
    BUS_OFF = 2
    OFF = 3


class Change(NamedTuple):
    """A node has changed its state."""

    site: int
    time_ns: int
    node: int
    state: NodeState


class Outcome(IntEnum):
    """What became of a transfer, at its sender or at its receiver."""

    SENT = 0
    RECEIVED = 1
    NO_FLOW_CONTROL = 2
    """The sender: N_Bs passed without flow control."""
    OVERFLOW = 3
    """The sender: the receiver's buffer is too small."""
    REFUSED = 4
    """The sender: a flow control that the standard does not know, or too many that say wait."""
    NOT_SENT = 5
    """The sender: N_As passed and the bus did not take the frame."""
    OUT_OF_SEQUENCE = 6
    """The receiver: a consecutive frame was lost or came twice."""
    NO_CONSECUTIVE_FRAME = 7
    """The receiver: N_Cr passed."""
    INTERRUPTED = 8
    """The receiver: a new transfer began before the last one ended."""
    LOST = 9
    """The node was switched off."""


class Transfer(NamedTuple):
    """The end of a transfer, seen from one of its ends."""

    site: int
    time_ns: int
    link: int
    outcome: Outcome
    data: bytes
    """What was received; empty for every other outcome."""


class FrameFlag(IntFlag):
    """What kind of frame it is."""

    EXTENDED = 1
    FD = 2
    BIT_RATE_SWITCH = 4
    REMOTE = 8
    ERROR = 16
    """Destroyed by an error."""


@dataclass(frozen=True)
class Frame:
    """One frame on the wire; see ``Frames``."""

    identifier: int
    release_ns: int
    start_ns: int
    finish_ns: int
    data: bytes
    flags: FrameFlag
    message: int


@dataclass(frozen=True, eq=False)
class Frames:
    """Frames of one site by the instant at which they were seen or failed: columns ``[frame]``, iterates as Frame."""

    message: IntArray
    """Index into the network's messages."""
    segment: IntArray
    identifier: IntArray
    flags: IntArray
    """See ``FrameFlag``."""
    length: IntArray
    error_bit: IntArray
    """The bit that destroyed the frame, -1 if none did."""
    release_ns: IntArray
    start_ns: IntArray
    finish_ns: IntArray
    """End of the interframe space, also behind an error frame."""
    payload: NDArray[np.uint8]
    """``[frame, network.payload_bytes]``; bytes beyond the frame's length are 0."""

    @classmethod
    def of(cls, rows: NDArray[np.uint64], network: Network) -> Frames:
        """Return the frames of log rows ``uint64[n, LOG_COLUMNS + network.payload_bytes / 8]``."""
        message, release_ns, start_ns, finish_ns, length, error_bit = rows[:, :LOG_COLUMNS].T.astype(np.int64)
        messages = network.messages
        identifier = np.array([one.identifier for one in messages], np.int64)
        segment = np.array([network.segment_of(index) for index in range(len(messages))], np.int64)
        kind = np.array([_kind(network, index) for index in range(len(messages))], np.int64)
        payload = np.ascontiguousarray(rows[:, LOG_COLUMNS:]).view(np.uint8)
        remote = kind[message] & FrameFlag.REMOTE > 0
        payload[(np.arange(payload.shape[1]) >= length[:, None]) | remote[:, None]] = 0
        flags = kind[message] | np.where(error_bit >= 0, int(FrameFlag.ERROR), 0)
        return cls(
            message,
            segment[message],
            identifier[message],
            flags,
            length,
            error_bit,
            release_ns,
            start_ns,
            finish_ns,
            payload,
        )

    def __len__(self) -> int:
        return len(self.message)

    def __iter__(self) -> Iterator[Frame]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Frame:
        flags = FrameFlag(int(self.flags[index]))
        return Frame(
            identifier=int(self.identifier[index]),
            release_ns=int(self.release_ns[index]),
            start_ns=int(self.start_ns[index]),
            finish_ns=int(self.finish_ns[index]),
            data=b"" if flags & FrameFlag.REMOTE else self.payload[index, : self.length[index]].tobytes(),
            flags=flags,
            message=int(self.message[index]),
        )


def _kind(network: Network, index: int) -> int:
    one = network.messages[index]
    flags = FrameFlag(0)
    for held, flag in (
        (one.extended, FrameFlag.EXTENDED),
        (one.fd, FrameFlag.FD),
        (one.bit_rate_switch, FrameFlag.BIT_RATE_SWITCH),
        (one.remote, FrameFlag.REMOTE),
    ):
        flags |= flag if held else FrameFlag(0)
    return int(flags)
