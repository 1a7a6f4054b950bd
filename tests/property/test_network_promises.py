"""What every engine promises by itself: arbitration, queues, exact lengths, mailboxes, bounds, complete counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worlds.random_networks import Call, Sizes, World, random_world
from twin.network.engines.chance import jitter_ns
from twin.network.engines.engine import NEVER_SEEN, Engine
from twin.network.engines.records import Frame, Frames
from twin.network.engines.registry import ENGINES
from twin.network.frames.bits import INTERFRAME_BITS, frame_bits
from twin.network.message_sets.periodic import PeriodicMessage
from twin.network.message_sets.simulate import simulate_messages
from twin.network.message_sets.worst_case import response_times
from twin.network.network import Network, Node

EACH_ENGINE = pytest.mark.parametrize("kind", ENGINES.values(), ids=ENGINES)
SEEDS = st.integers(0, (1 << 32) - 1)
SIZES = st.builds(Sizes, st.integers(1, 2), st.integers(2, 4), st.integers(1, 12), st.integers(1, 6), st.just(1))


def with_listeners(world: World) -> World:
    """Add a node to every segment that only acknowledges and receives everything."""
    listeners = tuple(
        Node(f"L{index}", index, accepts=world.network.nodes[0].accepts) for index in range(len(world.network.segments))
    )
    return replace(world, network=replace(world.network, nodes=(*world.network.nodes, *listeners)))


def played(world: World, kind: type[Engine]) -> tuple[Engine, Frames]:
    """Return the engine after the script, and the log of site 0."""
    engine = world.engine(kind)
    for call in world.script:
        call.of(engine)
    return engine, engine.take_log(0)


def end_ns(world: World) -> int:
    return int(world.script[-1].arguments["until_ns"][0])


def releases(world: World) -> list[tuple[int, int]]:
    """Return instant and message of all that is released at site 0 before the end, in order."""
    found: list[tuple[int, int]] = []
    cycles: dict[int, list[tuple[int, int, int]]] = {}
    for call in world.script:
        if call.method == "send":
            found += _sent(call)
        elif call.method == "cycle" and 0 in call.arguments["rows"]:
            row = int(np.flatnonzero(call.arguments["rows"] == 0)[0])
            first_ns, period_ns = (int(call.arguments[name][row]) for name in ("first_ns", "period_ns"))
            cycle = (first_ns, period_ns, call.arguments["jitter_ns"])
            cycles.setdefault(call.arguments["message"], []).append(cycle)
    for message, given_ones in cycles.items():
        found += _cycled(message, sorted(given_ones, key=lambda one: one[0]), int(world.keys[0]), end_ns(world))
    return sorted(one for one in found if one[0] < end_ns(world))


def _sent(call: Call) -> Iterator[tuple[int, int]]:
    columns = (call.arguments[name].tolist() for name in ("time_ns", "message", "rows"))
    yield from ((time_ns, message) for time_ns, message, row in zip(*columns, strict=True) if row == 0)


def _cycled(message: int, cycles: list[tuple[int, int, int]], key: int, last_ns: int) -> Iterator[tuple[int, int]]:
    """A cycle ends at the first instant of the next one; nothing of it is released from then on."""
    ends_ns = [first_ns for first_ns, _, _ in cycles[1:]] + [last_ns]
    for (first_ns, period_ns, most_ns), cycle_end_ns in zip(cycles, ends_ns, strict=True):
        instance = 0
        while period_ns and first_ns + instance * period_ns < cycle_end_ns:
            instant_ns = first_ns + instance * period_ns + jitter_ns(key, message, instance, most_ns)
            if instant_ns < cycle_end_ns:
                yield instant_ns, message
            instance += 1


@dataclass
class Waiting:
    """What waits on one segment: the queues as the engine's promise states them."""

    network: Network
    queues: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    overwritten: Counter[int] = field(default_factory=Counter)
    dropped: Counter[int] = field(default_factory=Counter)

    def add(self, time_ns: int, message: int) -> None:
        one = self.network.messages[message]
        node = self.network.nodes[one.node]
        queue = self.queues.setdefault(f"{node.name}" if node.queue == "fifo" else f"{node.name}.{message}", [])
        depth = node.depth if node.queue == "fifo" else one.depth
        if depth == 0:
            self.overwritten[message] += len(queue)
            queue[:] = [(time_ns, message)]
        elif len(queue) < depth:
            queue.append((time_ns, message))
        else:
            self.dropped[message] += 1

    def take(self) -> tuple[int, int] | None:
        """Return release and message of the frame that wins, and forget it."""
        order = self.network.priority_order()
        heads = [queue for queue in self.queues.values() if queue]
        return min(heads, key=lambda queue: order.index(queue[0][1])).pop(0) if heads else None


def follow(network: Network, segment: int, released: list[tuple[int, int]], log: list[Frame], until_ns: int) -> Waiting:
    """Compare the frames of one segment, one by one, with what must have been sent at every instant."""
    waiting, idle_ns, coming = Waiting(network), 0, [one for one in released if network.segment_of(one[1]) == segment]
    for frame in [*log, None]:
        if not any(waiting.queues.values()) and coming:
            idle_ns = max(idle_ns, coming[0][0])
        while coming and coming[0][0] <= min(idle_ns, until_ns):
            waiting.add(*coming.pop(0))
        winner = waiting.take() if idle_ns < until_ns else None
        if frame is None:  # the winner, if there is one, is still on the wire
            for one in coming:
                waiting.add(*one)
            return waiting
        assert (frame.start_ns, (frame.release_ns, frame.message)) == (idle_ns, winner)
        idle_ns = frame.finish_ns
    raise AssertionError


@EACH_ENGINE
@settings(max_examples=150)
@given(seed=SEEDS, sizes=SIZES)
def test_the_bus_always_carries_the_most_urgent_frame_that_is_offered(
    kind: type[Engine], seed: int, sizes: Sizes
) -> None:
    world = with_listeners(random_world(seed, sizes))
    engine, log = played(world, kind)
    for segment in range(len(world.network.segments)):
        frames = [frame for frame, place in zip(log, log.segment, strict=True) if place == segment]
        waiting = follow(world.network, segment, releases(world), frames, end_ns(world))
        for message in range(len(world.network.messages)):
            if world.network.segment_of(message) == segment:
                assert engine.statistics.overwritten[0, message] == waiting.overwritten[message]
                assert engine.statistics.dropped[0, message] == waiting.dropped[message]
    assert not engine.statistics.errors.any()


def durations_ns(network: Network, frame: Frame, segment: int) -> tuple[int, int]:
    """Return how long a frame takes until it is seen, and until its interframe space is over, by its real bits."""
    one, rates = network.messages[frame.message], network.segments[segment]
    nominal, data = one.frame_bits or 0, 0
    if not one.frame_bits:
        content = bytes(one.length) if one.remote else frame.data
        bits = frame_bits(
            one.identifier,
            content,
            extended=one.extended,
            fd=one.fd,
            bit_rate_switch=one.bit_rate_switch,
            remote=one.remote,
        )
        nominal, data = bits.nominal_bits, bits.data_bits
    data_bitrate_bit_s = rates.data_bitrate_bit_s or rates.bitrate_bit_s
    if not one.bit_rate_switch:
        nominal, data, data_bitrate_bit_s = nominal + data, 0, rates.bitrate_bit_s
    seen, finish = (
        round(bits * 1e9 / rates.bitrate_bit_s + data * 1e9 / data_bitrate_bit_s)
        for bits in (nominal - INTERFRAME_BITS, nominal)
    )
    return seen, finish


@EACH_ENGINE
@settings(max_examples=100)
@given(seed=SEEDS, sizes=SIZES)
def test_frames_are_as_long_as_their_bits_and_mailboxes_hold_the_last_one_seen(
    kind: type[Engine], seed: int, sizes: Sizes
) -> None:
    world = with_listeners(random_world(seed, sizes))
    network = world.network
    engine, log = played(world, kind)
    last: dict[int, tuple[int, bytes]] = {}
    latency_ns: Counter[int] = Counter()
    busy_ns: Counter[int] = Counter()
    for frame, segment in zip(log, log.segment.tolist(), strict=True):
        seen, finish = durations_ns(network, frame, segment)
        assert frame.finish_ns - frame.start_ns == finish
        last[frame.message] = frame.start_ns + seen, frame.data
        latency_ns[frame.message] += frame.start_ns + seen - frame.release_ns
        busy_ns[segment] += finish
    for index, (_, message) in enumerate(network.boxes):
        time_ns, data = last.get(message, (NEVER_SEEN, b""))
        assert engine.mailbox_time_ns[0, index] == time_ns
        assert engine.mailbox_payload[0, index].tobytes() == data.ljust(network.payload_bytes, b"\0")
    assert engine.statistics.latency_sum_ns[0].tolist() == [latency_ns[m] for m in range(len(network.messages))]
    assert engine.statistics.busy_ns[0].tolist() == [busy_ns[s] for s in range(len(network.segments))]


def calmed(world: World) -> World:
    """End all cycles and all disturbances after the script, and leave time for whatever waits to get through."""
    nodes = tuple(replace(node, recovery_ns=0) for node in world.network.nodes)
    rows, now_ns, network = np.array([0]), np.array([end_ns(world)]), replace(world.network, nodes=nodes)
    at_the_end = {"rows": rows, "time_ns": now_ns}
    nothing = {"payload": np.zeros((1, 1), np.uint8), "period_ns": np.array([0]), "jitter_ns": 0}
    calm = [
        *(Call("noise", {**at_the_end, "segment": index, "rate": 0.0}) for index in range(len(network.segments))),
        *(Call("power", {**at_the_end, "node": index, "on": True}) for index in range(len(network.nodes))),
        *(Call("connect", {**at_the_end, "node": index, "on": True}) for index in range(len(network.nodes))),
        *(
            Call("cycle", {"message": index, "rows": rows, "first_ns": now_ns, "length": one.lengths()[0], **nothing})
            for index, one in enumerate(network.messages)
        ),
        Call("advance", {"until_ns": now_ns + 500_000_000}),
    ]
    return replace(world, network=network, script=(*world.script, *calm))


@EACH_ENGINE
@settings(max_examples=100)
@given(seed=SEEDS, sizes=SIZES)
def test_every_instance_is_sent_overwritten_or_dropped(kind: type[Engine], seed: int, sizes: Sizes) -> None:
    world = calmed(with_listeners(random_world(seed, sizes, errors=True)))
    engine, log = played(world, kind)
    statistics = engine.statistics
    counted = (statistics.frames + statistics.overwritten + statistics.dropped)[0].tolist()
    released = Counter(message for _, message in releases(world))
    assert counted == [released[message] for message in range(len(counted))]
    failed = log.error_bit >= 0
    assert np.bincount(log.message[~failed], minlength=len(counted)).tolist() == statistics.frames[0].tolist()
    assert np.bincount(log.message[failed], minlength=len(counted)).tolist() == statistics.errors[0].tolist()


@st.composite
def message_sets(draw: st.DrawFn) -> list[PeriodicMessage]:
    """Message sets of 20 to 90 % load at 125 kbit/s, with jitter and any offsets."""
    random = np.random.default_rng(draw(SEEDS))
    messages = []
    for identifier in random.permutation(0x7FF)[: draw(st.integers(1, 10))].tolist():
        period_ns = int(random.choice([5, 10, 20, 50])) * 1_000_000
        messages.append(
            PeriodicMessage(
                identifier,
                period_ns,
                offset_ns=int(random.integers(0, period_ns)),
                jitter_ns=int(random.integers(0, period_ns // 2)),
                data=random.bytes(int(random.integers(0, 9))),
                frame_bits=[None, 125][int(random.integers(0, 2))],
                node=[None, None, "shared"][int(random.integers(0, 3))],
            )
        )
    return messages


@pytest.mark.parametrize("engine", ["native", "simpy"])
@settings(max_examples=60)
@given(messages=message_sets(), seed=SEEDS)
def test_no_response_exceeds_its_bound(engine: str, messages: list[PeriodicMessage], seed: int) -> None:
    bounds_ns = response_times(messages, 125_000)
    frames = simulate_messages(messages, bitrate_bit_s=125_000, duration_ns=100_000_000, engine=engine, seed=seed)
    due_ns = {message.identifier: (message.offset_ns, message.period_ns) for message in messages}
    assert len(frames)
    for frame in frames:
        offset_ns, period_ns = due_ns[frame.identifier]
        due = offset_ns + (frame.release_ns - offset_ns) // period_ns * period_ns
        bound_ns = bounds_ns[frame.identifier]
        assert bound_ns is None or frame.finish_ns - due <= bound_ns
