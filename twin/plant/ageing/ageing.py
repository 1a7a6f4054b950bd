"""What a model of ageing is: it looks at the cells now and then, and says what is left of their capacity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.options import Options

FloatArray = NDArray[np.float64]
NS_PER_S = 1_000_000_000


class Ageing(Options, ABC):
    """Base of the models of ageing; a model is one file in this folder, found because it is there."""

    kind: str
    """Name of the model; each class states its own."""

    @abstractmethod
    def life(self, soc: FloatArray, *, soh: ArrayLike = 1.0, start_ns: int = 0) -> Life | None:
        """Return what ages cells of state of charge ``soc[..., cell]`` from ``start_ns`` on; None if nothing does.

        ``soh``: what cells have left of their capacity when the run begins; their resistances, too, are those of then.
        """


class Life(ABC):
    """The ageing of all cells: looked at every ``sample_s``, and told every ``period_s``, of simulated time.

    ``capacity_factor`` and ``resistance_growth``, of the shape of ``soc``, are over the values at the start.
    """

    def __init__(self, shape: tuple[int, ...], sample_s: float, period_s: float, start_ns: int) -> None:
        self.capacity_factor, self.resistance_growth = np.ones(shape), np.ones(shape)
        self._sample_ns, self._period_ns = round(sample_s * NS_PER_S), round(period_s * NS_PER_S)
        self._looked_ns, self._told_ns = np.array(start_ns), np.array(start_ns)

    def advance(self, time_ns: int, soc: FloatArray, temperature_K: FloatArray) -> bool:
        """Let cells age up to ``time_ns``; return whether ``capacity_factor`` and ``resistance_growth`` are new."""
        if time_ns - self._looked_ns >= self._sample_ns:
            self.look(float(time_ns - self._looked_ns) / NS_PER_S, soc, temperature_K)
            self._looked_ns[...] = time_ns
        if time_ns - self._told_ns < self._period_ns:
            return False
        self._told_ns[...] = time_ns
        self.capacity_factor[...], self.resistance_growth[...] = self.factors()
        return True

    def replace(self, where: Any, soc: ArrayLike, soh: ArrayLike = 1.0) -> None:
        """Put other cells in the place of those at the index ``where``."""
        self.renew(where, np.asarray(soc, dtype=np.float64), np.asarray(soh, dtype=np.float64))
        self.capacity_factor[where] = self.resistance_growth[where] = 1.0

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """Return all that changes as a run goes on, for snapshots."""
        return self.capacity_factor, self.resistance_growth, self._looked_ns, self._told_ns, *self.state()

    @abstractmethod
    def look(self, elapsed_s: float, soc: FloatArray, temperature_K: FloatArray) -> None:
        """Take note of what the cells are like after another ``elapsed_s``."""

    @abstractmethod
    def factors(self) -> tuple[FloatArray, FloatArray]:
        """Return capacities and resistances as they are now, over those at the start."""

    @abstractmethod
    def renew(self, where: Any, soc: FloatArray, soh: FloatArray) -> None:
        """Begin anew at the index ``where``."""

    @abstractmethod
    def state(self) -> tuple[NDArray[np.generic], ...]:
        """Return the arrays of the model, changed in place."""
