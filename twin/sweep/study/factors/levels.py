"""Levels that have names: each changes several things at once, as the variants of a comparison do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from twin.errors import InputError, Problem
from twin.scenario.overrides import parsed
from twin.sweep.study.factor import Factor, Value

Level = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", max_length=60)]


class Levels(Factor):
    """Named sets of changes, all equally likely."""

    kind: Literal["levels"] = "levels"
    levels_: Annotated[Mapping[Level, tuple[str, ...]], Field(alias="levels", min_length=1)]
    """What each level sets, as for ``twin run --set``: ``bms.architecture=hybrid``."""

    def value(self, unit: float) -> Value:
        """Return the name of a level: each has an equal part of the coordinate."""
        return list(self.levels_)[int(unit * len(self.levels_))]

    def levels(self, steps: int) -> tuple[float, ...]:
        """Return the middle of each level's part."""
        del steps
        return tuple((place + 0.5) / len(self.levels_) for place in range(len(self.levels_)))

    def changes(self, name: str, value: Value) -> tuple[tuple[str, Any], ...]:
        """Return what the level sets."""
        return tuple(parsed(text, name) for text in self.levels_[str(value)])

    def mistakes(self) -> tuple[Problem, ...]:
        """Return what is no change, and a path that would not be looked at."""
        return tuple(self._mistakes())

    def _mistakes(self) -> Iterator[Problem]:
        if self.path:
            yield Problem("not used here: every level says what it sets", path="path")
        for level, texts in self.levels_.items():
            for place, text in enumerate(texts):
                try:
                    parsed(text, "")
                except InputError as error:
                    reasons = "; ".join(problem.message for problem in error.problems)
                    yield Problem(f"{text!r} {reasons}", path=f"levels.{level}[{place}]")
