"""The cyclic messages of foxBMS 2 (v1.11), as its table has them: 138 frames a second, 3.7 % of 500 kbit/s."""

from __future__ import annotations

import pytest

from benchmarks.foxbms import foxbms_messages
from twin.network.frames.bits import worst_frame_bits


def test_the_message_set() -> None:
    messages = foxbms_messages()
    assert len({message.identifier for message in messages.values()}) == 17
    assert sum(1e9 / message.period_ns for message in messages.values()) == pytest.approx(138)
    state = messages["BMS_STATE_DETAILS"]
    assert (state.identifier, state.period_ns, state.offset_ns) == (0x221, 1_000_000_000, 100_000_000)


def test_the_load_of_its_bus() -> None:
    """3.7 % of 500 kbit/s with frames of their longest."""
    bits = [(worst_frame_bits(len(message.data)), message.period_ns) for message in foxbms_messages().values()]
    assert sum(longest * 1e9 / period_ns for longest, period_ns in bits) / 500_000 == pytest.approx(0.037, abs=0.0005)
