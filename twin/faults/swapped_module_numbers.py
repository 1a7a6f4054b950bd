"""Two modules have each other's number: what is said of one is true of the other."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from twin.bms.effects import Renumbered
from twin.faults.fault import Effect, ModuleFault


class SwappedModuleNumbers(ModuleFault):
    """From the start, ``module`` and ``other`` are read and commanded under each other's number."""

    expected: ClassVar = ("numbering_implausible",)
    source: ClassVar = "users of open BMS: an event does not name its battery, or names another one"
    ranges: ClassVar = {}
    least_modules: ClassVar = 2

    kind: Literal["swapped_module_numbers"] = "swapped_module_numbers"
    other: Annotated[int, Field(ge=0)] | None = None
    """The module before it unless given, or 1 where it is the first."""

    @model_validator(mode="after")
    def _two_modules(self) -> Self:
        if self.other == self.module:
            raise ValueError(f"found {self.other} as the other module too; expected another one")
        return self

    def effects(self) -> tuple[Effect, ...]:
        """Return the swap."""
        beside = self.module - 1 if self.module else 1
        other = beside if self.other is None else self.other
        return (Renumbered(self.start_ns, self.end_ns, self.site, self.module, other),)
