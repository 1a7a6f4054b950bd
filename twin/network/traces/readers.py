"""Read what CAN tools recorded, through python-can's readers, and say what is wrong with a file and where.

Time stamps are as precise as the file and python-can: 1 us in the text formats, 1 ns in BLF, 0.24 us in MF4, whose
reader adds them to a date in float seconds.
"""

from __future__ import annotations

import logging
import re
from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import can
import numpy as np
from can.util import channel2int

from twin.errors import InputError, Problem
from twin.network.engines.records import FrameFlag
from twin.network.frames.bits import CLASSIC_LENGTHS, FD_LENGTHS
from twin.network.traces import mf4
from twin.network.traces.formats import Format, format_named, format_of
from twin.network.traces.recording import Recording

_MOST_PROBLEMS = 20
_TEXT: dict[str, Callable[[Any], can.io.generic.TextIOMessageReader]] = {
    "asc": can.ASCReader,
    "candump": can.CanutilsLogReader,
    "trc": can.TRCReader,
}
_FIRST_CHANNEL = {"mf4": 1, "trc": 1}
"""What python-can calls the first bus, where it is not 0."""
_SOCKETCAN_ERROR = re.compile(r" [23][0-9A-Fa-f]{7}#\S*")
"""An error frame of SocketCAN, of any class; python-can takes some classes for data frames."""


def read_trace(path: Path | str, format: str | None = None) -> Recording:  # noqa: A002 - the word of every tool
    """Return the frames of a file by their instants, the first one at 0; its ending says the format unless given.

    Raises InputError, with file and line where the format has lines, if the file cannot be read, is cut off, holds no
    frame, or frames that no bus carries.
    """
    path = Path(path)
    kind = format_named(format) if format else format_of(path)
    rows, problems = _Rows(kind), []
    try:
        with _opened(path, kind) as reader:
            problems = [*islice(_wrong(rows, reader, path, kind), _MOST_PROBLEMS)]
            if getattr(reader, "timestamps_format", None) == "relative":
                found = "time stamps are relative to the line before; expected absolute ones"
                problems.append(Problem(found, file=str(path)))
    except OSError as mistake:
        problems = [Problem(f"cannot be read: {mistake.strerror or mistake}", file=str(path))]
    if not problems and not len(rows):
        problems = [Problem(f"no CAN frame in it: is it a {kind.name} file?", file=str(path))]
    if problems:
        raise InputError(problems)
    return rows.recording()


def _opened(path: Path, kind: Format) -> Any:
    """Return python-can's reader, a context manager. Raises InputError or OSError."""
    if kind.name in _TEXT:
        return _TEXT[kind.name](_Lines(path, _as_bus_error if kind.name == "candump" else str.strip))
    with path.open("rb"):  # asammdf has errors of its own for a file that is missing
        pass
    if kind.name == "mf4":
        mf4.asammdf()
    try:
        reader = can.BLFReader(path) if kind.name == "blf" else can.MF4Reader(path)
    except Exception as mistake:  # what a parser raises depends on where it stumbles
        raise InputError(_unreadable(path, kind, mistake)) from None
    if isinstance(reader, can.BLFReader):
        if path.stat().st_size < reader.file_size:
            reader.stop()
            found = f"cut off: it has {path.stat().st_size} of its {reader.file_size} bytes"
            raise InputError(Problem(found, file=str(path)))
        reader.start_timestamp = 0.0  # a date in float seconds would cost the nanoseconds
    return reader


def _wrong(rows: _Rows, reader: Iterable[can.Message], path: Path, kind: Format) -> Iterator[Problem]:
    """Take all messages that a bus can carry, and yield what is wrong with the others, or with the file."""
    lines = getattr(reader, "file", None)
    line = (lambda: lines.number) if isinstance(lines, _Lines) else (lambda: None)
    with _Warnings() as warnings:
        try:
            for number, message in enumerate(reader, 1):
                for text in warnings.take():
                    yield Problem(text, str(path))
                if found := _impossible(message):
                    yield Problem(found, str(path), line(), path=None if line() else f"frame {number}")
                else:
                    rows.take(message)
        except OSError:
            raise
        except Exception as mistake:  # what a parser raises depends on where it stumbles
            yield _unreadable(path, kind, mistake, line())
        for text in warnings.take():
            yield Problem(text, str(path))


class _Warnings(logging.Handler):
    """What python-can warns of in its log while it reads: that it leaves something out."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._texts: list[str] = []

    def __enter__(self) -> _Warnings:
        logging.getLogger("can.io").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("can.io").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a warning."""
        self._texts.append(record.getMessage())

    def take(self) -> list[str]:
        """Return the warnings since the last call."""
        texts, self._texts = self._texts, []
        return texts


def _unreadable(path: Path, kind: Format, mistake: Exception, line: int | None = None) -> Problem:
    return Problem(f"cannot be read as {kind.name}: {mistake or type(mistake).__name__}", str(path), line)


def _impossible(message: can.Message) -> str | None:
    """Say what no bus carries, or None."""
    if message.is_error_frame:
        return None
    width = 29 if message.is_extended_id else 11
    if not 0 <= message.arbitration_id < 1 << width:
        return f"identifier {message.arbitration_id:#x} does not fit into {width} bits"
    lengths, kind = (FD_LENGTHS, "CAN FD") if message.is_fd else (CLASSIC_LENGTHS, "classic")
    if (length := _length(message)) not in lengths:
        return f"no {kind} frame carries {length} bytes"
    return None


def _length(message: can.Message) -> int:
    """Return the bytes of a frame; python-can's ``dlc`` says so, but not of a CAN FD frame in TRC."""
    if message.is_error_frame:
        return 0
    return int(message.dlc) if _is_remote(message) else len(message.data)


def _is_remote(message: can.Message) -> bool:
    """Return whether it is a remote frame; python-can takes an empty CAN FD frame in ASC for one."""
    return message.is_remote_frame and not message.is_fd


class _Rows:
    """Grows by messages, and becomes a recording."""

    def __init__(self, kind: Format) -> None:
        self._first_channel = _FIRST_CHANNEL.get(kind.name, 0)
        self._resolution_ns = kind.resolution_ns
        self._time_s = array("d")
        self._columns = {name: array("q") for name in ("channel", "identifier", "flags", "length")}
        self._data: list[bytes] = []

    def __len__(self) -> int:
        return len(self._time_s)

    def take(self, message: can.Message) -> None:
        """Add a message."""
        error = message.is_error_frame
        flags = (
            FrameFlag.EXTENDED * (message.is_extended_id and not (error and not message.arbitration_id))
            | FrameFlag.FD * (message.is_fd and not error)
            | FrameFlag.BIT_RATE_SWITCH * (message.bitrate_switch and not error)
            | FrameFlag.REMOTE * (_is_remote(message) and not error)
            | FrameFlag.ERROR * error
        )
        channel = channel2int(message.channel)
        values = (
            max(0, channel - self._first_channel) if channel is not None else 0,
            message.arbitration_id,
            flags,
            _length(message),
        )
        self._time_s.append(message.timestamp)
        for column, value in zip(self._columns.values(), values, strict=True):
            column.append(value)
        self._data.append(b"" if error else bytes(message.data))

    def recording(self) -> Recording:
        """Return the frames by their instants."""
        time_s = np.array(self._time_s)
        order = np.argsort(time_s, kind="stable")
        channel, identifier, flags, length = (np.array(column)[order] for column in self._columns.values())
        width = 8 if length.max(initial=0) <= 8 else 64
        payload = np.frombuffer(b"".join(self._data[index].ljust(width, b"\0") for index in order.tolist()), np.uint8)
        steps = np.rint((time_s[order] - time_s.min()) * (1e9 / self._resolution_ns))
        time_ns = steps.astype(np.int64) * self._resolution_ns
        return Recording(time_ns, channel, identifier, flags.astype(np.uint8), length, payload.reshape(-1, width))


class _Lines:
    """A text file for python-can's readers, which knows the number of the line that was read last."""

    def __init__(self, path: Path, change: Callable[[str], str]) -> None:
        self._file = path.open(encoding="latin-1")
        self._change = change
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._file)
        self.number += 1
        return self._change(line)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _as_bus_error(line: str) -> str:
    return _SOCKETCAN_ERROR.sub(" 20000080#", line)
