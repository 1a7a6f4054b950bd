"""A model's equations as one expression graph: every distinct expression is one node, numbered in order of creation.

A node is a tuple of its operation and its operands' numbers; equal expressions get the same number, constants are
folded on the way in. Six operations stand for something else than arithmetic:

``("constant", value)``, ``("symbol", kind, index)`` (kinds: ``state``, ``derivative``, ``algebraic``, ``parameter``,
``time``, ``unknown``, ``tangent``), ``("lookup", table, position)`` an element of a constant table at a computed
position (counted from 0, held at both ends), ``("root", loop)`` the solution of a scalar nonlinear equation, and
``("select", condition, when_true, when_false)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Node = int
Key = tuple[Any, ...]

LEAVES = frozenset({"constant", "symbol"})
COMPARISONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}

UNARY: dict[str, Callable[[float], float]] = {
    "neg": lambda a: -a,
    "not": lambda a: float(a == 0),
    "sign": lambda a: float((a > 0) - (a < 0)),
    "abs": abs,
    "floor": lambda a: float(math.floor(a)),
    "ceil": lambda a: float(math.ceil(a)),
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "log10": math.log10,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
}
BINARY: dict[str, Callable[[float, float], float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": lambda a, b: float(a**b),
    "min": min,
    "max": max,
    "atan2": math.atan2,
    "and": lambda a, b: float(a != 0 and b != 0),
    "or": lambda a, b: float(a != 0 or b != 0),
    "lt": lambda a, b: float(a < b),
    "le": lambda a, b: float(a <= b),
    "gt": lambda a, b: float(a > b),
    "ge": lambda a, b: float(a >= b),
    "eq": lambda a, b: float(a == b),
    "ne": lambda a, b: float(a != b),
}
COMMUTATIVE = frozenset({"add", "mul", "min", "max", "and", "or", "eq", "ne"})


@dataclass(frozen=True)
class Loop:
    """One equation ``residual = 0`` that is nonlinear in its one ``unknown``; ``slope`` is d residual / d unknown."""

    unknown: Node
    residual: Node
    slope: Node
    start: float


@dataclass
class Graph:
    """The nodes, and for each the set of symbols that it depends on (a bit mask)."""

    nodes: list[Key] = field(default_factory=list)
    support: list[int] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)
    tables: list[tuple[float, ...]] = field(default_factory=list)
    _numbers: dict[Key, Node] = field(default_factory=dict)
    _bits: dict[Node, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.zero = self.constant(0.0)
        self.one = self.constant(1.0)

    # Creation

    def constant(self, value: float) -> Node:
        """Return the node of a number."""
        return self._node(("constant", float(value) + 0.0))

    def symbol(self, kind: str, index: int = 0) -> Node:
        """Return the node of a state, parameter or other symbol."""
        return self._node(("symbol", kind, index))

    def unary(self, operation: str, a: Node) -> Node:
        """Return ``operation(a)``, simplified."""
        if self.is_constant(a):
            folded = _fold(UNARY[operation], self.value(a))
            if folded is not None:
                return self.constant(folded)
        if operation == "neg" and self.nodes[a][0] == "neg":
            return int(self.nodes[a][1])
        if operation == "neg" and self.nodes[a][0] == "sub":
            return self.binary("sub", *reversed(self.nodes[a][1:]))
        return self._node((operation, a))

    def binary(self, operation: str, a: Node, b: Node) -> Node:
        """Return ``operation(a, b)``, simplified without changing the rounding of what remains."""
        if self.is_constant(a) and self.is_constant(b):
            folded = _fold(BINARY[operation], self.value(a), self.value(b))
            if folded is not None:
                return self.constant(folded)
        simplify = getattr(self, f"_simplify_{operation}", None)
        simpler: Node | None = simplify(a, b) if simplify else None
        if simpler is not None:
            return simpler
        if operation in COMMUTATIVE and b < a:
            a, b = b, a
        return self._node((operation, a, b))

    def select(self, condition: Node, when_true: Node, when_false: Node) -> Node:
        """Return ``if condition then when_true else when_false``."""
        if self.is_constant(condition):
            return when_true if self.value(condition) else when_false
        if when_true == when_false:
            return when_true
        return self._node(("select", condition, when_true, when_false))

    def lookup(self, table: Sequence[float], position: Node) -> Node:
        """Return the element of ``table`` at ``position``, which counts from 0 and is held at both ends."""
        if self.is_constant(position):
            return self.constant(table[min(max(int(self.value(position)), 0), len(table) - 1)])
        if len(set(table)) == 1:
            return self.constant(table[0])
        values = tuple(table)
        if values not in self.tables:
            self.tables.append(values)
        return self._node(("lookup", self.tables.index(values), position))

    def root(self, loop: Loop) -> Node:
        """Return the solution of a scalar nonlinear equation."""
        if loop not in self.loops:
            self.loops.append(loop)
        return self._node(("root", self.loops.index(loop)))

    def total(self, terms: Iterable[Node]) -> Node:
        """Return the sum of ``terms``, added from the first to the last."""
        result = self.zero
        for term in terms:
            result = self.binary("add", result, term)
        return result

    # Questions

    def is_constant(self, node: Node) -> bool:
        """Tell whether a node is a number."""
        return bool(self.nodes[node][0] == "constant")

    def value(self, node: Node) -> float:
        """Return the number of a constant node."""
        return float(self.nodes[node][1])

    def operands(self, node: Node) -> tuple[Node, ...]:
        """Return the nodes that a node is computed from."""
        key = self.nodes[node]
        if key[0] in LEAVES:
            return ()
        if key[0] == "lookup":
            return (key[2],)
        if key[0] == "root":
            loop = self.loops[key[1]]
            inside = self.mask([loop.unknown])
            return tuple(n for n in self.order([loop.residual, loop.slope]) if not self.support[n] & inside)
        return tuple(key[1:])

    def mask(self, symbols: Iterable[Node]) -> int:
        """Return the bit mask of a set of symbols, to compare with ``support``."""
        mask = 0
        for symbol in symbols:
            mask |= 1 << self._bits[symbol]
        return mask

    def depends(self, node: Node, symbol: Node) -> bool:
        """Tell whether a node depends on a symbol."""
        return bool(self.support[node] >> self._bits[symbol] & 1)

    def order(self, roots: Iterable[Node], within: int = -1) -> list[Node]:
        """Return all nodes that ``roots`` are computed from, operands first; only those that depend on ``within``."""
        seen: set[Node] = set()
        ordered: list[Node] = []
        for root in roots:
            pending = [(root, False)]
            while pending:
                node, expanded = pending.pop()
                if expanded:
                    ordered.append(node)
                elif node not in seen and (within == -1 or self.support[node] & within):
                    seen.add(node)
                    pending.append((node, True))
                    pending.extend((operand, False) for operand in reversed(self.operands(node)))
        return ordered

    # Rewriting

    def rebuild(self, node: Node, operands: Sequence[Node]) -> Node:
        """Return the operation of ``node`` applied to other operands."""
        key = self.nodes[node]
        if key[0] in LEAVES or key[0] == "root":
            return node
        if key[0] == "lookup":
            return self.lookup(self.tables[key[1]], operands[0])
        if key[0] == "select":
            return self.select(*operands)
        return self.unary(key[0], *operands) if len(operands) == 1 else self.binary(key[0], *operands)

    def substitute(self, node: Node, replacements: Mapping[Node, Node]) -> Node:
        """Return ``node`` with symbols replaced."""
        affected = self.mask(replacements)
        done = dict(replacements)
        for n in self.order([node], affected):
            if n not in done:
                done[n] = self.rebuild(n, [done.get(operand, operand) for operand in self.operands(n)])
        return done.get(node, node)

    # Simplification

    def _node(self, key: Key) -> Node:
        number = self._numbers.get(key)
        if number is None:
            number = len(self.nodes)
            self._numbers[key] = number
            self.nodes.append(key)
            self.support.append(self._support(number, key))
        return number

    def _support(self, number: Node, key: Key) -> int:
        if key[0] == "symbol":
            self._bits[number] = len(self._bits)
            return 1 << self._bits[number]
        mask = 0
        for operand in self.operands(number):
            mask |= self.support[operand]
        return mask

    def _is(self, node: Node, value: float) -> bool:
        return self.is_constant(node) and self.value(node) == value

    def _negated(self, node: Node) -> Node | None:
        return self.nodes[node][1] if self.nodes[node][0] == "neg" else None

    def _simplify_add(self, a: Node, b: Node) -> Node | None:
        if self._is(a, 0):
            return b
        if self._is(b, 0):
            return a
        for x, y in ((a, b), (b, a)):
            negated = self._negated(y)
            if negated is not None:
                return self.binary("sub", x, negated)
        return None

    def _simplify_sub(self, a: Node, b: Node) -> Node | None:
        if self._is(b, 0):
            return a
        if self._is(a, 0):
            return self.unary("neg", b)
        if a == b:
            return self.zero
        negated = self._negated(b)
        return None if negated is None else self.binary("add", a, negated)

    def _simplify_mul(self, a: Node, b: Node) -> Node | None:
        for x, y in ((a, b), (b, a)):
            if self._is(x, 0):
                return self.zero
            if self._is(x, 1):
                return y
            if self._is(x, -1):
                return self.unary("neg", y)
            negated = self._negated(x)
            if negated is not None:
                return self.unary("neg", self.binary("mul", negated, y))
        return None

    def _simplify_div(self, a: Node, b: Node) -> Node | None:
        if self._is(a, 0):
            return self.zero
        if self._is(b, 1):
            return a
        if self._is(b, -1):
            return self.unary("neg", a)
        negated = self._negated(a)
        if negated is not None:
            return self.unary("neg", self.binary("div", negated, b))
        return self.one if a == b else None

    def _simplify_pow(self, a: Node, b: Node) -> Node | None:
        if not self.is_constant(b):
            return None
        exponent = self.value(b)
        if exponent == 0.5:
            return self.unary("sqrt", a)
        if exponent in (0, 1, 2, 3):
            power = self.one
            for _ in range(int(exponent)):
                power = self.binary("mul", power, a)
            return power
        return None


def _fold(function: Callable[..., float], *values: float) -> float | None:
    """Return a constant's value, or None where Python refuses what C computes as infinite or NaN."""
    try:
        result = float(function(*values))
    except (ValueError, OverflowError, ZeroDivisionError, TypeError):
        return None
    return result if math.isfinite(result) else None
