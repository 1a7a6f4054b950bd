"""A model's equations as C: straight-line functions over arrays of doubles, no globals that can be written.

What depends on parameters and inputs alone is computed once when one of them changes, into an array of "frozen"
values, and not in every evaluation: a temperature's exponential, the conductances of a network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from twin.modelica.derivative import tangent
from twin.modelica.graph import COMPARISONS, LEAVES, Graph, Node
from twin.modelica.model import Model

INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
ARRAYS = {"state": "x", "parameter": "p", "state_tangent": "sx", "parameter_tangent": "sp"}

PRELUDE = """#include <math.h>

/* The whole part of a position in a table, held at both ends; 0 for NaN. */
static inline int held(double position, int last)
{
    return position > 0 ? (position < last ? (int)position : last) : 0;
}
"""
CALLS = {"abs": "fabs"}  # where C's name is not Modelica's


@dataclass
class Printer:
    """Prints nodes as C statements; ``frozen`` are nodes that another function has already stored, by their place."""

    graph: Graph
    frozen: dict[Node, int] = field(default_factory=dict)

    def statements(self, targets: Sequence[tuple[str, Node]]) -> list[str]:
        """Return the statements that compute every node and assign it to its target."""
        needed = self._early(self._needed([node for _, node in targets]))
        lines = [line for node in needed for line in self._definition(node)]
        return lines + [f"{target} = {self.name(node)};" for target, node in targets]

    def name(self, node: Node) -> str:
        """Return what a node is called in C."""
        operation, *rest = self.graph.nodes[node]
        if operation == "constant":
            return f"({rest[0]!r})" if rest[0] < 0 else repr(rest[0])
        if operation == "symbol":
            kind, index = rest
            return "t" if kind == "time" else f"{ARRAYS[kind]}[{index}]" if kind in ARRAYS else f"v{node}"
        return f"c[{self.frozen[node]}]" if node in self.frozen else f"v{node}"

    def _needed(self, roots: Iterable[Node]) -> list[Node]:
        """Return the nodes to compute, operands first; below a frozen node nothing is needed."""
        seen: set[Node] = set()
        ordered: list[Node] = []
        pending = [(root, False) for root in reversed(list(roots))]
        while pending:
            node, is_expanded = pending.pop()
            if is_expanded:
                ordered.append(node)
            elif node not in seen and node not in self.frozen and self.graph.nodes[node][0] not in LEAVES:
                seen.add(node)
                pending.append((node, True))
                pending += [(operand, False) for operand in reversed(self.graph.operands(node))]
        return ordered

    def _early(self, ordered: Sequence[Node]) -> list[Node]:
        """Return nodes in an order in which each stands as soon as its operands do.

        A sum over cells then grows cell by cell, where else the terms of all cells wait for the last one: the compiler
        keeps the order, and spills half as many values. No value changes by it.
        """
        waits = {node: set(self.graph.operands(node)) for node in ordered}
        users: dict[Node, list[Node]] = {node: [] for node in ordered}
        for node, operands in waits.items():
            operands &= users.keys()
            for operand in operands:
                users[operand].append(node)
        early: dict[Node, None] = {}
        for node in ordered:
            ready = [node]
            while ready:
                stands = ready.pop()
                if stands in early:
                    continue
                early[stands] = None
                for user in users[stands]:
                    waits[user].discard(stands)
                    ready += [] if waits[user] else [user]
        return list(early)

    def _definition(self, node: Node) -> list[str]:
        if self.graph.nodes[node][0] == "root":
            return self._newton(node)
        return [f"const double v{node} = {self._expression(node)};"]

    def _expression(self, node: Node) -> str:
        operation, *_ = self.graph.nodes[node]
        a = [self.name(operand) for operand in self.graph.operands(node)]
        if operation in INFIX:
            return f"{a[0]} {INFIX[operation]} {a[1]}"
        if operation in COMPARISONS:
            return f"({a[0]} {COMPARISONS[operation]} {a[1]}) ? 1.0 : 0.0"
        if operation == "lookup":
            return self._lookup(node, a[0])
        if operation in ("min", "max"):
            return self._extreme(operation, *self.graph.operands(node))
        special: dict[str, Callable[..., str]] = {
            "neg": lambda x: f"-{x}",
            "floor": lambda x: f"(double)(int){x}" if self._is_small(node) else f"floor({x})",
            "not": lambda x: f"({x} == 0.0) ? 1.0 : 0.0",
            "and": lambda x, y: f"({x} != 0.0 && {y} != 0.0) ? 1.0 : 0.0",
            "or": lambda x, y: f"({x} != 0.0 || {y} != 0.0) ? 1.0 : 0.0",
            "sign": lambda x: f"(double)(({x} > 0.0) - ({x} < 0.0))",
            "select": lambda c, x, y: f"({c} != 0.0) ? {x} : {y}",
        }
        if operation in special:
            return special[operation](*a)
        return f"{CALLS.get(operation, operation)}({', '.join(a)})"

    def _extreme(self, operation: str, a: Node, b: Node) -> str:
        """Print min or max with a constant last, so that the result is the constant where the other one is NaN."""
        if self.graph.is_constant(a):
            a, b = b, a
        x, y = self.name(a), self.name(b)
        return f"({x} {'<' if operation == 'min' else '>'} {y}) ? {x} : {y}"

    def _lookup(self, node: Node, position: str) -> str:
        _, table, where = self.graph.nodes[node]
        last = len(self.graph.tables[table]) - 1
        bounds = self._bounds(where)
        if bounds is None or bounds[0] < 0 or bounds[1] > last:
            return f"table_{table}[held({position}, {last})]"
        operation, *operands = self.graph.nodes[where]
        if operation == "sub" and self.graph.nodes[operands[0]][0] == "floor":
            return f"table_{table}[(int){self.name(operands[0])} - {int(self.graph.value(operands[1]))}]"
        return f"table_{table}[(int){position}]"

    def _bounds(self, node: Node) -> tuple[float, float] | None:
        """Return the range of a node that is held between two constants, and so never NaN; None of any other."""
        operation, *operands = self.graph.nodes[node]
        if operation == "floor":
            inner = self._bounds(operands[0])
            return None if inner is None else (math.floor(inner[0]), math.floor(inner[1]))
        if operation == "sub" and self.graph.is_constant(operands[1]):
            inner, shift = self._bounds(operands[0]), self.graph.value(operands[1])
            return None if inner is None else (inner[0] - shift, inner[1] - shift)
        if operation != "min":
            return None
        high, rest = self._constant_first(operands)
        if high is None or self.graph.nodes[rest][0] != "max":
            return None
        low, _ = self._constant_first(self.graph.operands(rest))
        return None if low is None or low > high else (low, high)

    def _is_small(self, node: Node) -> bool:
        """Tell whether the floor of a node is its conversion to int."""
        bounds = self._bounds(node)
        return bounds is not None and bounds[0] >= 0 and bounds[1] < 2**31

    def _constant_first(self, operands: Sequence[Node]) -> tuple[float | None, Node]:
        a, b = operands if self.graph.is_constant(operands[0]) else reversed(operands)
        return (self.graph.value(a) if self.graph.is_constant(a) else None), b

    def _newton(self, node: Node) -> list[str]:
        loop = self.graph.loops[self.graph.nodes[node][1]]
        inside = self.graph.mask([loop.unknown])
        body = [n for n in self.graph.order([loop.residual, loop.slope]) if self.graph.support[n] & inside]
        unknown = self.name(loop.unknown)
        return [
            f"double {unknown} = {loop.start!r};",
            "for (int turn = 0; turn < 50; ++turn) {",
            *(f"    {line}" for n in body if n != loop.unknown for line in self._definition(n)),
            f"    const double change = {self.name(loop.residual)} / {self.name(loop.slope)};",
            f"    {unknown} -= change;",
            f"    if (fabs(change) <= 1e-12 * (1.0 + fabs({unknown})))",
            "        break;",
            "}",
            f"const double v{node} = {unknown};",
        ]


def kernel(model: Model, token: str) -> str:
    """Return the C text of a model: its sizes, tables, defaults and functions, as ``c/core.h`` uses them."""
    graph = model.graph
    model = _with_reciprocals(model)
    tangents = _tangents(model)
    frozen = _frozen(model, [*model.derivatives, *model.outputs, *tangents[0], *tangents[1]])
    printer = Printer(graph, frozen)
    starts = [(f"x[{i}]", node) for i, node in enumerate(model.starts) if not graph.is_constant(node)]
    rates = [(f"dx[{i}]", node) for i, node in enumerate(model.derivatives)]
    outputs = [(f"y[{i}]", node) for i, node in enumerate(model.outputs)]
    turned = [
        (f"{name}[{i}]", node)
        for name, nodes in zip(("tx", "ty"), tangents, strict=True)
        for i, node in enumerate(nodes)
    ]
    state = "double t, const double *restrict x, const double *restrict p, const double *restrict c"
    parts = [
        f"/* Equations of the Modelica class {model.name}; generated, do not edit. */\n{PRELUDE}",
        _sizes(model, len(frozen), token),
        *_constants(model),
        _function("start", "const double *restrict p, double *restrict x", Printer(graph).statements(starts)),
        _function("freeze", "const double *restrict p, double *restrict c", _freezing(graph, frozen)),
        _function("derivatives", f"{state}, double *restrict dx", printer.statements(rates)),
        _function("evaluate", f"{state}, double *restrict dx, double *restrict y", printer.statements(rates + outputs)),
        _function(
            "tangent",
            f"{state}, const double *restrict sx, const double *restrict sp, double *restrict tx, double *restrict ty",
            printer.statements(turned),
        ),
    ]
    return "\n".join(parts)


def _with_reciprocals(model: Model) -> Model:
    """Return the model with each division by a value that seldom changes as a product with its frozen reciprocal."""
    graph = model.graph
    seldom = graph.mask(model.parameters)
    done: dict[Node, Node] = {}
    for node in graph.order([*model.derivatives, *model.outputs]):
        operands = [done[operand] for operand in graph.operands(node)]
        is_seldom = graph.support[node] & ~seldom == 0
        if graph.nodes[node][0] == "div" and not is_seldom and graph.support[operands[1]] & ~seldom == 0:
            done[node] = graph.binary("mul", operands[0], graph.binary("div", graph.one, operands[1]))
        else:
            done[node] = graph.rebuild(node, operands)
    derivatives = tuple(done[node] for node in model.derivatives)
    return replace(model, derivatives=derivatives, outputs=tuple(done[node] for node in model.outputs))


def _tangents(model: Model) -> tuple[list[Node], list[Node]]:
    """Return the tangents of derivatives and outputs for tangents of the states and inputs."""
    graph = model.graph
    seed = {symbol: graph.symbol("state_tangent", i) for i, symbol in enumerate(model.states)}
    seed |= {model.parameters[i]: graph.symbol("parameter_tangent", i) for i in sorted(model.inputs)}
    known: dict[Node, Node] = {}
    rates = [tangent(graph, node, seed, known) for node in model.derivatives]
    return rates, [tangent(graph, node, seed, known) for node in model.outputs]


def _frozen(model: Model, roots: Sequence[Node]) -> dict[Node, int]:
    """Return the values to be computed once per change of a parameter or input, with their places."""
    graph = model.graph
    ordered = graph.order(roots)
    fixed = graph.mask(model.parameters)

    def is_fixed(node: Node) -> bool:
        return graph.support[node] & ~fixed == 0 and graph.nodes[node][0] not in LEAVES

    used = {operand for node in ordered if not is_fixed(node) for operand in graph.operands(node) if is_fixed(operand)}
    used.update(root for root in roots if is_fixed(root))
    return {node: place for place, node in enumerate(n for n in ordered if n in used)}


def _freezing(graph: Graph, frozen: dict[Node, int]) -> list[str]:
    return Printer(graph).statements([(f"c[{place}]", node) for node, place in frozen.items()])


def _sizes(model: Model, frozen: int, token: str) -> str:
    sizes = {
        "N_STATES": len(model.states),
        "N_OUTPUTS": len(model.outputs),
        "N_PARAMETERS": len(model.parameters),
        "N_FROZEN": frozen,
    }
    lines = [f"#define {name} {size}" for name, size in sizes.items()]
    return "\n".join([*lines, f'#define TOKEN "{token}"', ""])


def _constants(model: Model) -> list[str]:
    graph = model.graph
    start = [graph.value(node) if graph.is_constant(node) else 0.0 for node in model.starts]
    return [
        *(_array("double", f"table_{i}", table) for i, table in enumerate(graph.tables)),
        _array("double", "default_parameters", model.defaults),
        _array("double", "default_states", start),
        _array("double", "nominal_states", _nominals(model)),
        _array("char", "parameter_kinds", _parameter_kinds(model)),
        _array("char", "state_is_settable", [int(graph.is_constant(node)) for node in model.starts]),
    ]


def _nominals(model: Model) -> list[float]:
    nominals = [1.0] * len(model.states)
    for variable in model.variables:
        if variable.role == "state" and variable.nominal:
            for slot, nominal in zip(variable.slots, variable.nominal, strict=True):
                nominals[slot] = abs(nominal) or 1.0
    return nominals


def _parameter_kinds(model: Model) -> list[int]:
    """Return 2 for inputs, 1 for parameters that may change during a run, 0 for the others."""
    kinds = [0] * len(model.parameters)
    for variable in model.variables:
        if variable.role in ("input", "parameter"):
            for slot in variable.slots:
                kinds[slot] = 2 if variable.role == "input" else int(variable.is_tunable)
    return kinds


def _array(kind: str, name: str, values: Sequence[float]) -> str:
    rows = [", ".join(repr(v) for v in values[i : i + 8]) for i in range(0, len(values), 8)] or ["0"]
    body = ",\n    ".join(rows)
    return f"static const {kind} {name}[{max(len(values), 1)}] = {{\n    {body}}};\n"


def _function(name: str, arguments: str, statements: Sequence[str]) -> str:
    names = [part.split()[-1].lstrip("*").removeprefix("restrict") for part in arguments.split(",")]
    unused = " ".join(f"(void){argument};" for argument in names)
    body = "\n".join(f"    {line}" for line in (unused, *statements))
    return f"static void model_{name}({arguments})\n{{\n{body}\n}}\n"
