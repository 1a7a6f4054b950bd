"""The inverter protocol of home_battery.dbc against bytes captured from real batteries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from twin.network.dbc.codec import MessageLayout
from twin.network.dbc.database import Database

SAMPLES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "can/pylontech_can_samples.json").read_text())[
    "samples"
]

# Signal of the DBC, and its factor to the captured protocol's own sign, by the names of the samples.
NAMES = {
    "CVL_V": ("ChargeVoltageLimit", 1.0),
    "CCL_A": ("ChargeCurrentLimit", 1.0),
    "DCL_A": ("DischargeCurrentLimit", 1.0),
    "DVL_V": ("DischargeVoltageLimit", 1.0),
    "SOC": ("SOC", 1.0),
    "SOH": ("SOH", 1.0),
    "V": ("Voltage", 1.0),
    "I_A": ("Current", -1.0),
    "T_C": ("Temperature", 1.0),
}


@pytest.fixture(scope="module")
def by_identifier() -> dict[int, MessageLayout]:
    return {message.identifier: message for message in Database.load("home_battery").messages}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample['id']}-{sample['hex']}")
def test_captured_frames(sample: dict[str, Any], by_identifier: dict[int, MessageLayout]) -> None:
    layout = by_identifier[int(sample["id"], 16)]
    expected = {NAMES[key][0]: NAMES[key][1] * sample[key] for key in NAMES if key in sample}
    payload = np.frombuffer(bytes.fromhex(sample["hex"]), np.uint8)[None]
    assert {name: values[0] for name, values in layout.decode(payload).items()} == pytest.approx(expected, abs=1e-9)
    assert layout.encode(expected).tobytes().hex().upper() == sample["hex"]


def test_constant_parts_go_out_by_themselves(by_identifier: dict[int, MessageLayout]) -> None:
    assert by_identifier[0x35E].encode({}).tobytes() == b"PYLON   "
    assert by_identifier[0x359].encode({"Modules": 10.0}).tobytes().hex() == "000000000a504e"


def test_requests_as_captured(by_identifier: dict[int, MessageLayout]) -> None:
    assert by_identifier[0x35C].encode({"ChargeEnable": 1.0, "DischargeEnable": 1.0}).tobytes().hex() == "c000"
