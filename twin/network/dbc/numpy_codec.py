"""The codec in NumPy, the judge of the native one: the same promise, a handful of array operations a message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from twin.network.dbc.codec import WORD_BITS, FloatArray, IntArray, Payload, Run, SignalLayout, Tables

Words = NDArray[np.uint64]

_FLOATS = {16: (np.float16, np.uint16), 32: (np.float32, np.uint32), 64: (np.float64, np.uint64)}


class NumpyCodec:
    """The compiled layout of one message; see ``Codec`` for the promise."""

    def __init__(self, length: int, signals: Sequence[SignalLayout]) -> None:
        self.length = length
        self._scale = _column([signal.scale for signal in signals])
        self._offset = _column([signal.offset for signal in signals])
        tables = Tables.of(length, signals)
        self._lowest, self._highest, self._missing = map(_column, (tables.lowest, tables.highest, tables.missing))
        self._sign = _words(1 << signal.length - 1 if signal.signed else 0 for signal in signals)
        self._own = _words((1 << signal.length) - 1 for signal in signals)
        self._any_signed = bool(self._sign.any())
        self._wide = [row for row, s in enumerate(signals) if s.length == WORD_BITS and not (s.signed or s.floating)]
        self._floating = [(row, *_FLOATS[s.length]) for row, s in enumerate(signals) if s.floating]
        self._selections = tables.selections
        self._words = tables.words
        self._any_motorola = any(signal.byte_order == "big_endian" for signal in signals)
        self._to_signals = _Scatter(tables.runs, "word", "signal")
        self._to_words = _Scatter(tables.runs, "signal", "word")

    def encode(self, physical: FloatArray) -> Payload:
        """Return the payloads of ``physical[signal, n]``, signals in the order of the layout."""
        raw = self._raw(physical)
        if self._selections:
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
        return np.where(self._present(raw), physical, np.nan) if self._selections else physical

    def decode_mailboxes(
        self, payload: Payload, received_ns: IntArray, site: IntArray, box: IntArray
    ) -> tuple[FloatArray, IntArray]:
        """Return ``float64[signal, row, sender]`` and ``time_ns[row, sender, frame]`` of what mailboxes hold."""
        rows, senders, _ = box.shape
        site = site[:, None, None]
        collected = np.where(box[..., None] >= 0, payload[site, box], 0)
        physical = self.decode(collected.reshape(rows * senders, -1)).reshape(-1, rows, senders)
        return physical, np.where(box >= 0, received_ns[site, box], -1)

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
        return raw & self._own

    def _integers(self, raw: Words) -> FloatArray:
        signed = (raw ^ self._sign) - self._sign if self._any_signed else raw
        integers = signed.view(np.int64).astype(np.float64)
        if self._wide:
            integers[self._wide] = raw[self._wide]
        return integers

    def _present(self, raw: Words) -> NDArray[np.bool_]:
        present = np.ones(raw.shape, np.bool_)
        for row, multiplexer, values in self._selections:
            present[row] = present[multiplexer] & np.isin(raw[multiplexer], values)
        return present


class _Scatter:
    """Move the bits of all runs from signals to words, or from words to signals, in a few array operations."""

    def __init__(
        self, runs: Sequence[Run], source: Literal["signal", "word"], target: Literal["signal", "word"]
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
