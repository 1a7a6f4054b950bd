"""What long steps save: an hour of homes in which nothing happens, by sites and length of the long step.

The homes of ``scenarios/home_fleet.yaml`` from 20:00 on, without their faults. The first minutes, in which contactors
close and settle, are not counted. Given are seconds of a site per second of CPU, of all threads of the process, and
the share of the wall time by part. ``--short`` adds the same homes step by step, for 60 seconds.
Run: ``python -m benchmarks.pace [--sites 1000 5000] [--quiet 60 120] [--seconds 3600] [--short]``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from twin.build import World, build
from twin.log import Log
from twin.pace import Pacing
from twin.profile import Profile
from twin.run import Run
from twin.scenario import Scenario, load

SETTLED_S = 240
SECOND_NS = 1_000_000_000
PARTS = ("plant", "firmware", "sensors", "bus", "codecs", "profiles", "pace", "rounds", "log")


class Nowhere:
    """A sink that keeps nothing."""

    def append(self, time_ns: int, values: Mapping[str, Any]) -> None: ...

    def event(self, event: Any) -> None: ...

    def frames(self, site: int, columns: Mapping[str, Any]) -> None: ...

    def table(self, name: str, columns: Mapping[str, Any]) -> None: ...


def homes(sites: int, quiet_s: int) -> Scenario:
    """Return an evening of so many homes."""
    evening = ["faults=[]", "start=2026-06-21T20:00:00+08:00", "duration_s=24 h", f"record.period_s={quiet_s}"]
    return load("scenarios/home_fleet.yaml", [f"fleet.sites={sites}", f"pace.quiet_s={quiet_s}", *evening])


def watched(world: World, pacing: Pacing, log: Log) -> Profile:
    """Return a profile of the parts."""
    times = Profile()
    times.watch(world.plant, "advance", "plant")
    times.watch(world.controllers, "run_until", "firmware")
    times.watch(world.sensing, "sample", "sensors")
    times.watch(world.surroundings, "sample", "profiles")
    times.watch(world.messages, "read", "codecs")
    times.watch(world.messages, "send", "codecs")
    times.watch(world.buses, "send", "bus")
    times.watch(world.controllers, "advance", "bus")
    times.watch(world.rounds, "repeat", "rounds")
    times.watch(pacing, "strides", "pace")
    times.watch(log, "tick", "log")
    return times


def measure(sites: int, quiet_s: int, seconds: int, *, short: bool = False) -> None:
    """Print a row."""
    scenario = homes(sites, quiet_s)
    assert scenario.pace
    world = build(scenario)
    pacing, log = Pacing(world, scenario, scenario.pace), Log(world, Nowhere(), quiet_s * SECOND_NS)
    run = Run(world, log, pacing=pacing)
    if short:
        pacing.wake(np.arange(sites), 1 << 62)
    settled_ns = -(-SETTLED_S // quiet_s) * quiet_s * SECOND_NS
    tick_ns = quiet_s * SECOND_NS
    for start_ns in range(0, settled_ns, tick_ns):
        run.tick(start_ns, start_ns + tick_ns)
    times = watched(world, pacing, log)
    cpu, wall = time.process_time(), time.perf_counter()
    for start_ns in range(settled_ns, settled_ns + seconds * SECOND_NS, tick_ns):
        run.tick(start_ns, start_ns + tick_ns)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    world.close()
    parts = ", ".join(f"{part} {times.seconds.get(part, 0.0) / wall:.0%}" for part in PARTS)
    step = "1" if short else str(quiet_s)
    print(f"{sites:6} sites  step {step:>3} s  {sites * seconds / cpu:10,.0f} site-s per CPU-s  {parts}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, nargs="+", default=[1000, 5000])
    parser.add_argument("--quiet", type=int, nargs="+", default=[60, 120])
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--short", action="store_true")
    arguments = parser.parse_args()
    for sites in arguments.sites:
        if arguments.short:
            measure(sites, 60, 60, short=True)
        for quiet_s in arguments.quiet:
            measure(sites, quiet_s, arguments.seconds // quiet_s * quiet_s)


if __name__ == "__main__":
    main()
