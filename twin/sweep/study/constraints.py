"""Constraints of a study: one comparison each, of arithmetic over factors and responses.

Python's own parser reads them; what is no arithmetic is refused, so that nothing of a study's file is executed.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from twin.errors import InputError, Problem

_BINARY: Final[Mapping[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,  # of floats, which overflow: 9**9**9 of integers would compute for ever
}
_UNARY: Final[Mapping[type[ast.unaryop], Callable[[float], float]]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
_FUNCTIONS: Final[Mapping[str, Callable[..., float]]] = {
    "abs": abs,
    "min": min,
    "max": max,
    "sqrt": math.sqrt,
    "log": math.log,
    "exp": math.exp,
}
_UNKNOWN: Final = math.inf
_SUCH: Final = "e.g. balancing_A * modules <= 20"
_EXPECTED: Final = "{text!r} is no single comparison with <=, <, >= or >"


@dataclass(frozen=True)
class Constraint:
    """``left <= right``, or ``left < right``; one with ``>`` is read from right to left."""

    text: str
    left: ast.expr
    right: ast.expr
    strict: bool

    @property
    def mentions(self) -> tuple[str, ...]:
        """Factors and responses in it, in their order."""
        return tuple(dict.fromkeys((*_names(self.left), *_names(self.right))))

    def violation(self, columns: Mapping[str, float]) -> float:
        """Return by how much it is broken; 0 or less where it is kept, infinite where that cannot be known."""
        try:
            difference = float(_value(self.left, columns) - _value(self.right, columns))
        except (KeyError, ArithmeticError, ValueError, TypeError):
            return _UNKNOWN
        if math.isnan(difference):
            return _UNKNOWN
        return math.ulp(0.0) if self.strict and difference == 0.0 else difference


@dataclass(frozen=True)
class Constraints:
    """All constraints of a study, in its order. What is no constraint raises InputError when it is looked at."""

    expressions: tuple[str, ...] = ()
    factors: frozenset[str] = frozenset()
    """Columns that are known before a point is run."""

    @cached_property
    def all(self) -> tuple[Constraint, ...]:
        """Each of them, read."""
        return tuple(constraint_of(text) for text in self.expressions)

    @property
    def mentions(self) -> frozenset[str]:
        """Factors and responses in any of them."""
        return frozenset(name for one in self.all for name in one.mentions)

    @cached_property
    def factor_only(self) -> Constraints:
        """Those of factors alone: rows that break one are not run."""
        return Constraints(tuple(one.text for one in self.all if self.factors.issuperset(one.mentions)), self.factors)

    def violations(self, columns: Mapping[str, float]) -> tuple[float, ...]:
        """Return by how much each is broken: left - right, so that 0 or less is kept.

        Infinite where it cannot be known: a response has no value, or the arithmetic none, such as 1 / 0.
        """
        return tuple(one.violation(columns) for one in self.all)

    def kept(self, columns: Mapping[str, float]) -> bool:
        """Say whether all are kept."""
        return all(violation <= 0.0 for violation in self.violations(columns))


def constraint_of(text: str) -> Constraint:
    """Return the constraint that a text states. Raises InputError with all that is wrong with it."""
    compared = _parsed(text)
    problems = [Problem(message) for side in (compared.left, *compared.comparators) for message in _mistakes(side)]
    if len(compared.ops) != 1 or not isinstance(compared.ops[0], ast.LtE | ast.GtE | ast.Lt | ast.Gt):
        problems.append(Problem(_EXPECTED.format(text=text)))
    if problems:
        raise InputError(problems)
    sides = compared.left, compared.comparators[0]
    order = compared.ops[0]
    left, right = sides if isinstance(order, ast.LtE | ast.Lt) else sides[::-1]
    found = Constraint(text, left, right, isinstance(order, ast.Lt | ast.Gt))
    if not found.mentions:
        raise InputError(Problem(f"{text!r} names no factor and no response"))
    return found


def _parsed(text: str) -> ast.Compare:
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else error
        raise InputError(Problem(f"{text!r} cannot be read: {reason}", suggestion=_SUCH)) from None
    if not isinstance(tree, ast.Compare):
        raise InputError(Problem(_EXPECTED.format(text=text)))
    return tree


def _mistakes(node: ast.expr) -> Iterator[str]:
    """Yield what is no arithmetic."""
    match node:
        case ast.Constant(value=value) if type(value) in (int, float):
            return
        case ast.Name() | ast.Attribute() if _name(node):
            return
        case ast.BinOp(left, op, right) if type(op) in _BINARY:
            yield from (*_mistakes(left), *_mistakes(right))
        case ast.UnaryOp(op, operand) if type(op) in _UNARY:
            yield from _mistakes(operand)
        case ast.Call(ast.Name(name), arguments, []) if name in _FUNCTIONS and arguments:
            for argument in arguments:
                yield from _mistakes(argument)
        case _:
            known = f"+ - * / // % ** and {', '.join(_FUNCTIONS)}"
            yield f"{ast.unparse(node)} is no arithmetic of numbers and names; expected {known}"


def _names(node: ast.expr) -> Iterator[str]:
    """Yield the names in an expression that is arithmetic; a function's is none."""
    if name := _name(node):
        yield name
        return
    parts = node.args if isinstance(node, ast.Call) else ast.iter_child_nodes(node)
    for part in parts:
        if isinstance(part, ast.expr):
            yield from _names(part)


def _name(node: ast.AST) -> str:
    """Return the name that a node is, with dots as in ``fleet.modules``; empty where it is none."""
    if isinstance(node, ast.Attribute):
        above = _name(node.value)
        return f"{above}.{node.attr}" if above else ""
    return node.id if isinstance(node, ast.Name) else ""


def _value(node: ast.expr, columns: Mapping[str, float]) -> float:
    """Return what an expression comes to. Raises KeyError, ArithmeticError, ValueError or TypeError where it cannot."""
    match node:
        case ast.Constant(int() | float() as value):
            return float(value)
        case ast.BinOp(left, op, right):
            return _BINARY[type(op)](_value(left, columns), _value(right, columns))
        case ast.UnaryOp(op, operand):
            return _UNARY[type(op)](_value(operand, columns))
        case ast.Call(ast.Name(name), arguments):
            return float(_FUNCTIONS[name](*(_value(argument, columns) for argument in arguments)))
    return float(columns[_name(node)])
