"""Worst-case response times, computed before anything is run, against published message sets."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.published.message_sets import SAE
from twin.network.message_sets.periodic import PeriodicMessage
from twin.network.message_sets.worst_case import analyse, response_times

MS = 1_000_000
CAN = Path(__file__).parent / "can"


def test_the_second_instance_of_c_is_the_worst() -> None:
    """Davis et al. 2007, section 3: an analysis of the first instance alone finds 3.0 ms."""
    periods_ms = [2.5, 3.5, 3.5]
    messages = [PeriodicMessage(place, round(ms * MS), frame_bits=125) for place, ms in enumerate(periods_ms)]
    assert response_times(messages, 125_000) == {0: 2 * MS, 1: 3 * MS, 2: 3.5 * MS}


def test_sae_set() -> None:
    """Each length is the worst for its bytes, (55 + 10 bytes) bits, without being told."""
    messages = [PeriodicMessage(place, ms * MS, data=bytes(length)) for place, (length, ms, _) in enumerate(SAE)]
    found = response_times(messages, 125_000)
    assert found == {place: round(worst_ms * MS) for place, (_, _, worst_ms) in enumerate(SAE)}


def foxbms() -> list[PeriodicMessage]:
    with (CAN / "foxbms2_v1.11_can_tx_cyclic.csv").open() as file:
        return [
            PeriodicMessage(int(row["id"], 16), int(row["period_ms"]) * MS, data=bytes(int(row["dlc"])))
            for row in csv.DictReader(file)
        ]


def test_load_of_the_foxbms_set() -> None:
    """foxBMS 2 v1.11: 17 messages, 138 frames/s, 3.7 % of 500 kbit/s with 135 bits each."""
    messages = foxbms()
    assert len(messages) == 17
    assert sum(1e9 / message.period_ns for message in messages) == pytest.approx(138)
    bounds = analyse(messages, 500_000)
    assert bounds.utilisation == pytest.approx(0.03726)
    # The lowest priority waits for 16 frames of 270 us and takes one itself; blocking is over by then.
    assert bounds.by_priority[-1].response_ns == 17 * 270_000
    assert not bounds.late
