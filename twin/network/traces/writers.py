"""Write a recording as a file that CAN tools open.

Every time stamp counts from the start of the run, so that a tool shows the simulated time; formats with absolute time
stamps (candump) have that start added. Where python-can's writers would date a file by the clock of the machine, or
leave out what their format can hold, the writers here do what the format says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path

import can
from can.util import channel2int, len2dlc

from twin.errors import InputError, Problem
from twin.network.engines.records import FrameFlag
from twin.network.traces import mf4
from twin.network.traces.formats import format_named
from twin.network.traces.recording import Recording

Take = Callable[[can.Message], None]

_EVERY = 10_000
"""Frames between two calls of ``on_frames``."""


def write_trace(
    path: Path | str,
    format: str,  # noqa: A002 - the word of every tool
    recording: Recording,
    *,
    start: datetime,
    on_frames: Callable[[int], None] = lambda _: None,
) -> int:
    """Write a recording as ``blf``, ``asc``, ``mf4``, ``candump`` or ``trc``: the whole file, or none.

    ``start``: the instant that ``recording.time_ns`` counts from, with its offset from UTC. ``on_frames`` is told now
    and then how many frames are written. Returns how many frames were left out because the format has no place for
    them: error frames, in ``trc``.
    Raises InputError if there is no such format, or the file cannot be written.
    """
    kind, path = format_named(format), Path(path)
    error = recording.has(FrameFlag.ERROR)
    left_out = int(error.sum()) if kind.errors == "none" else 0
    if left_out:
        recording = recording.select(~error)
    start, recording = _whole_milliseconds(start, recording)
    part = path.with_name(f".{path.name}.part")
    try:
        if kind.name == "mf4":
            mf4.write(part, recording, start, on_frames)
        else:
            _write(_WRITERS[kind.name](part, start, path), recording, on_frames)
        part.replace(path)
    except OSError as mistake:
        raise InputError(Problem(f"cannot be written: {mistake.strerror}", file=str(path))) from None
    finally:
        part.unlink(missing_ok=True)
    return left_out


def _whole_milliseconds(start: datetime, recording: Recording) -> tuple[datetime, Recording]:
    """Return a start in whole milliseconds, finer than which BLF and ASC have none, and time stamps to match."""
    rest_ns = start.microsecond % 1000 * 1000
    if not rest_ns:
        return start, recording
    columns = {**vars(recording), "time_ns": recording.time_ns + rest_ns}
    return start.replace(microsecond=start.microsecond // 1000 * 1000), Recording(**columns)


def _write(
    opened: AbstractContextManager[tuple[Take, float]], recording: Recording, on_frames: Callable[[int], None]
) -> None:
    with opened as (take, epoch_s):
        for number, message in enumerate(recording.messages(epoch_s), 1):
            take(message)
            if number % _EVERY == 0:
                on_frames(number)
    on_frames(len(recording))


@contextmanager
def _blf(file: Path, start: datetime, _: Path) -> Iterator[tuple[Take, float]]:
    """Yield a writer, and what its time stamps count from: 0, because seconds since 1970 resolve 0.24 us only.

    python-can cuts ``time_ns * 1e-9 * 1e9`` off: 1e-9 as a float lies above, by just enough for the product to round to
    ``time_ns``.
    """
    with can.BLFWriter(file) as writer:
        writer.start_timestamp = 0.0
        yield writer.on_message_received, 0.0
        writer.start_timestamp = start.timestamp()
        writer.stop_timestamp = start.timestamp() + (writer.stop_timestamp or 0.0)


@contextmanager
def _asc(file: Path, start: datetime, _: Path) -> Iterator[tuple[Take, float]]:
    text = start.ctime()  # in English, whatever the locale
    date = f"{text[:-5]}.{start.microsecond // 1000:03d}{text[-5:]}"
    with can.ASCWriter(file) as writer:
        writer.file.seek(0)
        writer.file.truncate()
        writer.file.write(f"date {date}\nbase hex  timestamps absolute\ninternal events logged\n")
        writer.file.write(f"Begin Triggerblock {date}\n 0.000000 Start of measurement\n")
        writer.header_written = True
        yield writer.on_message_received, 0.0


@contextmanager
def _candump(file: Path, start: datetime, _: Path) -> Iterator[tuple[Take, float]]:
    with can.CanutilsLogWriter(file) as writer:

        def take(message: can.Message) -> None:
            if message.is_remote_frame:  # python-can leaves the number of bytes out
                digits = 8 if message.is_extended_id else 3
                name = f"{message.arbitration_id:0{digits}X}#R{message.dlc or ''}"
                writer.file.write(f"({message.timestamp:f}) can{message.channel} {name} R\n")
                return
            if message.is_error_frame:
                message.data = bytearray(8)  # as SocketCAN's error frames have them
            writer.on_message_received(message)

        yield take, start.timestamp()


@contextmanager
def _trc(file: Path, start: datetime, final: Path) -> Iterator[tuple[Take, float]]:
    """PEAK's version 2.1, of which python-can has the header, and rows of classic data frames only."""
    number = count(1)
    with can.TRCWriter(file) as writer:
        writer.filepath = final.name
        writer.write_header(start.timestamp())
        yield lambda message: writer.log_event(_trc_row(next(number), message), message.timestamp), 0.0


def _trc_row(number: int, message: can.Message) -> str:
    kind = "RR" if message.is_remote_frame else "FB" if message.bitrate_switch else "FD" if message.is_fd else "DT"
    channel = (channel2int(message.channel) or 0) + 1
    identifier = f"{message.arbitration_id:0{8 if message.is_extended_id else 4}X}"
    place = f"{number:>7} {message.timestamp * 1e3:13.3f} {kind} {channel:>2} {identifier:>8}"
    return f"{place} Rx -  {len2dlc(message.dlc):<4} {message.data.hex(' ').upper()}"


_WRITERS: dict[str, Callable[[Path, datetime, Path], AbstractContextManager[tuple[Take, float]]]] = {
    "blf": _blf,
    "asc": _asc,
    "candump": _candump,
    "trc": _trc,
}
