"""What a run holds: signals with dimensions and units, and tables of columns (events, frames, bus statistics)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from twin.bms.codes import Level

Array: TypeAlias = npt.NDArray[Any]
Detail: TypeAlias = Literal["site", "module", "cell"]

DIMS: Final = ("site", "slot", "cell")
"""Dimensions of a signal before time, outermost first; a signal has the first one, two or three of them."""

COORDINATE_DIM: Final = {"site": "site", "slot": "slot", "cell": "cell", "pack": "slot", "module": "slot"}
"""The dimension along which each known coordinate runs."""

LEVELS: Final = {level.name.lower(): level.value for level in Level}
"""Severity of an event, and of a module's protection."""

UNKNOWN: Final = -1
"""What a flag is where nobody knows it, as in a quarantined site: int8 has no NaN."""

CHUNK_ROWS: Final = 600
"""Rows of a chunk along time, in segments and in run.h5 alike, so that whole chunks can move from one to the other."""

CHUNK_UNITS: Final = 16
"""Series of a chunk across the other dimensions."""

_DEPTH: Final = {"site": 1, "module": 2, "cell": 3}


@dataclass(frozen=True)
class Signal:
    """One quantity that is logged at every row.

    ``dims``: the leading one, two or three of site, slot, cell; time comes last and is not named here.
    ``resolution``: values are stored as float32 multiples of the largest power of two that is no larger, 0 stores
    float64 as it is. ``flags``: the meaning of each value; the signal is then stored as int8, and NaN as -1.
    ``sign``: what a positive value means.
    """

    name: str
    dims: tuple[str, ...]
    unit: str
    long_name: str
    resolution: float = 0.0
    flags: Mapping[str, int] | None = None
    sign: str | None = None

    def __post_init__(self) -> None:
        if not self.dims or self.dims != DIMS[: len(self.dims)]:
            raise ValueError(f"{self.name}: dims {self.dims} are not the first of {DIMS}")
        if self.resolution < 0 or not math.isfinite(self.resolution):
            raise ValueError(f"{self.name}: resolution {self.resolution} is not a finite number >= 0")

    @property
    def step(self) -> float:
        """Quantisation step: the largest power of two <= ``resolution``; 0 where values are stored as they are."""
        return 2.0 ** math.floor(math.log2(self.resolution)) if self.resolution and not self.flags else 0.0

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the stored values."""
        if self.flags:
            return np.dtype(np.int8)
        return np.dtype(np.float32 if self.resolution else np.float64)

    def attributes(self) -> dict[str, Any]:
        """Return the CF attributes of the signal's dataset."""
        attributes: dict[str, Any] = {"units": self.unit, "long_name": self.long_name}
        if self.flags:
            attributes["flag_values"] = np.array(list(self.flags.values()), np.int8)
            attributes["flag_meanings"] = " ".join(self.flags)
        if self.step:
            attributes["quantisation_step"] = self.step
        if self.sign:
            attributes["sign_convention"] = self.sign
        return attributes

    def stored(self, rows: Array) -> Array:
        """Turn buffered rows ``[time, ...]`` into what the file holds, ``[..., time]``, quantised; NaN stays NaN."""
        values = np.ascontiguousarray(np.moveaxis(rows, 0, -1), dtype=self.dtype)
        if self.step:
            np.multiply(values, np.float32(1.0 / self.step), out=values)
            np.rint(values, out=values)
            np.multiply(values, np.float32(self.step), out=values)
        return values


@dataclass(frozen=True)
class Column:
    """One column of a table: its values, the dimension of each axis, and what it means.

    A column whose only dimension has its own name is that dimension's coordinate.
    """

    values: Array
    dims: tuple[str, ...]
    unit: str = "1"
    long_name: str = ""
    flags: Mapping[str, int] | None = None

    def attributes(self) -> dict[str, Any]:
        """Return the CF attributes of the column's dataset; text has no unit."""
        text = self.values.dtype.kind in "SUO"
        attributes: dict[str, Any] = {"_Encoding": "utf-8"} if text else {"units": self.unit}
        if self.long_name:
            attributes["long_name"] = self.long_name
        if self.flags:
            attributes["flag_values"] = np.array(list(self.flags.values()), np.int8)
            attributes["flag_meanings"] = " ".join(self.flags)
        return attributes


def of_detail(signals: tuple[Signal, ...], detail: Detail) -> tuple[Signal, ...]:
    """Return the signals that are no finer than ``detail``."""
    return tuple(signal for signal in signals if len(signal.dims) <= _DEPTH[detail])


def chunk_shape(sizes: tuple[int, ...], chunk_rows: int = CHUNK_ROWS) -> tuple[int, ...]:
    """Return the chunk of a signal of ``sizes`` without time: about 16 series, the innermost dimension first."""
    budget = CHUNK_UNITS
    chunk: list[int] = []
    for size in reversed(sizes):
        chunk.insert(0, max(1, min(size, budget)))
        budget //= chunk[0]
    return (*chunk, chunk_rows)
