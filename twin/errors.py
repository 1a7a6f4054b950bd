"""Errors, by who must act.

``InputError``: the author of a scenario, FMU, DBC, profile or image (exit code 2).
``SimulationError``: a run that could not go on (exit code 1). What goes wrong in the simulated world is data, not an
exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Problem:
    """One mistake in the input: where it stands, what was found and what was expected there."""

    message: str
    file: str | None = None
    line: int | None = None
    path: str | None = None
    suggestion: str | None = None

    def __str__(self) -> str:
        place = self.file or ""
        if self.line is not None:
            place += f":{self.line}"
        parts = [part for part in (place, self.path, self.message) if part]
        text = ": ".join(parts)
        return f"{text} ({self.suggestion})" if self.suggestion else text


class TwinError(Exception):
    """Base of everything that bms-twin raises on purpose."""


class InputError(TwinError):
    """The input is wrong; carries every problem found, not only the first."""

    def __init__(self, problems: Iterable[Problem] | Problem) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def attempt(problems: list[Problem], make: Callable[[], T]) -> T | None:
    """Return what ``make`` makes, or None and its problems in ``problems``: so that several parts are all heard."""
    try:
        return make()
    except InputError as error:
        problems += error.problems
        return None


class SimulationError(TwinError):
    """The run failed for a reason that is neither in its input nor in the simulated world."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
