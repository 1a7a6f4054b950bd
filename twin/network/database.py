"""The messages of a site's bus: DBC files, read by cantools, are the only source of layouts."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cantools

from twin import resources
from twin.errors import InputError, Problem
from twin.network.codec import MessageLayout, Multiplexing, SignalLayout
from twin.network.frames import CLASSIC_LENGTHS, FD_LENGTHS

_NUMBERED_NODE = re.compile(r"(Module|Pack)(\d+)")


@dataclass(frozen=True)
class Database:
    """The messages of one DBC file, by identifier."""

    path: Path
    nodes: tuple[str, ...]
    messages: tuple[MessageLayout, ...]

    @classmethod
    def load(cls, path: str | Path) -> Database:
        """Read a DBC file: a path, or the name of a file in data/can without its ending.

        Raises InputError with every mistake in it: unreadable, bad syntax, overlapping or misplaced signals, names or
        identifiers used twice, lengths that no frame has, signals of a kind that no payload carries.
        """
        file = _find(Path(path))
        database = _parse(file)
        problems = [problem for message in database.messages for problem in _mistakes(message)]
        problems += _twice(database.messages)
        if problems:
            raise InputError(_located(problems, file))
        messages = sorted((_layout(message) for message in database.messages), key=_by_identifier)
        return cls(file, tuple(node.name for node in database.nodes), tuple(messages))

    def __getitem__(self, name: str) -> MessageLayout:
        if name not in self._by_name:
            close = difflib.get_close_matches(name, self._by_name, 1)
            suggestion = f"did you mean {close[0]}?" if close else None
            raise InputError(Problem(f"no message {name}", file=str(self.path), suggestion=suggestion))
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    @cached_property
    def _by_name(self) -> dict[str, MessageLayout]:
        return {message.name: message for message in self.messages}


def bus_messages(database: Database, packs: int, modules: int) -> tuple[MessageLayout, ...]:
    """Return what is really sent on the bus of a site with ``packs`` packs of ``modules`` modules each.

    Nodes ``ModuleNN`` and ``PackP`` are present up to the site's number of them, NN counting through all packs; any
    other node always is.
    Raises InputError if the database lacks a node that the site has.
    """
    present = {"Module": packs * modules, "Pack": packs}
    known = {match.groups() for match in map(_NUMBERED_NODE.fullmatch, database.nodes) if match}
    problems = []
    for kind, count in present.items():
        found = sum(1 for name, _ in known if name == kind)
        if found < count:
            message = f"the site has {count} nodes {kind}, the database knows {found}"
            problems.append(Problem(message, file=str(database.path), path=f"BU_: {kind}"))
    if problems:
        raise InputError(problems)

    def sends(message: MessageLayout) -> bool:
        match = _NUMBERED_NODE.fullmatch(message.sender)
        return match is None or int(match[2]) <= present[match[1]]

    return tuple(message for message in database.messages if sends(message))


def _find(path: Path) -> Path:
    shipped = resources.folder("data") / "can"
    file = path if path.suffix or path.exists() else shipped / f"{path}.dbc"
    if file.is_file():
        return file
    names = [known.stem for known in sorted(shipped.glob("*.dbc"))]
    close = difflib.get_close_matches(path.stem, names, 1)
    raise InputError(
        Problem("no such DBC file", file=str(path), suggestion=f"did you mean {close[0]}?" if close else None)
    )


def _parse(file: Path) -> Any:
    """Return cantools' database; strictness comes after it, because cantools stops at the first mistake."""
    try:
        return cantools.database.load_file(file, database_format="dbc", strict=False)
    except (cantools.database.UnsupportedDatabaseFormatError, OSError, UnicodeDecodeError) as error:
        text = str(getattr(error, "e_dbc", None) or error)
        line = re.search(r"at line (\d+)", text)
        message = f"not a DBC file that can be read: {' '.join(text.split())}"
        raise InputError(Problem(message, file=str(file), line=int(line[1]) if line else None)) from None


def _mistakes(message: Any) -> Iterator[Problem]:
    try:
        message.refresh(strict=True)
    except cantools.database.Error as error:
        yield Problem(str(error), path=message.name)
    lengths = FD_LENGTHS if message.is_fd else CLASSIC_LENGTHS
    if message.length not in lengths:
        kind = "CAN FD" if message.is_fd else "classic"
        suggestion = None if message.is_fd else "up to 8 bytes, or VFrameFormat StandardCAN_FD"
        yield Problem(f"no {kind} frame carries {message.length} bytes", path=message.name, suggestion=suggestion)
    for signal in message.signals:
        path = f"{message.name}.{signal.name}"
        if signal.length > 64:
            yield Problem(f"{signal.length} bits; a signal has at most 64", path=path)
        if signal.conversion.is_float and signal.length not in (16, 32, 64):
            yield Problem(f"a floating-point signal of {signal.length} bits; expected 16, 32 or 64", path=path)
        if signal.scale == 0:
            yield Problem("the factor is 0", path=path)


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


def _located(problems: list[Problem], file: Path) -> list[Problem]:
    """Return the problems with file and line: the BO_ line of their message, the last one if there are several."""
    lines: dict[str, int] = {}
    for number, text in enumerate(file.read_text(encoding="cp1252").splitlines(), 1):
        if match := re.match(r"BO_\s+\d+\s+(\w+)\s*:", text):
            lines[match[1]] = number
    return [
        Problem(p.message, str(file), lines.get((p.path or "").partition(".")[0]), p.path, p.suggestion)
        for p in problems
    ]


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
        minimum=signal.minimum,
        maximum=signal.maximum,
        initial=float((signal.raw_initial or 0) * signal.scale + signal.offset),
        unit=signal.unit or "",
        multiplexing=Multiplexing(signal.multiplexer_signal, tuple(signal.multiplexer_ids)) if selected else None,
        choices={int(number): str(text) for number, text in (signal.choices or {}).items()},
    )
