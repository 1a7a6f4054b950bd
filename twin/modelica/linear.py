"""Symbolic solution of equations that are affine in their unknowns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twin.modelica.derivative import tangent
from twin.modelica.graph import Graph, Node


@dataclass(frozen=True)
class Affine:
    """An equation ``sum(coefficients[u] * u) + rest = 0``."""

    coefficients: dict[Node, Node]
    rest: Node


def affine(graph: Graph, residual: Node, unknowns: Sequence[Node]) -> Affine | None:
    """Return ``residual`` as an affine form of ``unknowns``, or None where it is nonlinear in them."""
    inside = graph.mask(unknowns)
    coefficients = {}
    for unknown in unknowns:
        if graph.depends(residual, unknown):
            coefficients[unknown] = tangent(graph, residual, {unknown: graph.one})
    if any(graph.support[c] & inside for c in coefficients.values()):
        return None
    return Affine(coefficients, graph.substitute(residual, dict.fromkeys(unknowns, graph.zero)))


def solve(graph: Graph, equations: Sequence[Affine], unknowns: Sequence[Node]) -> dict[Node, Node] | None:
    """Return each unknown's expression, by Gaussian elimination; None where the equations are singular.

    A pivot is a constant where one is to be had, best of all plus or minus one: what is left then needs no division.
    """
    rows = list(equations)
    solved: list[tuple[Node, Affine]] = []
    for _ in unknowns:
        choice = min(_pivots(graph, rows), default=None)
        if choice is None:
            return None
        _, number, unknown = choice
        pivot = rows.pop(number)
        solved.append((unknown, pivot))
        rows = [_eliminated(graph, row, pivot, unknown) for row in rows]
    return _back_substituted(graph, solved)


def _pivots(graph: Graph, rows: Sequence[Affine]) -> list[tuple[int, int, Node]]:
    return [
        (_rank(graph, coefficient), number, unknown)
        for number, row in enumerate(rows)
        for unknown, coefficient in row.coefficients.items()
        if coefficient != graph.zero
    ]


def _rank(graph: Graph, coefficient: Node) -> int:
    if not graph.is_constant(coefficient):
        return 2
    return 0 if abs(graph.value(coefficient)) == 1 else 1


def _eliminated(graph: Graph, row: Affine, pivot: Affine, unknown: Node) -> Affine:
    coefficient = row.coefficients.get(unknown, graph.zero)
    if coefficient == graph.zero:
        return row
    factor = graph.binary("div", coefficient, pivot.coefficients[unknown])
    coefficients = {u: c for u, c in row.coefficients.items() if u != unknown}
    for u, c in pivot.coefficients.items():
        if u != unknown:
            change = graph.binary("mul", factor, c)
            coefficients[u] = graph.binary("sub", coefficients.get(u, graph.zero), change)
    return Affine(coefficients, graph.binary("sub", row.rest, graph.binary("mul", factor, pivot.rest)))


def _back_substituted(graph: Graph, solved: Sequence[tuple[Node, Affine]]) -> dict[Node, Node]:
    values: dict[Node, Node] = {}
    for unknown, row in reversed(solved):
        total = row.rest
        for u, c in row.coefficients.items():
            if u != unknown and c != graph.zero:
                total = graph.binary("add", total, graph.binary("mul", c, values[u]))
        values[unknown] = graph.unary("neg", graph.binary("div", total, row.coefficients[unknown]))
    return values
