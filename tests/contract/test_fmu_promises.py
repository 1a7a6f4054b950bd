"""What every exported FMU promises, held to it through FMPy: the standard, state, derivatives, failures, cost."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fmpy import extract, read_model_description, simulate_fmu
from fmpy.build import build_platform_binary
from fmpy.fmi1 import FMICallException
from fmpy.fmi2 import FMU2Slave
from fmpy.fmi3 import FMU3Slave
from fmpy.validation import validate_fmu

from twin.modelica import archive
from twin.modelica.archive import Version
from twin.modelica.build import build, models
from twin.modelica.frontend import compile_text
from twin.modelica.interface import interface
from twin.modelica.model import explicit

EVERY = [(model, fmi) for model in models() for fmi in ("2.0", "3.0")]
FloatArray = np.ndarray[Any, np.dtype[np.float64]]


class Instance:
    """One instance of an FMU in step mode; values by scalar name, FMI 3.0 arrays whole."""

    def __init__(self, path: Path, folder: Path, log: list[str] | None = None, **start: list[float]) -> None:
        self.description = read_model_description(str(path))
        self.is_3 = self.description.fmiVersion.startswith("3")
        self.of = {variable.name: variable for variable in self.description.modelVariables}
        slave = FMU3Slave if self.is_3 else FMU2Slave
        identifier = self.description.coSimulation.modelIdentifier
        extract(str(path), str(folder))
        self.fmu = slave(
            guid=self.description.guid, unzipDirectory=str(folder), modelIdentifier=identifier, instanceName="one"
        )
        self.log = log if log is not None else []
        self.fmu.instantiate(**self._logger())
        if self.is_3:
            self.fmu.enterInitializationMode(startTime=0.0)
        else:
            self.fmu.setupExperiment(startTime=0.0)
            self.fmu.enterInitializationMode()
        for name, values in start.items():
            for element, value in enumerate(values, start=1):
                self.set(f"{name}[{element}]", value)
        self.fmu.exitInitializationMode()

    def _logger(self) -> dict[str, Any]:
        if self.is_3:
            return {
                "logMessage": lambda *a: self.log.append(str(a[-1].decode() if isinstance(a[-1], bytes) else a[-1]))
            }
        return {}

    def references(self, names: list[str]) -> list[int]:
        return [self.of[name].valueReference for name in names]

    def get(self, name: str) -> FloatArray:
        if self.is_3:
            dimensions = [int(d.start) for d in self.of[name].dimensions]
            values = self.fmu.getFloat64(self.references([name]), nValues=int(np.prod(dimensions)))
        else:
            values = self.fmu.getReal(self.references([name]))
        return np.array(values)

    def set(self, name: str, *values: float) -> None:
        (self.fmu.setFloat64 if self.is_3 else self.fmu.setReal)(self.references([name]), list(values))

    def step(self, start_s: float, step_s: float = 1.0) -> None:
        self.fmu.doStep(currentCommunicationPoint=start_s, communicationStepSize=step_s)


@pytest.fixture
def instance(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Instance]:
    model, fmi = request.param
    one = Instance(build(model, fmi), tmp_path)
    yield one
    one.fmu.freeInstance()


@pytest.mark.parametrize(("model", "fmi"), EVERY)
def test_fmpy_finds_it_valid(model: str, fmi: Version) -> None:
    assert validate_fmu(str(build(model, fmi))) == []


@pytest.mark.parametrize(("model", "fmi"), EVERY)
def test_model_exchange_gives_what_co_simulation_gives(model: str, fmi: Version) -> None:
    path, outputs = str(build(model, fmi)), [n for n in ("voltage_V", "housing_K") if n in _names(build(model, fmi))]
    options: dict[str, Any] = {"stop_time": 60.0, "output_interval": 1.0, "output": outputs, "relative_tolerance": 1e-9}
    inputs = np.array(
        [(0.0, 50.0)], dtype=[("time", "f8"), ("current_A" if "voltage_V" in outputs else "board_heat_W", "f8")]
    )
    by_kind = [simulate_fmu(path, fmi_type=kind, input=inputs, **options) for kind in ("ModelExchange", "CoSimulation")]
    for name in outputs:
        assert np.abs(by_kind[0][name] - by_kind[1][name]).max() < 1e-5


@pytest.mark.skipif(shutil.which("cmake") is None, reason="fmpy compiles with cmake")
@pytest.mark.parametrize("fmi", ["2.0", "3.0"])
def test_fmpy_rebuilds_the_binary_from_the_sources_inside(fmi: Version, tmp_path: Path) -> None:
    path = build("module_thermal", fmi)
    extract(str(path), str(tmp_path))
    (library,) = (tmp_path / "binaries").rglob("*.so")
    library.unlink()
    build_platform_binary(tmp_path)
    assert library.is_file()
    heat = np.array([(0.0, 50.0)], dtype=[("time", "f8"), ("board_heat_W", "f8")])
    options: dict[str, Any] = {"stop_time": 10.0, "output": ["housing_K"], "input": heat}
    ours, rebuilt = (simulate_fmu(str(p), **options)["housing_K"] for p in (path, tmp_path))
    assert np.array_equal(ours, rebuilt)
    assert ours[-1] > ours[0]


@pytest.mark.parametrize("instance", [(m, f) for m, f in EVERY if m == "module_electrical"], indirect=True)
def test_a_state_taken_back_replays_to_the_same_bits(instance: Instance) -> None:
    instance.set("current_A", 120.0)
    instance.step(0.0)
    get, give, free, size = (
        ("getFMUState", "setFMUState", "freeFMUState", "serializeFMUState")
        if instance.is_3
        else ("getFMUstate", "setFMUstate", "freeFMUstate", "serializeFMUstate")
    )
    state = getattr(instance.fmu, get)()
    serialized = getattr(instance.fmu, size)(state)

    def go_on() -> list[FloatArray]:
        instance.set("current_A", -80.0)
        rows = []
        for second in range(1, 20):
            instance.step(float(second))
            rows.append(instance.get("voltage_V"))
        return rows

    first = go_on()
    getattr(instance.fmu, give)(state)
    assert np.array_equal(first, go_on())
    restored = getattr(instance.fmu, "deserializeFMUState" if instance.is_3 else "deSerializeFMUstate")(serialized)
    getattr(instance.fmu, give)(restored)
    assert np.array_equal(first, go_on())
    for each in (state, restored):
        getattr(instance.fmu, free)(each)


@pytest.mark.parametrize("fmi", ["2.0", "3.0"])
def test_steps_of_any_size_reach_the_same_state(fmi: Version, tmp_path: Path) -> None:
    voltages = []
    for number, sizes in enumerate(([60.0], [1.0] * 60, [0.5, 2.5, 7.0, 50.0])):
        instance = Instance(build("module_electrical", fmi), tmp_path / str(number))
        instance.set("current_A", 200.0)
        now = 0.0
        for size in sizes:
            instance.step(now, size)
            now += size
        voltages.append(instance.get("voltage_V")[0])
        instance.fmu.freeInstance()
    assert np.ptp(voltages) < 2e-6


def test_linearisation_is_the_derivative_of_the_model(tmp_path: Path) -> None:
    """What the bus is told of the module, against the FMU's own directional derivatives, from empty to full."""
    charges = list(np.linspace(0.03, 0.98, 16))
    instance = Instance(build("module_electrical", "2.0"), tmp_path, soc_start=charges)
    instance.set("current_A", 150.0)
    for cell, (variable, value) in enumerate(
        [
            ("bleed", 0.7),
            ("balancing_current_A", 3.0),
            ("short_S", 5.0),
            ("contact_ohm", 4e-4),
            ("temperature_K", 310.0),
        ]
    ):
        for position in (cell + 1, 9, 16):  # one at a time, and all at once in an empty, a middling and a full cell
            instance.set(f"{variable}[{position}]", value)
        instance.set(f"{variable}[1]", value)
    for second in range(200):
        instance.step(float(second))

    def derivative(of: list[str], by: list[str], direction: list[float]) -> FloatArray:
        return np.array(
            instance.fmu.getDirectionalDerivative(instance.references(of), instance.references(by), direction)
        )

    states = [n for n in instance.of if re.search(r"\.(soc|u1|u2)$", n) and not n.startswith("der(")]
    assert len(states) == 48
    rates = [f"der({name})" for name in states]
    by_current = derivative(["voltage_V", *rates], ["current_A"], [1.0])
    assert instance.get("resistance_ohm")[0] == pytest.approx(-by_current[0], rel=1e-12)
    elastance = -derivative(["emf_V"], states, list(by_current[1:]))[0]
    assert instance.get("elastance_V_As")[0] == pytest.approx(elastance, rel=1e-11)
    voltage, resistance = instance.get("voltage_V")[0], instance.get("resistance_ohm")[0]
    assert instance.get("emf_V")[0] == pytest.approx(voltage + 150.0 * resistance, rel=1e-13)
    instance.set("current_A", 0.0)
    at_rest = np.array([instance.get(name)[0] for name in rates])
    slope = derivative(["emf_V"], states, list(at_rest))[0]
    assert instance.get("emf_slope_V_s")[0] == pytest.approx(slope, rel=1e-11)


@pytest.mark.parametrize("instance", [("module_electrical", "2.0"), ("module_electrical", "3.0")], indirect=True)
def test_derivatives_are_those_of_finite_differences(instance: Instance) -> None:
    instance.set("current_A", 80.0)
    instance.step(0.0)
    of, by = ["voltage_V", "resistance_ohm", "emf_slope_V_s"], ["current_A"]
    exact = instance.fmu.getDirectionalDerivative(instance.references(of), instance.references(by), [1.0])
    values = []
    for current in (79.0, 81.0):
        instance.set("current_A", current)
        values.append([instance.get(name)[0] for name in of])
    assert np.allclose(exact, (np.array(values[1]) - values[0]) / 2, rtol=1e-7, atol=1e-15)


@pytest.mark.parametrize("instance", [("module_electrical", "2.0"), ("module_electrical", "3.0")], indirect=True)
def test_a_step_that_goes_nan_is_discarded_and_changes_nothing(instance: Instance) -> None:
    instance.set("current_A", 10.0)
    instance.step(0.0)
    before = instance.get("heat_J" if instance.is_3 else "heat_J[3]")
    instance.set("current_A", float("nan"))
    with pytest.raises(FMICallException) as failure:
        instance.step(1.0)
    assert failure.value.status == 2  # Discard
    instance.set("current_A", 10.0)
    assert np.array_equal(instance.get("heat_J" if instance.is_3 else "heat_J[3]"), before)
    instance.step(1.0)
    assert np.isfinite(instance.get("voltage_V")).all()


@pytest.mark.parametrize("fmi", ["2.0", "3.0"])
def test_a_step_that_fails_on_its_way_changes_nothing(fmi: Version, tmp_path: Path) -> None:
    text = (
        "model Wall\n Real x(start=1);\n output Real y;\nequation\n der(x) = x + sqrt(0.75 - time);\n y = x;\nend Wall;"
    )
    path = tmp_path / "wall.fmu"
    archive.write(interface(explicit(compile_text("Wall", text)), b"wall"), fmi, path)
    instance = Instance(path, tmp_path / "wall")
    instance.step(0.0, 0.5)
    before = instance.get("y"), instance.get("der(x)")
    with pytest.raises(FMICallException) as failure:
        instance.step(0.5, 0.5)
    assert failure.value.status == 2  # Discard
    assert (instance.get("y"), instance.get("der(x)")) == before
    instance.step(0.5, 0.125)
    assert instance.get("y")[0] > before[0][0]
    instance.fmu.freeInstance()


def test_a_failed_step_tells_the_importer_why(tmp_path: Path) -> None:
    log: list[str] = []
    instance = Instance(build("module_electrical", "3.0"), tmp_path, log)
    instance.set("current_A", float("inf"))
    with pytest.raises(FMICallException):
        instance.step(0.0)
    instance.fmu.freeInstance()
    assert [line for line in log if "not finite at time 0 s" in line]


@pytest.mark.parametrize(("model", "fmi"), EVERY)
def test_binary_has_no_globals_that_can_be_written(model: str, fmi: Version, tmp_path: Path) -> None:
    with zipfile.ZipFile(build(model, fmi)) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".so"))
        library = archive.extract(name, tmp_path)
    symbols = subprocess.run(["nm", library], capture_output=True, text=True, check=True).stdout
    writable = [line for line in symbols.splitlines() if re.search(r" [BbDdGgSsCc] ", line)]
    ours = [
        line
        for line in writable
        if not re.search(r"_DYNAMIC|_GLOBAL_OFFSET_TABLE_|__|completed|_fini|_init|dtor", line)
    ]
    assert ours == []


def _names(path: Path) -> set[str]:
    return {variable.name for variable in read_model_description(str(path)).modelVariables}
