"""A study as its file says it: base, factors, design, responses, constraints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from twin.options import Options
from twin.plugins import one_of
from twin.quantity import Seconds
from twin.sweep.study import designs as design_kinds
from twin.sweep.study import factors as factor_kinds
from twin.sweep.study.design import Design
from twin.sweep.study.factor import Factor

if TYPE_CHECKING:
    AnyFactor = Factor
    AnyDesign = Design
else:
    AnyFactor = one_of(factor_kinds, Factor)
    AnyDesign = one_of(design_kinds, Design)

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=60)]
Statistic = Literal["mean", "p5", "p95", "least", "most", "count"]


class Response(Options):
    """One number that is asked of every point."""

    metric: str = ""
    """A metric of runs, or a key of what the Python function returns; the response's own name unless stated."""
    statistic: Statistic = "mean"
    """Over the sites or faults of the run."""
    objective: Literal["none", "minimize", "maximize"] = "none"
    """What is better: for the Pareto front, and for a search."""


class Study(Options):
    """A study of bms-twin."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: str = ""
    base: Annotated[str, Field(min_length=1)]
    """A scenario's file, relative to the study's, or the name of one that ships; or a Python file with ``respond``."""
    set: tuple[str, ...] = ()
    """Changes of the base before the factors', as for ``twin run --set``."""
    factors: Annotated[Mapping[Name, AnyFactor], Field(min_length=1)]
    design: AnyDesign
    replications: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Of every row, each with a seed of its own: the base's, the next, and so on; all rows have the same seeds."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Of the design."""
    responses: Annotated[Mapping[Name, Response], Field(min_length=1)]
    constraints: tuple[str, ...] = ()
    """``balancing_A * modules <= 20``: comparisons of factors and responses.

    Rows that break one of factors alone are not run; one with responses says which rows are feasible."""
    most_points: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000
    """A larger design is refused: a slip in a grid should not order a million runs."""
    retries: Annotated[int, Field(ge=0, le=100)] = 2
    """How often a point that failed is tried again before it is recorded as failed."""
    timeout_s: Annotated[Seconds, Field(gt=0)] | None = None
    """Longest time of a point on the wall; then it counts as failed."""
    memory_GB: Annotated[float, Field(gt=0)] | None = None
    """Most memory of a point; then it counts as failed. A worker's share of its machine unless stated."""
    keep: Literal["results", "runs"] = "results"
    """What stays of a point: its numbers, or also the run's log."""
