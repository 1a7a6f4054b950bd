"""The order in which the C of a model computes its values."""

from __future__ import annotations

import re

from twin.modelica.frontend import compile_text
from twin.modelica.kernel import kernel
from twin.modelica.model import explicit

CHAIN = """model Chain
  parameter Integer n = 6;
  Real x[n](each start=1, each fixed=true);
  Real total(start=0, fixed=true);
equation
  for k in 1:n loop
    der(x[k]) = -x[k]*sqrt(x[k])*k;
  end for;
  der(total) = sum(x[k]*sqrt(x[k]) for k in 1:n);
end Chain;
"""


def test_a_sum_grows_as_soon_as_its_terms_are_there() -> None:
    text = kernel(explicit(compile_text("Chain", CHAIN)), "x")
    body = text[text.index("model_derivatives") :]
    lines = body[: body.index("}\n")].splitlines()
    roots = [number for number, line in enumerate(lines) if "sqrt(" in line]
    sums = [number for number, line in enumerate(lines) if re.search(r"= v\d+ \+ v\d+;", line)]
    assert len(roots) == 6
    assert len(sums) == 5
    for growth, root in zip(sums, roots[2:], strict=False):
        assert growth < root


def test_no_value_is_used_before_it_is_there() -> None:
    text = kernel(explicit(compile_text("Chain", CHAIN)), "x")
    body = text[text.index("model_derivatives") :]
    known: set[str] = set()
    for line in body[: body.index("}\n")].splitlines():
        name, _, value = line.removeprefix("    const double ").partition(" = ")
        assert set(re.findall(r"\bv\d+\b", value)) <= known
        known.add(name)
