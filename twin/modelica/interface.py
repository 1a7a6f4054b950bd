"""What an FMU shows of a model, in the words of both FMI versions: causality, variability, value references, units."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from twin.errors import InputError, Problem
from twin.modelica.graph import Node
from twin.modelica.model import Model, Variable

GENERATOR = "bms-twin"
DATE = "2026-01-01T00:00:00Z"
"""The same for every build: an FMU's bytes depend on its sources alone."""

BASE_UNITS: dict[str, dict[str, float]] = {
    "1": {},
    "%": {"factor": 0.01},
    "s": {"s": 1},
    "m": {"m": 1},
    "kg": {"kg": 1},
    "A": {"A": 1},
    "K": {"K": 1},
    "degC": {"K": 1, "offset": 273.15},
    "Hz": {"s": -1},
    "1/s": {"s": -1},
    "V": {"kg": 1, "m": 2, "s": -3, "A": -1},
    "V/K": {"kg": 1, "m": 2, "s": -3, "A": -1, "K": -1},
    "V/s": {"kg": 1, "m": 2, "s": -4, "A": -1},
    "V/(A.s)": {"kg": 1, "m": 2, "s": -4, "A": -2},
    "Ohm": {"kg": 1, "m": 2, "s": -3, "A": -2},
    "S": {"kg": -1, "m": -2, "s": 3, "A": 2},
    "F": {"kg": -1, "m": -2, "s": 4, "A": 2},
    "C": {"A": 1, "s": 1},
    "A.h": {"A": 1, "s": 1, "factor": 3600.0},
    "W": {"kg": 1, "m": 2, "s": -3},
    "W/s": {"kg": 1, "m": 2, "s": -4},
    "J": {"kg": 1, "m": 2, "s": -2},
    "J/K": {"kg": 1, "m": 2, "s": -2, "K": -1},
    "J/(kg.K)": {"m": 2, "s": -2, "K": -1},
    "W/K": {"kg": 1, "m": 2, "s": -3, "K": -1},
    "K/W": {"kg": -1, "m": -2, "s": 3, "K": 1},
}


@dataclass(frozen=True)
class Shown:
    """A variable with its FMI attributes; ``initial`` is None where FMI wants none."""

    variable: Variable
    causality: str
    variability: str
    initial: str | None
    references: tuple[int, ...]
    """Value reference of every element; an FMI 3.0 array has the first one."""


@dataclass(frozen=True)
class Interface:
    """All that both model descriptions say about a model."""

    model: Model
    identifier: str
    token: str
    shown: tuple[Shown, ...]

    @property
    def states(self) -> tuple[Shown, ...]:
        """The state variables, in the order of the state vector."""
        return tuple(s for s in self.shown if s.variable.role == "state")

    @property
    def outputs(self) -> tuple[Shown, ...]:
        """The outputs, states among them where the class declares them so."""
        return tuple(s for s in self.shown if s.causality == "output")

    def derivative_reference(self, slot: int) -> int:
        """Return the value reference of the derivative of a state."""
        return 1 + len(self.model.states) + len(self.model.outputs) + len(self.model.parameters) + slot

    def node(self, shown: Shown, element: int) -> Node:
        """Return the expression of an output or state element."""
        slot = shown.variable.slots[element]
        return self.model.states[slot] if shown.variable.role == "state" else self.model.outputs[slot]

    def dependencies(self, nodes: Iterable[Node]) -> list[int]:
        """Return the value references of the states and inputs that any of ``nodes`` depends on, in order."""
        model, graph = self.model, self.model.graph
        mask = 0
        for node in nodes:
            mask |= graph.support[node]
        inputs = [(1 + len(model.states) + len(model.outputs) + i, model.parameters[i]) for i in sorted(model.inputs)]
        sources = [(1 + i, node) for i, node in enumerate(model.states)] + inputs
        return [reference for reference, symbol in sources if mask & graph.mask([symbol])]


def interface(model: Model, sources: bytes) -> Interface:
    """Return what the FMU shows of ``model``; ``sources`` is all that its behaviour depends on, and makes its token."""
    identifier = model.name.rpartition(".")[2]
    shown = tuple(_shown(model, variable) for variable in model.variables)
    return Interface(model, identifier, "{" + hashlib.sha256(sources).hexdigest()[:32] + "}", shown)


def _shown(model: Model, variable: Variable) -> Shown:
    return Shown(variable, *_attributes(variable), tuple(_offset(model, variable) + slot for slot in variable.slots))


def _offset(model: Model, variable: Variable) -> int:
    if variable.role == "state":
        return 1
    settable = variable.role in ("input", "parameter")
    return 1 + len(model.states) + (len(model.outputs) if settable else 0)


def _attributes(variable: Variable) -> tuple[str, str, str | None]:
    """Return causality, variability and initial."""
    if variable.role == "input":
        return "input", "continuous" if variable.kind == "real" else "discrete", None
    if variable.role == "parameter":
        return "parameter", "tunable" if variable.is_tunable else "fixed", "exact"
    if variable.role == "calculated":
        return "calculatedParameter", "tunable", "calculated"
    causality = "output" if variable.is_output else "local"
    variability = "continuous" if variable.kind == "real" else "discrete"
    return causality, variability, "exact" if variable.start is not None else "calculated"


def unit_definitions(shown: Iterable[Shown]) -> ET.Element | None:
    """Return the UnitDefinitions element, the same in both FMI versions; None where nothing has a unit.

    Raises InputError on a unit that this exporter does not know.
    """
    units = sorted({s.variable.unit for s in shown if s.variable.unit})
    unknown = [unit for unit in units if unit not in BASE_UNITS]
    if unknown:
        known = ", ".join(BASE_UNITS)
        raise InputError(Problem(f"unknown unit '{unit}'", suggestion=f"one of {known}") for unit in unknown)
    if not units:
        return None
    element = ET.Element("UnitDefinitions")
    for unit in units:
        base = {name: number_text(value) for name, value in BASE_UNITS[unit].items()}
        ET.SubElement(ET.SubElement(element, "Unit", name=unit), "BaseUnit", base)
    return element


def number_text(value: float) -> str:
    """Return a number as XML text: exponents of units as integers, the others with all their digits."""
    return str(value) if isinstance(value, int) else repr(float(value))


def value_text(variable: Variable, value: float) -> str:
    """Return a start value as the text of its type."""
    if variable.kind == "integer":
        return str(int(value))
    return str(bool(value)).lower() if variable.kind == "boolean" else repr(float(value))


def optional(**attributes: str | None) -> dict[str, str]:
    """Return the attributes that have a value."""
    return {name: value for name, value in attributes.items() if value is not None}


def document(root: ET.Element) -> str:
    """Return an XML document, indented."""
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
