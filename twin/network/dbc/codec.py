"""Encode and decode one CAN message for many senders at once, by tables compiled from the message's layout.

A frame is read as 64-bit words, little endian for Intel signals and big endian for Motorola signals, so that every
signal is one run of bits in a word (two runs where it crosses into the next word). The loops over signals and rows are
native; ``twin.network.dbc.numpy_codec`` has the same in NumPy, from the same tables, and judges them.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.errors import InputError, Problem
from twin.native import _native

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Payload = NDArray[np.uint8]

WORD_BITS = 64


@dataclass(frozen=True)
class Multiplexing:
    """A signal is part of a frame only where another signal, the multiplexer, has one of these raw values."""

    multiplexer: str
    values: tuple[int, ...]


@dataclass(frozen=True)
class SignalLayout:
    """Where a signal lies in its frame and what its raw value means: physical = raw * scale + offset."""

    name: str
    start: int
    """The DBC's start bit: the lowest bit of an Intel signal, the highest of a Motorola signal."""
    length: int
    byte_order: Literal["little_endian", "big_endian"] = "little_endian"
    signed: bool = False
    floating: bool = False
    scale: float = 1.0
    offset: float = 0.0
    minimum: float | None = None
    maximum: float | None = None
    initial: float = 0.0
    """Physical value that is sent where none is given (the DBC's GenSigStartValue)."""
    unit: str = ""
    multiplexing: Multiplexing | None = None
    choices: Mapping[int, str] = field(default_factory=dict, hash=False)


class Run(NamedTuple):
    """Bits of one signal that lie side by side in one word: ``bits`` of them, lowest at these two shifts."""

    signal: int
    signal_shift: int
    word: int
    """The big-endian words of a payload follow after its little-endian ones."""
    word_shift: int
    bits: int


class Selection(NamedTuple):
    """Signals by their place in the layout: one that is there only where its multiplexer has one of the values."""

    signal: int
    multiplexer: int
    values: tuple[int, ...]


@dataclass(frozen=True)
class Tables:
    """What a layout is compiled into."""

    words: int
    """Of a payload, the last one perhaps not full."""
    lowest: tuple[float, ...]
    """The lowest raw value that is sent, ``[signal]``."""
    highest: tuple[float, ...]
    missing: tuple[float, ...]
    """The raw value that stands for NaN."""
    runs: tuple[Run, ...]
    selections: tuple[Selection, ...]
    """Multiplexers before what they select."""

    @classmethod
    def of(cls, length: int, signals: Sequence[SignalLayout]) -> Tables:
        """Compile a message of ``length`` bytes."""
        words = -(-8 * length // WORD_BITS)
        lowest, highest, missing = zip(*map(_raw_range, signals), strict=True) if signals else ((), (), ())
        runs = tuple(run for row, signal in enumerate(signals) for run in _runs_of(row, signal, words))
        return cls(words, lowest, highest, missing, runs, _selections(signals))


class Codec:
    """The compiled layout of one message: ``float64[signal, n]`` to payloads ``uint8[n, length]`` and back.

    Encoding rounds half to even, as cantools does, and then does what the signal path of a real ECU does: a value
    beyond the signal's range (the DBC's minimum and maximum, or what its bits can hold) saturates at the range's end,
    and NaN, a value that the sender does not have, goes out as the highest raw value, mostly all ones. Bits of no
    signal are 0. Decoding gives what cantools gives, value tables aside, and NaN where a multiplexed signal is not part
    of the frame. Raw integers beyond 2**53 are as precise as a float64.
    """

    def __init__(self, length: int, signals: Sequence[SignalLayout]) -> None:
        self.length = length
        self._count = len(signals)
        tables = Tables.of(length, signals)
        scaling = [[signal.scale for signal in signals], [signal.offset for signal in signals]]
        numbers = np.array([*scaling, tables.lowest, tables.highest, tables.missing], np.float64)
        kinds = [[signal.length, signal.signed, signal.floating] for signal in signals]
        self._native = _native.Codec(
            length=length,
            kinds=np.array(kinds, np.int64).reshape(-1, 3),
            numbers=np.ascontiguousarray(numbers.T),
            runs=np.array(tables.runs, np.int64).reshape(-1, 5),
            selections=[(one.signal, one.multiplexer, _ranges(one.values)) for one in tables.selections],
        )

    def encode(self, physical: FloatArray) -> Payload:
        """Return the payloads of ``physical[signal, n]``, signals in the order of the layout."""
        payload = np.empty((physical.shape[1], self.length), np.uint8)
        self._native.encode(np.ascontiguousarray(physical, np.float64), payload)
        return payload

    def decode(self, payload: Payload) -> FloatArray:
        """Return the physical values ``float64[signal, n]`` of ``payload[n, length]`` (further columns are ignored)."""
        physical = np.empty((self._count, len(payload)))
        self._native.decode(np.ascontiguousarray(payload), physical)
        return physical

    def decode_mailboxes(
        self, payload: Payload, received_ns: IntArray, site: IntArray, box: IntArray
    ) -> tuple[FloatArray, IntArray]:
        """Return what mailboxes hold, of a message that is several frames behind each other, and since when.

        Mailboxes are ``payload[site, box, width]`` and ``received_ns[site, box]``; ``box[row, sender, frame]`` at
        ``site[row]`` makes ``float64[signal, row, sender]`` and ``time_ns[row, sender, frame]``. A box -1 is one of
        which nothing was received: its payload is zeros, its time -1.
        """
        rows, senders, _ = box.shape
        physical, time_ns = np.empty((self._count, rows * senders)), np.empty(box.shape, np.int64)
        self._native.decode_mailboxes(payload, received_ns, site, box, physical, time_ns)
        return physical.reshape(self._count, rows, senders), time_ns


@dataclass(frozen=True)
class MessageLayout:
    """One message: what a DBC says of it, and its codec for as many senders at once as one likes."""

    name: str
    identifier: int
    length: int
    extended: bool = False
    fd: bool = False
    sender: str = ""
    receivers: tuple[str, ...] = ()
    cycle_ns: int | None = None
    signals: tuple[SignalLayout, ...] = ()
    comment: str = ""

    def encode(self, values: Mapping[str, ArrayLike], count: int | None = None) -> Payload:
        """Return payloads ``uint8[n, length]`` of physical values by signal name, ``float64[n]`` or one number for all.

        A signal that is not given has its initial value. ``count`` says how many payloads where no array does.
        Raises InputError on a signal that the message does not have. Rounding and saturation: see ``Codec``.
        """
        if count is None:
            count = max((np.size(value) for value in values.values()), default=1)
        physical = np.empty((len(self.signals), count))
        physical[:] = self._initial
        for name, value in values.items():
            if name not in self._row:
                raise InputError(self._unknown(name))
            physical[self._row[name]] = value
        return self.codec.encode(physical)

    def decode(self, payload: Payload) -> dict[str, FloatArray]:
        """Return the physical values ``float64[n]`` of ``payload[n, length]`` by signal name."""
        return dict(zip(self._row, self.codec.decode(payload), strict=True))

    @cached_property
    def codec(self) -> Codec:
        """The compiled layout, for callers that have all signals as one array ``[signal, n]`` anyway."""
        return Codec(self.length, self.signals)

    @cached_property
    def _row(self) -> dict[str, int]:
        return {signal.name: row for row, signal in enumerate(self.signals)}

    @cached_property
    def _initial(self) -> FloatArray:
        return np.array([[signal.initial] for signal in self.signals]).reshape(-1, 1)

    def _unknown(self, name: str) -> Problem:
        close = difflib.get_close_matches(name, self._row, 1)
        suggestion = f"did you mean {close[0]}?" if close else f"it has {', '.join(self._row)}"
        return Problem(f"the message has no signal {name}", path=self.name, suggestion=suggestion)


def _raw_range(signal: SignalLayout) -> tuple[float, float, float]:
    """Return the lowest and highest raw value that is sent, and the one that stands for NaN."""
    if signal.floating:
        return 0.0, 0.0, 0.0  # does not go through integers at all
    lowest = -(1 << signal.length - 1) if signal.signed else 0
    highest = lowest + (1 << signal.length) - 1
    ceiling = float(highest) if int(float(highest)) <= highest else float(np.nextafter(float(highest), 0.0))
    limits = [limit for limit in (signal.minimum, signal.maximum) if limit is not None]
    ends = sorted(round((limit - signal.offset) / signal.scale) for limit in limits)
    if len(ends) < 2:
        return float(lowest), ceiling, ceiling
    inside = [min(max(float(lowest), float(end)), ceiling) for end in ends]
    return inside[0], inside[1], ceiling


def _runs_of(row: int, signal: SignalLayout, words: int) -> list[Run]:
    """Return where the signal's bits are."""
    if signal.byte_order == "little_endian":
        first_word, shift = divmod(signal.start, WORD_BITS)
        below = min(signal.length, WORD_BITS - shift)
        runs = [Run(row, 0, first_word, shift, below), Run(row, below, first_word + 1, 0, signal.length - below)]
    else:
        byte, bit = divmod(signal.start, 8)
        first_word, position = divmod(8 * byte + 7 - bit, WORD_BITS)  # counted from the first bit on the wire
        above = min(signal.length, WORD_BITS - position)
        rest = signal.length - above
        first = Run(row, rest, words + first_word, WORD_BITS - position - above, above)
        runs = [first, Run(row, 0, words + first_word + 1, WORD_BITS - rest, rest)]
    return [run for run in runs if run.bits]


def _selections(signals: Sequence[SignalLayout]) -> tuple[Selection, ...]:
    rows = {signal.name: row for row, signal in enumerate(signals)}

    def depth(signal: SignalLayout) -> int:
        return 1 + depth(signals[rows[signal.multiplexing.multiplexer]]) if signal.multiplexing else 0

    selected = [(depth(s), rows[s.name], s.multiplexing) for s in signals if s.multiplexing]
    selected.sort(key=lambda entry: entry[:2])
    return tuple(Selection(row, rows[rule.multiplexer], rule.values) for _, row, rule in selected)


def _ranges(values: Sequence[int]) -> list[tuple[int, int]]:
    """Return first and last of each run of successive values."""
    ranges: list[tuple[int, int]] = []
    for value in sorted(set(values)):
        if ranges and ranges[-1][1] == value - 1:
            ranges[-1] = ranges[-1][0], value
        else:
            ranges.append((value, value))
    return ranges
