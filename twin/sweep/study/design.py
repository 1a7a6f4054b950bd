"""What a design of a study is: one file in ``twin.sweep.study.designs``, found because it is there.

A design is asked what to look at next, and told what was found so far. One that is fixed beforehand answers once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from twin.errors import Problem
from twin.options import Options
from twin.sweep.study.factor import Factor

Units: TypeAlias = tuple[float, ...]
"""A place in the unit cube: a coordinate, 0 <= unit < 1, for each factor, in the order of the study."""


def anywhere(units: Units) -> bool:
    """Return True: no place is forbidden."""
    del units
    return True


@dataclass(frozen=True)
class Space:
    """What a design chooses from."""

    factors: Mapping[str, Factor]
    seed: int
    """Of the study: the same seed, the same design."""
    objectives: Mapping[str, str]
    """Responses to minimise or maximise, by name: ``minimize`` or ``maximize``, in the order of the study."""
    allowed: Callable[[Units], bool] = anywhere
    """Whether a place keeps the constraints on factors. Rows elsewhere are not run; a search asks before it chooses."""


@dataclass(frozen=True)
class Told:
    """What was found at one row: means over its replications."""

    units: Units
    responses: Mapping[str, float] | None
    """None where every replication failed."""
    violations: tuple[float, ...] = ()
    """By how much each constraint on responses is broken; 0 or less where it is kept."""


class Design(Options, ABC):
    """A rule that chooses rows."""

    adaptive: ClassVar[bool] = False
    """Whether rows depend on what others gave: then there is a next answer, and the number of rows is a most."""
    complete: ClassVar[bool] = False
    """Whether what is computed of the rows needs every one of them: then constraints may leave none out."""

    @abstractmethod
    def count(self, space: Space) -> int:
        """Return how many rows there are before constraints, at most; asked before any is made."""

    @abstractmethod
    def next(self, space: Space, told: Sequence[Told]) -> Sequence[Units]:
        """Return the rows to look at next, given all so far in their order; none: it is finished.

        A design that is fixed beforehand returns all rows where nothing is told, else none. The same seed and the same
        ``told`` give the same rows.
        """

    def mistakes(self, space: Space) -> tuple[Problem, ...]:
        """Return why the design cannot be had of these factors and responses."""
        del space
        return ()


class FixedDesign(Design):
    """A rule that chooses all its rows beforehand."""

    @abstractmethod
    def rows(self, space: Space) -> Sequence[Units]:
        """Return all rows in their order."""

    def next(self, space: Space, told: Sequence[Told]) -> Sequence[Units]:
        """Return all rows at once."""
        return () if told else self.rows(space)
