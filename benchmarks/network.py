"""What the network costs: microseconds a frame of each bus engine, and a codec call for a whole fleet beside cantools.

A site is a home of two modules whose three senders wake once a second at phases of their own, as in a run. Engines
take turns, as do codec and cantools, and the tables show the median of each round's ratio; cantools needs a call a
sender.
Run: ``python -m benchmarks.network [SITES]``.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import cantools
import numpy as np

from twin.network.bus import BusEngine
from twin.network.codec import MessageLayout
from twin.network.database import Database, bus_messages
from twin.network.engines import ENGINES
from twin.network.lengths import frame_bits_array

SECOND_NS = 1_000_000_000
EXECUTION_NS = 2_000_000
CODEC_MESSAGES = ("Module01_State", "Module01_CellVoltages1", "Module01_Temperatures1", "Inverter_Alarms")
ROUNDS = 15
BUS_ROUNDS = 5


def bus_us_per_frame(engine: type[BusEngine], sites: int, seconds: int) -> tuple[float, float, float]:
    """Return microseconds a frame: all in, sending, and advancing."""
    messages = bus_messages(Database.load("home_battery"), packs=1, modules=2)
    buses, random, rows = engine(messages, sites, 500_000), np.random.default_rng(1), np.arange(sites)
    senders: dict[str, list[int]] = defaultdict(list)
    for index, message in enumerate(messages):
        senders[message.sender].append(index)
    phases_ns = np.sort(random.integers(0, SECOND_NS - EXECUTION_NS, (len(senders), sites)), axis=0)
    sending_s = advancing_s = 0.0
    for second in range(seconds):
        for phase_ns, sent in zip(phases_ns, senders.values(), strict=True):
            now_ns = second * SECOND_NS + phase_ns
            payload = random.integers(0, 256, (len(sent) * sites, 8), dtype=np.uint8)
            before = time.perf_counter()
            buses.advance(now_ns)
            between = time.perf_counter()
            instants_ns = np.tile(now_ns + EXECUTION_NS, len(sent))
            buses.send(np.repeat(sent, sites), np.tile(rows, len(sent)), instants_ns, payload)
            sending_s += time.perf_counter() - between
            advancing_s += between - before
    frames = int(buses.statistics.frames.sum())
    return tuple(part / frames * 1e6 for part in (sending_s + advancing_s, sending_s, advancing_s))  # type: ignore[return-value]


def seconds_a_call(call: Callable[[], object], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - start) / calls


def codec_row(layout: MessageLayout, judge: Any, count: int) -> str:
    """Return one line of the table: a call for ``count`` senders, and how much longer cantools takes for them."""
    random = np.random.default_rng(1)
    columns = {s.name: random.uniform(s.minimum or 0.0, s.maximum or 1.0, count) for s in layout.signals}
    payload = layout.encode(columns)
    one = {name: float(values[0]) for name, values in columns.items()}
    frame = payload[0].tobytes()
    contenders: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "encode": (lambda: layout.encode(columns), lambda: judge.encode(one)),
        "decode": (lambda: layout.decode(payload), lambda: judge.decode(frame, decode_choices=False)),
    }
    text = f"{layout.name:24}{count:6}"
    for array_call, judge_call in contenders.values():
        rounds = [(seconds_a_call(array_call, 100), seconds_a_call(judge_call, 100) * count) for _ in range(ROUNDS)]
        array_us = statistics.median(mine for mine, _ in rounds) * 1e6
        text += f"{array_us:12.1f}{statistics.median(theirs / mine for mine, theirs in rounds):10.0f}x"
    return text


def print_engines(sites: int) -> None:
    """Print one line an engine: the median of a few rounds, and how much longer than the native one it takes."""
    seconds = max(3, 2_000 // sites)
    rounds = [[bus_us_per_frame(engine, sites, seconds) for engine in ENGINES.values()] for _ in range(BUS_ROUNDS)]
    print(f"{f'buses of {sites} sites':24}{'us/frame':>12}{'send':>8}{'advance':>9}{'frames/s':>12}{'native':>10}")
    for place, name in enumerate(ENGINES):
        total, sending, advancing = (
            statistics.median(column) for column in zip(*(one[place] for one in rounds), strict=True)
        )
        ratio = statistics.median(one[place][0] / one[0][0] for one in rounds)
        print(f"{name:24}{total:12.3f}{sending:8.3f}{advancing:9.3f}{1e6 / total:12,.0f}{ratio:9.1f}x")


def main() -> None:
    sites = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print_engines(sites)
    payload = np.random.default_rng(1).integers(0, 256, (100_000, 8), dtype=np.uint8)
    per_frame_s = seconds_a_call(lambda: frame_bits_array(0x123, payload), 10) / len(payload)
    print(f"frame lengths by tables: {per_frame_s * 1e9:.0f} ns a frame of 8 random bytes")
    print(f"\n{'message':24}{'n':>6}{'encode us':>12}{'cantools':>11}{'decode us':>12}{'cantools':>11}")
    database = Database.load("home_battery")
    judge = cantools.database.load_file(database.path)
    for name in CODEC_MESSAGES:
        for count in (5, 20, 1000):
            print(codec_row(database[name], judge.get_message_by_name(name), count))


if __name__ == "__main__":
    main()
