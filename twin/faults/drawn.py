"""Faults drawn by chance: some for every site, of given kinds, anywhere in it, with numbers of stated ranges.

A site's draws come from a stream of its own, so that it has the same faults alone and in the fleet. Which kind a site
gets, and in which part of the time, is dealt out over the whole fleet: each kind about as often as any other, and the
faults of a kind evenly over the window (one in each of as many equal parts as there are of them).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from twin import faults
from twin.faults.fault import Fault
from twin.options import Options
from twin.plugins import discover
from twin.quantity import Seconds
from twin.streams import stream

YEAR_S = 365.25 * 86400.0


class Drawn(Options):
    """Faults that every site gets by chance, beside those that are stated."""

    kinds: list[str] | Literal["all"] = "all"
    """Which faults: names of kinds, or all that can be drawn."""
    count_per_site: Annotated[int, Field(ge=1, le=1000)] | None = None
    """So many for every site, dealt out evenly; say this or ``rate_per_site_year``."""
    rate_per_site_year: Annotated[float, Field(gt=0)] | None = None
    """So many for a site a year in the mean, at random instants (a Poisson process)."""
    from_s: Annotated[Seconds, Field(ge=0)] = 0.0
    """Beginning of the window in which they begin."""
    until_s: Annotated[Seconds, Field(gt=0)] | None = None
    """Its end; that of the run unless given."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    """Of these draws; the scenario's unless given."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if (self.count_per_site is None) == (self.rate_per_site_year is None):
            raise ValueError("expected either count_per_site or rate_per_site_year")
        if self.until_s is not None and self.until_s <= self.from_s:
            raise ValueError(f"found until_s {self.until_s:g}; expected more than from_s, {self.from_s:g}")
        if wrong := list(self._wrong_kinds()):
            raise ValueError("; ".join(wrong))
        return self

    def _wrong_kinds(self) -> Iterator[str]:
        known = drawable()
        for kind in self.kinds if isinstance(self.kinds, list) else ():
            if kind not in known:
                close = difflib.get_close_matches(kind, known, 1)
                yield f"{kind!r} is no kind of fault that can be drawn" + (
                    f": did you mean {close[0]}?" if close else ""
                )
        if self.kinds == []:
            yield "expected at least one kind"

    def classes(self, modules: int) -> list[type[Fault]]:
        """Return the kinds that make sense at a site of so many modules."""
        known = drawable()
        chosen = known.values() if self.kinds == "all" else [known[kind] for kind in self.kinds]
        return [kind for kind in chosen if kind.least_modules <= modules]


def drawable() -> dict[str, type[Fault]]:
    """Return the kinds of faults that state from where their numbers are drawn."""
    return {name: kind for name, kind in discover(faults, Fault).items() if kind.ranges is not None}  # type: ignore[type-abstract]


@dataclass(frozen=True)
class Drawing:
    """The faults of a fleet of ``sites``, each of so many ``modules`` and ``cells`` in them."""

    options: Drawn
    seed: int
    sites: int
    modules: int
    cells: int
    duration_s: float

    def of_site(self, site: int) -> tuple[Fault, ...]:
        """Return a site's faults, in the order of time."""
        kinds = self.options.classes(self.modules)
        draws = stream(self._seed, "site", site, "faults")
        found = [self._fault(kinds[kind], site, start_s, draws) for kind, start_s in self._begins(site, kinds, draws)]
        return tuple(sorted(found, key=lambda fault: fault.start_ns))

    @property
    def _seed(self) -> int:
        return self.seed if self.options.seed is None else self.options.seed

    @property
    def _window_s(self) -> tuple[float, float]:
        return self.options.from_s, self.options.until_s or self.duration_s

    def _begins(
        self, site: int, kinds: Sequence[type[Fault]], draws: np.random.Generator
    ) -> Iterator[tuple[int, float]]:
        """Yield the number of the kind and the instant of each fault of a site."""
        from_s, until_s = self._window_s
        if self.options.count_per_site is None:
            mean = (self.options.rate_per_site_year or 0.0) * (until_s - from_s) / YEAR_S
            for _ in range(draws.poisson(mean)):
                yield int(draws.integers(len(kinds))), from_s + (until_s - from_s) * draws.random()
            return
        for number in range(self.options.count_per_site):
            kind, part, parts = (int(one) for one in self._dealt[:, site * self.options.count_per_site + number])
            yield kind, from_s + (until_s - from_s) * (part + draws.random()) / parts

    @cached_property
    def _dealt(self) -> NDArray[np.int64]:
        """What is dealt to each fault of the fleet: its kind, the part of the window, and how many parts there are."""
        kinds = len(self.options.classes(self.modules))
        count = self.sites * (self.options.count_per_site or 0)
        draws = stream(self._seed, "faults of the fleet")
        kind = draws.permutation(np.arange(count) % kinds)
        dealt = np.array([kind, np.zeros(count, np.int64), np.ones(count, np.int64)])
        for one in range(kinds):
            which = np.flatnonzero(kind == one)
            dealt[1, which], dealt[2, which] = draws.permutation(which.size), which.size
        return dealt

    def _fault(self, kind: type[Fault], site: int, start_s: float, draws: np.random.Generator) -> Fault:
        """Return a fault at a random place, with random numbers of its ranges."""
        fields: dict[str, float] = {"site": site, "start_s": round(start_s, 6)}
        fields["module"], fields["cell"] = int(draws.integers(self.modules)), int(draws.integers(self.cells))
        fields |= {name: reach.draw(draws) for name, reach in (kind.ranges or {}).items()}
        return kind.model_validate({name: value for name, value in fields.items() if name in kind.model_fields})
