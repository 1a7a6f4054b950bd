"""Ports files: what is read, and every mistake named with its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twin.errors import InputError
from twin.plant.ports import Interface, Ports, Signal

CELLS = 3
INTERFACE = Interface(
    inputs=(Signal("current_A", "A"), Signal("temperature_K", "K", per_cell=True)),
    outputs=(Signal("voltage_V", "V"), Signal("elastance_V_As", "V/(A.s)", required=False)),
    parameters=(Signal("capacity_Ah", "A.h", per_cell=True, required=False),),
)
GOOD = """\
inputs:
  - {variable: I, signal: current_A, unit: mA, sign: -1}
  - {variable: "cell[{}].T", signal: temperature_K, unit: degC, size: 3}
outputs:
  - {variable: v, signal: voltage_V, unit: V, sign: 1}
  - {variable: k, signal: elastance_V_As, unit: mV/(A.s)}
parameters:
  - {variable: Q, signal: capacity_Ah, unit: A.s, size: 3}
"""


def read(tmp_path: Path, text: str) -> Ports:
    path = tmp_path / "model.ports.yaml"
    path.write_text(text)
    return Ports.read(path, INTERFACE, CELLS)


def test_columns_are_the_scalars_in_the_order_of_the_ports(tmp_path: Path) -> None:
    ports = read(tmp_path, GOOD)
    assert ports.input_names == ("I", "cell[1].T", "cell[2].T", "cell[3].T")
    assert ports.output_names == ("v", "k")
    assert ports.parameters[0].scalars == ("Q[1]", "Q[2]", "Q[3]")


def test_an_optional_signal_may_be_missing(tmp_path: Path) -> None:
    ports = read(tmp_path, "".join(line for line in GOOD.splitlines(keepends=True) if "elastance" not in line))
    assert ports.output_names == ("v",)


def test_signals_are_converted_at_the_edge_only(tmp_path: Path) -> None:
    pool = np.zeros((4, 4))
    columns = read(tmp_path, GOOD).input_columns(pool, (2, 2))
    columns["current_A"].write((1, 0), 2.5)
    columns["temperature_K"].write((slice(None), 1), 298.15)
    np.testing.assert_allclose(pool[:, 0], [0.0, 0.0, -2500.0, 0.0])
    np.testing.assert_allclose(pool[:, 1:], [[0.0] * 3, [25.0] * 3, [0.0] * 3, [25.0] * 3])
    assert columns["current_A"].read(slice(1, 2)).tolist() == [[2.5, 0.0]]
    np.testing.assert_allclose(columns["temperature_K"].read(np.array([0])), [[[273.15] * 3, [298.15] * 3]])


def test_a_signal_in_the_plants_own_unit_is_a_view_of_the_pool(tmp_path: Path) -> None:
    pool = np.zeros((4, 2))
    voltage_V = read(tmp_path, GOOD).output_columns(pool, (4,))["voltage_V"].read(slice(None))
    pool[2, 0] = 3.3
    assert voltage_V[2] == 3.3


def test_parameters_are_converted_and_named_by_scalar(tmp_path: Path) -> None:
    values = read(tmp_path, GOOD).parameter_values({"capacity_Ah": np.array([[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]])}, 2)
    assert {name: value.tolist() for name, value in values.items()} == {
        "Q[1]": [3600.0, 14400.0],
        "Q[2]": [7200.0, 18000.0],
        "Q[3]": [10800.0, 21600.0],
    }


def test_a_parameter_that_the_fmu_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no 'capacity_A' \(did you mean 'capacity_Ah'\?\)"):
        read(tmp_path, GOOD).parameter_values({"capacity_A": np.zeros((2, 3))}, 2)


MISTAKES = {
    "unknown signal": ("signal: current_A", "signal: curent_A", r":2: inputs\[0\].signal: unknown .*'current_A'"),
    "wrong unit": ("unit: degC", "unit: V", r":3: inputs\[1\].unit: 'V' is the wrong unit; expected K"),
    "no unit at all": ("unit: degC", "unit: hot", r":3: inputs\[1\].unit: 'hot' is the wrong unit"),
    "wrong sign": ("sign: -1", "sign: 2", r":2: inputs\[0\].sign: expected 1 or -1, found 2"),
    "wrong size": ("degC, size: 3", "degC, size: 4", r":3: inputs\[1\].size: expected 3 numbers .* found 4"),
    "size left out": ("degC, size: 3", "degC", r":3: inputs\[1\].size: expected 3 numbers .* found 1"),
    "unknown key": ("sign: 1}", "sing: 1}", r":5: outputs\[0\]: unknown key 'sing' \(did you mean 'sign'\?\)"),
    "unknown section": ("parameters:", "paramters:", r":7: paramters: unknown key .*'parameters'"),
    "variable left out": ("variable: v, ", "", r":5: outputs\[0\].variable: expected a text, found None"),
    "signal twice": (
        "signal: elastance_V_As, unit: mV/(A.s)",
        "signal: voltage_V, unit: V",
        r":6: outputs: 'voltage_V' is",
    ),
    "variable twice": ("variable: k", "variable: v", r":6: outputs: 'v' is given twice"),
    "no list": (
        "  - {variable: Q, signal: capacity_Ah, unit: A.s, size: 3}",
        "  Q",
        r":7: parameters: expected a list",
    ),
    "no mapping": (
        "  - {variable: Q, signal: capacity_Ah, unit: A.s, size: 3}",
        "  - Q",
        r":8: parameters\[0\]: expected",
    ),
    "signal missing": (
        "  - {variable: I, signal: current_A, unit: mA, sign: -1}\n",
        "",
        r"inputs: the signal 'current_A' \[A\] is missing",
    ),
    "broken YAML": ("sign: -1}", "sign: -1", r":3: no YAML"),
    "no document": (GOOD, "just words", r":1: expected the keys"),
}


@pytest.mark.parametrize(("found", "mistake", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named_with_its_place(tmp_path: Path, found: str, mistake: str, message: str) -> None:
    assert GOOD.count(found) == 1
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, GOOD.replace(found, mistake))
    assert all(problem.file == str(tmp_path / "model.ports.yaml") for problem in caught.value.problems)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("mA", "V").replace("sign: 1}", "sign: 0}").replace("size: 3", "size: 5")
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert len(caught.value.problems) == 4


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.yaml: cannot read the ports file: No such file"):
        Ports.read(tmp_path / "absent.yaml", INTERFACE, CELLS)
