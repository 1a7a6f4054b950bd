"""The engines keep to the bounds that are found before they run: the same messages, bounded and simulated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from twin.network.engines.registry import ENGINES
from twin.network.message_sets.periodic import PeriodicMessage
from twin.network.message_sets.simulate import simulate_messages
from twin.network.message_sets.worst_case import analyse
from twin.network.network import Node

MS = 1_000_000
NODES = (None, "a", Node("b", queue="fifo"), Node("c", queue="fifo"))


def message(place: int, row: tuple[int, float, int, Node | str | None, str]) -> PeriodicMessage:
    period_ns, jitter, length, node, kind = row
    return PeriodicMessage(
        0x100 + place,
        period_ns,
        jitter_ns=int(jitter * period_ns),
        data=bytes(length),
        frame_bits=55 + 10 * length if kind == "bits" else None,
        node=node,
        fd=kind == "fd",
        bit_rate_switch=kind == "fd",
    )


ROWS = st.tuples(
    st.integers(2, 30).map(lambda steps: steps * MS // 2),
    st.sampled_from([0.0, 0.0, 0.3, 1.0]),
    st.integers(0, 8),
    st.sampled_from(NODES),
    st.sampled_from(["bits", "bits", "content", "fd"]),
)
MESSAGES = st.lists(ROWS, min_size=2, max_size=6).map(
    lambda rows: [message(place, row) for place, row in enumerate(rows)]
)


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=60, deadline=None)
@given(MESSAGES, st.sampled_from([500_000.0, 83_333.3]), st.integers(0, 2**32 - 1))
def test_no_simulated_response_exceeds_its_bound(
    engine: str, messages: list[PeriodicMessage], bitrate_bit_s: float, seed: int
) -> None:
    bounds = analyse(messages, bitrate_bit_s, data_bitrate_bit_s=2_000_000)
    assume(bounds.utilisation <= 1)
    generator = np.random.default_rng(seed)
    moved = [
        replace(one, offset_ns=int(generator.integers(0, 3)) * MS // 8, data=generator.bytes(len(one.data)))
        for one in messages
    ]
    frames = simulate_messages(
        moved,
        bitrate_bit_s=bitrate_bit_s,
        data_bitrate_bit_s=2_000_000,
        duration_ns=100 * MS,
        engine=engine,
        seed=seed,
    )
    response_ns = frames.finish_ns - frames.release_ns
    for bound in bounds.messages:
        found_ns = response_ns[frames.identifier == bound.identifier]
        assert bound.response_ns is not None
        assert found_ns.max(initial=0) <= bound.response_ns
