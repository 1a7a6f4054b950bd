"""What designs have in common that take a number of rows from all over the space."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from twin.streams import stream
from twin.sweep.study.design import FixedDesign, Space, Units


class Sample(FixedDesign):
    """So many rows, drawn in a way that the kind says."""

    kind: str
    points: Annotated[int, Field(ge=1)]
    """How many rows."""

    def count(self, space: Space) -> int:
        """Return how many rows were asked for."""
        del space
        return self.points

    def rows(self, space: Space) -> Sequence[Units]:
        """Return the rows; their random stream is the kind's own."""
        drawn = self.draw(len(space.factors), stream(space.seed, "study", self.kind))
        return [tuple(row) for row in drawn.tolist()]

    @abstractmethod
    def draw(self, factors: int, draws: np.random.Generator) -> NDArray[np.float64]:
        """Return places ``[row, factor]``, 0 <= place < 1."""
