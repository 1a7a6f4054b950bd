"""Columns: scalars by name, as the packed values of whole FMU variables.

FMI 3.0 sets and gets an array as a whole; a pool's columns are scalars. ``Columns`` says at which position of the
packed buffer each column stands; elements that are no column keep their start values.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from twin.errors import InputError, Problem
from twin.plant.fmu import Fmu, Variable

Role = Literal["input", "output", "parameter"]

_ELEMENT = re.compile(r"(?P<name>.+)\[(?P<index>\d+(?:\s*,\s*\d+)*)\]")


@dataclass(frozen=True)
class Columns:
    """``names[n]`` stand at ``positions[n]`` of the packed values of the variables ``references[v]``.

    ``start[width]`` are the packed start values.
    """

    names: tuple[str, ...]
    references: NDArray[np.uint32]
    positions: NDArray[np.int64]
    start: NDArray[np.float64]

    @property
    def direct(self) -> bool:
        """Whether the columns are the packed values, in their order."""
        return bool(np.array_equal(self.positions, np.arange(self.start.size)))

    def packed(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return rows ``[..., n]`` of columns as C-contiguous packed rows ``[..., width]``."""
        packed = np.empty((*values.shape[:-1], self.start.size))
        packed[...] = self.start
        packed[..., self.positions] = values
        return packed


def bind(fmu: Fmu, names: Sequence[str], role: Role) -> Columns:
    """Return the columns of ``names``.

    Raises InputError with every name that is unknown, doubled, no real number, or not of that role.
    """
    problems = [Problem(f"{role} {name!r} is named twice", str(fmu.path)) for name in _doubled(names)]
    offsets: dict[str, int] = {}
    variables: list[Variable] = []
    positions: list[int] = []
    width = 0
    for name in names:
        try:
            variable, element = locate(fmu, name)
            _check_role(fmu, variable, name, role)
        except InputError as error:
            problems += error.problems
            continue
        if variable.name not in offsets:
            offsets[variable.name] = width
            variables.append(variable)
            width += variable.size
        positions.append(offsets[variable.name] + element)
    if problems:
        raise InputError(problems)
    start = [number for variable in variables for number in variable.start or (0.0,) * variable.size]
    references = np.array([variable.reference for variable in variables], dtype=np.uint32)
    return Columns(tuple(names), references, np.array(positions, dtype=np.int64), np.array(start, dtype=np.float64))


def locate(fmu: Fmu, name: str) -> tuple[Variable, int]:
    """Return the variable of a scalar name and the element (row-major) that it means.

    Raises InputError if there is none, with the nearest name.
    """
    variable = fmu.variables.get(name)
    if variable is not None:
        if variable.shape:
            extent = ",".join(map(str, variable.shape))
            raise _problem(fmu, f"{name!r} is an array; expected an element, {name}[1] to {name}[{extent}]")
        return variable, 0
    match = _ELEMENT.fullmatch(name)
    variable = fmu.variables.get(match["name"]) if match else None
    if match is None or variable is None or not variable.shape:
        raise _problem(fmu, f"no variable {name!r}", nearest(name, fmu.variables))
    index = tuple(int(number) - 1 for number in match["index"].split(","))
    inside = len(index) == len(variable.shape) and all(0 <= i < n for i, n in zip(index, variable.shape, strict=True))
    if not inside:
        raise _problem(fmu, f"{name!r} is outside of {variable.name}{list(variable.shape)}")
    return variable, int(np.ravel_multi_index(index, variable.shape))


def elements(fmu: Fmu, name: str) -> tuple[str, ...]:
    """Return the scalar names that ``name`` means: itself, or the elements of that array in row-major order."""
    variable = fmu.variables.get(name)
    if variable is not None and variable.shape:
        return tuple(f"{name}[{','.join(str(i + 1) for i in index)}]" for index in np.ndindex(variable.shape))
    if variable is not None:
        return (name,)
    indices = []
    for scalar in fmu.variables:
        match = _ELEMENT.fullmatch(scalar)
        if match and match["name"] == name:
            indices.append((tuple(int(number) for number in match["index"].split(",")), scalar))
    return tuple(scalar for _, scalar in sorted(indices)) or (name,)


def nearest(name: str, known: Collection[str]) -> str | None:
    """Return a suggestion of a known name that looks like ``name``."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else None


def _check_role(fmu: Fmu, variable: Variable, name: str, role: Role) -> None:
    if not variable.real:
        raise _problem(fmu, f"{role} {name!r} is of type {variable.kind}; expected a real number")
    parameter = variable.causality == "parameter"
    allowed = {
        "input": variable.causality == "input" or (parameter and variable.variability == "tunable"),
        "output": True,
        "parameter": parameter or variable.causality == "input" or variable.initial in ("exact", "approx"),
    }
    if not allowed[role]:
        raise _problem(fmu, f"{name!r} is of causality {variable.causality}; expected an {role}".replace("an p", "a p"))
    if role == "parameter" and variable.start is None:
        raise _problem(fmu, f"parameter {name!r} has no start value in the description")


def _doubled(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    doubled: dict[str, None] = {}
    for name in names:
        if name in seen:
            doubled[name] = None
        seen.add(name)
    return list(doubled)


def _problem(fmu: Fmu, message: str, suggestion: str | None = None) -> InputError:
    return InputError(Problem(message, str(fmu.path), suggestion=suggestion))
