"""No bus exceeds the bounds that are found before it runs: random message sets, offsets, jitter, nodes with FIFOs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from twin.network.message_sets.busy_period import MOST_WORK, Work
from twin.network.message_sets.periodic import PeriodicMessage
from twin.network.message_sets.worst_case import analyse, response_times
from twin.network.network import Node

BITRATE_BIT_S = 500_000
BIT_NS = 2000
GRID_NS = 25 * BIT_NS
"""Periods, lengths and offsets are multiples of it, so that releases often meet the end of a frame."""
NODES = (None, Node("a"), Node("b", queue="fifo"), Node("c", queue="fifo"))

MESSAGES = st.lists(
    st.builds(
        lambda period, bits, jitter, node: (period, bits, jitter, node),
        st.integers(4, 40).map(lambda steps: steps * GRID_NS),
        st.integers(2, 5).map(lambda steps: steps * 25),
        st.one_of(st.just(0), st.integers(0, 20).map(lambda steps: steps * GRID_NS)),
        st.sampled_from(NODES),
    ),
    min_size=2,
    max_size=7,
).map(
    lambda rows: [
        PeriodicMessage(place, period_ns, 0, jitter_ns, frame_bits=bits, node=node)
        for place, (period_ns, bits, jitter_ns, node) in enumerate(rows)
    ]
)


def worst_ns(messages: Sequence[PeriodicMessage], end_ns: int, seed: int) -> list[int]:
    """Return the worst response of each message on one bus, from when an instance is due, jitter drawn at random.

    Written to be checked by eye: whenever the bus is idle, of the first frame of every FIFO and all frames of other
    nodes that are queued by then, that of the highest priority goes. Instances of one message keep their order.
    """
    generator = np.random.default_rng(seed)
    queues: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for place, message in enumerate(messages):
        due = range(message.offset_ns, end_ns, message.period_ns)
        late_ns = generator.choice([0, message.jitter_ns], len(due))
        queued = np.maximum.accumulate(np.array(due, np.int64) + late_ns).tolist()
        node = message.sender
        name = node.name if node is not None and node.queue == "fifo" else f"{place}"
        queues[name] += [(queued_ns, due_ns, place) for queued_ns, due_ns in zip(queued, due, strict=True)]
    waiting = [sorted(frames, reverse=True) for frames in queues.values()]
    worst, now_ns = [0] * len(messages), 0
    while waiting := [frames for frames in waiting if frames]:
        now_ns = max(now_ns, min(frames[-1][0] for frames in waiting))
        sender = min((frames for frames in waiting if frames[-1][0] <= now_ns), key=lambda frames: frames[-1][2])
        _, due_ns, place = sender.pop()
        now_ns += (messages[place].frame_bits or 0) * BIT_NS
        worst[place] = max(worst[place], now_ns - due_ns)
    return worst


def load(messages: Sequence[PeriodicMessage]) -> float:
    return sum((message.frame_bits or 0) * BIT_NS / message.period_ns for message in messages)


@settings(max_examples=300, deadline=None)
@given(MESSAGES, st.integers(0, 2**32 - 1), st.sampled_from([MOST_WORK, 300, 0]))
def test_no_bound_is_exceeded(messages: list[PeriodicMessage], seed: int, work: int) -> None:
    """However much work is spent on the bounds."""
    assume(load(messages) <= 1)
    bounds = [bound.response_ns for bound in analyse(messages, BITRATE_BIT_S, work=Work(work)).messages]
    generator = np.random.default_rng(seed)
    for _ in range(3):
        steps = [int(generator.integers(0, message.period_ns // GRID_NS)) for message in messages]
        nudges = generator.integers(-1, 2, len(messages)).tolist()
        moved = [
            replace(message, offset_ns=max(0, step * GRID_NS + nudge))
            for message, step, nudge in zip(messages, steps, nudges, strict=True)
        ]
        found = worst_ns(moved, 200 * 40 * GRID_NS // 10, seed)
        exceeded = [
            (message.identifier, response_ns, bound)
            for message, response_ns, bound in zip(messages, found, bounds, strict=True)
            if bound is not None and response_ns > bound
        ]
        assert not exceeded


def test_waiting_in_a_fifo_is_jitter_to_others() -> None:
    """An instance of 0 waits behind 4, so that the next one follows it closely and 1 has to wait for both."""
    # bits, period and offset, in grid steps
    rows = [(100, 7, 5), (50, 45, 43), (100, 27, 8), (50, 32, 5), (100, 28, 27)]
    plain = [
        PeriodicMessage(place, period * GRID_NS, offset * GRID_NS, frame_bits=bits)
        for place, (bits, period, offset) in enumerate(rows)
    ]
    queued = [replace(one, node=Node("b", queue="fifo")) if one.identifier in (0, 4) else one for one in plain]
    found = worst_ns(queued, 400 * GRID_NS, 0)[1]
    without, within = (response_times(messages, BITRATE_BIT_S)[1] for messages in (plain, queued))
    assert without is not None
    assert within is not None
    assert without < found <= within


@settings(max_examples=100, deadline=None)
@given(MESSAGES)
def test_the_bound_is_attained_where_no_frame_blocks(messages: list[PeriodicMessage]) -> None:
    """Without jitter and FIFOs, the message of the lowest priority meets its bound on synchronous release."""
    plain = [replace(message, jitter_ns=0, node=None) for message in messages]
    assume(load(plain) < 1)
    found = worst_ns(plain, 200 * 40 * GRID_NS, 0)
    assert found[-1] == list(response_times(plain, BITRATE_BIT_S).values())[-1]


@settings(max_examples=100, deadline=None)
@given(MESSAGES, st.integers(0, 2000))
def test_less_work_makes_bounds_looser(messages: list[PeriodicMessage], left: int) -> None:
    """Never tighter; and hardly more is spent than was allowed."""
    assume(load(messages) < 1)
    work = Work(left)
    quick = analyse(messages, BITRATE_BIT_S, work=work).messages
    for one, other in zip(quick, response_times(messages, BITRATE_BIT_S).values(), strict=True):
        assert one.response_ns is not None
        assert other is not None
        assert one.response_ns >= other
    assert work.left > -2 * len(messages)


@settings(max_examples=100, deadline=None)
@given(MESSAGES)
def test_who_starves(messages: list[PeriodicMessage]) -> None:
    """Without FIFOs: exactly those that load the bus beyond 100 % together with all above them."""
    plain = [replace(message, node=None) for message in messages]
    bounds = analyse(plain, BITRATE_BIT_S)
    within = [load(plain[: place + 1]) <= 1 + 1e-12 for place in range(len(plain))]
    assert [bound.response_ns is not None for bound in bounds.messages] == within
    assert [bound.identifier for bound in bounds.starving] == [place for place, fits in enumerate(within) if not fits]
