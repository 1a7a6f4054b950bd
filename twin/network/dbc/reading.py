"""A DBC file read by cantools, and every mistake in it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import cantools

from twin.errors import InputError, Problem, attempt
from twin.network.dbc.codec import MessageLayout, Multiplexing, SignalLayout
from twin.network.dbc.kept import Content
from twin.network.dbc.source import Source
from twin.network.frames.bits import CLASSIC_LENGTHS, FD_LENGTHS


def read(file: Path, text: str) -> Content:
    """Return what a DBC file says. Raises InputError with every mistake in it."""
    source = Source(text)
    problems = list(source.mistakes())
    database = attempt(problems, lambda: _parse(file, source, known=len(problems)))
    if database is not None:
        problems += [problem for message in database.messages for problem in _mistakes(message)]
        problems += _twice(database.messages)
        wrong = {(problem.path or "").partition(".")[0] for problem in problems}
        problems += [p for message in database.messages if message.name not in wrong for p in _refused(message)]
    if problems or database is None:
        raise InputError(_located(problems, file, source))
    messages = sorted((_layout(message) for message in database.messages), key=_by_identifier)
    return Content(tuple(node.name for node in database.nodes), tuple(messages))


def _parse(file: Path, source: Source, known: int) -> Any:
    """Return cantools' database; strictness comes after it, because cantools stops at the first mistake.

    What it stops at counts, unless mistakes are ``known`` already that may be the reason and have their line.
    """
    try:
        return cantools.database.load_file(file, database_format="dbc", strict=False)
    except (cantools.database.UnsupportedDatabaseFormatError, OSError, UnicodeDecodeError) as error:
        text = " ".join(str(getattr(error, "e_dbc", None) or error).split())
        syntax = re.search(r"at line (\d+)", text)
        entry = re.search(r"unused \w+ entries in DBC: (\w+ \d+ \w+)", text)
        line = int(syntax[1]) if syntax else source.line_of(entry[1]) if entry else None
        if known and not line:
            raise InputError([]) from None
        raise InputError(Problem(f"not a DBC file that can be read: {text}", str(file), line)) from None


def _mistakes(message: Any) -> Iterator[Problem]:
    lengths = FD_LENGTHS if message.is_fd else CLASSIC_LENGTHS
    if message.length not in lengths:
        kind = "CAN FD" if message.is_fd else "classic"
        suggestion = None if message.is_fd else "up to 8 bytes, or VFrameFormat StandardCAN_FD"
        yield Problem(f"no {kind} frame carries {message.length} bytes", path=message.name, suggestion=suggestion)
    for signal in message.signals:
        path = f"{message.name}.{signal.name}"
        for found in _signal_mistakes(signal, message.length):
            yield Problem(found, path=path)
    for first, second in combinations(message.signals, 2):
        if first.name != second.name and _bits(first) & _bits(second) and not _apart(first, second, message):
            yield Problem(f"overlaps {first.name}", path=f"{message.name}.{second.name}")


def _refused(message: Any) -> Iterator[Problem]:
    """Yield why cantools would not take a message in which nothing else is wrong."""
    try:
        message.refresh(strict=True)
    except cantools.database.Error as error:
        yield Problem(str(error), path=message.name)


def _signal_mistakes(signal: Any, length: int) -> Iterator[str]:
    if signal.length > 64:
        yield f"{signal.length} bits; a signal has at most 64"
    if _bits(signal) >> 8 * length:
        yield f"reaches beyond the {length} bytes of its message"
    if signal.conversion.is_float and signal.length not in (16, 32, 64):
        yield f"a floating-point signal of {signal.length} bits; expected 16, 32 or 64"
    if signal.scale == 0:
        yield "the factor is 0"
    elif None not in (signal.minimum, signal.maximum):
        ends = f"[{signal.minimum}|{signal.maximum}]"
        lowest_raw = -(1 << signal.length - 1) if signal.is_signed else 0
        raw = lowest_raw, lowest_raw + (1 << signal.length) - 1
        lowest, highest = sorted(end * signal.scale + signal.offset for end in raw)
        if signal.minimum > signal.maximum:
            yield f"its range {ends} ends before it begins"
        elif not signal.conversion.is_float and (signal.minimum > highest or signal.maximum < lowest):
            yield f"no value of its {signal.length} bits is in the range {ends}; they hold [{lowest:g}|{highest:g}]"


def _bits(signal: Any) -> int:
    """Return the bits of the payload that the signal takes, the first byte's lowest bit lowest."""
    own = (1 << signal.length) - 1
    if signal.byte_order == "little_endian":
        return int(own << signal.start)
    byte, bit = divmod(signal.start, 8)
    places = range(8 * byte + 7 - bit, 8 * byte + 7 - bit + signal.length)  # in the order on the wire
    return sum(1 << (place ^ 7) for place in places)


def _apart(first: Any, second: Any, message: Any) -> bool:
    """Tell whether no frame has both signals, because a multiplexer selects either the one or the other."""
    pages = _pages(first, message)
    return any(
        pages[multiplexer].isdisjoint(values)
        for multiplexer, values in _pages(second, message).items()
        if multiplexer in pages
    )


def _pages(signal: Any, message: Any) -> dict[str, set[int]]:
    """Return by multiplexer, those of multiplexers included, with which values the signal is part of a frame."""
    found: dict[str, set[int]] = {}
    while signal and signal.multiplexer_signal and signal.multiplexer_signal not in found:
        found[signal.multiplexer_signal] = set(signal.multiplexer_ids or ())
        signal = next((one for one in message.signals if one.name == signal.multiplexer_signal), None)
    return found


def _twice(messages: list[Any]) -> Iterator[Problem]:
    names, identifiers = defaultdict(list), defaultdict(list)
    for message in messages:
        names[message.name].append(message)
        identifiers[message.is_extended_frame, message.frame_id].append(message)
    for name, same in names.items():
        if len(same) > 1:
            yield Problem(f"{len(same)} messages of this name", path=name)
    for (_, identifier), same in identifiers.items():
        if len(same) > 1:
            others = ", ".join(message.name for message in same[:-1])
            yield Problem(f"identifier {identifier:#x} is used by {others} already", path=same[-1].name)


def _located(problems: list[Problem], file: Path, source: Source) -> list[Problem]:
    """Return the problems with file and line, in the order of the file."""
    located = [
        Problem(p.message, str(file), p.line or source.line(p.path or ""), p.path, p.suggestion) for p in problems
    ]
    return sorted(located, key=lambda problem: problem.line or 0)


def _by_identifier(message: MessageLayout) -> tuple[bool, int]:
    return message.extended, message.identifier


def _layout(message: Any) -> MessageLayout:
    return MessageLayout(
        name=message.name,
        identifier=message.frame_id,
        length=message.length,
        extended=message.is_extended_frame,
        fd=message.is_fd,
        sender=message.senders[0] if message.senders else "",
        receivers=tuple(sorted(message.receivers)),
        cycle_ns=message.cycle_time * 1_000_000 if message.cycle_time else None,
        signals=tuple(_signal(signal) for signal in message.signals),
        comment=message.comment or "",
    )


def _signal(signal: Any) -> SignalLayout:
    selected = signal.multiplexer_ids is not None and signal.multiplexer_signal is not None
    return SignalLayout(
        name=signal.name,
        start=signal.start,
        length=signal.length,
        byte_order=signal.byte_order,
        signed=signal.is_signed,
        floating=signal.conversion.is_float,
        scale=float(signal.scale),
        offset=float(signal.offset),
        minimum=None if signal.minimum is None else float(signal.minimum),
        maximum=None if signal.maximum is None else float(signal.maximum),
        initial=float((signal.raw_initial or 0) * signal.scale + signal.offset),
        unit=signal.unit or "",
        multiplexing=Multiplexing(signal.multiplexer_signal, tuple(signal.multiplexer_ids)) if selected else None,
        choices={int(number): str(text) for number, text in (signal.choices or {}).items()},
    )
