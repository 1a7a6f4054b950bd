"""What every site of a cohort is made of, as far as its controllers must know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.bms.module_data import ModuleData

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Site:
    """Packs of modules, and how the modules of a pack are joined."""

    packs: int
    modules: int
    """Of a pack."""
    series: bool
    """Whether a pack's modules are one string."""
    bypass: bool
    """Whether a string goes on past a module that is open."""
    module: ModuleData
    bleed_ohm: float

    @property
    def breaks(self) -> bool:
        """Whether a pack delivers nothing once one of its modules is open."""
        return self.series and not self.bypass

    @property
    def cells_in_series(self) -> int:
        """Of a pack."""
        return self.module.cells * (self.modules if self.series else 1)

    def paths(self, closed: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return how many modules share a pack's current, ``[row]`` of ``closed[row, module]``; a string is one."""
        count: NDArray[np.int64] = closed.sum(axis=1)
        if not self.series:
            return count
        return (count == closed.shape[1] if self.breaks else count > 0).astype(np.int64)

    def together(self, current_A: FloatArray, closed: NDArray[np.bool_]) -> FloatArray:
        """Return the current of packs, ``[row]``: the sum over modules in parallel, the mean over a string's."""
        total: FloatArray = current_A.sum(axis=1)
        return total / np.maximum(closed.sum(axis=1), 1) if self.series else total
