"""A cell holds less charge and has more resistance than its neighbours."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.faults.fault import CellFault, Deviation, Effect, Range


class WeakCell(CellFault):
    """The cell's capacity and resistance are scaled from the start."""

    expected: ClassVar = ("weak_cell", "cell_undervoltage")
    source: ClassVar = "spread within a module: Wildfeuer and Lienkamp 2021, doi:10.1016/j.etran.2021.100129"
    ranges: ClassVar = {"capacity_factor": Range(0.5, 0.9), "resistance_factor": Range(1.2, 3.0)}

    kind: Literal["weak_cell"] = "weak_cell"
    capacity_factor: Annotated[float, Field(gt=0, le=1)] = 0.9
    resistance_factor: Annotated[float, Field(ge=1)] = 1.5

    def effects(self) -> tuple[Effect, ...]:
        """Return the two factors."""
        return (
            Deviation(self.site, self.module, self.cell, "capacity_Ah", self.capacity_factor),
            Deviation(self.site, self.module, self.cell, "resistance_factor", self.resistance_factor),
        )
