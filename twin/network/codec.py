"""Encode and decode one CAN message for many senders at once, by arrays compiled from the message's layout.

A frame is read as 64-bit words, little endian for Intel signals and big endian for Motorola signals, so that every
signal is one run of bits in a word (two runs where it crosses into the next word). Encoding a message for a whole fleet
is then a handful of array operations, whatever the number of signals.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.errors import InputError, Problem

FloatArray = NDArray[np.float64]
Payload = NDArray[np.uint8]
Words = NDArray[np.uint64]

_WORD_BITS = 64
_FLOATS = {16: (np.float16, np.uint16), 32: (np.float32, np.uint32), 64: (np.float64, np.uint64)}


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
        self._scale = _column([signal.scale for signal in signals])
        self._offset = _column([signal.offset for signal in signals])
        ranges = [_raw_range(signal) for signal in signals]
        self._lowest, self._highest, self._missing = (_column([ends[i] for ends in ranges]) for i in range(3))
        self._sign = _words(1 << signal.length - 1 if signal.signed else 0 for signal in signals)
        self._any_signed = bool(self._sign.any())
        self._wide = [row for row, s in enumerate(signals) if s.length == _WORD_BITS and not (s.signed or s.floating)]
        self._floating = [(row, *_FLOATS[s.length]) for row, s in enumerate(signals) if s.floating]
        self._multiplexed = _multiplexed(signals)
        self._words = -(-8 * length // _WORD_BITS)
        self._any_motorola = any(signal.byte_order == "big_endian" for signal in signals)
        runs = [run for row, signal in enumerate(signals) for run in _runs_of(row, signal, self._words)]
        self._to_signals = _Scatter(runs, "word", "signal")
        self._to_words = _Scatter(runs, "signal", "word")

    def encode(self, physical: FloatArray) -> Payload:
        """Return the payloads of ``physical[signal, n]``, signals in the order of the layout."""
        raw = self._raw(physical)
        if self._multiplexed:
            raw[~self._present(raw)] = 0
        words = np.zeros((self._words * (1 + self._any_motorola), physical.shape[1]), np.uint64)
        words[self._to_words.targets] = self._to_words(raw)
        if self._any_motorola:
            words = words[: self._words] | words[self._words :].byteswap()
        payload = np.ascontiguousarray(words.T).view(np.uint8)
        return payload if payload.shape[1] == self.length else np.ascontiguousarray(payload[:, : self.length])

    def decode(self, payload: Payload) -> FloatArray:
        """Return the physical values ``float64[signal, n]`` of ``payload[n, length]`` (further columns are ignored)."""
        if payload.shape[1] != 8 * self._words:
            padded = np.zeros((len(payload), 8 * self._words), np.uint8)
            padded[:, : self.length] = payload[:, : self.length]
            payload = padded
        words = np.ascontiguousarray(payload).view(np.uint64).T
        if self._any_motorola:
            words = np.concatenate([words, words.byteswap()])
        raw = self._to_signals(words)
        physical = self._integers(raw)
        for row, floating, bits in self._floating:
            physical[row] = raw[row].astype(bits).view(floating)
        physical = physical * self._scale + self._offset
        return np.where(self._present(raw), physical, np.nan) if self._multiplexed else physical

    def _raw(self, physical: FloatArray) -> Words:
        scaled = (physical - self._offset) / self._scale
        integers = np.rint(scaled)
        np.maximum(integers, self._lowest, out=integers)
        np.minimum(integers, self._highest, out=integers)
        integers = np.where(np.isnan(integers), self._missing, integers)
        if self._wide:
            wide = integers[self._wide].astype(np.uint64)
            integers[self._wide] = 0
        raw = integers.astype(np.int64).view(np.uint64)
        if self._wide:
            raw[self._wide] = wide
        for row, floating, bits in self._floating:
            raw[row] = scaled[row].astype(floating).view(bits)
        return raw

    def _integers(self, raw: Words) -> FloatArray:
        signed = (raw ^ self._sign) - self._sign if self._any_signed else raw
        integers = signed.view(np.int64).astype(np.float64)
        if self._wide:
            integers[self._wide] = raw[self._wide]
        return integers

    def _present(self, raw: Words) -> NDArray[np.bool_]:
        present = np.ones(raw.shape, np.bool_)
        for row, multiplexer, values in self._multiplexed:
            present[row] = present[multiplexer] & np.isin(raw[multiplexer], values)
        return present


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
        return _column(signal.initial for signal in self.signals)

    def _unknown(self, name: str) -> Problem:
        close = difflib.get_close_matches(name, self._row, 1)
        suggestion = f"did you mean {close[0]}?" if close else f"it has {', '.join(self._row)}"
        return Problem(f"the message has no signal {name}", path=self.name, suggestion=suggestion)


class _Run(NamedTuple):
    """Bits of one signal that lie side by side in one word: ``bits`` of them, lowest at these two shifts."""

    signal: int
    signal_shift: int
    word: int
    word_shift: int
    bits: int


class _Scatter:
    """Move the bits of all runs from signals to words, or from words to signals, in a few array operations."""

    def __init__(
        self, runs: Sequence[_Run], source: Literal["signal", "word"], target: Literal["signal", "word"]
    ) -> None:
        ordered = sorted(runs, key=lambda run: getattr(run, target))
        targets = [getattr(run, target) for run in ordered]
        self.targets = np.unique(np.array(targets, np.intp))
        self._first = np.searchsorted(targets, self.targets)
        self._source = np.array([getattr(run, source) for run in ordered], np.intp)
        self._down = _words(getattr(run, f"{source}_shift") for run in ordered)
        self._mask = _words((1 << run.bits) - 1 for run in ordered)
        self._up = _words(getattr(run, f"{target}_shift") for run in ordered)

    def __call__(self, sources: Words) -> Words:
        """Return the rows of ``targets``, ``uint64[target, n]``, from ``uint64[source, n]``."""
        bits = sources[self._source]
        bits >>= self._down
        bits &= self._mask
        bits <<= self._up
        return np.bitwise_or.reduceat(bits, self._first, axis=0) if len(bits) > len(self.targets) else bits


def _column(values: Iterable[float]) -> FloatArray:
    return np.array([*values], np.float64).reshape(-1, 1)


def _words(values: Iterable[int]) -> Words:
    return np.array([*values], np.uint64).reshape(-1, 1)


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
    return float(max(lowest, ends[0])), float(min(ceiling, ends[1])), ceiling


def _runs_of(row: int, signal: SignalLayout, words: int) -> list[_Run]:
    """Return where the signal's bits are; the big-endian words follow after the little-endian ones."""
    if signal.byte_order == "little_endian":
        first_word, shift = divmod(signal.start, _WORD_BITS)
        below = min(signal.length, _WORD_BITS - shift)
        runs = [_Run(row, 0, first_word, shift, below), _Run(row, below, first_word + 1, 0, signal.length - below)]
    else:
        byte, bit = divmod(signal.start, 8)
        first_word, position = divmod(8 * byte + 7 - bit, _WORD_BITS)  # counted from the first bit on the wire
        above = min(signal.length, _WORD_BITS - position)
        rest = signal.length - above
        first = _Run(row, rest, words + first_word, _WORD_BITS - position - above, above)
        runs = [first, _Run(row, 0, words + first_word + 1, _WORD_BITS - rest, rest)]
    return [run for run in runs if run.bits]


def _multiplexed(signals: Sequence[SignalLayout]) -> list[tuple[int, int, tuple[int, ...]]]:
    """Return (row, row of its multiplexer, values) of multiplexed signals, multiplexers before what they select."""
    rows = {signal.name: row for row, signal in enumerate(signals)}

    def depth(signal: SignalLayout) -> int:
        return 1 + depth(signals[rows[signal.multiplexing.multiplexer]]) if signal.multiplexing else 0

    selected = [(depth(s), rows[s.name], s.multiplexing) for s in signals if s.multiplexing]
    selected.sort(key=lambda entry: entry[:2])
    return [(row, rows[rule.multiplexer], rule.values) for _, row, rule in selected]
