"""Balancing acts on another cell than is meant: swapped leads, or balancing numbers of another module variant."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from twin.bms.effects import SwappedLeads
from twin.faults.fault import CellFault, Effect


class SwappedBalancingLeads(CellFault):
    """From the start, commands to balance ``cell`` act on ``other``, and the other way round."""

    expected: ClassVar = ("balancing_wrong_cell", "balancing_ineffective")
    source: ClassVar = "users of open BMS: wrong balancing ids per module variant"
    ranges: ClassVar = {}

    kind: Literal["swapped_balancing_leads"] = "swapped_balancing_leads"
    other: Annotated[int, Field(ge=0)] | None = None
    """The cell next to it unless given."""

    @model_validator(mode="after")
    def _two_cells(self) -> Self:
        if self.other == self.cell:
            raise ValueError(f"found {self.other} as the other cell too; expected another one")
        return self

    def effects(self) -> tuple[Effect, ...]:
        """Return the swap."""
        beside = self.cell - 1 if self.cell else 1
        other = beside if self.other is None else self.other
        return (SwappedLeads(self.start_ns, self.end_ns, self.site, self.module, self.cell, other),)
