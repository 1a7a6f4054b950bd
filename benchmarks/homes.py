"""What the network of a fleet costs beside its FMUs: homes with the message set of foxBMS 2, second by second.

A home has two modules, an electrical and a thermal FMU each, stepped by 1 s with currents that change: by themselves,
and in the plant that joins them. Its bus carries the 138 frames/s of ``benchmarks.foxbms``, every one with a new
payload (``fresh``), or the same ones again (``stay``). One thread each, in turns, every second of the fleet. Drawing
payloads and currents is not counted.
Run: ``python -m benchmarks.homes [--homes 1000] [--seconds 3600]``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from benchmarks.foxbms import foxbms_messages
from twin.network.engines.engine import Engine
from twin.network.engines.native import NativeEngine
from twin.network.network import Filter, Message, Network, Node, Segment
from twin.plant.assembly import locate, open_plant
from twin.plant.backends import open_pool
from twin.plant.coupling import ELECTRICAL, THERMAL
from twin.plant.options import Plant as PlantOptions
from twin.plant.plant import Wiring
from twin.plant.pool import Pool
from twin.plant.ports import Interface, Ports

MODULES = 2
CELLS = 16
SECOND_NS = 1_000_000_000


class Fmus:
    """The electrical and thermal FMUs of every module of every home, without what couples them."""

    def __init__(self, homes: int) -> None:
        count = homes * MODULES
        self._pools = [
            _pool("module_electrical", ELECTRICAL, count, temperature_K=298.15),
            _pool("module_thermal", THERMAL, count, ambient_K=298.15),
        ]
        self._current = self._pools[0].input_names.index("current_A")
        self._random = np.random.default_rng(1)
        self._time_s = 0.0

    def second(self) -> float:
        """Step all by 1 s and return the seconds that it took."""
        electrical = self._pools[0]
        electrical.inputs[:, self._current] = self._random.uniform(-100.0, 100.0, len(electrical.inputs))
        begin = time.perf_counter()
        for pool in self._pools:
            pool.step(self._time_s, 1.0)
        self._time_s += 1.0
        return time.perf_counter() - begin


class Coupled:
    """The same FMUs as the plant of a fleet steps them: joined by the packs' circuits, behind an inverter."""

    def __init__(self, homes: int) -> None:
        parameters = {"capacity_Ah": 314.0, "resistance_factor": 1.0, "soc_start": 0.5}
        self._plant = open_plant(
            PlantOptions(), Wiring(homes, 1, MODULES, CELLS), parameters, 298.15, in_operation=True
        )
        self._plant.ambient_K[:] = 298.15
        self._random = np.random.default_rng(1)
        self._second = 0

    def second(self) -> float:
        """Step all by 1 s and return the seconds that it took."""
        self._plant.request_W[:] = self._random.uniform(-5000.0, 5000.0, len(self._plant.request_W))
        start_ns = self._second * SECOND_NS
        self._second += 1
        begin = time.perf_counter()
        self._plant.advance(start_ns, start_ns + SECOND_NS, [])
        return time.perf_counter() - begin


class Buses:
    """A bus a home with the messages of foxBMS, and a node that receives them."""

    def __init__(self, homes: int, *, fresh: bool) -> None:
        self._messages = list(foxbms_messages().values())
        self._random = np.random.default_rng(1)
        self._engine: Engine = NativeEngine(_network(), homes)
        self._homes, self._fresh, self._second = homes, fresh, 0
        if not fresh:
            every, zero = np.arange(homes), np.zeros(homes, np.int64)
            for index, message in enumerate(self._messages):
                payload = self._random.integers(0, 256, (homes, 8), dtype=np.uint8)
                self._engine.cycle(index, every, zero + message.offset_ns, zero + message.period_ns, payload)

    def second(self) -> float:
        """Carry the frames of a second and return the seconds that it took."""
        start_ns = self._second * SECOND_NS
        self._second += 1
        index, release_ns = self._released() if self._fresh else (np.zeros(0, np.int64), np.zeros(0, np.int64))
        payload = self._random.integers(0, 256, (len(index) * self._homes, 8), dtype=np.uint8)
        message, rows = np.tile(index, self._homes), np.repeat(np.arange(self._homes), len(index))
        instants_ns = np.tile(start_ns + release_ns, self._homes)
        begin = time.perf_counter()
        if self._fresh:
            self._engine.send(message, rows, instants_ns, payload)
        self._engine.advance(np.full(self._homes, start_ns + SECOND_NS))
        return time.perf_counter() - begin

    def _released(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the messages that are due within a second, and when."""
        due = [
            (index, instant_ns)
            for index, message in enumerate(self._messages)
            for instant_ns in range(message.offset_ns, SECOND_NS, message.period_ns)
        ]
        due.sort(key=lambda one: one[1])
        return tuple(np.array(column) for column in zip(*due, strict=True))  # type: ignore[return-value]

    def frames(self) -> int:
        """Return how many frames were received."""
        return int(self._engine.statistics.frames.sum())


def _network() -> Network:
    nodes = (Node("foxBMS"), Node("receiver", accepts=(Filter(0, mask=0),)))
    messages = [Message(name, one.identifier, len(one.data), 0) for name, one in foxbms_messages().items()]
    return Network((Segment(),), nodes, tuple(messages))


def _pool(model: str, interface: Interface, count: int, **inputs: float) -> Pool:
    path, ports_file = locate(model, "2.0")
    ports = Ports.read(ports_file, interface, CELLS)
    pool = open_pool(path, count, ports.input_names, ports.output_names)
    for column, name in enumerate(pool.input_names):
        pool.inputs[:, column] = inputs.get(name.partition("[")[0], 0.0)
    pool.initialize({})
    return pool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=3600)
    options = parser.parse_args()
    stay, fresh = Buses(options.homes, fresh=False), Buses(options.homes, fresh=True)
    contenders: dict[str, Callable[[], float]] = {
        "FMUs": Fmus(options.homes).second,
        "FMUs and their circuits": Coupled(options.homes).second,
        "network, payloads stay": stay.second,
        "network, fresh payloads": fresh.second,
    }
    taken_s = dict.fromkeys(contenders, 0.0)
    for _ in range(options.seconds):
        for name, second in contenders.items():
            taken_s[name] += second()
    print(f"{options.homes} homes, {options.seconds} s, {fresh.frames():,} frames a network")
    for name, spent_s in taken_s.items():
        print(f"{name:26}{spent_s:8.1f} s  {spent_s / taken_s['FMUs']:5.2f} of the FMUs")


if __name__ == "__main__":
    main()
