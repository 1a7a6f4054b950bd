"""What a battery tells an inverter: the common low-voltage battery protocol, 0x351 to 0x35E, once a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import (
    CELL_OVERVOLTAGE,
    CELL_UNDERVOLTAGE,
    OVERCURRENT,
    OVERTEMPERATURE,
    UNDERTEMPERATURE,
    FaultCode,
    Level,
)
from twin.bms.firmware.firmware import Contents, FloatArray

MESSAGES = (
    "Inverter_Limits",
    "Inverter_Soc",
    "Inverter_Measurements",
    "Inverter_Alarms",
    "Inverter_Requests",
    "Inverter_Maker",
)

_MAKER = np.array([[letter] for letter in b"BMSTWIN "])
_MAKER_SIGNALS = tuple(f"Character{place}" for place in range(1, 9))
_MARKS = np.array([[letter] for letter in b"BT"])
_MARK_SIGNALS = "Mark1", "Mark2"
_SIGNALS: tuple[tuple[str, FaultCode], ...] = (
    ("Overvoltage", CELL_OVERVOLTAGE),
    ("Undervoltage", CELL_UNDERVOLTAGE),
    ("Overtemperature", OVERTEMPERATURE),
    ("Undertemperature", UNDERTEMPERATURE),
    ("DischargeOvercurrent", OVERCURRENT),
    ("ChargeOvercurrent", OVERCURRENT),
)


@dataclass(frozen=True)
class Battery:
    """What the inverter is told, ``[row]``.

    ``charging``, ``level`` and ``code`` are ``[row, source]``, of modules and packs: the worst that each has found, 0
    of who is not heard; a second finding of the same source does not show.
    """

    charge_A: FloatArray
    discharge_A: FloatArray
    charge_V: float
    discharge_V: float
    soc: FloatArray
    soh: FloatArray
    voltage_V: FloatArray
    current_A: FloatArray
    hottest_C: FloatArray
    charging: NDArray[np.bool_]
    level: FloatArray
    code: FloatArray
    modules: FloatArray
    silent: NDArray[np.bool_]
    failed: NDArray[np.bool_]


def frames(battery: Battery) -> dict[str, Contents]:
    """Return the six frames."""
    limits: Contents = {
        "ChargeVoltageLimit": battery.charge_V,
        "ChargeCurrentLimit": battery.charge_A,
        "DischargeCurrentLimit": battery.discharge_A,
        "DischargeVoltageLimit": battery.discharge_V,
    }
    measurements: Contents = {
        "Voltage": battery.voltage_V,
        "Current": battery.current_A,
        "Temperature": battery.hottest_C,
    }
    requests: Contents = {
        "ChargeEnable": battery.charge_A > 0,
        "DischargeEnable": battery.discharge_A > 0,
    }
    state: Contents = {"SOC": battery.soc * 100.0, "SOH": np.minimum(battery.soh * 100.0, 100.0)}
    maker: Contents = {_MAKER_SIGNALS: _MAKER}
    return dict(zip(MESSAGES, (limits, state, measurements, _alarms(battery), requests, maker), strict=True))


def _alarms(battery: Battery) -> Contents:
    """Return protection bits where a module has isolated itself, alarm bits where one is about to."""
    signals: dict[str | tuple[str, ...], NDArray[Any] | float] = {
        "SystemErrorProtection": battery.failed,
        "CommunicationAlarm": battery.silent,
        "Modules": battery.modules,
        _MARK_SIGNALS: _MARKS,
    }
    if battery.code.any():
        for name, code in _SIGNALS:
            here = battery.code == code.number
            if code is OVERCURRENT:
                here &= battery.charging == name.startswith("Charge")
            if not here.any():
                continue
            for kind, level in (("Protection", Level.FATAL), ("Alarm", Level.WARNING)):
                signals[name + kind] = (here & (battery.level == level)).any(axis=1)
    return signals
