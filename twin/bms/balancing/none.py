"""No balancing: cells stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from twin.bms.balancing.strategy import Seen, Strategy, Wanted


@dataclass(frozen=True)
class Nothing:
    """Nothing to remember."""


class NoBalancing(Strategy):
    """Neither bleeds nor moves charge."""

    kind: Literal["none"] = "none"

    def initial(self, rows: int, cells: int) -> Nothing:  # noqa: ARG002
        """Return nothing to remember."""
        return Nothing()

    def step(self, state: Nothing, seen: Seen) -> tuple[Nothing, Wanted]:
        """Want nothing."""
        return state, Wanted.nothing(seen.voltage_V.shape)
