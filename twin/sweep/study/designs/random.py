"""Independent random rows."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from twin.sweep.study.sample import Sample


class Random(Sample):
    """Rows drawn independently; a larger design begins with the rows of a smaller one."""

    kind: Literal["random"] = "random"

    def draw(self, factors: int, draws: np.random.Generator) -> NDArray[np.float64]:
        """Return uniform numbers."""
        return draws.random((self.points, factors))
