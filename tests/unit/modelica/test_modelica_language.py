"""What of the language is translated, each with the value it must have at 1 s, and what is refused, with its place."""

# ruff: noqa: E501  a row of a table is a class of Modelica on one line

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fmpy import simulate_fmu

from twin.errors import InputError
from twin.modelica import archive
from twin.modelica.frontend import compile_text
from twin.modelica.interface import interface
from twin.modelica.model import Model, explicit

E1, E2, E3 = (math.exp(-k) for k in (1, 2, 3))
STATE = "Real x(start=1, fixed=true);"
PINS = """connector Pin Real v; flow Real i; end Pin;
  model Ground Pin p; equation p.v = 0; end Ground;
  model R parameter Real r = 1; Pin p, n; equation p.i + n.i = 0; p.v - n.v = r*p.i; end R;
  model C parameter Real c = 1; Pin p, n; Real v(start=1); equation p.i + n.i = 0; v = p.v - n.v; c*der(v) = p.i; end C;"""


def model(body: str) -> str:
    return f"model M\n {STATE}\n output Real y;\nequation\n der(x) = -x;\n {body}\nend M;"


def package(definitions: str, body: str) -> str:
    return f"package P\n {definitions}\n {model(body)}\nend P;"


TRANSLATED: dict[str, tuple[str, float]] = {
    "tunable parameter": ("model M parameter Real a=2; output Real y; Real x(start=1); equation der(x)=-a*x; y=2*x; end M;", 2 * E2),
    "if on a state": (f"model M {STATE} output Real y; equation der(x)=if x>0.5 then -1 else -x; y=x; end M;", 0.5 * math.exp(-0.5)),
    "elseif": (model("y = if x > 0.9 then 1 elseif x > 0.2 then 2 elseif x > 0.1 then 3 else 4;"), 2),
    "noEvent, smooth, homotopy": (model("y = noEvent(smooth(0, if x > 0 then homotopy(x, 1) else 0));"), E1),
    "boolean parameter": (f"model M parameter Boolean b=true; {STATE} output Real y; equation der(x)=if b then -x else 0; y=x; end M;", E1),
    "min, max, abs, sign": (model("y = min(x, 0.2) + max(x, 0.1) + abs(-x)*sign(-x);"), 0.2),
    "time": (model("y = sin(time) + x;"), math.sin(1) + E1),
    "elementary functions": (model("y = x^1.5 + log(x) + tanh(x) + atan2(x, 1) + sqrt(x);"), math.exp(-1.5) - 1 + math.tanh(E1) + math.atan2(E1, 1) + math.exp(-0.5)),
    "scalar nonlinear equation": (f"model M {STATE} Real w; output Real y; equation w + w^3 = x; der(x) = -x; y = w + w^3; end M;", E1),
    "three linear equations": (f"model M {STATE} Real a; Real b; Real c; output Real y; equation a+b+c=x; a-b+2*c=0; a+2*b-c=1; der(x)=-x; y=a+b+c; end M;", E1),
    "for over an array": ("model M parameter Integer n=3; Real z[n](each start=1); output Real y; equation for k in 1:n loop der(z[k])=-k*z[k]; end for; y=sum(z); end M;", E1 + E2 + E3),
    "array equation": ("model M Real z[2](start={1,2}); output Real y; equation der(z)=-z; y=z[2]; end M;", 2 * E1),
    "matrix times vector": ("model M parameter Real A[2,2]=[-1,1;0,-2]; Real z[2](start={1,1}); output Real y; equation der(z)=A*z; y=z[2]; end M;", E2),
    "start from a parameter": ("model M parameter Real s=3; Real x(start=2*s, fixed=true); output Real y; equation der(x)=-x; y=x; end M;", 6 * E1),
    "component array": ("package P model C parameter Real a=1; Real x(start=1); equation der(x)=-a*x; end C; model M C c[3](a={1,2,3}); output Real y; equation y=sum(c.x); end M; end P;", E1 + E2 + E3),
    "extends and modification": ("package P partial model B parameter Real a=1; Real x(start=1); end B; model C extends B(a=3); equation der(x)=-a*x; end C; model M C c; output Real y; equation y=c.x; end M; end P;", E3),
    "replaceable package": ("package P partial package Q replaceable partial function f input Real z; output Real v; end f; end Q; package L extends Q; redeclare function extends f algorithm v:=3+z; end f; end L; model M replaceable package C=L constrainedby Q; Real x(start=1); output Real y; equation der(x)=-x; y=C.f(x); end M; end P;", 3 + E1),
    "record": ("package P record R parameter Real a=2; end R; model M parameter R r(a=3); Real x(start=1); output Real y; equation der(x)=-r.a*x; y=x; end M; end P;", E3),
    "inner and outer": ("package P model S parameter Real k=3; end S; model C outer S s; Real x(start=1); equation der(x)=-s.k*x; end C; model M inner S s; C c; output Real y; equation y=c.x; end M; end P;", E3),
    "enumeration": ("package P type K=enumeration(a,b); model M parameter K k=K.b; Real x(start=1); output Real y; equation der(x)=if k==K.a then -x else -2*x; y=x; end M; end P;", E2),
    "acausal circuit": (f"package P {PINS} model M R r(r=2); C c; Ground g; output Real y; equation connect(r.p,c.p); connect(r.n,g.p); connect(c.n,g.p); y=c.v; end M; end P;", math.exp(-0.5)),
    "function with loop": (package("function f input Real z; output Real v; protected Real c[3]={3,0.5,0.2}; algorithm v:=c[3]; for k in 2:-1:1 loop v:=v*z+c[k]; end for; end f;", "y = f(x);"), 3 + 0.5 * E1 + 0.2 * E2),
    "function with if": (package("function f input Real z; output Real v; algorithm if z>0.5 then v:=1; elseif z>0.2 then v:=2; else v:=3; end if; end f;", "y = f(x);"), 2),
    "table at a computed index": (package("function f input Real u; output Real v; protected Real t[3]={1,5,9}; Integer k; algorithm k:=integer(u)+1; v:=t[k]; end f;", "y = f(2*x + 1);"), 5),
    "index beyond the table is held": (package("function f input Real u; output Real v; protected Real t[3]={1,5,9}; Integer k; algorithm k:=integer(u)+1; v:=t[k]; end f;", "y = f(10*x) + f(-9*x);"), 10),
    "parameters as a table": (package("function f input Real t[:]; input Real u; output Real v; protected Integer k; algorithm k:=integer(u)+1; v:=t[k]; end f;", "y = f({x, 2*x, 3*x}, 1.5);"), 2 * E1),
    "two functions in one loop": (package("function f input Real z; output Real v; algorithm v:=2*z; end f; function g input Real z; output Real v; algorithm v:=3*z; end g; function h input Real z; output Real v; algorithm v:=g(f(z)); end h;", "y = f(x) + g(x) + h(x);"), 11 * E1),
}  # fmt: skip


def translate(text: str) -> Model:
    return explicit(compile_text("P.M" if "package P" in text else "M", text))


@pytest.mark.parametrize("feature", TRANSLATED)
def test_translated_class_has_the_value_of_the_language(feature: str, tmp_path: Path) -> None:
    text, expected = TRANSLATED[feature]
    path = tmp_path / "m.fmu"
    archive.write(interface(translate(text), text.encode()), "2.0", path)
    result = simulate_fmu(str(path), stop_time=1.0, output_interval=0.05, relative_tolerance=1e-10, output=["y"])
    assert result["y"][-1] == pytest.approx(expected, rel=1e-7, abs=1e-7)


@dataclass(frozen=True)
class Refused:
    text: str
    line: int
    words: str
    name: str = field(default="M")


REFUSED: dict[str, Refused] = {
    "when with reinit": Refused(f"model M {STATE}\nequation\n der(x) = -1;\n when x < 0.5 then\n  reinit(x, 1);\n end when;\nend M;", 5, "event action"),
    "when": Refused(f"model M {STATE}\n discrete Real d(start=0);\nequation\n der(x) = -1;\n when x < 0.5 then\n  d = 1;\n end when;\nend M;", 6, "when-equation"),
    "sample": Refused("model M\n discrete Real d(start=0);\nequation\n when sample(0, 0.25) then\n  d = pre(d) + 1;\n end when;\nend M;", 5, "when-equation"),
    "initial equation": Refused("model M\n Real x;\ninitial equation\n x = 2;\nequation\n der(x) = -x;\nend M;", 4, "initial equation"),
    "assert": Refused(f'model M {STATE}\nequation\n der(x) = -x;\n assert(x > -1, "low");\nend M;', 4, "event action"),
    "assert in a function": Refused('package P\n function f\n  input Real z;\n  output Real v;\n algorithm\n  assert(z > 0, "z");\n  v := z;\n end f;\n model M\n  output Real y;\n equation\n  y = f(time);\n end M;\nend P;', 2, "assertion", "P.M"),
    "delay": Refused(f"model M {STATE}\n output Real y;\nequation\n der(x) = -x;\n y = delay(x, 0.5);\nend M;", 5, "delay"),
    "two nonlinear equations": Refused(f"model M {STATE}\n Real a;\n Real b;\nequation\n der(x) = -a;\n a + b^3 = x;\n b + a^3 = x;\nend M;", 6, "2 simultaneous nonlinear"),
    "index reduction": Refused(f"package P\n {PINS}\n model M\n  C a;\n  C b;\n  Ground g;\n equation\n  connect(a.p, b.p);\n  connect(a.n, g.p);\n  connect(b.n, g.p);\n end M;\nend P;", 0, "index reduction", "P.M"),
    "state that is not differentiated": Refused(f"model M\n {STATE}\n Real w;\nequation\n w = 2*x;\n der(w) = -w;\nend M;", 2, "which is no state"),
    "singular linear equations": Refused("model M\n Real a;\n Real b;\nequation\n a + b = time;\n 2*a + 2*b = time;\nend M;", 5, "singular"),
    "external function": Refused('package P\n function f\n  input Real z;\n  output Real v;\n  external "C" v = f(z);\n end f;\n model M\n  output Real y;\n equation\n  y = f(time);\n end M;\nend P;', 2, "external", "P.M"),
    "computed element assigned": Refused("package P\n function f\n  input Real z;\n  output Real v;\n protected\n  Real t[2];\n algorithm\n  t := {0, 0};\n  t[integer(z) + 1] := 1;\n  v := t[1];\n end f;\n model M\n  output Real y;\n equation\n  y = f(time);\n end M;\nend P;", 9, "assignment to a computed element", "P.M"),
    "unknown name": Refused(f"model M {STATE}\nequation\n der(x) = -wrong;\nend M;", 3, "'wrong'"),
    "library that is not there": Refused("model M\n Modelica.Units.SI.Voltage x(start=1);\nequation\n der(x) = -x;\nend M;", 2, "Modelica.Units.SI.Voltage"),
    "syntax": Refused("model M\n Real x(start=1)\nequation\n der(x) = -x;\nend M;", 3, "equation"),
    "too few equations": Refused(f"model M {STATE}\n Real y;\nequation\n der(x) = -y;\nend M;", 1, "unbalanced"),
    "while": Refused("package P\n function f\n  input Real z;\n  output Real v;\n algorithm\n  v := z;\n  while v < 2 loop\n   v := v + 1;\n  end while;\n end f;\n model M\n  output Real y;\n equation\n  y = f(time);\n end M;\nend P;", 2, "statement", "P.M"),
}  # fmt: skip


@pytest.mark.parametrize("feature", REFUSED)
def test_what_cannot_be_translated_is_refused_with_class_and_line(feature: str) -> None:
    row = REFUSED[feature]
    with pytest.raises(InputError) as refusal:
        translate(row.text)
    problem = refusal.value.problems[0]
    assert row.words in problem.message
    assert problem.path == row.name
    assert problem.file == "model.mo"
    assert problem.line == row.line or (row.line == 0 and problem.line)


def test_all_events_of_a_class_are_named_at_once() -> None:
    text = f'model M {STATE}\n Real z;\ninitial equation\n z = 1;\nequation\n der(x) = -x;\n der(z) = x;\n assert(x > 0, "x");\nend M;'
    with pytest.raises(InputError) as refusal:
        translate(text)
    assert [problem.line for problem in refusal.value.problems] == [4, 8]
