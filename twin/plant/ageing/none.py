"""Cells that do not age: for runs of days, in which nothing would be seen of it."""

from __future__ import annotations

from typing import Literal

from numpy.typing import ArrayLike

from twin.plant.ageing.ageing import Ageing, FloatArray, Life


class NoAgeing(Ageing):
    """Capacities and resistances stay as they are."""

    kind: Literal["none"] = "none"

    def life(self, soc: FloatArray, *, soh: ArrayLike = 1.0, start_ns: int = 0) -> Life | None:  # noqa: ARG002
        """Return nothing."""
        return None
