"""Frames as a tool on the bus records them, as columns, and as python-can's messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.network.engines.records import FrameFlag
from twin.network.frames.bits import INTERFRAME_BITS

if TYPE_CHECKING:
    import can

Column = NDArray[Any]

_BLOCK = 8192


class FrameKind(NamedTuple):
    """What frames of one message have in common."""

    identifier: int
    extended: bool
    fd: bool
    remote: bool
    length: int
    """Bytes of the longest of these frames."""


@dataclass(frozen=True, eq=False)
class Recording:
    """Frames of one recording as columns ``[frame]``, in the order of their instants.

    A frame's instant is the one at which receivers see it, the end of its last EOF bit, as tools on a real bus stamp
    it; that of a frame which an error destroyed is the end of the error frame.
    """

    time_ns: Column
    """Since the start of what was recorded: of the run, or the first frame of a file."""
    channel: Column
    """Which bus, from 0: the segment of the site."""
    identifier: Column
    flags: Column
    """Bit mask, see ``FrameFlag``."""
    length: Column
    """Bytes of data; of a remote frame the number that it asks for."""
    payload: NDArray[np.uint8]
    """``[frame, 8 or 64]``; bytes beyond the frame's data are 0."""

    @classmethod
    def of_log(cls, columns: Mapping[str, Column], bitrates_bit_s: Sequence[float]) -> Recording:
        """Return what a tool would have recorded of logged frames: the columns of ``frames`` in a run.

        ``bitrates_bit_s``: nominal, by segment. The log has the end of the interframe space, three bit
        times after the instant at which receivers see the frame.
        """
        interframe_ns = np.rint(INTERFRAME_BITS * 1e9 / np.asarray(bitrates_bit_s)).astype(np.int64)
        time_ns = columns["finish_ns"] - interframe_ns[columns["segment"]]
        names = ("identifier", "flags", "length", "payload")
        recording = cls(time_ns, columns["segment"], *(columns[name] for name in names))
        return recording.select(np.argsort(time_ns, kind="stable"))

    @classmethod
    def joined(cls, parts: Sequence[Recording]) -> Recording:
        """Return the frames of recordings one after the other; of none, a recording of no frame."""
        if not parts:
            none = np.zeros(0, np.uint8)
            return cls(none.astype(np.int64), none, none.astype(np.int64), none, none, np.zeros((0, 8), np.uint8))
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def __len__(self) -> int:
        return len(self.time_ns)

    def select(self, which: Column) -> Recording:
        """Return the frames that a mask or an index array names."""
        return Recording(*(getattr(self, field.name)[which] for field in fields(self)))

    def has(self, flag: FrameFlag) -> NDArray[np.bool_]:
        """Return for every frame whether it has the flag."""
        return self.flags & np.uint8(flag) != 0

    def kinds(self) -> tuple[tuple[FrameKind, ...], NDArray[np.int64]]:
        """Return the kinds of frames that there are, and the index of its kind for every frame.

        What a replay sends are the frames of each kind at ``time_ns``. A destroyed frame is of no kind, -1: its sender
        repeats it, and the repetition is in the recording too. Kinds are sorted by identifier.
        """
        flags = self.flags & np.uint8(FrameFlag.EXTENDED | FrameFlag.FD | FrameFlag.REMOTE)
        whole = ~self.has(FrameFlag.ERROR)
        keys = self.identifier.astype(np.int64) << 8 | flags
        found, inverse = np.unique(keys[whole], return_inverse=True)
        longest = np.zeros(len(found), np.int64)
        np.maximum.at(longest, inverse, self.length[whole])
        kind = np.full(len(self), -1, np.int64)
        kind[whole] = inverse
        return tuple(_kind(key, length) for key, length in zip(found.tolist(), longest.tolist(), strict=True)), kind

    def messages(self, epoch_s: float = 0.0) -> Iterator[can.Message]:
        """Yield the frames as python-can's messages, with time stamps that count from ``epoch_s``.

        A destroyed frame is an error frame with the identifier of the frame that was lost, and no data.
        """
        for first in range(0, len(self), _BLOCK):
            yield from _messages(self.select(np.arange(first, min(first + _BLOCK, len(self)))), epoch_s)


def _kind(key: int, length: int) -> FrameKind:
    extended, fd, remote = (bool(key & flag) for flag in (FrameFlag.EXTENDED, FrameFlag.FD, FrameFlag.REMOTE))
    return FrameKind(key >> 8, extended, fd, remote, length)


def _messages(recording: Recording, epoch_s: float) -> Iterator[can.Message]:
    import can  # not needed for columns, and most of a second

    width = recording.payload.shape[1]
    payload = np.ascontiguousarray(recording.payload).tobytes()
    columns = recording.time_ns, recording.channel, recording.identifier, recording.flags, recording.length
    extended, fd, switch = int(FrameFlag.EXTENDED), int(FrameFlag.FD), int(FrameFlag.BIT_RATE_SWITCH)
    remote, error = int(FrameFlag.REMOTE), int(FrameFlag.ERROR)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    for first, (time_ns, channel, identifier, flags, length) in zip(range(0, len(payload), width), rows, strict=True):
        destroyed = bool(flags & error)
        yield can.Message(
            timestamp=epoch_s + time_ns * 1e-9,
            channel=channel,
            arbitration_id=identifier,
            is_extended_id=bool(flags & extended),
            is_fd=bool(flags & fd) and not destroyed,
            bitrate_switch=bool(flags & switch) and not destroyed,
            is_remote_frame=bool(flags & remote) and not destroyed,
            is_error_frame=destroyed,
            dlc=0 if destroyed else length,
            data=None if destroyed or flags & remote else payload[first : first + length],
        )
