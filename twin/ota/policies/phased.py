"""Phases by size and time, as Mender has them: fixed when the deployment is created, whatever comes back."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from twin.options import Options
from twin.ota.campaign.groups import Group
from twin.ota.policies.policy import Policy, Seen, Wanted
from twin.quantity import Seconds


class Phase(Options):
    """A batch of devices and when it may ask; the last may leave its size out, and takes the rest."""

    batch_percent: Annotated[float, Field(gt=0, le=100)] | None = None
    """Of all sites of the campaign."""
    start_s: Annotated[Seconds, Field(ge=0)] = 0.0
    """After the campaign's begin."""


class Phased(Policy):
    """Mender's phased rollout; with nobody watching it goes on until an operator aborts it.

    A phase has the whole number of devices in its percentage of all of them, at least one, and the last takes the rest
    (Mender's documentation of deployments: sizes use the number of devices when the deployment is created).
    """

    kind: Literal["phased"] = "phased"
    phases: Annotated[list[Phase], Field(min_length=1)]

    @model_validator(mode="after")
    def _phases_agree(self) -> Phased:
        unstated = [number for number, phase in enumerate(self.phases[:-1]) if phase.batch_percent is None]
        if unstated:
            raise ValueError(f"phase {unstated[0]} has no batch_percent; only the last one may take the rest")
        starts = [phase.start_s for phase in self.phases]
        if any(later <= earlier for earlier, later in pairwise(starts)):
            raise ValueError("phases begin at the same time or out of order; expected each later than the one before")
        self._sum_fits()
        return self

    def _sum_fits(self) -> None:
        percent = sum(Fraction(str(phase.batch_percent or 0)) for phase in self.phases)
        rest = self.phases[-1].batch_percent is None
        if percent > 100 or (percent == 100 and rest):
            raise ValueError(f"the phases take {float(percent):g} %" + " and leave nothing for the last" * rest)
        if percent < 100 and not rest:
            raise ValueError(f"the phases take {float(percent):g} % of the sites; expected 100, or a last one without")

    def groups(self, sites: int) -> list[Group]:
        """Return a group a phase."""
        sizes: list[int] = []
        for phase in self.phases[:-1]:
            size = max(1, (Fraction(str(phase.batch_percent)) * sites / 100).__floor__())
            sizes.append(min(size, sites - sum(sizes)))
        sizes.append(sites - sum(sizes))
        return [Group(f"phase {number + 1}", size) for number, size in enumerate(sizes)]

    @property
    def by_the_clock(self) -> bool:
        """Whether groups begin whatever comes back: they do."""
        return True

    def initial(self) -> None:
        """Return no state: the clock says it all."""

    def step(self, state: None, seen: Seen) -> tuple[None, Wanted]:
        """Let every phase out whose time has come."""
        starts_ns = [round(phase.start_s * 1e9) for phase in self.phases]
        begun = sum(start_ns <= seen.time_ns for start_ns in starts_ns)
        wake_ns = starts_ns[begun] if begun < len(starts_ns) else None
        return state, Wanted(max(seen.released, seen.edges[begun]), wake_ns)

    def problems(self, sites: int) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield phases that get nobody."""
        for number, group in enumerate(self.groups(sites)):
            if group.size == 0:
                yield ("phases", number), f"no site is left for this phase; the campaign has {sites}"
