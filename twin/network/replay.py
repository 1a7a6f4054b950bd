"""A recorded trace as a node's traffic: its frames are queued anew, at the instants at which they were recorded."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twin.errors import InputError, Problem
from twin.network.dbc.codec import MessageLayout
from twin.network.engines.engine import Engine
from twin.network.engines.records import FrameFlag
from twin.network.network import Message
from twin.network.options import Replay
from twin.network.site import SiteNetwork
from twin.network.traces import FrameKind, Recording


@dataclass(frozen=True, eq=False)
class Traffic:
    """The frames of a trace that one node sends, and what kinds of frames they are.

    Of an ECU of the database these are the frames with the identifiers of its own messages, whose layouts stand in
    ``layouts``; of any other node all frames whose identifiers the database leaves free. Each identifier is taken from
    the lowest channel that has it: on the others are copies, which the site's own ECUs and gateways make.
    """

    node: str
    file: str
    recording: Recording
    start_ns: int
    sites: tuple[int, ...] | None
    kinds: tuple[FrameKind, ...]
    kind: NDArray[np.int64]
    """Of every frame."""
    layouts: tuple[int, ...]
    left_out: int
    """Frames of the file that are not sent: of other nodes' messages, copies on other channels, and error frames."""

    @classmethod
    def of(cls, options: Replay, layouts: Sequence[MessageLayout]) -> Traffic:
        """Return what a node says of a trace.

        Raises InputError if the file cannot be read, has no frame of the node, or has frames of it that its messages in
        the database have not.
        """
        from twin.network.traces import read_trace  # python-can: only where a trace is replayed

        recording = read_trace(Path(options.file))
        mine = tuple(index for index, layout in enumerate(layouts) if layout.sender == options.node)
        senders = {(layout.identifier, layout.extended): layout.sender for layout in layouts}
        sender = "" if not mine else options.node
        kinds, kind = recording.kinds()
        said = np.array([senders.get((one.identifier, one.extended), "") == sender for one in kinds] + [False])
        kept = np.flatnonzero(said[kind] & (recording.channel == _lowest_channel(recording, kind, len(kinds))[kind]))
        whole = recording.select(kept)
        if not len(whole):
            raise InputError(_nothing(options, [senders.get((one.identifier, one.extended), "") for one in kinds]))
        if problems := list(_misfits(options.file, whole, [layouts[index] for index in mine])):
            raise InputError(problems)
        return cls(
            node=options.node,
            file=Path(options.file).name,
            recording=whole,
            start_ns=round(options.start_s * 1e9),
            sites=None if options.sites is None else tuple(options.sites),
            kinds=kinds,
            kind=kind[kept],
            layouts=mine,
            left_out=len(recording) - len(whole),
        )

    @property
    def release_ns(self) -> NDArray[np.int64]:
        """When each frame is queued: as in the trace, the first one at ``start_ns``."""
        return self.recording.time_ns - self.recording.time_ns[0] + self.start_ns

    def told(self, end_ns: int) -> str:
        """Return in words what of the trace is sent in a run that ends at an instant, and what is not."""
        late, left_out = (
            int((self.release_ns >= end_ns).sum()),
            "other nodes' messages, copies on other channels or error",
        )
        text = f"{self.node} sends frames of {self.file}: {len(self.recording)}"
        text += f", after the end of the run: {late}" * bool(late)
        return text + f"; left out, {left_out} frames: {self.left_out}" * bool(self.left_out)

    def rows(self, site_ids: Sequence[int]) -> list[int]:
        """Return the rows of the sites on which it is sent."""
        return [row for row, site in enumerate(site_ids) if self.sites is None or site in self.sites]

    def name_of(self, kind: FrameKind) -> str:
        """Return the name of the message that the network needs for a kind of frame that the database leaves free."""
        return f"{self.node}_{kind.identifier:X}" + "r" * kind.remote

    def messages(self) -> tuple[tuple[str, Message], ...]:
        """Return the messages that the network needs for it beside the database's."""
        if self.layouts:
            return ()
        return tuple(
            (
                self.node,
                Message(
                    self.name_of(kind),
                    kind.identifier,
                    kind.length,
                    0,
                    extended=kind.extended,
                    fd=kind.fd,
                    bit_rate_switch=kind.fd,
                    remote=kind.remote,
                    depth=1000,
                    varying=not kind.remote,
                ),
            )
            for kind in self.kinds
            if any(self.kinds[index] is kind for index in np.unique(self.kind))
        )


def _nothing(options: Replay, senders: Sequence[str]) -> Problem:
    """Return what to say of a trace whose frames are of these senders, "" where none is known, and not of the node."""
    known = sorted({sender for sender in senders if sender})
    foreign = ["no message of the database"] if "" in senders else []
    found = f"frames of {' and of '.join([*[', '.join(known)] * bool(known), *foreign])}" if senders else "error frames"
    close = difflib.get_close_matches(options.node, known, 1)
    suggestion = f"did you mean {close[0]}?" if close else None
    return Problem(f"found {found}; expected some of {options.node}", file=options.file, suggestion=suggestion)


def _lowest_channel(recording: Recording, kind: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the lowest channel that has frames of each kind, ``[kind]``, and a last one for frames of none."""
    lowest = np.full(count + 1, np.iinfo(np.int64).max)
    np.minimum.at(lowest, kind, recording.channel)
    return lowest


def _misfits(file: str, frames: Recording, layouts: Sequence[MessageLayout]) -> Iterator[Problem]:
    """Yield the messages of which a trace has frames of another kind or length than the database."""
    fd, remote = frames.has(FrameFlag.FD), frames.has(FrameFlag.REMOTE)
    for layout in layouts:
        of_it = (frames.identifier == layout.identifier) & (frames.has(FrameFlag.EXTENDED) == layout.extended)
        wrong = np.flatnonzero(of_it & ((frames.length != layout.length) | (fd != layout.fd) | remote))
        if len(wrong):
            first = wrong[0]
            found = _in_words(bool(fd[first]), bool(remote[first]), int(frames.length[first]))
            expected = f"{layout.name} as in the database, {_in_words(layout.fd, False, layout.length)}"
            yield Problem(f"found {found}; expected {expected}", file=file)


def _in_words(fd: bool, remote: bool, length: int) -> str:
    return f"a {'CAN FD' if fd else 'classic'} {'remote' if remote else 'data'} frame of {length} bytes"


class Replayed:
    """A trace on its way onto the buses of some sites."""

    def __init__(self, traffic: Traffic, wires: SiteNetwork, site_ids: Sequence[int]) -> None:
        self.rows = np.array(traffic.rows(site_ids), np.int64)
        recording, self._release_ns = traffic.recording, traffic.release_ns
        self._messages = _messages_by_kind(traffic, wires)[:, traffic.kind]
        self._length = recording.length.astype(np.int64)
        self._payload = recording.payload
        self._next = 0

    def send(self, engine: Engine, end_ns: int) -> None:
        """Queue the frames that are due before an instant."""
        last = int(np.searchsorted(self._release_ns, end_ns))
        if last == self._next or not len(self.rows):
            return
        due = np.arange(self._next, last)
        self._next = last
        for messages in self._messages:
            sent = due[messages[due] >= 0]
            frames, rows = np.tile(sent, len(self.rows)), np.repeat(self.rows, len(sent))
            engine.send(
                messages[frames],
                rows,
                self._release_ns[frames],
                self._payload[frames],
                length=self._length[frames],
            )


def _messages_by_kind(traffic: Traffic, wires: SiteNetwork) -> NDArray[np.int64]:
    """Return the network's messages by which the node sends each kind of frame: ``[copy, kind]``, -1 where fewer."""
    extra = {message.name: index for index, message in enumerate(wires.network.messages)}
    layouts = {(wires.layouts[one].identifier, wires.layouts[one].extended): one for one in traffic.layouts}
    table = np.full((len(wires.origins), len(traffic.kinds)), -1, np.int64)
    for index, kind in enumerate(traffic.kinds):
        if traffic.layouts:
            layout = layouts.get((kind.identifier, kind.extended))
            sent = [] if layout is None else wires.sent(layout)
        else:
            sent = [extra[name]] if (name := traffic.name_of(kind)) in extra else []
        table[: len(sent), index] = sent
    return table
