"""The coupled FMUs against the same equations solved as one system, and the order at which they converge to it."""

from __future__ import annotations

from itertools import pairwise
from math import log

import numpy as np
import pytest

from tests.worlds import coupled_cases
from tests.worlds.coupled_cases import coupled_parallel, coupled_wave
from twin.plant.options import Plant as PlantOptions


@pytest.mark.parametrize(("step_s", "aim_K"), [(1, 1e-3), (60, 20e-3)])
def test_the_coupled_pair_meets_its_aim(step_s: int, aim_K: float) -> None:
    assert coupled_wave(step_s).temperature_K < aim_K / 10


@pytest.mark.parametrize("quantity", ["temperature_K", "housing_K"])
def test_the_coupled_pair_converges_with_the_square_of_the_step(quantity: str) -> None:
    steps_s = (5, 30, 120)
    errors = [getattr(coupled_wave(step_s), quantity) for step_s in steps_s]
    orders = [log(b[1] / a[1]) / log(b[0] / a[0]) for a, b in pairwise(zip(steps_s, errors, strict=True))]
    assert min(orders) > 1.7  # temperature held instead of taken halfway: 1.0


def test_fmi_3_gives_the_same_as_fmi_2() -> None:
    assert coupled_wave(120, PlantOptions(fmi="3.0")) == coupled_wave(120)


def test_parallel_modules_share_the_power_as_the_circuit_has_it() -> None:
    errors, plant = coupled_parallel(1)
    assert errors.soc < 1e-7
    assert errors.temperature_K < 1e-6
    exact_A = coupled_cases.parallel().current_A[-1]
    np.testing.assert_allclose(plant.current_A[0], exact_A, atol=0.01)  # half a second apart
    assert plant.current_A.sum() == pytest.approx(0.0, abs=1e-10)


def test_parallel_modules_converge_with_the_square_of_the_step() -> None:
    coarse, fine = coupled_parallel(10)[0], coupled_parallel(5)[0]
    assert 3.5 < coarse.soc / fine.soc < 4.5
    assert 3.5 < coarse.temperature_K / fine.temperature_K < 4.5


def test_a_step_that_is_too_long_for_the_circuit_is_cut() -> None:
    assert coupled_parallel(60)[0].soc < 1e-5
