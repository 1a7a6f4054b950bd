"""A DBC file as text: the lines at which things stand, and mistakes that cantools passes over or stops at.

cantools reads the file (``twin.network.dbc.database``). It does not look whether nodes and multiplexers exist, and at
an identifier that no frame has it stops without a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from twin.errors import Problem

NO_NODE = "Vector__XXX"
"""Where a DBC must name a node and there is none."""
UNASSIGNED = "VECTOR__INDEPENDENT_SIG_MSG"
"""What Vector's tools call the place of signals without a message."""

_EXTENDED = 1 << 31
_COMMENT = re.compile(r'^(\s*CM_[^"]*)"(?:[^"\\]|\\.)*"', re.MULTILINE)
_NODES = re.compile(r"\s*BU_\s*:(.*)")
_MESSAGE = re.compile(r"\s*BO_\s+(\d+)\s+(\w+)\s*:\s*\d+\s+(\w+)")
_SIGNAL = re.compile(r'\s*SG_\s+(\w+)\s+(?:(m(\d+))?(M)?\s*):\s*\d+\|(\d+)@.*"\s+(.*\S)')
_PAGES = re.compile(r"\s*SG_MUL_VAL_\s+(\d+)\s+(\w+)\s+(\w+)\s+([-\d\s,]+);")
_ATTRIBUTE = re.compile(r'\s*BA_\s+"(\w+)"')
_DEFINITION = re.compile(r'\s*BA_DEF_\s+(?:(?:BU_|BO_|SG_|EV_)\s+)?"(\w+)"')


@dataclass(frozen=True)
class _Signal:
    name: str
    line: int
    bits: int
    page: int | None
    multiplexer: bool
    receivers: tuple[str, ...]


@dataclass(frozen=True)
class _Message:
    name: str
    line: int
    number: int
    """The identifier, with bit 31 set if it is extended."""
    sender: str
    signals: list[_Signal]


class Source:
    """The text of one DBC file."""

    def __init__(self, text: str) -> None:
        self._lines = _COMMENT.sub(_without_content, text).splitlines()

    def line(self, path: str) -> int | None:
        """Return the line of a message or of ``message.signal``, the last one if there are several."""
        name, _, of_signal = path.partition(".")
        message = next((one for one in reversed(self._messages) if one.name == name), None)
        signals = [one.line for one in message.signals if one.name == of_signal] if message else []
        return signals[-1] if signals else message.line if message else None

    def line_of(self, entry: str) -> int | None:
        """Return the line that starts with these words."""
        words = entry.split()
        return next((n for n, text in enumerate(self._lines, 1) if text.split()[: len(words)] == words), None)

    def mistakes(self) -> Iterator[Problem]:
        """Yield what is wrong, with path and line."""
        for message in self._messages:
            if message.name == UNASSIGNED:
                continue
            yield from self._strangers(message)
            yield from _identifier(message)
            yield from self._signals(message)
        defined = {match[1] for match in map(_DEFINITION.match, self._lines) if match}
        for number, text in enumerate(self._lines, 1):
            if (match := _ATTRIBUTE.match(text)) and match[1] not in defined:
                yield Problem(f"no attribute {match[1]} is defined", line=number, path="BA_", suggestion="BA_DEF_")

    @cached_property
    def _messages(self) -> list[_Message]:
        found: list[_Message] = []
        for line, text in enumerate(self._lines, 1):
            if match := _MESSAGE.match(text):
                found.append(_Message(match[2], line, int(match[1]), match[3], []))
            elif (match := _SIGNAL.match(text)) and found:
                page = int(match[3]) if match[2] else None
                receivers = tuple(match[6].replace(",", " ").split())
                found[-1].signals.append(_Signal(match[1], line, int(match[5]), page, bool(match[4]), receivers))
        return found

    @cached_property
    def _nodes(self) -> set[str]:
        return {NO_NODE, *(name for match in map(_NODES.match, self._lines) if match for name in match[1].split())}

    @cached_property
    def _selections(self) -> dict[tuple[int, str], tuple[int, str, str]]:
        """Line, multiplexer and values of the SG_MUL_VAL_ entries, by message and signal."""
        matches = ((line, _PAGES.match(text)) for line, text in enumerate(self._lines, 1))
        return {(int(match[1]), match[2]): (line, match[3], match[4]) for line, match in matches if match}

    def _strangers(self, message: _Message) -> Iterator[Problem]:
        if message.sender not in self._nodes:
            yield Problem(f"its sender {message.sender} is no node", None, message.line, message.name, "name it in BU_")
        for signal in message.signals:
            for node in signal.receivers:
                if node not in self._nodes:
                    path = f"{message.name}.{signal.name}"
                    yield Problem(f"its receiver {node} is no node", None, signal.line, path, "name it in BU_")

    def _signals(self, message: _Message) -> Iterator[Problem]:
        multiplexers = {one.name: one for one in message.signals if one.multiplexer}
        names: set[str] = set()
        for signal in message.signals:
            path = f"{message.name}.{signal.name}"
            if signal.name in names:
                yield Problem("a second signal of this name", None, signal.line, path)
            names.add(signal.name)
            if signal.bits == 0:
                yield Problem("a signal of 0 bits", None, signal.line, path)
            if signal.page is not None:
                line, problem = self._selected(message, signal, multiplexers)
                if problem:
                    yield Problem(problem, None, line, path)

    def _selected(self, message: _Message, signal: _Signal, multiplexers: dict[str, _Signal]) -> tuple[int, str | None]:
        """Return what is wrong with the selection of a multiplexed signal, None if nothing, and the line of it."""
        others = [name for name in multiplexers if name != signal.name]
        entry = self._selections.get((message.number, signal.name))
        if entry is None:
            if not others:
                return signal.line, f"part of page {signal.page}, but the message has no multiplexer"
            if len(others) > 1:
                return signal.line, f"selected by {' or '.join(others)}? expected an SG_MUL_VAL_ entry that says so"
            line, by, highest = signal.line, others[0], signal.page or 0
        else:
            line, by, values = entry
            highest = max(map(int, re.findall(r"\d+", values)))
        if by not in multiplexers:
            return line, f"selected by {by}, which is no multiplexer of the message"
        if by in self._above(message, by):
            return line, f"selected by {by}, which is selected by itself in the end"
        if highest >> multiplexers[by].bits:
            return line, f"part of page {highest}, but {by} has {multiplexers[by].bits} bits"
        return line, None

    def _above(self, message: _Message, name: str) -> set[str]:
        """Return what selects a signal, directly or not, as far as SG_MUL_VAL_ entries say it."""
        found: set[str] = set()
        while (entry := self._selections.get((message.number, name))) and entry[1] not in found:
            name = entry[1]
            found.add(name)
        return found


def _identifier(message: _Message) -> Iterator[Problem]:
    extended = message.number & _EXTENDED
    identifier, bits = message.number & ~_EXTENDED, 29 if extended else 11
    if identifier >> bits:
        kind = "an extended" if extended else "a base"
        suggestion = None if extended else "add 2147483648 (bit 31) for an extended one"
        text = f"identifier {identifier:#x} does not fit into the {bits} bits of {kind} frame"
        yield Problem(text, None, message.line, message.name, suggestion)


def _without_content(comment: re.Match[str]) -> str:
    return f'{comment[1]}"{"".join(letter for letter in comment[0] if letter == chr(10))}"'
