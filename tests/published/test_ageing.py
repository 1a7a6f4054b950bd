"""Ageing by Naumann et al. 2018 and 2020 against the equations that they print, in closed form.

doi:10.1016/j.est.2018.01.019 (storage), doi:10.1016/j.jpowsour.2019.227666 (use).
"""

from __future__ import annotations

from math import exp, sqrt

import numpy as np
import pytest

from twin.plant.ageing.ageing import FloatArray, Life
from twin.plant.ageing.naumann import Naumann, NaumannLife
from twin.plant.ageing.none import NoAgeing

DAY_S = 86400.0
SHAPE = 1, 2, 3
STORED = [  # soc, degC, days
    (0.5, 25.0, 885),  # as long as their test
    (1.0, 40.0, 885),
    (0.0, 60.0, 100),
    (0.7, 10.0, 3650),
]
USED = [  # depth, C, full equivalent cycles
    (1.0, 1.0, 2000),
    (0.8, 0.5, 4000),
    (0.2, 0.2, 1000),
]


def stored_loss(soc: float, celsius: float, days: float) -> float:
    warmth = exp(-17126 / 8.3144598 * (1 / (celsius + 273.15) - 1 / 298.15))
    return 1.2571e-5 * warmth * (2.8575 * (soc - 0.5) ** 3 + 0.60225) * sqrt(days * DAY_S)


def stored_growth(soc: float, celsius: float, days: float) -> float:
    warmth = exp(-71827 / 8.3144598 * (1 / (celsius + 273.15) - 1 / 298.15))
    return 3.4194e-10 * warmth * (-3.3903 * (soc - 0.5) ** 2 + 1.5604) * days * DAY_S


def used_loss(depth: float, c_rate: float, cycles: float) -> float:
    return (0.0630 * c_rate + 0.0971) * (4.0253 * (depth - 0.6) ** 3 + 1.0923) * sqrt(cycles) / 100


def used_growth(depth: float, c_rate: float, cycles: float) -> float:
    return (-0.0020 * c_rate + 0.0021) * (6.8477 * (depth - 0.5) ** 3 + 0.91882) * cycles / 100


def cells(value: float) -> FloatArray:
    return np.full(SHAPE, value)


def new(options: Naumann, soc: float, soh: float = 1.0) -> NaumannLife:
    life = options.life(cells(soc), soh=soh)
    assert isinstance(life, NaumannLife)
    return life


def store(life: Life, soc: float, celsius: float, days: float, looks: int = 1) -> None:
    for _ in range(looks):
        life.look(days * DAY_S / looks, cells(soc), cells(celsius + 273.15))


def use(life: Life, depth: float, c_rate: float, half_cycles: int, looks: int = 4) -> None:
    """Go up and down between 0.5 -+ depth/2, and wait at both ends; so cold that time costs no resistance."""
    cold_K = cells(200.0)
    for number in range(half_cycles):
        way = np.linspace(-0.5, 0.5, looks + 1)[1:] * (1 if number % 2 == 0 else -1)
        for place in way:
            life.look(3600.0 * depth / c_rate / looks, cells(0.5 + depth * place), cold_K)
        life.look(5000.0, cells(0.5 + depth * way[-1]), cold_K)


@pytest.mark.parametrize(("soc", "celsius", "days"), STORED)
def test_storage_is_as_printed(soc: float, celsius: float, days: float) -> None:
    life = new(Naumann(), soc)
    store(life, soc, celsius, days)
    capacity, resistance = life.factors()
    assert capacity == pytest.approx(cells(1.0 - stored_loss(soc, celsius, days)), rel=1e-12)
    assert resistance == pytest.approx(cells(1.0 + stored_growth(soc, celsius, days)), rel=1e-12)


def test_half_full_at_25_degc_costs_a_fifteenth_in_885_days() -> None:
    """The numbers of the equations, worked out by hand."""
    life = new(Naumann(), 0.5)
    store(life, 0.5, 25.0, 885.0)
    capacity, resistance = life.factors()
    assert capacity == pytest.approx(cells(0.93380), abs=5e-6)
    assert resistance == pytest.approx(cells(1.04080), abs=5e-6)


@pytest.mark.parametrize(("depth", "c_rate", "cycles"), USED)
def test_use_is_as_printed(depth: float, c_rate: float, cycles: int) -> None:
    life = new(Naumann(acceleration=cycles / (20 * 0.5 * depth)), 0.5 - 0.5 * depth)
    use(life, depth, c_rate, half_cycles=21)  # the last one has not turned yet and does not count
    assert life.full_cycles == pytest.approx(cells(cycles))
    lost = used_loss(depth, c_rate, cycles)
    assert np.sqrt(life.use_squared) == pytest.approx(cells(lost), rel=1e-9)
    capacity, resistance = life.factors()
    assert capacity == pytest.approx(1.0 - np.sqrt(life.storage_squared) - lost, rel=1e-12)  # of storage and use add up
    assert resistance == pytest.approx(cells(1.0 + used_growth(depth, c_rate, cycles)), abs=1e-6)


@pytest.mark.parametrize("looks", [1, 7, 1000])
def test_the_period_of_looking_does_not_matter_at_constant_conditions(looks: int) -> None:
    life = new(Naumann(), 0.6)
    store(life, 0.6, 35.0, 365.0, looks)
    capacity, resistance = life.factors()
    assert capacity == pytest.approx(cells(1.0 - stored_loss(0.6, 35.0, 365.0)), rel=1e-12)
    assert resistance == pytest.approx(cells(1.0 + stored_growth(0.6, 35.0, 365.0)), rel=1e-12)


def test_a_hot_summer_after_a_cold_winter_loses_what_a_winter_after_a_summer_does() -> None:
    """A loss goes on from where it is, not from time 0: squares of losses add up, in any order."""
    either, other = new(Naumann(), 0.5), new(Naumann(), 0.5)
    for life, order in ((either, (5.0, 45.0)), (other, (45.0, 5.0))):
        for celsius in order:
            store(life, 0.5, celsius, 180.0)
    expected = 1.0 - sqrt(stored_loss(0.5, 5.0, 180.0) ** 2 + stored_loss(0.5, 45.0, 180.0) ** 2)
    for life in (either, other):
        assert life.factors()[0] == pytest.approx(cells(expected), rel=1e-12)


@pytest.mark.parametrize("stress", ["celsius", "soc", "depth", "c_rate", "days"])
def test_more_of_everything_costs_more_capacity(stress: str) -> None:
    left = []
    for value in (0.2, 0.5, 0.9):
        with_ = {"celsius": 25.0, "soc": 0.5, "depth": 0.5, "c_rate": 0.5, "days": 100.0} | {
            stress: value * {"celsius": 50.0, "days": 1000.0}.get(stress, 1.0)
        }
        life = new(Naumann(acceleration=100.0), 0.5 - 0.5 * with_["depth"])
        use(life, with_["depth"], with_["c_rate"], 8)
        life.storage_squared[...] = 0.0  # what the time of these cycles costs is another matter
        store(life, with_["soc"], with_["celsius"], with_["days"] / 100.0)
        left.append(float(life.factors()[0].max()))
    assert left[0] > left[1] > left[2]


def test_acceleration_shows_a_year_in_a_week() -> None:
    fast, slow = new(Naumann(acceleration=52.0), 0.5), new(Naumann(), 0.5)
    store(fast, 0.5, 25.0, 7.0)
    store(slow, 0.5, 25.0, 364.0)
    assert fast.factors()[0] == pytest.approx(slow.factors()[0], rel=1e-12)


def test_cells_that_are_not_new_lose_less() -> None:
    young, old = new(Naumann(), 0.5), new(Naumann(), 0.5, soh=0.9)
    for life in (young, old):
        store(life, 0.5, 25.0, 365.0)
    lost = sqrt(0.1**2 + stored_loss(0.5, 25.0, 365.0) ** 2)
    assert old.factors()[0] == pytest.approx(cells((1.0 - lost) / 0.9), rel=1e-12)
    assert old.factors()[0][0, 0, 0] > young.factors()[0][0, 0, 0]
    assert old.growth[0, 0, 0] - young.growth[0, 0, 0] == pytest.approx(9.309 * 0.01, rel=1e-3)


def test_half_cycles_are_counted_between_turning_points() -> None:
    """A rest in the middle, a ripple of less than 1 %, and a cycle within a cycle, which cuts the large one."""
    life = new(Naumann(), 0.2)
    way = [0.3, 0.5, 0.5, 0.495, 0.8, 0.6, 0.9, 0.1, 0.3]
    closed = []
    for soc in way:
        before = life.full_cycles[0, 0, 0]
        life.look(1800.0, cells(soc), cells(298.15))
        closed.append(round(2.0 * float(life.full_cycles[0, 0, 0] - before), 9))
    assert closed == [0, 0, 0, 0, 0, 0.6, 0.2, 0.3, 0.8]


def test_permuted_cells_permute_what_is_left() -> None:
    draw = np.random.default_rng(3)
    order = draw.permutation(6)
    socs, temperatures_K = draw.uniform(0.1, 0.9, (50, 6)), draw.uniform(280.0, 320.0, (50, 6))
    lives = [Naumann(acceleration=1e3).life(socs[0][index]) for index in (np.arange(6), order)]
    for soc, temperature_K in zip(socs, temperatures_K, strict=True):
        for life, index in zip(lives, (np.arange(6), order), strict=True):
            life.look(3600.0, soc[index], temperature_K[index])
    for straight, mixed in zip(lives[0].factors(), lives[1].factors(), strict=True):
        assert np.array_equal(straight[order], mixed)


def test_nothing_ages_where_nothing_is_asked_for() -> None:
    assert NoAgeing().life(cells(0.5)) is None
