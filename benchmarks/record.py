"""What logging costs: microseconds a row, all in, and bytes a home and day; 20 homes of two 16-cell modules, 1 Hz.

Cells carry realistic waveforms: slow SOC, a voltage that follows load steps, temperatures with a time constant of
minutes. Run: ``python -m benchmarks.record [HOURS]``.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import twin
from tests.worlds.runs import Row, World, open_writer, rows

HOMES = 20


@dataclass(frozen=True)
class Cost:
    """What one run of ``rows`` rows cost."""

    rows: int
    append_s: float
    close_s: float
    file_bytes: int
    read_one_s: float

    def table(self, home_days: float) -> str:
        """Return the figures, one a line."""
        return "\n".join(
            (
                f"rows                              {self.rows}",
                f"append, flushes included          {self.append_s / self.rows * 1e6:8.1f} us/row (aim 200)",
                f"append and close                  {(self.append_s + self.close_s) / self.rows * 1e6:8.1f} us/row",
                f"rate, all in                      {self.rows / (self.append_s + self.close_s):8.0f} rows/s",
                f"run.h5                            {self.file_bytes / 1e6 / home_days:8.2f} MB a home and day",
                f"read one cell's voltage           {self.read_one_s * 1e3:8.1f} ms",
            )
        )


def measure(folder: Path, world: World, values: list[Row]) -> Cost:
    """Write ``values`` again and again until the world's rows are full, and read one signal back."""
    writer = open_writer(folder, world)
    begin_s = time.perf_counter()
    for number in range(world.rows):
        writer.append(world.time_ns(number), values[number % len(values)])
    writer.flush()
    appended_s = time.perf_counter()
    path = writer.close("complete")
    closed_s = time.perf_counter()
    tree = twin.open_run(folder)
    opened_s = time.perf_counter()
    tree["cell_voltage_V"].isel(site=7, slot=1, cell=3).load()
    read_s = time.perf_counter() - opened_s
    return Cost(world.rows, appended_s - begin_s, closed_s - appended_s, path.stat().st_size, read_s)


def main() -> None:
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 12.0
    world = World(sites=HOMES, slots=2, cells=16, duration_s=hours * 3600.0, period_s=1.0)
    values = list(rows(World(sites=HOMES, slots=2, cells=16, duration_s=3600.0, period_s=1.0)))
    values_a_row = sum(np.size(value) for value in values[0].values())
    print(f"{HOMES} homes, {hours:g} h at 1 Hz, {len(values[0])} signals, {values_a_row} values a row")
    with tempfile.TemporaryDirectory() as folder:
        print(measure(Path(folder) / "run", world, values).table(HOMES * hours / 24.0))


if __name__ == "__main__":
    main()
