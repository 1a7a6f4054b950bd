"""What the network costs: microseconds a frame, and a codec call for a whole fleet beside cantools.

``benchmarks.buses`` says what its frames are. Contenders take turns, and the tables show the median of each round's
ratio; cantools needs a call a sender.
Run: ``python -m benchmarks.network [SITES]``.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import cantools
import numpy as np

from benchmarks.buses import print_buses
from twin.network.dbc.codec import MessageLayout
from twin.network.dbc.database import Database
from twin.network.frames.lengths import frame_bits_array

CODEC_MESSAGES = ("Module01_State", "Module01_CellVoltages1", "Module01_Temperatures1", "Inverter_Alarms")
ROUNDS = 15
BUS_ROUNDS = 9


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


def main() -> None:
    print_buses(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, BUS_ROUNDS)
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
