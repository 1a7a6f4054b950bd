"""What a scenario says of gates: which behaviours they look at, how sure they must be, and for how long they look."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from twin.options import Options
from twin.ota.behaviour.watch import behaviours
from twin.ota.gates.rank_sum import least_p
from twin.quantity import Seconds


class GateOptions(Options):
    """One behaviour that a gate looks at, and the least difference of the groups' means at which it may stop."""

    behaviour: str
    """Name of a file in twin/ota/behaviour."""
    difference: Annotated[float, Field(ge=0)] | None = None
    """In the behaviour's unit; where neither it nor ``ratio`` is given, what the behaviour states as its floor."""
    ratio: Annotated[float, Field(gt=1)] | None = None
    """So many times the baseline, or where less is worse, so many times less."""

    @field_validator("behaviour")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in behaviours():
            close = difflib.get_close_matches(name, behaviours(), 1)
            hint = f"did you mean {close[0]}?" if close else f"expected one of {', '.join(behaviours())}"
            raise ValueError(f"{name!r} is no behaviour: {hint}")
        return name

    def matters(self, canary: float, baseline: float) -> bool:
        """Return whether canaries are worse than the baseline, in the mean, by so much that it matters."""
        kind = behaviours()[self.behaviour]
        gap = canary - baseline if kind.worse == "higher" else baseline - canary
        least = kind.floor if self.difference is None and self.ratio is None else self.difference or 0.0
        high, low = (canary, baseline) if kind.worse == "higher" else (baseline, canary)
        return gap > 0.0 and gap >= least and (self.ratio is None or high >= self.ratio * low)


class GatesOptions(Options):
    """The gates between one group and the next.

    Together they stop a release that changes nothing with a probability below ``alpha``, whatever the number of
    behaviours and looks: each gets an equal share of it (Bonferroni; spending in equal parts, Lan and DeMets 1983,
    doi:10.1093/biomet/70.3.659).
    """

    behaviours: Literal["all"] | list[GateOptions] = "all"
    """What is looked at beside the outcome of installing."""
    alpha: Annotated[float, Field(gt=0, le=0.2)] = 0.01
    """Accepted probability of stopping a release that is as good as the one before."""
    soak_s: Annotated[Seconds, Field(gt=0)] = 8 * 3600.0
    """For how long canaries must have run the release before it may pass: what fails later is not seen."""
    looks: Annotated[int, Field(ge=1, le=100)] = 4
    """How often the gates look meanwhile, at equal intervals; each may stop, the last may pass."""
    least_sites: Annotated[int, Field(ge=1)] = 5
    """Canaries that must run the release; the soak begins when they do."""
    tolerated_failures: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Share of the installs that may fail by chance."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [gate.behaviour for gate in self.chosen]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"found {', '.join(twice)} more than once; expected one gate a behaviour")
        if not names:
            raise ValueError("found no behaviour; expected all, or a list of them")
        return self

    @property
    def chosen(self) -> Sequence[GateOptions]:
        """The gates, one a behaviour."""
        if self.behaviours == "all":
            return [GateOptions(behaviour=name) for name in behaviours()]
        return self.behaviours

    @property
    def alpha_of_outcome(self) -> float:
        """What the outcome of installing may spend; it has an equal share with each behaviour."""
        return self.alpha / (len(self.chosen) + 1)

    @property
    def alpha_of_look(self) -> float:
        """What a behaviour may spend at one look."""
        return self.alpha_of_outcome / self.looks

    def mistakes(self, canaries: int, baseline: int) -> Iterator[str]:
        """Yield why these gates could never pass, or never stop, with groups of such sizes."""
        if canaries < self.least_sites:
            yield f"found {canaries} canaries; the gates never pass with fewer than least_sites = {self.least_sites}"
        if not canaries or not baseline:
            yield f"found {canaries} canaries and {baseline} baseline sites; expected some of both"
        elif (least := least_p(canaries, baseline)) > self.alpha_of_look:
            yield (
                f"{canaries} canaries and {baseline} baseline sites cannot be told apart with p below {least:.2g}, but"
                f" alpha {self.alpha:g} over {len(self.chosen)} behaviours and {self.looks} looks asks for"
                f" {self.alpha_of_look:.2g}: expected more sites, fewer looks or fewer behaviours"
            )
