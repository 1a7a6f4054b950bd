"""Readings that stay while those of their neighbours move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.bms.diagnosis.evidence import Evidence
from twin.bms.diagnosis.readings import highest

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Reference:
    """Readings from which movement is counted, ``[row, cell]``."""

    reading: NDArray[np.float32]

    @classmethod
    def initial(cls, rows: int, cells: int) -> Reference:
        """Return references of modules that were not seen yet."""
        return cls(np.zeros((rows, cells), np.float32))

    def step(
        self, readings: FloatArray, evidence: Evidence, enough: float, same: float
    ) -> tuple[Reference, FloatArray, IntArray]:
        """Return the reference after a look, by how much the others moved where a cell did not, and that cell.

        Something is said once most have moved by ``enough``: 0 if every cell has moved by more than ``same``.
        """
        if not evidence.compared.any():
            return self, evidence.nothing, evidence.whole
        first = evidence.before.seen_ns < 0
        moved = np.abs(readings - self.reading)
        most = (moved >= enough).sum(axis=1) > moved.shape[1] // 2
        said = evidence.compared & ~first & most
        renewed = (said | first)[:, None]
        still, cell = highest(-moved)
        value = np.where(said, np.where(-still <= same, moved.mean(axis=1), 0.0), np.nan)
        return Reference(np.where(renewed, readings, self.reading).astype(np.float32)), value, cell
