"""Fewer points without losing what an engineer looks for: the extremes stay, where and as high as they are."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]


def extremes(values: npt.NDArray[Any], most: int) -> npt.NDArray[np.int64]:
    """Return the indices of at most ``most`` points of ``values[time]``: minimum and maximum of each bucket.

    The first and last points stay too. Points that are not a number count as neither, but a bucket of nothing else
    keeps one, so that gaps stay gaps.
    """
    rows = len(values)
    if rows <= most or most < 4:
        return np.arange(rows)
    buckets = (most - 2) // 2
    edges = np.linspace(0, rows, buckets + 1).astype(np.int64)
    width = int(np.diff(edges).max())
    inside = np.minimum(edges[:-1, None] + np.arange(width), edges[1:, None] - 1)
    block = np.asarray(values, dtype=np.float64)[inside]
    void = np.isnan(block)
    lowest = edges[:-1] + np.argmin(np.where(void, np.inf, block), axis=1)
    highest = edges[:-1] + np.argmax(np.where(void, -np.inf, block), axis=1)
    return np.unique(np.concatenate(([0, rows - 1], lowest, highest))).astype(np.int64)


def changes(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return the indices at which ``values[time]`` changes, and the first and last: all that a step line needs."""
    moved = np.flatnonzero(values[1:] != values[:-1]) + 1
    return np.unique(np.concatenate(([0], moved, [len(values) - 1]))).astype(np.int64)


class Buckets:
    """Equal stretches of time into which long series are reduced."""

    def __init__(self, rows: int, most: int) -> None:
        self.count = min(rows, most)
        self.starts = np.linspace(0, rows, self.count, endpoint=False).astype(np.int64)
        self._sizes = np.diff(np.append(self.starts, rows))

    def highest(self, values: npt.NDArray[Any]) -> Floats:
        """Return the maximum in each bucket, ``[..., bucket]``; NaN only where nothing else is."""
        return np.fmax.reduceat(values, self.starts, axis=-1).astype(np.float64)

    def lowest(self, values: npt.NDArray[Any]) -> Floats:
        """Return the minimum in each bucket, ``[..., bucket]``; NaN only where nothing else is."""
        return np.fmin.reduceat(values, self.starts, axis=-1).astype(np.float64)

    def mean(self, values: npt.NDArray[Any]) -> Floats:
        """Return the mean in each bucket, ``[..., bucket]``; NaN where any value is."""
        total = np.add.reduceat(np.asarray(values, np.float64), self.starts, axis=-1)
        return np.asarray(total / self._sizes, dtype=np.float64)
