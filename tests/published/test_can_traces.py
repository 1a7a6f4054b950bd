"""Bytes captured from real batteries, through a trace of every format, decoded by cantools with home_battery.dbc."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import can
import cantools
import numpy as np
import pytest

from twin import resources
from twin.network.traces import FORMATS, Recording, write_trace

CAPTURED = json.loads((Path(__file__).parent / "can/pylontech_can_samples.json").read_text())["samples"]
SIGNALS = {
    "CVL_V": "ChargeVoltageLimit",
    "CCL_A": "ChargeCurrentLimit",
    "DCL_A": "DischargeCurrentLimit",
    "DVL_V": "DischargeVoltageLimit",
    "SOC": "SOC",
    "SOH": "SOH",
    "V": "Voltage",
    "T_C": "Temperature",
}


def _recording(samples: list[dict[str, Any]]) -> Recording:
    data = [bytes.fromhex(sample["hex"]) for sample in samples]
    return Recording(
        time_ns=np.arange(len(samples)) * 1_000_000_000,
        channel=np.zeros(len(samples), np.uint8),
        identifier=np.array([int(sample["id"], 16) for sample in samples]),
        flags=np.zeros(len(samples), np.uint8),
        length=np.array([len(one) for one in data], np.uint8),
        payload=np.array([list(one.ljust(8, b"\0")) for one in data], np.uint8),
    )


@pytest.mark.parametrize("name", FORMATS)
def test_captured_bytes_through_a_trace(tmp_path: Path, name: str) -> None:
    database: Any = cantools.database.load_file(resources.folder("data") / "can" / "home_battery.dbc")
    file = tmp_path / f"captured{FORMATS[name].suffix}"
    write_trace(file, name, _recording(CAPTURED), start=datetime(2026, 6, 21, tzinfo=UTC))
    with can.LogReader(file) as reader:
        messages = [*reader]
    assert len(messages) == len(CAPTURED)
    for message, sample in zip(messages, CAPTURED, strict=True):
        assert bytes(message.data).hex().upper() == sample["hex"]
        values = database.decode_message(message.arbitration_id, message.data, allow_truncated=True)
        expected = {signal: sample[key] for key, signal in SIGNALS.items() if key in sample}
        assert {signal: values[signal] for signal in expected} == pytest.approx(expected)
