"""How good estimators of the state of charge are, and what they cost beside the FMUs.

1. Two days of modules on the real FMUs, sensors with noise and 1 % gain error, most starting 10 % wrong: RMS error and
   the largest error of the second day in per cent, by coulomb counting and by the Kalman filter, each without and with
   health (which tells it capacity and resistance); the estimates of health at the end.
2. Microseconds of a second of 1000 sites of two modules: FMUs, estimators, health, in turns. Modules stand all over the
   OCV curve, its knees included; a second time, all at a knee, resting long enough to be corrected.

Run: ``python -m benchmarks.estimators [--step 10] [--modules 2000]``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.worlds.battery_days import CASES, CELLS, SECOND_NS, Days, Followed, follow, live, module_data, sensed
from twin.bms.estimators.coulomb_counting import CoulombCounter
from twin.bms.estimators.estimator import Condition, Estimator
from twin.bms.estimators.health import HealthOptions
from twin.bms.estimators.kalman import KalmanFilter
from twin.bms.measured import Measured
from twin.plant.assembly import open_modules
from twin.plant.coupling import Span
from twin.plant.options import Plant as PlantOptions

ESTIMATORS: dict[str, Estimator[Any]] = {"counting": CoulombCounter(), "Kalman": KalmanFilter()}
ROUNDS = 60


def accuracy(step_s: int) -> None:
    days = live(CASES, 2.0, step_s)
    readings = sensed(days, CASES)
    found: dict[str, Followed] = {}
    for name, estimator in ESTIMATORS.items():
        found[name] = follow(estimator, readings, CASES)
        found[f"{name} + health"] = follow(estimator, readings, CASES, HealthOptions())
    print(f"error of the SOC in %: RMS of two days / largest of the second; steps of {step_s} s")
    print(" " * 28 + "".join(f"{name:>20}" for name in found) + "     capacity  resistance")
    for number, case in enumerate(CASES):
        cells = [
            f"{rms:8.2f} / {largest:5.2f}" for rms, largest in (_errors(one, days, number) for one in found.values())
        ]
        aged = found["Kalman + health"]
        believed = f"{aged.capacity_Ah[-1, number]:10.1f} Ah  {aged.resistance_factor[-1, number]:6.2f}"
        print(f"{case.name:28}" + "".join(f"{cell:>20}" for cell in cells) + believed)


def _errors(one: Followed, days: Days, case: int) -> tuple[float, float]:
    error = 100.0 * (one.soc[:, case] - days.soc[:, case].mean(axis=1))
    return float(np.sqrt((error**2).mean())), float(np.abs(error[len(error) // 2 :]).max())


def cost(modules: int, *, resting: bool) -> None:
    seconds = {"FMUs": _fmus(modules)}
    for name, estimator in ESTIMATORS.items():
        seconds[name] = _estimator(estimator, modules, None, resting=resting)
        seconds[f"{name} + health"] = _estimator(estimator, modules, HealthOptions(), resting=resting)
    taken_s = np.array([[second() for second in seconds.values()] for _ in range(ROUNDS)])
    shares = np.median(taken_s / taken_s[:, :1], axis=0)
    where = "all at rest at a knee" if resting else "all over the OCV curve"
    print(f"a second of {modules} modules, {where}")
    for name, taken_us, share in zip(seconds, np.median(taken_s, axis=0) * 1e6, shares, strict=True):
        print(f"  {name:20}{taken_us:8.0f} us  {share:6.3f} of the FMUs")


def _fmus(count: int) -> Callable[[], float]:
    modules = open_modules(PlantOptions(threads=1), (count,), CELLS)
    soc = np.linspace(0.02, 0.98, count)[:, None] * np.ones(CELLS)
    modules.initialize({"soc_start": soc}, np.full(count, 298.15), 0.0)
    random, now = np.random.default_rng(1), 0.0

    def second() -> float:
        nonlocal now
        current_A = random.uniform(-100.0, 100.0, count)
        begin_s = time.perf_counter()
        modules.step(Span(slice(None), now, 1.0), current_A, np.full(count, 298.15))
        now += 1.0
        return time.perf_counter() - begin_s

    return second


def _estimator(
    estimator: Estimator[Any], count: int, health: HealthOptions | None, *, resting: bool
) -> Callable[[], float]:
    module, random = module_data(), np.random.default_rng(1)
    soc = np.full(count, 0.05) if resting else np.linspace(0.02, 0.98, count)
    voltage_V = module.ocv.voltage_V(soc)[:, None] + random.normal(0.0, 0.001, (count, CELLS))
    temperature_K, fresh = random.uniform(290.0, 300.0, (count, CELLS)), np.ones(count, np.bool_)
    estimate, nobody_A = estimator.initial(soc, module), np.zeros((count, CELLS))
    condition, aged = Condition.new(count, module), health.initial(count, module) if health else None
    step = 0

    def second() -> float:
        nonlocal estimate, aged, condition, step
        current_A = np.zeros(count) if resting else random.uniform(-100.0, 100.0, count)
        time_ns = np.full(count, step * (600 if resting else 1) * SECOND_NS)
        step += 1
        measured = Measured(time_ns, voltage_V, temperature_K, current_A, fresh)
        begin_s = time.perf_counter()
        estimate = estimator.step(estimate, measured, nobody_A, condition, module)
        if health and aged:
            aged = health.step(aged, measured, nobody_A, estimate, module)
            condition = aged.condition
        return time.perf_counter() - begin_s

    return second


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step", type=int, default=10)
    parser.add_argument("--modules", type=int, default=2000)
    options = parser.parse_args()
    accuracy(options.step)
    cost(options.modules, resting=False)
    cost(options.modules, resting=True)


if __name__ == "__main__":
    main()
