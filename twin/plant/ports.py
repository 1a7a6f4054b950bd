"""Ports: which variables of an FMU are which signals of the plant, in which unit and with which sign.

A ports file is YAML::

    inputs:
      - {variable: current_A, signal: current_A, unit: A, sign: 1}
      - {variable: temperature_K, signal: temperature_K, unit: K, sign: 1, size: 16}
    outputs: [...]
    parameters: [...]

A port of ``size`` n stands for ``variable[1]`` to ``variable[n]``; another spelling is given with braces,
``cell[{}].temperature``. The plant's side is an ``Interface``: the signals that it needs or can use, each in one unit.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from twin.errors import InputError, Problem
from twin.plant.pool import FloatArray
from twin.quantity import magnitude

Direction = Literal["inputs", "outputs", "parameters"]
Rows = slice | NDArray[np.intp]

DIRECTIONS: tuple[Direction, ...] = ("inputs", "outputs", "parameters")
KEYS = ("variable", "signal", "unit", "sign", "size")


@dataclass(frozen=True)
class Signal:
    """A quantity that the plant exchanges with an FMU, in the plant's unit (spelled as FMUs do, "1" for none)."""

    name: str
    unit: str
    per_cell: bool = False
    required: bool = True
    size: int = 1
    """How many numbers it has where it is not one for each cell."""


@dataclass(frozen=True)
class Interface:
    """The signals of one kind of FMU."""

    inputs: tuple[Signal, ...]
    outputs: tuple[Signal, ...]
    parameters: tuple[Signal, ...] = ()

    def signals(self, direction: Direction) -> tuple[Signal, ...]:
        """Return the signals of one direction."""
        found: tuple[Signal, ...] = getattr(self, direction)
        return found


@dataclass(frozen=True)
class Port:
    """One signal's place in an FMU: ``signal = gain * variable + offset``."""

    variable: str
    signal: str
    size: int
    gain: float = 1.0
    offset: float = 0.0
    line: int | None = field(default=None, compare=False)
    """Of the ports file."""

    @property
    def scalars(self) -> tuple[str, ...]:
        """Names of the FMU's scalars, in the order of the cells."""
        if "{}" in self.variable:
            return tuple(self.variable.replace("{}", str(index)) for index in range(1, self.size + 1))
        if self.size == 1:
            return (self.variable,)
        return tuple(f"{self.variable}[{index}]" for index in range(1, self.size + 1))

    @property
    def converts(self) -> bool:
        """Whether the FMU's numbers differ from the plant's."""
        return self.gain != 1.0 or self.offset != 0.0


@dataclass(frozen=True)
class Ports:
    """The ports of one FMU, in the order of its ports file, which is the order of the pool's columns."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    parameters: tuple[Port, ...]
    file: str | None = field(default=None, compare=False)

    @classmethod
    def read(cls, path: Path, interface: Interface, cells: int) -> Ports:
        """Read a ports file and hold it against what the plant needs of modules of ``cells`` cells.

        Raises InputError with every mistake: no such file, broken YAML, unknown key or signal, wrong unit, sign or
        size, a signal or variable given twice, a signal missing.
        """
        reader = _Reader(path, cells)
        document = reader.document()
        found = {direction: reader.ports(document, direction, interface.signals(direction)) for direction in DIRECTIONS}
        if reader.problems:
            raise InputError(reader.problems)
        return cls(**{direction: tuple(ports) for direction, ports in found.items()}, file=str(path))

    @cached_property
    def input_names(self) -> tuple[str, ...]:
        """Scalar names of the pool's input columns."""
        return tuple(name for port in self.inputs for name in port.scalars)

    @cached_property
    def output_names(self) -> tuple[str, ...]:
        """Scalar names of the pool's output columns."""
        return tuple(name for port in self.outputs for name in port.scalars)

    def input_columns(self, inputs: FloatArray, shape: tuple[int, ...]) -> dict[str, Columns]:
        """Return the signals of a pool's ``inputs``, its instances arranged as ``shape``."""
        return dict(_columns(self.inputs, inputs, shape))

    def output_columns(self, outputs: FloatArray, shape: tuple[int, ...]) -> dict[str, Columns]:
        """Return the signals of a pool's ``outputs``, its instances arranged as ``shape``."""
        return dict(_columns(self.outputs, outputs, shape))

    def parameter_values(self, values: Mapping[str, FloatArray], count: int) -> dict[str, FloatArray]:
        """Return the FMU's parameters by scalar name, for signals that are ``[count]`` or ``[count, cell]`` each.

        Raises InputError if the FMU has no parameter for one of them.
        """
        known = {port.signal: port for port in self.parameters}
        unknown = [name for name in values if name not in known]
        problems = [Problem(f"the FMU has no {name!r}", suggestion=_closest(name, known)) for name in unknown]
        if problems:
            raise InputError(problems)
        return {
            scalar: column
            for name, value in values.items()
            for scalar, column in zip(
                known[name].scalars, ((value.reshape(count, -1) - known[name].offset) / known[name].gain).T, strict=True
            )
        }


class Columns:
    """One signal's columns in a pool's array, in the plant's unit and sign.

    ``array`` is a view ``[*shape]`` or ``[*shape, size]`` in the FMU's own unit and sign.
    """

    def __init__(self, port: Port, array: FloatArray) -> None:
        self.array = array
        self._port = port

    def read(self, rows: Rows | tuple[NDArray[np.intp], ...]) -> FloatArray:
        """Return the signal at ``rows`` of the first axis, or at an index of ``array``; it may be a view."""
        found = self.array[rows]
        return found * self._port.gain + self._port.offset if self._port.converts else found

    def write(self, index: Any, value: float | FloatArray) -> None:
        """Set the signal at an index of ``array``."""
        self.array[index] = (value - self._port.offset) / self._port.gain if self._port.converts else value


def _columns(ports: Sequence[Port], array: FloatArray, shape: tuple[int, ...]) -> Iterator[tuple[str, Columns]]:
    arranged = array.reshape(*shape, -1)
    first = 0
    for port in ports:
        view = arranged[..., first] if port.size == 1 else arranged[..., first : first + port.size]
        first += port.size
        yield port.signal, Columns(port, view)


class _Reader:
    """Reads one ports file and collects its mistakes."""

    def __init__(self, path: Path, cells: int) -> None:
        self._path = path
        self._cells = cells
        self.problems: list[Problem] = []

    def document(self) -> CommentedMap:
        try:
            document = YAML().load(self._path.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(Problem(f"cannot read the ports file: {error.strerror}", file=str(self._path))) from None
        except (MarkedYAMLError, UnicodeDecodeError) as error:
            mark = getattr(error, "problem_mark", None)
            text = getattr(error, "problem", None) or str(error)
            line = mark.line + 1 if mark else None
            raise InputError(Problem(f"no YAML: {text}", file=str(self._path), line=line)) from None
        if not isinstance(document, CommentedMap):
            raise InputError(Problem("expected the keys inputs, outputs and parameters", file=str(self._path), line=1))
        for key in document:
            if key not in DIRECTIONS:
                self._report(f"unknown key {key!r}", document.lc.key(key)[0] + 1, str(key), _closest(key, DIRECTIONS))
        return document

    def ports(self, document: CommentedMap, direction: Direction, signals: Sequence[Signal]) -> list[Port]:
        entries = document.get(direction, CommentedSeq())
        if not isinstance(entries, CommentedSeq):
            self._report("expected a list of ports", document.lc.key(direction)[0] + 1, direction)
            return []
        known = {signal.name: signal for signal in signals}
        lines = [entries.lc.item(index)[0] + 1 for index in range(len(entries))]
        read = [self._port(entry, known, lines[k], f"{direction}[{k}]") for k, entry in enumerate(entries)]
        ports = [(port, line) for port, line in zip(read, lines, strict=True) if port]
        self._report_repeated([(port.signal, line) for port, line in ports], direction)
        self._report_repeated([(port.variable, line) for port, line in ports], direction)
        given = {entry.get("signal") for entry in entries if isinstance(entry, CommentedMap)}
        for signal in signals:
            if signal.required and signal.name not in given:
                self._report(f"the signal {signal.name!r} [{signal.unit}] is missing", None, direction)
        return [port for port, _ in ports]

    def _port(self, entry: Any, known: Mapping[str, Signal], line: int, path: str) -> Port | None:
        """Return the port, or report why it is none."""
        before = len(self.problems)
        if not isinstance(entry, CommentedMap):
            self._report(f"expected {{variable, signal, unit, sign}}, found {entry!r}", line, path)
            return None
        for key in entry:
            if key not in KEYS:
                self._report(f"unknown key {key!r}", line, path, _closest(key, KEYS))
        missing = [key for key in ("variable", "signal", "unit") if not isinstance(entry.get(key), str)]
        for key in missing:
            self._report(f"expected a text, found {entry.get(key)!r}", line, f"{path}.{key}")
        sign = entry.get("sign", 1)
        if sign not in (1, -1):
            self._report(f"expected 1 or -1, found {sign!r}", line, f"{path}.sign")
        signal = known.get(entry.get("signal", ""))
        if signal is None and "signal" not in missing:
            name = entry["signal"]
            self._report(f"unknown signal {name!r}", line, f"{path}.signal", _closest(name, known))
        if signal is None or missing:
            return None
        size = self._size(entry, signal, line, path)
        gain, offset = self._conversion(entry["unit"], signal, line, path)
        if len(self.problems) > before:
            return None
        return Port(entry["variable"], signal.name, size, sign * gain, offset, line)

    def _size(self, entry: CommentedMap, signal: Signal, line: int, path: str) -> int:
        expected = self._cells if signal.per_cell else signal.size
        size = entry.get("size", 1)
        if size != expected:
            self._report(f"expected {expected} numbers of {signal.name!r}, found {size!r}", line, f"{path}.size")
        return expected

    def _conversion(self, unit: str, signal: Signal, line: int, path: str) -> tuple[float, float]:
        """Return gain and offset from ``unit`` to the signal's."""
        if unit == signal.unit:
            return 1.0, 0.0
        try:
            offset = magnitude(f"0 {_pint(unit)}", _pint(signal.unit))
            return magnitude(f"1 {_pint(unit)}", _pint(signal.unit)) - offset, offset
        except (ValueError, AttributeError):  # the latter where pint does not know the signal's own, a database's
            self._report(f"{unit!r} is the wrong unit; expected {signal.unit}", line, f"{path}.unit")
            return 1.0, 0.0

    def _report_repeated(self, names: Sequence[tuple[str, int]], direction: Direction) -> None:
        seen: set[str] = set()
        for name, line in names:
            if name in seen:
                self._report(f"{name!r} is given twice", line, direction)
            seen.add(name)

    def _report(self, message: str, line: int | None, path: str, suggestion: str | None = None) -> None:
        self.problems.append(Problem(message, file=str(self._path), line=line, path=path, suggestion=suggestion))


def _pint(unit: str) -> str:
    """Return a unit as FMUs and Modelica spell it, ``V/(A.s)``, in pint's spelling."""
    return unit.replace(".", "*").replace("Ohm", "ohm")


def _closest(word: object, known: Sequence[str] | Mapping[str, object]) -> str | None:
    matches = difflib.get_close_matches(str(word), list(known), n=1)
    return f"did you mean {matches[0]!r}?" if matches else None
