"""An FMU as firmware: it reads, ramps, restarts and fails as an ECU's program does, whoever runs beside it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.worlds import failing_inverter
from tests.worlds.solutions import inverter_ramp
from twin import resources
from twin.bms.firmware.firmware import Inputs, Outputs, Received
from twin.bms.firmware.fmu_firmware import FmuFirmware
from twin.bms.rows import put, take
from twin.errors import InputError
from twin.modelica import build
from twin.scenario import load
from twin.scenario.architecture import architecture_of

SECOND = 1_000_000_000
HOME = resources.folder("scenarios") / "one_home.yaml"
PORTS = resources.folder("fmus") / "inverter_control" / "ports.yaml"
LIMITS = ("ChargeVoltageLimit", "ChargeCurrentLimit", "DischargeCurrentLimit", "DischargeVoltageLimit")
MEASURED = ("Voltage", "Current", "Temperature")


def firmware(role: str, name: str | Path, *overrides: str) -> FmuFirmware:
    scenario = load(HOME, [f"bms.firmware.{role}={name}", *overrides])
    (found,) = [one for one in architecture_of(scenario).firmware() if one.role == role]
    assert isinstance(found, FmuFirmware)
    return found


@pytest.fixture
def inverter() -> Iterator[FmuFirmware]:
    made = firmware("inverter", "inverter_control")
    yield made
    made.close()


def inputs(time_s: Any, charge_A: Any, received_s: Any = None) -> Inputs:
    """Return what inverters read: 51.7 V, a discharging limit of half the charging limit, received now by default."""
    time_ns = np.round(np.atleast_1d(time_s) * SECOND).astype(np.int64)
    heard_ns = time_ns if received_s is None else np.round(np.atleast_1d(received_s) * SECOND).astype(np.int64)
    charge_A = np.broadcast_to(charge_A, time_ns.shape)
    zeros = np.zeros_like(charge_A, np.float64)
    return Inputs(
        time_ns,
        np.zeros_like(time_ns),
        {},
        {
            "Inverter_Limits": Received(LIMITS, np.array([zeros, charge_A, charge_A / 2, zeros]), heard_ns),
            "Inverter_Measurements": Received(MEASURED, np.array([zeros + 51.7, zeros, zeros]), heard_ns),
        },
    )


def limits_W(outputs: Outputs) -> np.ndarray:
    return np.array(outputs.commands["power_limit_W"])


def test_limits_follow_the_closed_form_whenever_each_ecu_is_activated(inverter: FmuFirmware) -> None:
    draw = np.random.default_rng(1)
    state, time_s, ramp_W = inverter.initial(3, {}), draw.uniform(0, 1, 3), np.zeros((3, 2))
    currents_A, passed_s = draw.choice([0.0, 60.0, 100.0], (4, 3)), np.zeros(3)
    for turn in range(40):
        charge_A = currents_A[turn // 10]
        state, outputs = inverter.step(state, inputs(time_s, charge_A))
        allowed_W = np.stack([charge_A, charge_A / 2], axis=1) * 51.0
        if turn:
            ramp_W = np.stack([inverter_ramp.step(*row) for row in zip(ramp_W, allowed_W, passed_s, strict=True)])
        np.testing.assert_allclose(limits_W(outputs), np.minimum(ramp_W, allowed_W), atol=0.05)
        assert np.array_equal(outputs.frames["Inverter_Heartbeat"]["Counter"], [turn + 1] * 3)
        passed_s = draw.uniform(0.2, 3.0, 3)
        time_s = time_s + passed_s  # within nanoseconds of what the inputs say
    assert limits_W(outputs).max() > 2000.0


def test_limits_that_are_ten_periods_old_stop_the_inverter(inverter: FmuFirmware) -> None:
    state = inverter.initial(2, {})
    for second in range(30):
        state, outputs = inverter.step(state, inputs([second] * 2, 80.0, [second, min(second, 15)]))
    assert np.array_equal(limits_W(outputs)[1], [0.0, 0.0])
    assert limits_W(outputs)[0].min() > 2000.0


def test_nothing_heard_yet_is_no_limit_to_follow(inverter: FmuFirmware) -> None:
    state = inverter.initial(1, {})
    for second in range(3):
        state, outputs = inverter.step(state, inputs([second], 80.0, [-1e-9]))
    assert np.array_equal(limits_W(outputs), [[0.0, 0.0]])


def test_an_ecu_that_restarts_ramps_anew_and_no_other_notices(inverter: FmuFirmware) -> None:
    undisturbed = firmware("inverter", "inverter_control")
    state, other = inverter.initial(3, {}), undisturbed.initial(3, {})
    for second in range(12):
        if second == 8:
            rows = np.array([1])
            put(state, rows, inverter.initial(1, {**inverter.memory(take(state, rows)), "restarts": np.ones(1)}))
        state, outputs = inverter.step(state, inputs([second] * 3, 100.0))
        other, expected = undisturbed.step(other, inputs([second] * 3, 100.0))
    undisturbed.close()
    assert np.array_equal(limits_W(outputs)[[0, 2]], limits_W(expected)[[0, 2]])
    np.testing.assert_allclose(limits_W(outputs)[1], [1500.0, 1500.0], atol=0.1)
    assert np.array_equal(outputs.frames["Inverter_Heartbeat"]["Counter"], [12, 4, 12])


def test_it_does_not_matter_who_is_activated_together(inverter: FmuFirmware) -> None:
    apart = firmware("inverter", "inverter_control", "plant.threads=2")
    state, alone = inverter.initial(3, {}), apart.initial(3, {})
    charge_A = np.array([50.0, 75.0, 100.0])
    for second in range(10):
        time_s = second + np.array([0.1, 0.5, 0.9])
        state, together = inverter.step(state, inputs(time_s, charge_A))
        found = {}
        for row in (2, 0, 1):
            rows = np.array([row])
            after, outputs = apart.step(take(alone, rows), inputs(time_s[rows], charge_A[rows]))
            put(alone, rows, after)
            found[row] = limits_W(outputs)[0]
        assert np.array_equal([found[row] for row in range(3)], limits_W(together))
    apart.close()


def test_a_failed_fmu_is_silent_until_its_ecu_restarts(tmp_path: Path) -> None:
    made = firmware("inverter", failing_inverter.build(tmp_path))
    state, first = made.initial(2, {}), np.array([0])
    put(state, first, made.step(take(state, first), inputs([0.0], 80.0))[0])
    told = []
    for second in range(1, 8):
        state, outputs = made.step(state, inputs([second] * 2, 80.0))
        running = [0, 1] if outputs.running is None else outputs.running.tolist()
        told.append((running, [row for row, _ in outputs.crashed]))
        assert limits_W(outputs).shape == (len(running), 2)
        assert len(np.atleast_1d(outputs.frames["Inverter_Heartbeat"]["Counter"])) == len(running)
    assert told == [([0, 1], [])] * 4 + [([1], [0]), ([], [1]), ([], [])]
    put(state, first, made.initial(1, made.memory(take(state, first))))
    state, outputs = made.step(state, inputs([8.0] * 2, 80.0))
    assert outputs.running is not None
    assert outputs.running.tolist() == [0]
    made.close()


def test_units_of_the_fmu_are_converted(tmp_path: Path) -> None:
    path = supplied(tmp_path, (CHARGE, CHARGE.replace("unit: A", "unit: mA")))
    made = firmware("inverter", path)
    state = made.initial(1, {})
    for second in range(20):
        state, outputs = made.step(state, inputs([second], 0.05))  # 0.05 A are 50 mA
    np.testing.assert_allclose(limits_W(outputs)[0], [50.0 * 51.0, 0.025 * 51.0], rtol=1e-6)
    made.close()


def supplied(folder: Path, *changes: tuple[str, str]) -> Path:
    """Return an FMU from elsewhere, with changes in its ports file."""
    path = folder / "supplier.fmu"
    shutil.copy(build.build("inverter_control", "2.0"), path)
    text = PORTS.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.with_suffix(".ports.yaml").write_text(text)
    return path


CHARGE = "{variable: charge_A, signal: Inverter_Limits.ChargeCurrentLimit, unit: A}"
COUNTER = '{variable: counter, signal: Inverter_Heartbeat.Counter, unit: "1"}'
MISTAKES = {
    "another unit than the database's": (
        (CHARGE, CHARGE.replace("unit: A", "unit: V")),
        r"supplier\.ports\.yaml:3: inputs\[0\]\.unit: 'V' is the wrong unit; expected A",
    ),
    "a signal that the message has not": (
        (CHARGE, CHARGE.replace("ChargeCurrentLimit", "ChargeCurentLimit")),
        r"supplier\.ports\.yaml:3: .*unknown signal 'Inverter_Limits\.ChargeCurentLimit' \(did you mean",
    ),
    "a message that is not for this ECU": (
        (CHARGE, CHARGE.replace("Inverter_Limits.ChargeCurrentLimit", "Module_State.Current")),
        r"supplier\.ports\.yaml:3: .*unknown signal 'Module_State\.Current'",
    ),
    "a message that it does not send": (
        (COUNTER, COUNTER.replace("Inverter_Heartbeat.Counter", "Pack_Command.Counter")),
        r"supplier\.ports\.yaml:10: .*unknown signal 'Pack_Command\.Counter'",
    ),
    "an actuator of others": (
        (COUNTER, "{variable: counter, signal: module_state, unit: '1'}"),
        r"supplier\.ports\.yaml:10: .*unknown signal 'module_state'",
    ),
    "one limit where there are two": (
        (", size: 2", ""),
        r"supplier\.ports\.yaml:9: outputs\[0\]\.size: expected 2 numbers of 'power_limit_W', found 1",
    ),
}


@pytest.mark.parametrize(("change", "expected"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_named_before_anything_is_built(tmp_path: Path, change: tuple[str, str], expected: str) -> None:
    path = supplied(tmp_path, change)
    path.write_bytes(b"not even an FMU")
    with pytest.raises(InputError, match=expected):
        firmware("inverter", path)


def test_a_unit_that_only_the_database_knows_has_to_be_spelled_as_there(tmp_path: Path) -> None:
    database = (resources.folder("data") / "can" / "home_battery.dbc").read_text()
    line = 'SG_ ChargeCurrentLimit : 16|16@1- (0.1,0) [-3276.8|3276.7] "A" Inverter'
    assert line in database
    (tmp_path / "own.dbc").write_text(database.replace(line, line.replace('"A"', '"Amps_rms"')))
    bus = f"bus.database={tmp_path}/own.dbc"
    with pytest.raises(InputError, match="'A' is the wrong unit; expected Amps_rms"):
        firmware("inverter", supplied(tmp_path), bus)
    assert firmware("inverter", supplied(tmp_path, (CHARGE, CHARGE.replace("unit: A", "unit: Amps_rms"))), bus).reads


def test_a_variable_that_the_fmu_has_not_is_named_when_the_ecus_are_switched_on(tmp_path: Path) -> None:
    path = supplied(tmp_path, ("variable: charge_A", "variable: charge"))
    with pytest.raises(InputError, match=r"supplier\.ports\.yaml:3: inputs\[0\]\.variable: no variable 'charge'"):
        firmware("inverter", path).initial(1, {})


@pytest.mark.parametrize(
    ("role", "missing"),
    [("pack_controller", "the signal 'pack_soc'"), ("module_monitor", "the signal 'module_soh'")],
)
def test_a_role_must_tell_the_log_what_it_believes(tmp_path: Path, role: str, missing: str) -> None:
    with pytest.raises(InputError, match=missing):
        firmware(role, supplied(tmp_path))
