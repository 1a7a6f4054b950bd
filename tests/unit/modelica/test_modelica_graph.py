from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from twin.modelica import causality, linear
from twin.modelica.derivative import tangent
from twin.modelica.graph import BINARY, UNARY, Graph, Loop, Node


def evaluate(graph: Graph, node: Node, values: dict[Node, float]) -> float:
    """The graph's meaning, in Python: what the printed C must compute too."""
    operation, *rest = graph.nodes[node]
    if node in values:
        return values[node]
    if operation == "constant":
        return float(rest[0])
    a = [evaluate(graph, operand, values) for operand in graph.operands(node)]
    if operation == "select":
        return a[1] if a[0] else a[2]
    if operation == "lookup":
        table = graph.tables[rest[0]]
        return table[min(max(int(a[0]), 0), len(table) - 1)]
    return UNARY[operation](*a) if len(a) == 1 else BINARY[operation](*a)


SIMPLER: dict[str, tuple[Callable[[Graph, Node, Node], Node], Callable[[Graph, Node, Node], Node]]] = {
    "x + 0": (lambda g, x, y: g.binary("add", x, g.zero), lambda g, x, y: x),
    "x - x": (lambda g, x, y: g.binary("sub", x, x), lambda g, x, y: g.zero),
    "1 * x": (lambda g, x, y: g.binary("mul", g.one, x), lambda g, x, y: x),
    "--x": (lambda g, x, y: g.unary("neg", g.unary("neg", x)), lambda g, x, y: x),
    "-(x - y)": (lambda g, x, y: g.unary("neg", g.binary("sub", x, y)), lambda g, x, y: g.binary("sub", y, x)),
    "x + -y": (lambda g, x, y: g.binary("add", x, g.unary("neg", y)), lambda g, x, y: g.binary("sub", x, y)),
    "-x * -y": (
        lambda g, x, y: g.binary("mul", g.unary("neg", x), g.unary("neg", y)),
        lambda g, x, y: g.binary("mul", x, y),
    ),
    "y * x": (lambda g, x, y: g.binary("mul", y, x), lambda g, x, y: g.binary("mul", x, y)),
    "2 * 3": (lambda g, x, y: g.binary("mul", g.constant(2), g.constant(3)), lambda g, x, y: g.constant(6)),
    "x^2": (lambda g, x, y: g.binary("pow", x, g.constant(2)), lambda g, x, y: g.binary("mul", x, x)),
    "if true then x": (lambda g, x, y: g.select(g.one, x, y), lambda g, x, y: x),
}


@pytest.mark.parametrize("rule", SIMPLER)
def test_equal_expressions_are_one_node(rule: str) -> None:
    graph = Graph()
    x, y = graph.symbol("state", 0), graph.symbol("state", 1)
    built, expected = (make(graph, x, y) for make in SIMPLER[rule])
    assert built == expected


def test_what_python_cannot_compute_is_left_to_c() -> None:
    graph = Graph()
    node = graph.binary("div", graph.one, graph.zero)
    assert graph.nodes[node] == ("div", graph.one, graph.zero)
    assert not graph.is_constant(graph.unary("log", graph.constant(-1)))


FUNCTIONS = sorted({*UNARY} - {"neg", "not", "sign", "floor", "ceil"})


@pytest.mark.parametrize("function", [*FUNCTIONS, *sorted(BINARY), "lookup", "select", "select the other"])
def test_tangents_are_those_of_finite_differences(function: str) -> None:
    graph = Graph()
    x, y = graph.symbol("state", 0), graph.symbol("state", 1)
    if function == "lookup":
        node = graph.binary("mul", x, graph.lookup((1.0, 5.0, 2.0), graph.binary("mul", x, graph.constant(4))))
    elif function.startswith("select"):
        condition = graph.binary("lt" if function == "select" else "gt", x, y)
        node = graph.select(condition, graph.binary("mul", x, x), graph.unary("sin", y))
    else:
        node = graph.unary(function, x) if function in UNARY else graph.binary(function, x, y)
    along = {x: graph.constant(0.7), y: graph.constant(-0.4)}
    exact = evaluate(graph, tangent(graph, node, along), {x: 0.31, y: 0.83})
    h = 1e-6
    ahead, behind = (evaluate(graph, node, {x: 0.31 + s * 0.7 * h, y: 0.83 - s * 0.4 * h}) for s in (1, -1))
    assert exact == pytest.approx((ahead - behind) / (2 * h), rel=1e-8, abs=1e-8)


def test_tangent_of_a_root_is_that_of_the_implicit_function() -> None:
    graph = Graph()
    x, w = graph.symbol("state", 0), graph.symbol("algebraic", 0)
    cube = graph.binary("mul", w, graph.binary("mul", w, w))
    residual = graph.binary("sub", graph.binary("add", w, cube), x)
    root = graph.root(Loop(w, residual, tangent(graph, residual, {w: graph.one}), 0.0))
    slope = tangent(graph, root, {x: graph.one})
    assert evaluate(graph, slope, {root: 0.5}) == pytest.approx(1 / (1 + 3 * 0.25))


def test_linear_equations_are_solved_exactly() -> None:
    graph = Graph()
    a, b, p = graph.symbol("algebraic", 0), graph.symbol("algebraic", 1), graph.symbol("parameter", 0)
    rows = [
        graph.binary("sub", graph.binary("add", a, graph.binary("mul", p, b)), graph.constant(7)),
        graph.binary("sub", graph.binary("sub", a, b), graph.one),
    ]
    forms = [linear.affine(graph, row, [a, b]) for row in rows]
    solution = linear.solve(graph, [form for form in forms if form], [a, b])
    assert solution is not None
    assert [evaluate(graph, solution[n], {p: 2.0}) for n in (a, b)] == [3.0, 2.0]


def test_an_equation_nonlinear_in_an_unknown_has_no_affine_form() -> None:
    graph = Graph()
    a, x = graph.symbol("algebraic", 0), graph.symbol("state", 0)
    assert linear.affine(graph, graph.binary("mul", a, graph.unary("exp", x)), [a]) is not None
    assert linear.affine(graph, graph.binary("mul", a, a), [a]) is None


SYSTEMS: dict[str, tuple[list[list[int]], list[tuple[tuple[int, ...], tuple[int, ...]]]]] = {
    "a chain": ([[1, 2], [0], [0, 1]], [((1,), (0,)), ((2,), (1,)), ((0,), (2,))]),
    "a loop after a scalar": ([[0, 1, 2], [1, 2, 0], [0]], [((2,), (0,)), ((0, 1), (1, 2))]),
    "one that needs an augmenting path": ([[0, 1], [0]], [((1,), (0,)), ((0,), (1,))]),
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_blocks_come_in_the_order_in_which_they_can_be_solved(system: str) -> None:
    incidence, expected = SYSTEMS[system]
    found = causality.blocks(incidence, len(incidence))
    assert [(block.rows, tuple(sorted(block.unknowns))) for block in found] == expected


def test_an_equation_too_many_is_named() -> None:
    with pytest.raises(causality.SingularError) as singular:
        causality.blocks([[0], [1], [0, 1]], 3)
    assert singular.value.row == 2


def test_a_long_chain_needs_no_deep_recursion() -> None:
    count = 5000
    incidence = [[i, i - 1] if i else [0] for i in range(count)]
    assert [block.rows[0] for block in causality.blocks(incidence[::-1], count)] == list(reversed(range(count)))


def test_constants_keep_all_their_digits() -> None:
    graph = Graph()
    assert graph.value(graph.constant(math.pi)) == math.pi
