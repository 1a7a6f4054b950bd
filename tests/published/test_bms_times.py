"""Default debounce times are those of foxBMS 2 v1.11, and protection keeps them.

Source: foxBMS 2 v1.11, diagnosis configuration (events to raise x 10 ms task + delay = time to the error state).
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from twin.bms.codes import Level
from twin.bms.limit_levels import Limits
from twin.bms.protection import Protection, Thresholds

TABLE = Path(__file__).parent / "bms" / "foxbms2_v1.11_diag_table.csv"
TASK_NS = 10_000_000
FINE = [3.30, 3.30, 298.0, 298.0, 50.0]
ROWS = [
    ("DIAG_ID_CELL_VOLTAGE_OVERVOLTAGE_MSL", 0, 3.70),
    ("DIAG_ID_CELL_VOLTAGE_UNDERVOLTAGE_MSL", 1, 2.40),
    ("DIAG_ID_TEMP_OVERTEMPERATURE_DISCHARGE_MSL", 2, 330.0),
    ("DIAG_ID_TEMP_UNDERTEMPERATURE_CHARGE_MSL", 3, 260.0),
    ("DIAG_ID_OVERCURRENT_DISCHARGE_CELL_MSL", 4, 250.0),
]


def _published_ns(diagnosis: str) -> int:
    with TABLE.open() as file:
        (row,) = (row for row in csv.DictReader(file) if row["diag_id"] == diagnosis)
    return int(row["time_to_error_state_ms"]) * 1_000_000


@pytest.mark.parametrize(("diagnosis", "quantity", "value"), ROWS, ids=[row[0] for row in ROWS])
def test_time_from_fault_to_error_state(diagnosis: str, quantity: int, value: float) -> None:
    thresholds = Thresholds.of(Limits())
    state, row = Protection.initial(1), np.array([FINE])
    row[0, quantity] = value
    published_ns = _published_ns(diagnosis)
    for time_ns in range(0, published_ns + TASK_NS, TASK_NS):
        state = state.step(row, np.array([time_ns]), thresholds)
        if state.level[0, quantity] == Level.FATAL:
            break
    assert time_ns == published_ns


OTHERS = [
    ("DIAG_ID_DEEP_DISCHARGE_DETECTED", "deep_discharge_V"),
    ("DIAG_ID_PLAUSIBILITY_PACK_VOLTAGE", "voltage_implausible_V"),
    ("DIAG_ID_CURRENT_ON_OPEN_STRING", "contactor_welded_A"),
    ("DIAG_ID_STRING_PLUS_CONTACTOR_FEEDBACK", "contactor_stuck_open_V"),
    ("DIAG_ID_CURRENT_SENSOR_RESPONDING", "current_implausible_A"),
]
WARNINGS = [
    ("DIAG_ID_AFE_OPEN_WIRE", "open_sense_wire_V"),
    ("DIAG_ID_PLAUSIBILITY_CELL_TEMP", "temperature_implausible_K"),
]


@pytest.mark.parametrize(("diagnosis", "name"), OTHERS, ids=[row[1] for row in OTHERS])
def test_debounce_of_what_else_is_watched(diagnosis: str, name: str) -> None:
    assert round(getattr(Limits(), name).debounce_s * 1e9) == _published_ns(diagnosis)


@pytest.mark.parametrize(("diagnosis", "name"), WARNINGS, ids=[row[1] for row in WARNINGS])
def test_what_is_a_warning_there_is_one_here(diagnosis: str, name: str) -> None:
    with TABLE.open() as file:
        (row,) = (row for row in csv.DictReader(file) if row["diag_id"] == diagnosis)
    levels = getattr(Limits(), name)
    assert row["severity"] == "DIAG_WARNING"
    assert levels.fatal is None
    assert levels.debounce_s * 1e3 == int(row["debounce_ms_if_checked_every_10ms"])
