"""A search for the best rows, batch by batch, by a sampler of Optuna."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, ClassVar, Literal

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from pydantic import Field

from twin.errors import Problem
from twin.streams import stream
from twin.sweep.study.design import Design, Space, Told, Units
from twin.sweep.study.factor import Factor, Value

TRIES = 20
"""Places that a sampler may propose for each one that is taken: others are forbidden, or known already."""
DRAWS = 200
"""Places that are drawn at random for each one that is still missing then."""


MANY = 1000
"""Levels of a factor beyond which it is searched as if it were continuous."""


class Optuna(Design):
    """A search that chooses each batch by what all batches before gave.

    Nothing else goes into a batch but the study's seed: so the rows are the same for any number of workers, a search
    that was stopped goes on from its results alone, and a longer one begins with the rows of a shorter one. No row is
    looked at twice; the search ends early where there are no others.
    """

    adaptive: ClassVar[bool] = True

    kind: Literal["optuna"] = "optuna"
    points: Annotated[int, Field(ge=1)] = 64
    """Rows that are looked at, at most."""
    batch: Annotated[int, Field(ge=1, le=10_000)] = 8
    """Rows that are chosen together, hence run side by side: at least as many as there are workers."""
    sampler: Literal["tpe", "nsga2", "random"] = "tpe"
    """``tpe`` learns soonest; ``nsga2`` breeds generations, for cheap points and several objectives; ``random``."""
    startup: Annotated[int, Field(ge=1)] = 16
    """Rows at random that ``tpe`` begins with."""
    population: Annotated[int, Field(ge=2)] = 24
    """Rows of a generation of ``nsga2``; the first is at random."""

    def count(self, space: Space) -> int:
        """Return the most rows that the search looks at."""
        del space
        return self.points

    def next(self, space: Space, told: Sequence[Told]) -> Sequence[Units]:
        """Return what is missing of the batch that comes after the whole ones told."""
        if len(told) >= self.points:
            return ()
        begun = len(told) // self.batch * self.batch
        rows = _Batch(self, space, told[:begun]).rows()
        return rows[len(told) - begun : self.points - begun]

    def mistakes(self, space: Space) -> tuple[Problem, ...]:
        """Return that nothing says what is better, where it is so."""
        if space.objectives:
            return ()
        return (Problem("searches, but no response says what is better", suggestion=_OBJECTIVE),)


_OBJECTIVE = "give one `objective: minimize` or `maximize`"


class _Batch:
    """Optuna's study as it stands after whole batches, rebuilt from what they gave."""

    def __init__(self, options: Optuna, space: Space, told: Sequence[Told]) -> None:
        self._options, self._space = options, space
        self._axes = {name: _axis(name, factor) for name, factor in space.factors.items()}
        self._distributions = {name: axis.distribution for name, axis in self._axes.items()}
        self._known = {one.units for one in told}
        self._stream = stream(space.seed, "search", len(told))
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # Else it announces every study on stderr.
        directions = [StudyDirection[better.upper()] for better in space.objectives.values()]
        self._study = optuna.create_study(directions=directions, sampler=self._sampler(len(told)))
        scales = _scales(told)
        for one in told:
            self._study.add_trial(self._trial(one, scales))

    def rows(self) -> list[Units]:
        """Return a batch of places that are allowed and new, fewer where no more are found."""
        rows: list[Units] = []
        for units in chain(self._proposed(), self._drawn()):
            if units not in self._known and self._space.allowed(units):
                rows.append(units)
                self._known.add(units)
            if len(rows) == self._options.batch:
                break
        return rows

    def _proposed(self) -> Iterator[Units]:
        # Trials stay open: the sampler keeps away from them, taken or not.
        for _ in range(TRIES * self._options.batch):
            chosen = self._study.ask(self._distributions).params
            yield tuple(axis.unit(chosen[name]) for name, axis in self._axes.items())

    def _drawn(self) -> Iterator[Units]:
        for _ in range(DRAWS * self._options.batch):
            draws = zip(self._axes.values(), self._stream.random(len(self._axes)), strict=True)
            yield tuple(axis.unit(axis.place(draw)) for axis, draw in draws)

    def _sampler(self, known: int) -> BaseSampler:
        seed = int(self._stream.integers(2**31))
        if self._options.sampler == "tpe":
            return TPESampler(seed=seed, n_startup_trials=self._options.startup, constant_liar=True)
        if self._options.sampler == "nsga2":
            return _Generations(self._options, known, seed)
        return RandomSampler(seed=seed)

    def _trial(self, told: Told, scales: Sequence[float]) -> FrozenTrial:
        """Return a row as Optuna knows it: one that failed breaks a constraint, so that the sampler keeps away."""
        values = _values(told, self._space)
        broken = told.violations if values else ()
        constraints = {str(number): by / scales[number] for number, by in enumerate(broken)}
        return optuna.create_trial(
            state=TrialState.COMPLETE,
            values=values or [0.0] * len(self._space.objectives),
            params={name: axis.place(unit) for (name, axis), unit in zip(self._axes.items(), told.units, strict=True)},
            distributions=self._distributions,
            constraints={"failed": 0.0 if values else math.inf, **constraints},
        )


class _Generations(NSGAIISampler):
    """NSGA-II whose generations are told by the number of a row, whatever fails and whatever is run side by side."""

    def __init__(self, options: Optuna, known: int, seed: int) -> None:
        super().__init__(population_size=options.population, seed=seed)
        self._batch, self._size, self._known = options.batch, options.population, known
        self._bred = False

    def _generation(self, row: int) -> int:
        return row // self._batch * self._batch // self._size

    def get_trial_generation(self, study: optuna.Study, trial: FrozenTrial) -> int:
        """Return the generation of a row that is asked for now."""
        del trial
        now = self._generation(self._known)
        if not self._bred:  # Parents from the first generation on: each asks for those before, one call deep.
            self._bred = True
            for generation in range(1, now):
                self.get_parent_population(study, generation)
        return now

    def get_population(self, study: optuna.Study, generation: int) -> list[FrozenTrial]:
        """Return the rows of a generation."""
        trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return [trial for trial in trials if self._generation(trial.number) == generation]


@dataclass(frozen=True)
class _Axis:
    """A factor as Optuna knows it: a length from 0 to 1, a number of a level, or one of several with no order."""

    distribution: BaseDistribution
    levels: tuple[float, ...]

    def unit(self, place: float) -> float:
        """Return the coordinate of a place."""
        return self.levels[int(place)] if self.levels else min(place, math.nextafter(1.0, 0.0))

    def place(self, unit: float) -> float:
        """Return where a coordinate is; of levels the nearest."""
        if not self.levels:
            return unit
        return min(range(len(self.levels)), key=lambda number: abs(self.levels[number] - unit))


def _axis(name: str, factor: Factor) -> _Axis:
    levels = () if factor.continuous else factor.levels(2)
    if not 0 < len(levels) <= MANY:
        return _Axis(FloatDistribution(0.0, 1.0), ())
    values = [factor.value(level) for level in levels]
    # The number of a row stands for what the table tells in other columns: it says nothing of near and far.
    if _ordered(values) and all(factor.columns(name, value) == {name: value} for value in values):
        return _Axis(IntDistribution(0, len(levels) - 1), levels)
    return _Axis(CategoricalDistribution(tuple(range(len(levels)))), levels)


def _ordered(values: Sequence[Value]) -> bool:
    """Return whether the values are numbers that rise or fall."""
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return len(numbers) == len(values) and numbers in (sorted(numbers), sorted(numbers, reverse=True))


def _values(told: Told, space: Space) -> list[float]:
    """Return what is to be small or large; nothing where a number is missing."""
    values = [(told.responses or {}).get(name, math.nan) for name in space.objectives]
    known = all(math.isfinite(value) for value in (*values, *told.violations))
    return values if known else []


def _scales(told: Sequence[Told]) -> list[float]:
    """Return the most by which each constraint was broken: samplers add violations, whose units differ."""
    rows = zip(*(one.violations for one in told if one.responses is not None), strict=True)
    return [max((by for by in column if 0.0 < by < math.inf), default=1.0) for column in rows]
