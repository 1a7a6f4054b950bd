"""Independent random rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from twin.streams import stream
from twin.sweep.study.design import Design, Space, Told, Units


class Random(Design):
    """Rows drawn independently; a larger design begins with the rows of a smaller one."""

    kind: Literal["random"] = "random"
    points: Annotated[int, Field(ge=1)]
    """How many rows."""

    def count(self, space: Space) -> int:
        """Return how many rows were asked for."""
        del space
        return self.points

    def next(self, space: Space, told: Sequence[Told]) -> Sequence[Units]:
        """Return all rows at once."""
        if told:
            return ()
        draws = stream(space.seed, "study", "random").random((self.points, len(space.factors)))
        return [tuple(row) for row in draws.tolist()]
