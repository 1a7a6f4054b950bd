"""Constraints of studies: what they come to, and what is none."""

from __future__ import annotations

import math

import pytest

from twin.errors import InputError
from twin.sweep.study.constraints import Constraints, constraint_of

COLUMNS = {"a": 3.0, "b": 4.0, "fleet.modules": 16.0, "on": True}
VIOLATIONS = {
    "a * b <= 20": -8.0,
    "a * b <= 10": 2.0,
    "b >= a": -1.0,
    "a >= b + 2": 3.0,
    "a <= 3": 0.0,
    "a < 3": math.ulp(0.0),
    "a < 3.5": -0.5,
    "-a + 2 ** b <= b // 3 + b % 3": 11.0,
    "min(a, b, 2) <= sqrt(b) / 2": 1.0,
    "abs(a - b) + exp(0) > max(a, b)": 2.0,
    "log(a) <= 100": math.log(3) - 100,
    "fleet.modules <= 4 * b": 0.0,
    "on + a <= 4": 0.0,
    "missing <= 3": math.inf,
    "a / (b - 4) <= 3": math.inf,
    "sqrt(a - b) <= 3": math.inf,
    "a ** 1000 <= 3": math.inf,
    "nan - a <= 3": math.inf,
}
NONE = {
    "a * b": "no single comparison",
    "a <= b <= 3": "no single comparison",
    "a == 3": "no single comparison",
    "a <= 3 and b <= 3": "no single comparison",
    "a <=": "cannot be read: invalid syntax",
    "": "cannot be read",
    "a <= '3'": "'3' is no arithmetic",
    "a <= True": "True is no arithmetic",
    "a <= 3j": "3j is no arithmetic",
    "a[0] <= 3": "a[0] is no arithmetic",
    "open('x') <= 3": "open('x') is no arithmetic",
    "a.b() <= 3": "a.b() is no arithmetic",
    "(lambda: a) <= 3": "is no arithmetic",
    "max() <= a": "max() is no arithmetic",
    "3 <= 2 + 2": "names no factor and no response",
    "sqrt(4) <= 3": "names no factor and no response",
}


@pytest.mark.parametrize(("text", "violation"), VIOLATIONS.items(), ids=list(VIOLATIONS))
def test_it_is_broken_by(text: str, violation: float) -> None:
    assert Constraints((text,)).violations({**COLUMNS, "nan": math.nan}) == pytest.approx((violation,), abs=0.0)
    assert Constraints((text,)).kept({**COLUMNS, "nan": math.nan}) == (violation <= 0)


@pytest.mark.parametrize(("text", "message"), NONE.items(), ids=list(NONE))
def test_what_is_no_constraint_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        constraint_of(text)
    assert message in str(error.value)


def test_both_sides_are_complained_about() -> None:
    with pytest.raises(InputError) as error:
        constraint_of("f(a) <= g(b)")
    assert len(error.value.problems) == 2


def test_constraints_of_factors_alone_are_apart() -> None:
    constraints = Constraints(("a <= 3", "a * cost <= 3", "cost < b", "b >= a"), frozenset(("a", "b")))
    assert constraints.factor_only.expressions == ("a <= 3", "b >= a")
    assert constraints.mentions == {"a", "b", "cost"}
    assert [one.mentions for one in constraints.all] == [("a",), ("a", "cost"), ("cost", "b"), ("a", "b")]
