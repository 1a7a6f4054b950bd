"""What ``twin.network`` offers by its own name."""

from __future__ import annotations

import subprocess
import sys

import pytest

import twin.network
from twin.network import PeriodicMessage, frame_bits, response_times, simulate_messages

MS = 1_000_000


@pytest.mark.parametrize("name", twin.network.__all__)
def test_every_public_name_is_there(name: str) -> None:
    found = getattr(twin.network, name)
    assert name.isupper() or found.__name__ == name


def test_a_wrong_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'frame_bit'"):
        _ = twin.network.frame_bit


@pytest.mark.parametrize("engine", ["native", "simpy"])
def test_a_message_set_is_bounded_and_simulated(engine: str) -> None:
    """Davis, Burns, Bril, Lukkien 2007, section 3."""
    messages = [
        PeriodicMessage(number, period_ns, frame_bits=125)
        for number, period_ns in enumerate([5 * MS // 2, 7 * MS // 2, 7 * MS // 2])
    ]
    bounds_ns = response_times(messages, 125_000)
    frames = simulate_messages(messages, bitrate_bit_s=125_000, duration_ns=20 * MS, engine=engine)
    responses_ms = [(one.finish_ns - one.release_ns) / MS for one in frames if one.identifier == 2]
    assert responses_ms[:4] == [3.0, 3.5, 3.0, 2.5]
    assert bounds_ns == {0: 2 * MS, 1: 3 * MS, 2: 7 * MS // 2}


def test_a_message_is_as_long_as_its_bits() -> None:
    message = PeriodicMessage(0x123, MS, data=bytes(8))
    first = next(iter(simulate_messages([message], bitrate_bit_s=500_000, duration_ns=MS)))
    assert first.finish_ns - first.start_ns == frame_bits(0x123, bytes(8)).nominal_bits * 2_000


def test_scenarios_do_not_pay_for_what_they_do_not_use() -> None:
    code = "import sys, twin.network.options; print(*{'simpy', 'can', 'cantools'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
