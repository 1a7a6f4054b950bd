"""What a frame costs: in the native engine, in the SimPy engine, and on python-can's virtual bus.

A site is one segment at 500 kbit/s with 20 messages of 8 bytes every 10 ms from four nodes; a fifth node receives all
of them, and latencies are counted. Payloads stay (``cycle``), or every frame has a new one (``send``, whose time
counts; drawing the numbers does not); or one bit in 100,000 is wrong, and ISO-TP transfers of 4095 bytes go on besides.
python-can delivers in no time, finds no lengths and has no arbitration; its row is a ``send`` and a ``recv`` a frame.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import can
import numpy as np
from numpy.typing import NDArray

from twin.network.engines.engine import Engine
from twin.network.engines.native import NativeEngine
from twin.network.engines.simpy import SimpyEngine
from twin.network.network import Channel, Filter, Message, Network, Node, Segment

PERIOD_NS = 10_000_000
PERIODS = 50
MESSAGES = 20
SENDERS = 4
SIMPY_SITES = 20
VIRTUAL_FRAMES = 2_000
BIT_ERROR_RATE = 1e-5
TRANSFER = bytes(4095)
TRANSFER_PERIODS = 25
"""How often a transfer is asked for; one takes most of that time on a bus that is half full."""

IntArray = NDArray[np.int64]
Contender = Callable[[], tuple[int, float]]
"""Runs once; returns how many frames, and the seconds that they took."""


def network(*, transfers: bool = False) -> Network:
    nodes = [Node(f"sender{place}") for place in range(SENDERS)] + [Node("receiver", accepts=(Filter(0, mask=0),))]
    messages = [Message(f"m{place}", 0x100 + 16 * place, 8, place % SENDERS) for place in range(MESSAGES)]
    request = Message("request", 0x700, 8, 0, depth=8, varying=True)
    response = Message("response", 0x708, 8, 1, depth=8, varying=True)
    channels = (Channel(MESSAGES, MESSAGES + 1, block_size=8),) if transfers else ()
    return Network((Segment(),), tuple(nodes), (*messages, *((request, response) * transfers)), channels=channels)


def unchanged(sites: int) -> tuple[int, float]:
    """Let cycles send the same payloads, advanced ten periods at a time."""
    engine, random, rows = NativeEngine(network(), sites), np.random.default_rng(1), np.arange(sites)
    for message in range(MESSAGES):
        payload = random.integers(0, 256, (sites, 8), dtype=np.uint8)
        engine.cycle(message, rows, random.integers(0, PERIOD_NS, sites), np.full(sites, PERIOD_NS), payload)
    begin = time.perf_counter()
    for tenth in range(1, PERIODS // 10 + 1):
        engine.advance(np.full(sites, 10 * tenth * PERIOD_NS))
    return int(engine.statistics.frames.sum()), time.perf_counter() - begin


def fresh(engine: Engine, before_each: Callable[[int], object] = lambda _: None) -> tuple[int, float]:
    """Send every message of every site with a new payload in every period, and advance period by period."""
    random, sites = np.random.default_rng(1), engine.count
    messages, rows = np.repeat(np.arange(MESSAGES), sites), np.tile(np.arange(sites), MESSAGES)
    phases_ns, taken_s = random.integers(0, PERIOD_NS, len(rows)), 0.0
    for period in range(PERIODS):
        payload = random.integers(0, 256, (len(rows), 8), dtype=np.uint8)
        begin = time.perf_counter()
        before_each(period)
        engine.send(messages, rows, period * PERIOD_NS + phases_ns, payload)
        engine.advance(np.full(sites, (period + 1) * PERIOD_NS))
        taken_s += time.perf_counter() - begin
    return int(engine.statistics.frames.sum()), taken_s


def disturbed(sites: int) -> tuple[int, float]:
    """As ``fresh``, with bit errors and with transfers."""
    rows = np.arange(sites)
    engine = NativeEngine(network(transfers=True), sites, keys=rows.astype(np.uint64))
    engine.noise(0, rows, np.zeros(sites, np.int64), BIT_ERROR_RATE)

    def ask(period: int) -> None:
        if period % TRANSFER_PERIODS == 0:
            engine.transfer(0, rows, np.full(sites, period * PERIOD_NS), [TRANSFER] * sites)

    return fresh(engine, ask)


def virtual() -> tuple[int, float]:
    """Pass frames through python-can's virtual bus, from one of its ends to the other."""
    payload = np.random.default_rng(1).integers(0, 256, (VIRTUAL_FRAMES, 8), dtype=np.uint8)
    with can.Bus("benchmark", interface="virtual") as sender, can.Bus("benchmark", interface="virtual") as receiver:
        begin = time.perf_counter()
        for place, data in enumerate(payload):
            sender.send(can.Message(arbitration_id=0x100 + place % MESSAGES, is_extended_id=False, data=data.tobytes()))
            receiver.recv()
        return VIRTUAL_FRAMES, time.perf_counter() - begin


def contenders(sites: int) -> dict[str, Contender]:
    return {
        "native, fresh payloads": lambda: fresh(NativeEngine(network(), sites)),
        "native, payloads stay": lambda: unchanged(sites),
        "native, errors + ISO-TP": lambda: disturbed(sites),
        f"SimPy, fresh, {SIMPY_SITES} sites": lambda: fresh(SimpyEngine(network(), SIMPY_SITES)),
        "python-can, virtual bus": virtual,
    }


def print_buses(sites: int, rounds: int) -> None:
    """Print a line a contender: its median and its best round, and the median of its ratio to the first one."""
    runs = contenders(sites)
    costs_us: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            frames, taken_s = run()
            costs_us[name].append(taken_s / frames * 1e6)
    print(f"{f'one thread, {sites} sites':28}{'us/frame':>10}{'frames/s':>14}{'best round':>14}{'over fresh':>12}")
    first = next(iter(costs_us.values()))
    for name, costs in costs_us.items():
        median_us = statistics.median(costs)
        ratio = statistics.median(mine / fresh_us for mine, fresh_us in zip(costs, first, strict=True))
        print(f"{name:28}{median_us:10.3f}{1e6 / median_us:14,.0f}{1e6 / min(costs):14,.0f}{ratio:11.2f}x")
