"""Write a run and say what is safe, for tests that kill it: ``python -m tests.worlds.killed_writer RUN``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.worlds.runs import World, open_writer, rows
from twin.bms.codes import Level
from twin.bms.events import Event

WORLD = World(sites=2, slots=1, cells=4, duration_s=400.0, period_s=1.0)
FLUSH_EVERY = 3


def main(folder: Path) -> None:
    values = list(rows(WORLD))
    writer = open_writer(folder, WORLD)
    print("ready", flush=True)
    for number, row in enumerate(values):
        writer.append(WORLD.time_ns(number), row)
        writer.event(Event(WORLD.time_ns(number), 100, -1, -1, Level.INFO, "row", "test", f"row {number}"))
        if (number + 1) % FLUSH_EVERY == 0:
            writer.flush()
            print(number + 1, flush=True)
    writer.close("complete")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
