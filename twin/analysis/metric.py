"""What a metric is: one file in ``twin.analysis.metrics``, found because it is there.

A metric looks at one run and says one number for each site, or for each fault of the truth, or what it lacks. A number
that cannot be had is never made up: ``Lack`` tells why.
"""

from __future__ import annotations

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from twin.analysis.evidence import Evidence
from twin.analysis.thinning import Floats

Group: TypeAlias = Literal["balancing", "isolation", "diagnostics", "operation", "update"]
Better: TypeAlias = Literal["higher", "lower"]


class Key(NamedTuple):
    """Of what a value tells: a site, or the how-manieth fault of a kind at it; the same in every architecture."""

    site: int
    kind: str = ""
    number: int = 0


@dataclass(frozen=True)
class Lack:
    """Why a metric cannot be computed."""

    reason: str
    asked: bool = True
    """Whether one would ask for it in such a run at all: of a run without a rollout nobody wants to know its length."""


@dataclass(frozen=True, eq=False)
class Sample:
    """What a metric found: ``values[key]`` in its unit, NaN where there is nothing to say of that key."""

    keys: tuple[Key, ...]
    values: Floats
    parts: Mapping[str, Floats] = field(default_factory=dict)
    """What the values consist of, or what stands beside them, ``[key]`` each."""
    at_least: npt.NDArray[np.bool_] | None = None
    """Where a value is a lower bound, because the run ended before."""

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which keys have a value."""
        return np.isfinite(self.values)


@dataclass(frozen=True)
class Part:
    """One of the numbers beside a metric's value."""

    title: str
    unit: str


class Metric(ABC):
    """One number of a run by site or fault; its docstring says the formula and where it comes from."""

    title: ClassVar[str]
    unit: ClassVar[str]
    """``1`` for a share, which is shown in per cent where ``percent`` says so."""
    group: ClassVar[Group]
    order: ClassVar[int]
    """Place in the tables, lowest first."""
    better: ClassVar[Better]
    floor: ClassVar[float]
    """A difference as small as this, in the metric's unit, hardly matters: scores take it as one unit of badness."""
    percent: ClassVar[bool] = False
    per: ClassVar[Literal["site", "fault"]] = "site"
    needs: ClassVar[tuple[str, ...]] = ()
    """Signals, ``table/column``, or what ``Evidence.has`` knows beside them."""
    parts: ClassVar[Mapping[str, Part]] = {}
    ranked: ClassVar[bool] = True
    """Whether it says which run is better; otherwise it is context, and has no weight unless it is given one."""

    @abstractmethod
    def measure(self, run: Evidence) -> Sample | Lack:
        """Return the metric's values, or why there are none; ``run`` has all that the metric needs."""

    def judge(self, run: Evidence) -> Sample | Lack:
        """Return the metric's values, or what the run lacks."""
        missing = [need for need in self.needs if not run.has(need)]
        if missing:
            return Lack(f"lacks {', '.join(map(run.what_is, missing))}", asked="rollout" not in missing)
        found = self.measure(run)
        if isinstance(found, Sample) and not found.known.any():
            return Lack(self.nothing)
        return found

    nothing: ClassVar[str] = "no site or fault to which it applies"
    """What is said of a run in which no key has a value."""

    @classmethod
    def said(cls, topic: Literal["Formula", "Source"]) -> str:
        """Return what the docstring says under a topic, in one line."""
        text = inspect.cleandoc(cls.__doc__ or "")
        found = re.search(rf"^{topic}: (.*?)(?:\n\s*\n|\n[A-Z]\w+: |\Z)", text, re.S | re.M)
        return " ".join(found[1].split()) if found else ""

    def score(self, values: Floats) -> Floats:
        """Return how good ``values[..., run]`` are beside the best of them, which has 1; twice as bad has about a half.

        ``(best + floor) / (value + floor)`` where lower is better, and the inverse where higher is. Shares of which
        more is better are judged by what is missing of the whole.
        """
        if self.better == "higher" and self.unit != "1":
            good = np.maximum(values, 0.0) + self.floor
            return np.asarray(good / good.max(axis=-1, keepdims=True))
        bad = np.maximum(1.0 - values if self.better == "higher" else values, 0.0) + self.floor
        return np.asarray(bad.min(axis=-1, keepdims=True) / bad)
