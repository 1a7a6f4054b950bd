"""A flat Modelica class as an explicit system: every derivative and output as an expression of states and inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from twin.errors import InputError
from twin.modelica import causality, linear
from twin.modelica.derivative import tangent
from twin.modelica.frontend import Equations, Record
from twin.modelica.functions import Evaluator, Frame, Value, flat, packed, shape
from twin.modelica.graph import Graph, Loop, Node

Role = Literal["input", "parameter", "state", "output", "local", "calculated"]


@dataclass(frozen=True)
class Variable:
    """A variable that the FMU shows; ``slots`` are its elements' places among states, outputs or parameters."""

    name: str
    scalars: tuple[str, ...]
    role: Role
    kind: Literal["real", "integer", "boolean"]
    is_output: bool
    dimensions: tuple[int, ...]
    slots: tuple[int, ...]
    start: tuple[float, ...] | None
    is_tunable: bool
    unit: str | None
    description: str | None
    minimum: tuple[float, ...] | None
    maximum: tuple[float, ...] | None
    nominal: tuple[float, ...] | None


@dataclass(frozen=True)
class Model:
    """The explicit system: x' = derivatives(time, x, p), y = outputs(time, x, p), x(0) = starts(p)."""

    name: str
    graph: Graph
    states: tuple[Node, ...]
    parameters: tuple[Node, ...]
    """Symbols of settable values, inputs among them."""
    inputs: frozenset[int]
    """Which of ``parameters`` are inputs."""
    derivatives: tuple[Node, ...]
    outputs: tuple[Node, ...]
    starts: tuple[Node, ...]
    defaults: tuple[float, ...]
    """Of ``parameters``."""
    variables: tuple[Variable, ...]


def explicit(equations: Equations) -> Model:
    """Return the explicit system of a flat class.

    Raises InputError, naming class and line, on what this exporter does not translate: events, initial equations,
    index reduction, delays, simultaneous nonlinear equations.
    """
    _refuse_events(equations)
    return _Builder(equations).model()


_EVENTS = (
    ("initialization", "owners", "an initial equation"),
    ("discrete_real", "residuals", "a when-equation"),
    ("discrete_values", "owners", "a when-equation"),
    ("events", "time_events", "a time event"),
    ("events", "actions", "an event action (assert, reinit, terminate)"),
    ("clocks", "clocks", "a clock"),
    ("temporal", "previous", "previous()"),
    ("temporal", "terminals", "terminal()"),
    ("temporal", "delays", "delay()"),
)


def _refuse_events(equations: Equations) -> None:
    refusals = [
        problem
        for system, part, what in _EVENTS
        for record in equations.systems[system][part]
        for problem in equations.refusal(what, record.get("provenance")).problems
    ]
    refusals += [
        problem
        for function in equations.functions.values()
        for statement in function["statements"]
        if statement["kind"] not in ("assignment", "assignment_group", "for", "if")
        for problem in equations.refusal(f"'{statement['kind']}' in a function", function["declaration"]).problems
    ]
    for variable in equations.variables:
        if variable["role"] == "algebraic" and variable["attributes"]["fixed"]:
            what = f"the fixed start of '{variable['name']}', which is no state,"
            refusals += equations.refusal(what, variable["declaration"]).problems
    if refusals:
        raise InputError(refusals)


class _Builder:
    """Gives every variable its symbols, evaluates the equations, solves them block by block."""

    def __init__(self, equations: Equations) -> None:
        self.equations = equations
        self.graph = Graph()
        self.evaluator = Evaluator(equations, self.graph, self._coordinate)
        self.records = {record["id"]: record for record in equations.variables}
        self.states: list[Node] = []
        self.parameters: list[Node] = []
        self.unknowns: list[Node] = []
        self.inputs: set[int] = set()
        self.defaults: list[float] = []
        self.settable: set[int] = set()
        self.values: dict[int, Value] = {}
        self.rates: dict[int, Value] = {}
        for record in equations.variables:
            if record["id"] not in self.values:
                self._give_symbols(record)

    def model(self) -> Model:
        solution = self._solve()
        shown = [record for record in self.equations.variables if self._is_shown(record)]
        outputs: list[Node] = []
        variables = [self._variable(record, outputs, solution) for record in shown]
        return Model(
            name=self.equations.name,
            graph=self.graph,
            states=tuple(self.states),
            parameters=tuple(self.parameters),
            inputs=frozenset(self.inputs),
            derivatives=tuple(solution[self.unknowns[i]] for i in range(len(self.states))),
            outputs=tuple(outputs),
            starts=tuple(node for record in self._with_role("state") for node in self._starts(record)),
            defaults=tuple(self.defaults),
            variables=tuple(variables),
        )

    # Symbols

    def _with_role(self, *roles: str) -> Iterator[Record]:
        return (record for record in self.equations.variables if record["role"] in roles)

    def _give_symbols(self, record: Record) -> None:
        role, count = record["role"], record["scalar_count"]
        if role == "state":
            self.values[record["id"]] = self._symbols(record, "state", self.states)
            first = len(self.states) - count
            rates = [self.graph.symbol("derivative", first + i) for i in range(count)]
            self.unknowns[first:first] = rates
            self.rates[record["id"]] = packed(rates, record["value_type"]["dimensions"])
        elif role in ("algebraic", "output"):
            symbols = [self.graph.symbol("algebraic", len(self.unknowns) + i) for i in range(count)]
            self.unknowns += symbols
            self.values[record["id"]] = packed(symbols, record["value_type"]["dimensions"])
        elif role == "input":
            self.inputs.update(range(len(self.parameters), len(self.parameters) + count))
            self._make_settable(record, self._starts(record))
        elif role in ("parameter", "constant"):
            self._give_parameter(record)

    def _give_parameter(self, record: Record) -> None:
        """Make a parameter a symbol if it is the importer's to set (real, and computed from no other one)."""
        if record["id"] in self.values:
            return
        value = self._binding(record)
        nodes = flat(value)
        is_real = record["value_type"]["scalar"] == "real" and record["attributes"]["tunable"]
        if is_real and all(self.graph.is_constant(node) for node in nodes):
            self._make_settable(record, nodes)
        else:
            self.values[record["id"]] = value

    def _make_settable(self, record: Record, starts: Sequence[Node]) -> None:
        if not all(self.graph.is_constant(node) for node in starts):
            raise self.equations.refusal(f"the start of '{record['name']}', which is no number,", record["declaration"])
        self.settable.add(record["id"])
        self.defaults += [self.graph.value(node) for node in starts]
        self.values[record["id"]] = self._symbols(record, "parameter", self.parameters)

    def _symbols(self, record: Record, kind: str, into: list[Node]) -> Value:
        symbols = [self.graph.symbol(kind, len(into) + i) for i in range(record["scalar_count"])]
        into += symbols
        return packed(symbols, record["value_type"]["dimensions"])

    def _binding(self, record: Record) -> Value:
        attributes = record["attributes"]
        dimensions = record["value_type"]["dimensions"]
        if attributes["binding"] is not None:
            value = self.evaluator.value(attributes["binding"])
            if tuple(dimensions) == shape(value):
                return value
            return packed([value] * record["scalar_count"], dimensions)
        numbers = attributes["start_values"] or [0.0] * record["scalar_count"]
        return packed([self.graph.constant(number) for number in numbers], dimensions)

    def _coordinate(self, coordinate: Record) -> Value | None:
        kind = coordinate["kind"]
        if kind == "time":
            return self.graph.symbol("time")
        if kind == "derivative":
            return self.rates[coordinate["id"]]
        if kind not in ("state", "algebraic", "output", "input", "parameter", "constant"):
            return None
        if coordinate["id"] not in self.values:
            self._give_symbols(self.records[coordinate["id"]])
        return self.values[coordinate["id"]]

    # Equations

    def _rows(self) -> list[tuple[Node, Record]]:
        """Return every scalar equation as a residual, with where it stands."""
        rows: list[tuple[Node, Record]] = []
        for owner in self.equations.systems["continuous"]["owners"]:
            rows += [(node, owner["provenance"]) for node in self._residuals(owner)]
        return rows

    def _residuals(self, owner: Record) -> Iterator[Node]:
        if owner["kind"] == "residual":
            yield from flat(self.evaluator.value(owner["residual"]))
        elif owner["scalar_view"] == "RowMajorProjection":
            for body in owner["bodies"]:
                yield from flat(self.evaluator.value(body))
        elif owner["scalar_view"] == "BinderSubstitution":
            for turn in self.evaluator.turns(owner["domain"]):
                for body in owner["bodies"]:
                    yield from flat(self.evaluator.value(body, Frame().at(owner["domain"], turn)))
        else:
            raise self.equations.refusal(f"an equation array of kind '{owner['scalar_view']}'", owner["provenance"])

    def _solve(self) -> dict[Node, Node]:
        """Return every unknown as an expression of states, parameters and time."""
        rows = self._rows()
        number = {unknown: i for i, unknown in enumerate(self.unknowns)}
        leaves = [[number[n] for n in self.graph.order([row]) if n in number] for row, _ in rows]
        try:
            blocks = causality.blocks(leaves, len(self.unknowns))
        except causality.SingularError as singular:
            what = "an equation without an unknown of its own (it needs index reduction, or is redundant)"
            raise self.equations.refusal(what, rows[singular.row][1]) from None
        solution: dict[Node, Node] = {}
        for block in blocks:
            unknowns = [self.unknowns[u] for u in block.unknowns]
            residuals = [self.graph.substitute(rows[r][0], solution) for r in block.rows]
            solution |= self._solve_block(residuals, unknowns, rows[block.rows[0]][1])
        return solution

    def _solve_block(self, residuals: Sequence[Node], unknowns: Sequence[Node], place: Record) -> dict[Node, Node]:
        equations = [linear.affine(self.graph, residual, unknowns) for residual in residuals]
        if all(equation is not None for equation in equations):
            solution = linear.solve(self.graph, [e for e in equations if e is not None], unknowns)
            if solution is None:
                raise self.equations.refusal("a singular system of linear equations", place)
            return solution
        if len(unknowns) > 1:
            raise self.equations.refusal(f"a system of {len(unknowns)} simultaneous nonlinear equations", place)
        slope = tangent(self.graph, residuals[0], {unknowns[0]: self.graph.one})
        return {unknowns[0]: self.graph.root(Loop(unknowns[0], residuals[0], slope, start=0.0))}

    # Variables

    def _is_shown(self, record: Record) -> bool:
        """Show states, what stands at the top of the class, and every parameter that can be set."""
        if record["role"] == "state":
            return True
        if record["role"] in ("parameter", "constant"):
            return record["id"] in self.settable or (
                "." not in record["name"] and record["value_type"]["scalar"] == "real"
            )
        return "." not in record["name"]

    def _variable(self, record: Record, outputs: list[Node], solution: dict[Node, Node]) -> Variable:
        attributes = record["attributes"]
        role, slots = self._place(record, outputs, solution)
        numbers = {name: attributes[f"{name}_values"] for name in ("minimum", "maximum", "nominal")}
        return Variable(
            name=record["name"],
            scalars=tuple(record["scalar_names"]),
            role=role,
            kind=_kind(record),
            is_output=attributes["causality"] == "output",
            dimensions=tuple(record["value_type"]["dimensions"]),
            slots=slots,
            start=self._start(record, role, slots),
            is_tunable=bool(attributes["tunable"]),
            unit=attributes["unit"],
            description=attributes["description"],
            **{name: None if values is None or None in values else tuple(values) for name, values in numbers.items()},
        )

    def _place(self, record: Record, outputs: list[Node], solution: dict[Node, Node]) -> tuple[Role, tuple[int, ...]]:
        nodes = flat(self.values[record["id"]])
        if record["role"] == "state":
            return "state", tuple(self.states.index(node) for node in nodes)
        if record["id"] in self.settable:
            role: Role = "input" if record["role"] == "input" else "parameter"
            return role, tuple(self.parameters.index(node) for node in nodes)
        outputs += [solution.get(node, node) for node in nodes]
        slots = tuple(range(len(outputs) - len(nodes), len(outputs)))
        if record["role"] in ("parameter", "constant"):
            return "calculated", slots
        return ("output" if record["role"] == "output" else "local"), slots

    def _start(self, record: Record, role: Role, slots: Sequence[int]) -> tuple[float, ...] | None:
        """Return start values that are numbers; those computed from parameters have none."""
        if role in ("input", "parameter"):
            return tuple(self.defaults[slot] for slot in slots)
        nodes = self._starts(record) if role == "state" else []
        if not nodes or not all(self.graph.is_constant(node) for node in nodes):
            return None
        return tuple(self.graph.value(node) for node in nodes)

    def _starts(self, record: Record) -> list[Node]:
        expression = record["attributes"]["start"]
        if expression is None:
            return [self.graph.zero] * record["scalar_count"]
        nodes = flat(self.evaluator.value(expression))
        return nodes if len(nodes) == record["scalar_count"] else nodes * record["scalar_count"]


def _kind(record: Record) -> Literal["real", "integer", "boolean"]:
    scalar = record["value_type"]["scalar"]
    return scalar if scalar in ("integer", "boolean") else "real"
