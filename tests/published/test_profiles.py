"""Profiles against what was published: climate, sunshine, cooling, unrest, tariff and the grid's frequency."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import numpy as np
import pytest

from twin.scenario.profiles.ambient.climate import Climate
from twin.scenario.profiles.frequency.ou import OrnsteinUhlenbeck
from twin.scenario.profiles.load.household import Household
from twin.scenario.profiles.normals import normals, seasonal
from twin.scenario.profiles.profile import Profile, Window
from twin.scenario.profiles.pv.clear_sky import ClearSky
from twin.scenario.profiles.pv.cloudy_sky import CloudySky, day_length_h
from twin.scenario.profiles.tariff.guangdong import Guangdong
from twin.scenario.series import Series
from twin.scenario.spread import AnnualEnergy, Draws

HOUR_NS = 3600 * 10**9
DAY_NS = 24 * HOUR_NS
ONE = Draws(seed=1, sites=(0,))
SOME = Draws(seed=1, sites=tuple(range(5)))


def _window(days: float, start: str = "2026-07-16T12:00:00+08:00") -> Window:
    return Window(datetime.fromisoformat(start), round(days * DAY_NS))


def _every(series: Series, step_s: int, duration_ns: int) -> np.ndarray:
    """Return the values over time, ``[n, S]``."""
    return np.array([series.at(time_ns) for time_ns in range(0, duration_ns, step_s * 10**9)])


@pytest.mark.parametrize(
    ("place", "month", "days", "coolest", "warmest"),
    [
        ("guangzhou", 1, 31, 10.0, 18.0),
        ("guangzhou", 7, 31, 25.0, 33.0),
        ("guangzhou", 10, 31, 21.0, 29.0),
        ("khartoum", 1, 31, 15.6, 30.8),
        ("khartoum", 5, 31, 27.1, 41.9),
        ("khartoum", 2, 28, 17.0, 33.0),
    ],
)
def test_the_middle_of_a_month_is_its_normal(place: str, month: int, days: int, coolest: float, warmest: float) -> None:
    middle = datetime(2026, month, days // 2 + 1, 12 * (days % 2))
    assert seasonal(normals(place).coolest_K, middle) - 273.15 == pytest.approx(coolest, abs=1e-9)
    series = Climate.model_validate({"place": place}).series(Window(middle.replace(hour=0), DAY_NS), ONE)
    degC = _every(series, 300, DAY_NS)[:, 0] - 273.15
    assert degC.max() == pytest.approx(warmest, abs=0.1)
    assert degC.min() == pytest.approx(coolest, abs=0.1)
    assert degC.argmax() == 15 * 12


def test_the_season_has_no_steps() -> None:
    months = normals("khartoum").warmest_K
    noons = [datetime.fromordinal(day) for day in range(datetime(2026, 1, 1).toordinal(), 740000)]
    assert max(abs(seasonal(months, b) - seasonal(months, a)) for a, b in pairwise(noons)) < 0.15


def test_the_notice_of_guangdong() -> None:
    june, july = (Guangdong().day(datetime(2026, month, 1).date()) for month in (6, 7))
    at_home = Guangdong(customer="household").day(datetime(2026, 7, 1).date())
    hours = {price: [hour for hour in range(24) if june[hour] == price] for price in (0.38, 1.0, 1.7)}
    assert hours[0.38] == list(range(8))
    assert hours[1.7] == [10, 11, 14, 15, 16, 17, 18]
    assert len(hours[1.0]) == 24 - 8 - 7
    assert [hour for hour in range(24) if july[hour] == pytest.approx(1.7 * 1.25)] == [11, 15, 16]
    assert at_home == june


def test_the_tariff_goes_by_the_local_clock() -> None:
    series = Guangdong().series(_window(1, "2026-06-30T20:30:00+08:00"), SOME)
    prices = [series.at(round(hours * HOUR_NS)).tolist() for hours in (0.0, 3.49, 3.5, 11.5, 13.5, 14.5)]
    assert prices == [[price] * 5 for price in (1.0, 1.0, 0.38, 1.0, 1.7, 2.125)]
    assert series.at(-round(20.5 * HOUR_NS)).tolist() == [0.38] * 5


@pytest.mark.parametrize(("date", "hours"), [("2026-06-21", 13.4), ("2026-12-21", 10.6), ("2026-03-20", 12.0)])
def test_length_of_the_day_in_guangzhou(date: str, hours: float) -> None:
    assert day_length_h(23.13, datetime.fromisoformat(date)) == pytest.approx(hours, abs=0.1)


@pytest.mark.parametrize("sunshine", [0.3, 0.5, 0.8])
def test_mean_yield_is_angstrom_s(sunshine: float) -> None:
    """FAO-56: (0.25 + 0.50 n/N) of the extraterrestrial radiation, over 0.75 without clouds."""
    window = _window(20)
    options = {"period_s": 3600, "sunshine": sunshine}
    cloudy = CloudySky.model_validate(options).series(window, SOME)
    clear = ClearSky(period_s=3600).series(window, ONE)
    share = _every(cloudy, 600, window.duration_ns).mean() / _every(clear, 600, window.duration_ns).mean()
    # 5 roofs x 20 days hold some 3000 spells of daylight: the mean of the index is known to about 1 %.
    assert share == pytest.approx((0.25 + 0.50 * sunshine) / 0.75, rel=0.05)


def test_sunshine_follows_the_season() -> None:
    july, march = (
        CloudySky(period_s=3600).series(_window(20, f"2026-{month}-05T00:00:00+08:00"), SOME) for month in ("07", "03")
    )
    july_W, march_W = (_every(one, 600, 20 * DAY_NS).mean() for one in (july, march))
    # 7 of 13.4 hours and 3 of 12: (0.25 + 0.5 * 0.52) / (0.25 + 0.5 * 0.25) = 1.36, and the sun is higher in July.
    assert 1.3 < july_W / march_W < 1.9


def test_clouds_last_as_long_as_stated() -> None:
    window = _window(20)
    options = {"sunshine": 0.5, "cloud_s": 1000, "cloud_period_s": 20, "period_s": 3600}
    cloudy = CloudySky.model_validate(options)
    index = cloudy._index(window, np.random.default_rng(1), np.arange(86400) * 20 * 10**9)
    edges = np.flatnonzero(np.diff(index))
    # 1000 s in each state: 1728 spells in 20 days, known to 1 / sqrt(1728) = 2.4 %; spells below 20 s are lost (2 %).
    assert np.diff(edges).mean() * 20 == pytest.approx(1020.0, rel=0.08)


def test_a_third_of_a_year_is_cooling() -> None:
    options = {"annual_kWh": 6000, "unrest": False}
    year = _window(365, "2026-01-01T00:00:00+08:00")
    total, without = (
        _every(Household.model_validate({**options, **more}).series(year, ONE), 3600, year.duration_ns)[:, 0]
        for more in ({}, {"cooling_share": 0.0})
    )
    assert total.sum() / 1000 == pytest.approx(6000, rel=1e-2)
    cooling = total - without * (1 - 0.333)
    assert cooling.sum() / 1000 == pytest.approx(6000 * 0.333, rel=1e-3)
    july, january = cooling[181 * 24 : 212 * 24].reshape(31, 24), cooling[: 31 * 24]
    assert january == pytest.approx(0.0, abs=1e-6)
    at = july.mean(axis=0)
    peak, rest = at[[11, 12, 13, 14, 21, 22, 23, 0]], at[[*range(1, 11), *range(15, 21)]]
    assert 1.29 <= peak.mean() / rest.mean() <= 1.38


def test_unrest_of_homes() -> None:
    """Length of a Gaussian vector (Maxwell): mean 1, sd sqrt(3 pi / 8 - 1) = 0.422; correlation exp(-0.01558 t)."""
    window = _window(4)
    restless = Household(annual_kWh=AnnualEnergy(mean=4000.0)).series(window, SOME)
    calm = Household(annual_kWh=AnnualEnergy(mean=4000.0), unrest=False).series(window, SOME)
    factor = _every(restless, 60, window.duration_ns) / _every(calm, 60, window.duration_ns)
    assert factor.mean() == pytest.approx(1.0, abs=0.02)
    assert factor.std() == pytest.approx(0.422, abs=0.015)
    assert factor.min() > 0.0
    # A minute on, the components keep exp(-0.935) = 0.393 and the length a little less than the square of that.
    around = factor - factor.mean()
    kept = (around[1:] * around[:-1]).mean() / around.var()
    assert kept == pytest.approx(0.393**2, abs=0.03)


def test_frequency_leaves_its_range_as_often_as_the_regulation_allows() -> None:
    """Regulation (EU) 2017/1485, Annex III: at most 15,000 minutes a year outside 50 +- 0.05 Hz, 2.85 % of the time."""
    window = _window(10)
    deviation = _every(OrnsteinUhlenbeck().series(window, ONE), 10, window.duration_ns)[:, 0] - 50.0
    # 10 days hold some 7200 independent stretches of 120 s: 2.85 % is known to 0.3 %.
    assert (np.abs(deviation) > 0.05).mean() == pytest.approx(0.0285, abs=0.008)
    assert deviation.std() == pytest.approx(0.0228, rel=0.06)
    lag = (deviation[12:] * deviation[:-12]).mean() / deviation.var()
    assert lag == pytest.approx(np.exp(-1.0), abs=0.05)


PROFILES: dict[str, Profile] = {
    "household": Household(annual_kWh=AnnualEnergy(mean=4000.0, sd=800.0)),
    "cloudy_sky": CloudySky(),
}


@pytest.mark.parametrize("name", PROFILES)
def test_a_site_alone_has_the_bits_of_the_fleet(name: str) -> None:
    window = _window(1)
    fleet, alone = (PROFILES[name].series(window, draws) for draws in (SOME, Draws(seed=1, sites=(3,))))
    for time_ns in range(0, DAY_NS, 1237 * 10**9):
        assert fleet.at(time_ns)[3] == alone.at(time_ns)[0]
    assert len({tuple(row) for row in _every(fleet, 600, DAY_NS).T}) == 5


def test_a_longer_run_begins_with_the_shorter_one() -> None:
    for profile in (CloudySky(), Household(), OrnsteinUhlenbeck()):
        short, long = (profile.series(_window(days), SOME) for days in (0.25, 0.5))
        for time_ns in range(0, DAY_NS // 4, 997 * 10**9):
            assert short.at(time_ns).tolist() == long.at(time_ns).tolist()
