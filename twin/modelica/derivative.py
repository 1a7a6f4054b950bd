"""Directional derivatives of an expression graph, exact: the tangent of every node for a tangent of its symbols."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from twin.modelica.graph import COMPARISONS, Graph, Node

FLAT = frozenset(COMPARISONS) | {"and", "or", "not", "sign", "floor", "ceil", "lookup"}
"""Operations that are constant between their jumps; a table is flat between two positions."""

Tangents = dict[Node, Node]


def tangent(graph: Graph, node: Node, seed: Mapping[Node, Node], known: Tangents | None = None) -> Node:
    """Return the tangent of ``node`` when each symbol of ``seed`` has that tangent and every other has none.

    ``known`` keeps tangents between calls of one seed.
    """
    known = {} if known is None else known
    for n in graph.order([node], graph.mask(seed)):
        if n not in known:
            known[n] = _tangent(graph, n, seed, known)
    return known.get(node, graph.zero)


def _tangent(graph: Graph, node: Node, seed: Mapping[Node, Node], known: Tangents) -> Node:
    operation, *operands = graph.nodes[node]
    if operation == "symbol":
        return seed.get(node, graph.zero)
    if operation == "constant" or operation in FLAT:
        return graph.zero
    if operation == "root":
        return _tangent_of_root(graph, node, seed)
    tangents = [known.get(operand, graph.zero) for operand in operands]
    if all(t == graph.zero for t in tangents):
        return graph.zero
    if operation == "select":
        return graph.select(operands[0], tangents[1], tangents[2])
    if len(operands) == 1:
        return graph.binary("mul", _SLOPES[operation](graph, operands[0], node), tangents[0])
    return _RULES[operation](graph, node, (operands[0], operands[1]), (tangents[0], tangents[1]))


def _tangent_of_root(graph: Graph, node: Node, seed: Mapping[Node, Node]) -> Node:
    """Implicit function theorem: slope * dx + (tangent of the residual at fixed x) = 0, at the solution."""
    loop = graph.loops[graph.nodes[node][1]]
    at_solution = {loop.unknown: node}
    rest = graph.substitute(tangent(graph, loop.residual, seed), at_solution)
    slope = graph.substitute(loop.slope, at_solution)
    return graph.unary("neg", graph.binary("div", rest, slope))


Slope = Callable[[Graph, Node, Node], Node]
Rule = Callable[[Graph, Node, tuple[Node, Node], tuple[Node, Node]], Node]


def _square(g: Graph, a: Node) -> Node:
    return g.binary("mul", a, a)


_SLOPES: dict[str, Slope] = {  # of f(a), from a and from y = f(a)
    "neg": lambda g, _a, _y: g.constant(-1),
    "abs": lambda g, a, _y: g.unary("sign", a),
    "sqrt": lambda g, _a, y: g.binary("div", g.constant(0.5), y),
    "exp": lambda _g, _a, y: y,
    "log": lambda g, a, _y: g.binary("div", g.one, a),
    "log10": lambda g, a, _y: g.binary("div", g.constant(1 / math.log(10)), a),
    "sin": lambda g, a, _y: g.unary("cos", a),
    "cos": lambda g, a, _y: g.unary("neg", g.unary("sin", a)),
    "tan": lambda g, _a, y: g.binary("add", g.one, _square(g, y)),
    "asin": lambda g, a, _y: g.binary("div", g.one, g.unary("sqrt", g.binary("sub", g.one, _square(g, a)))),
    "acos": lambda g, a, _y: g.binary("div", g.constant(-1), g.unary("sqrt", g.binary("sub", g.one, _square(g, a)))),
    "atan": lambda g, a, _y: g.binary("div", g.one, g.binary("add", g.one, _square(g, a))),
    "sinh": lambda g, a, _y: g.unary("cosh", a),
    "cosh": lambda g, a, _y: g.unary("sinh", a),
    "tanh": lambda g, _a, y: g.binary("sub", g.one, _square(g, y)),
}


def _product(g: Graph, _node: Node, x: tuple[Node, Node], d: tuple[Node, Node]) -> Node:
    return g.binary("add", g.binary("mul", d[0], x[1]), g.binary("mul", x[0], d[1]))


def _quotient(g: Graph, node: Node, x: tuple[Node, Node], d: tuple[Node, Node]) -> Node:
    return g.binary("div", g.binary("sub", d[0], g.binary("mul", node, d[1])), x[1])


def _power(g: Graph, node: Node, x: tuple[Node, Node], d: tuple[Node, Node]) -> Node:
    lower = g.binary("pow", x[0], g.binary("sub", x[1], g.one))
    by_base = g.binary("mul", g.binary("mul", x[1], lower), d[0])
    if d[1] == g.zero:
        return by_base
    return g.binary("add", by_base, g.binary("mul", g.binary("mul", node, g.unary("log", x[0])), d[1]))


def _angle(g: Graph, _node: Node, x: tuple[Node, Node], d: tuple[Node, Node]) -> Node:
    turn = g.binary("sub", g.binary("mul", d[0], x[1]), g.binary("mul", x[0], d[1]))
    return g.binary("div", turn, g.binary("add", _square(g, x[0]), _square(g, x[1])))


_RULES: dict[str, Rule] = {
    "add": lambda g, _node, _x, d: g.binary("add", *d),
    "sub": lambda g, _node, _x, d: g.binary("sub", *d),
    "mul": _product,
    "div": _quotient,
    "pow": _power,
    "atan2": _angle,
    "min": lambda g, _node, x, d: g.select(g.binary("le", *x), *d),
    "max": lambda g, _node, x, d: g.select(g.binary("ge", *x), *d),
}
