"""Evaluation of Modelica expressions and functions into nodes of a graph.

Arrays are nested tuples of nodes. A function is not called at run time: its body is evaluated here, statement by
statement, loops unrolled, so that what depends on constants alone (the slopes of a table, say) is folded away.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from twin.modelica.frontend import Equations, Record
from twin.modelica.graph import BINARY, UNARY, Graph, Node

Value = Any  # Node | tuple["Value", ...]: mypy knows no recursive alias of a nested tuple that is handy here

OPERATORS = {
    "add": "add",
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "power": "pow",
    "less": "lt",
    "less_equal": "le",
    "less_or_equal": "le",
    "greater": "gt",
    "greater_equal": "ge",
    "greater_or_equal": "ge",
    "equal": "eq",
    "not_equal": "ne",
    "and": "and",
    "or": "or",
}
TRANSPARENT = {"no_event": 0, "noevent": 0, "smooth": 1, "homotopy": 0}
"""Built-in functions that only advise a solver, and which of their arguments is their value."""


@dataclass(frozen=True)
class Frame:
    """Where an expression stands: in which call of which function, at which turn of which loops."""

    function: Record | None = None
    arguments: tuple[Value, ...] = ()
    binders: Mapping[tuple[int, int], int] = field(default_factory=dict)
    carried: Mapping[int, Value] = field(default_factory=dict)
    definitions: dict[int, Value] = field(default_factory=dict)

    def at(self, domain: int, turn: Sequence[int], carried: Mapping[int, Value] | None = None) -> Frame:
        """Return the frame of one turn of a loop or comprehension."""
        binders = {**self.binders, **{(domain, i): value for i, value in enumerate(turn)}}
        return replace(self, binders=binders, carried={**self.carried, **(carried or {})}, definitions={})


class Evaluator:
    """Evaluates expressions of one model; ``coordinate`` gives the value of a variable of the model."""

    def __init__(self, equations: Equations, graph: Graph, coordinate: Callable[[Record], Value | None]) -> None:
        self.equations = equations
        self.graph = graph
        self._variable = coordinate
        self._calls: dict[tuple[int, int, tuple[Value, ...]], Value] = {}

    def value(self, expression: int, frame: Frame | None = None) -> Value:
        """Return the value of an expression.

        Raises InputError, with class and line, on what cannot be translated.
        """
        record = self.equations.expressions[expression]
        kind = record["operation"]["kind"]
        evaluate = getattr(self, f"_{kind}", None)
        if evaluate is None:
            raise self._refusal(record, f"'{kind}'")
        return evaluate(record, frame or Frame())

    def turns(self, domain: int) -> Iterator[tuple[int, ...]]:
        """Return the index tuples of a loop, in order."""
        ranges = []
        for binder in self.equations.domains[domain]["domain"]["binders"]:
            step = binder["step"] or 1
            ranges.append(range(binder["lower"], binder["upper"] + (1 if step > 0 else -1), step))
        return itertools.product(*ranges)

    def _refusal(self, record: Record, what: str) -> Exception:
        return self.equations.refusal(what, record["provenance"])

    # Leaves

    def _literal(self, record: Record, _frame: Frame) -> Value:
        ((kind, value),) = record["operation"]["value"].items()
        if kind == "string":
            raise self._refusal(record, "a string")
        return self.graph.constant(float(value))

    def _coordinate(self, record: Record, frame: Frame) -> Value:
        operation = record["operation"]
        coordinate = operation["coordinate"]
        if coordinate["kind"] == "function_parameter":
            return frame.arguments[coordinate["ordinal"]]
        if coordinate["kind"] == "binder":
            return self.graph.constant(frame.binders[coordinate["domain"], coordinate["ordinal"]])
        value = self._variable(coordinate)
        if value is None:
            raise self._refusal(record, f"'{coordinate['kind']}'")
        return value

    # Operators

    def _unary(self, record: Record, frame: Frame) -> Value:
        operation = record["operation"]
        operand = self.value(operation["operand"], frame)
        if operation["operator"] == "plus":
            return operand
        name = {"negate": "neg", "not": "not"}[operation["operator"]]
        return _each(lambda a: self.graph.unary(name, a), operand)

    def _binary(self, record: Record, frame: Frame) -> Value:
        operation = record["operation"]
        left, right = self.value(operation["lhs"], frame), self.value(operation["rhs"], frame)
        operator = operation["operator"]
        arrays = isinstance(left, tuple) and isinstance(right, tuple)
        if operator == "multiply" and arrays:
            return self._matrix_product(left, right)
        name = OPERATORS.get(operator.removeprefix("elementwise_"))
        if name is None or (operator in ("divide", "power") and isinstance(right, tuple)):
            raise self._refusal(record, f"the operator '{operator}' on these operands")
        return self._pairwise(name, left, right)

    def _pairwise(self, name: str, left: Value, right: Value) -> Value:
        if isinstance(left, tuple) and isinstance(right, tuple):
            return tuple(self._pairwise(name, a, b) for a, b in zip(left, right, strict=True))
        if isinstance(left, tuple):
            return tuple(self._pairwise(name, a, right) for a in left)
        if isinstance(right, tuple):
            return tuple(self._pairwise(name, left, b) for b in right)
        return self.graph.binary(name, left, right)

    def _matrix_product(self, left: Value, right: Value) -> Value:
        if isinstance(left[0], tuple):
            return tuple(self._matrix_product(row, right) for row in left)
        if isinstance(right[0], tuple):
            return tuple(self._matrix_product(left, column) for column in zip(*right, strict=True))
        products = [self.graph.binary("mul", a, b) for a, b in zip(left, right, strict=True)]
        return self.graph.total(products)

    def _conditional(self, record: Record, frame: Frame) -> Value:
        operation = record["operation"]
        *branches, otherwise = operation["operands"]
        result = self.value(otherwise, frame)
        for condition, branch in reversed(list(zip(branches[0::2], branches[1::2], strict=True))):
            chosen = self.value(condition, frame)
            if self.graph.is_constant(chosen) and not self.graph.value(chosen):
                continue
            result = self._select(chosen, self.value(branch, frame), result)
        return result

    def _select(self, condition: Node, when_true: Value, when_false: Value) -> Value:
        if isinstance(when_true, tuple):
            return tuple(self._select(condition, a, b) for a, b in zip(when_true, when_false, strict=True))
        return self.graph.select(condition, when_true, when_false)

    # Arrays

    def _array(self, record: Record, frame: Frame) -> Value:
        operation = record["operation"]
        return tuple(self.value(element, frame) for element in operation["elements"])

    def _comprehension(self, record: Record, frame: Frame) -> Value:
        operation = record["operation"]
        domain = operation["domain"]
        flat = [self.value(operation["body"], frame.at(domain, turn)) for turn in self.turns(domain)]
        return packed(flat, self.equations.domains[domain]["extents"])

    def _index(self, record: Record, frame: Frame) -> Value:
        operation = record["operation"]
        return self._element(record, self.value(operation["base"], frame), operation["subscripts"], frame)

    def _element(self, record: Record, base: Value, subscripts: Sequence[Record], frame: Frame) -> Value:
        if not subscripts:
            return base
        first, *rest = subscripts
        if first["kind"] != "index":
            raise self._refusal(record, f"a subscript of kind '{first['kind']}'")
        position = self._from_zero(self.value(first["expression"], frame))
        if self.graph.is_constant(position):
            number = round(self.graph.value(position))
            if not 0 <= number < len(base):
                raise self._refusal(record, f"index {number + 1} of an array of {len(base)} elements")
            return self._element(record, base[number], rest, frame)
        return self._at_run_time(record, [self._element(record, b, rest, frame) for b in base], position)

    def _from_zero(self, index: Node) -> Node:
        """Return an index less one; ``k + c`` becomes ``k + (c - 1)``, exact because indices are whole."""
        operation, *operands = self.graph.nodes[index]
        if operation == "add" and any(self.graph.is_constant(a) for a in operands):
            constant, rest = sorted(operands, key=self.graph.is_constant, reverse=True)
            return self.graph.binary("add", rest, self.graph.constant(self.graph.value(constant) - 1))
        return self.graph.binary("sub", index, self.graph.one)

    def _at_run_time(self, record: Record, elements: Sequence[Value], position: Node) -> Value:
        if any(isinstance(element, tuple) for element in elements):
            raise self._refusal(record, "a computed index that chooses an array")
        if all(self.graph.is_constant(element) for element in elements):
            return self.graph.lookup([self.graph.value(element) for element in elements], position)
        result = elements[-1]
        for number in reversed(range(len(elements) - 1)):
            below = self.graph.binary("lt", position, self.graph.constant(number + 0.5))
            result = self.graph.select(below, elements[number], result)
        return result

    def _array_update(self, record: Record, frame: Frame) -> Value:
        operation = record["operation"]
        base, value = self.value(operation["base"], frame), self.value(operation["value"], frame)
        return self._updated(record, base, operation["subscripts"], value, frame)

    def _updated(self, record: Record, base: Value, subscripts: Sequence[Record], value: Value, frame: Frame) -> Value:
        if not subscripts:
            return value
        position = self.value(subscripts[0]["expression"], frame) if subscripts[0]["kind"] == "index" else None
        if position is None or not self.graph.is_constant(position):
            raise self._refusal(record, "an assignment to a computed element of an array")
        number = round(self.graph.value(position)) - 1
        if not 0 <= number < len(base):
            raise self._refusal(record, f"index {number + 1} of an array of {len(base)} elements")
        return (*base[:number], self._updated(record, base[number], subscripts[1:], value, frame), *base[number + 1 :])

    # Functions

    def _builtin(self, record: Record, frame: Frame) -> Value:
        operation = record["operation"]
        name = operation["builtin"]
        arguments = [self.value(argument, frame) for argument in operation["arguments"]]
        if name in TRANSPARENT:
            return arguments[TRANSPARENT[name]]
        special = getattr(self, f"_builtin_{name}", None)
        if special is not None:
            return special(arguments)
        if len(arguments) == 1 and name in UNARY:
            return _each(lambda a: self.graph.unary(name, a), arguments[0])
        if len(arguments) == 2 and name in BINARY:
            return self._pairwise(name, *arguments)
        raise self._refusal(record, f"the function '{name}'")

    def _builtin_min(self, arguments: Sequence[Value]) -> Value:
        return self._extreme("min", arguments)

    def _builtin_max(self, arguments: Sequence[Value]) -> Value:
        return self._extreme("max", arguments)

    def _extreme(self, name: str, arguments: Sequence[Value]) -> Value:
        first, *others = flat(tuple(arguments))
        for other in others:
            first = self.graph.binary(name, first, other)
        return first

    def _builtin_sum(self, arguments: Sequence[Value]) -> Value:
        return self.graph.total(flat(arguments[0]))

    def _builtin_size(self, arguments: Sequence[Value]) -> Value:
        array, *dimension = arguments
        sizes = shape(array)
        if not dimension:
            return tuple(self.graph.constant(n) for n in sizes)
        return self.graph.constant(sizes[round(self.graph.value(dimension[0])) - 1])

    def _builtin_fill(self, arguments: Sequence[Value]) -> Value:
        result, *sizes = arguments
        for size in reversed(sizes):
            result = (result,) * round(self.graph.value(size))
        return result

    def _builtin_zeros(self, arguments: Sequence[Value]) -> Value:
        return self._builtin_fill([self.graph.zero, *arguments])

    def _builtin_ones(self, arguments: Sequence[Value]) -> Value:
        return self._builtin_fill([self.graph.one, *arguments])

    def _builtin_integer(self, arguments: Sequence[Value]) -> Value:
        return self.graph.unary("floor", arguments[0])

    def _builtin_promoted_cat1(self, arguments: Sequence[Value]) -> Value:
        return tuple(row for argument in arguments for row in _matrix(argument))

    def _builtin_promoted_cat2(self, arguments: Sequence[Value]) -> Value:
        rows = zip(*(_matrix(argument) for argument in arguments), strict=True)
        return tuple(tuple(itertools.chain.from_iterable(row)) for row in rows)

    def _call(self, record: Record, frame: Frame) -> Value:
        operation = record["operation"]
        function = self.equations.functions[operation["function"]]
        if function["external"]:
            raise self._refusal(record, f"the external function '{function['name']}'")
        arguments = tuple(self.value(argument, frame) for argument in operation["arguments"])
        key = (function["id"], operation["output"], arguments)
        if key not in self._calls:
            result = function["results"][operation["output"]]
            self._calls[key] = self._definition(result, Frame(function, arguments))
        return self._calls[key]

    def _function_value(self, record: Record, frame: Frame) -> Value:
        operation = record["operation"]
        return self._definition(operation["definition"], frame)

    def _definition(self, number: int, frame: Frame) -> Value:
        if number in frame.carried:
            return frame.carried[number]
        if number not in frame.definitions:
            assert frame.function is not None
            frame.definitions[number] = self.value(frame.function["definitions"][number]["rhs"], frame)
        return frame.definitions[number]

    def _function_fold_parameter(self, record: Record, frame: Frame) -> Value:
        operation = record["operation"]
        return frame.carried[operation["definition"]]

    def _function_fold_output(self, record: Record, frame: Frame) -> Value:
        operation = record["operation"]
        assert frame.function is not None
        loop = frame.function["folds"][operation["fold"]]
        current = [self._definition(number, frame) for number in loop["initial_definitions"]]
        for turn in self.turns(loop["domain"]):
            inside = frame.at(loop["domain"], turn, dict(zip(loop["parameter_definitions"], current, strict=True)))
            current = [self._definition(number, inside) for number in loop["update_definitions"]]
        for number, value in zip(loop["output_definitions"], current, strict=True):
            frame.definitions[number] = value
        return current[operation["carried"]]


def _each(function: Callable[[Node], Node], value: Value) -> Value:
    return tuple(_each(function, v) for v in value) if isinstance(value, tuple) else function(value)


def _matrix(value: Value) -> Value:
    """Return a scalar or a vector as a matrix, as Modelica's brackets do."""
    if not isinstance(value, tuple):
        return ((value,),)
    return value if isinstance(value[0], tuple) else tuple((v,) for v in value)


def flat(value: Value) -> list[Node]:
    """Return the elements of an array in row-major order."""
    return [node for v in value for node in flat(v)] if isinstance(value, tuple) else [value]


def shape(value: Value) -> tuple[int, ...]:
    """Return the sizes of an array."""
    return (len(value), *shape(value[0])) if isinstance(value, tuple) else ()


def packed(values: Sequence[Value], sizes: Sequence[int]) -> Value:
    """Return ``values``, in row-major order, as an array of ``sizes``."""
    if not sizes:
        return values[0]
    length = len(values) // sizes[0]
    return tuple(packed(values[i * length : (i + 1) * length], sizes[1:]) for i in range(sizes[0]))
