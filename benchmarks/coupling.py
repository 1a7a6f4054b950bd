"""What coupling costs and how well it converges.

1. The coupled pair under +-280 A against one system solved by SciPy, steps of 1 to 120 s, and the order of convergence.
2. Microseconds a tick of everything in the plant that is not the FMUs, 20 and 1000 sites of two modules, without and
   with an action in every site.

Run: ``python -m benchmarks.coupling``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from tests.worlds.coupled_cases import Errors, coupled_parallel, coupled_wave
from twin.plant.action import Action
from twin.plant.assembly import open_plant
from twin.plant.options import Plant as PlantOptions
from twin.plant.plant import Plant, Wiring
from twin.plant.pool import Pool

SECOND = 1_000_000_000
AIMS_K = {1: 1e-3, 60: 20e-3}


def convergence(title: str, errors: Callable[[int], Errors], steps_s: Sequence[int], aims_K: dict[int, float]) -> str:
    """Return the errors at each step and the order between neighbours, one a line."""
    lines = [title, "  step      temperature   order    soc"]
    before: tuple[int, float] | None = None
    for step_s in steps_s:
        found = errors(step_s)
        order = f"{log(found.temperature_K / before[1]) / log(step_s / before[0]):5.2f}" if before else "     "
        aim = f"   (aim {aims_K[step_s] * 1e3:.0f} mK)" if step_s in aims_K else ""
        lines.append(f"  {step_s:4d} s  {found.temperature_K * 1e3:10.6f} mK   {order}   {found.soc:.1e}{aim}")
        before = step_s, found.temperature_K
    return "\n".join(lines)


class Stopwatch:
    """The time that a pool's steps take, so that the rest of a tick can be told from it."""

    def __init__(self, pool: Pool) -> None:
        self.spent_s = 0.0
        step = pool.step

        def timed(*arguments: object) -> None:
            begin_s = time.perf_counter()
            step(*arguments)  # type: ignore[arg-type]
            self.spent_s += time.perf_counter() - begin_s

        pool.step = timed  # type: ignore[assignment,method-assign]


@dataclass(frozen=True)
class Tick:
    """Microseconds of one tick."""

    fmus_us: float
    rest_us: float


def tick(sites: int, actions_a_site: int, ticks: int) -> Tick:
    """Return the fastest of five rounds of ``ticks`` ticks of homes of two modules."""
    soc = np.linspace(0.3, 0.7, sites)[:, None, None]
    plant = open_plant(PlantOptions(), Wiring(sites, 1, 2, 16), {"soc_start": soc}, 298.15, in_operation=True)
    plant.request_W[:] = np.linspace(-4000.0, 4000.0, sites)
    watches = [Stopwatch(pool) for pool in (plant._modules.electrical, plant._modules.thermal)]
    found = [_round(plant, watches, ticks, number, actions_a_site) for number in range(5)]
    plant.close()
    return min(found, key=lambda one: one.rest_us)


def _round(plant: Plant, watches: list[Stopwatch], ticks: int, number: int, actions_a_site: int) -> Tick:
    starts_ns = [(number * ticks + k) * SECOND for k in range(ticks)]
    plans = [_actions(plant.wiring.sites, start_ns, actions_a_site) for start_ns in starts_ns]
    for watch in watches:
        watch.spent_s = 0.0
    begin_s = time.perf_counter()
    for start_ns, actions in zip(starts_ns, plans, strict=True):
        plant.advance(start_ns, start_ns + SECOND, actions)
    spent_s = time.perf_counter() - begin_s
    fmus_s = sum(watch.spent_s for watch in watches)
    return Tick(fmus_s / ticks * 1e6, (spent_s - fmus_s) / ticks * 1e6)


def _actions(sites: int, start_ns: int, actions_a_site: int) -> list[Action]:
    return [
        Action(start_ns + (k + 1) * 100_000_000 + 997 * site, site, "bleed", 0.5, 0, site % 16)
        for site in range(sites)
        for k in range(actions_a_site)
    ]


def main() -> None:
    """Measure and print."""
    wave = "one module, +-280 A square wave, 1 h, against one system"
    print(convergence(wave, coupled_wave, (1, 2, 5, 10, 20, 30, 60, 120), AIMS_K))
    four = "four modules in parallel, constant power, against a DAE (above 20 s the loop gain cuts the step)"
    print(convergence(four, lambda step_s: coupled_parallel(step_s)[0], (1, 2, 5, 10, 20), {}))
    print("a tick of 1 s, two modules a site")
    small = tick(20, 0, 300)
    large = tick(1000, 0, 20)
    busy = tick(20, 1, 300)
    print(f"    20 sites               {small.rest_us:8.0f} us beside {small.fmus_us:8.0f} us in the FMUs (aim 150)")
    print(f"    20 sites, each acting  {busy.rest_us:8.0f} us beside {busy.fmus_us:8.0f} us in the FMUs")
    share = large.rest_us / (small.rest_us * 1000 / 20)
    print(f"  1000 sites               {large.rest_us:8.0f} us beside {large.fmus_us:8.0f} us in the FMUs,", end=" ")
    print(f"{share:.2f} of the linear share (aim 2)")


if __name__ == "__main__":
    main()
