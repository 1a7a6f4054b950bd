"""Profiles: the physics of the models, and CSV files with every bad row named."""

from __future__ import annotations

import warnings
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from twin.errors import InputError
from twin.scenario.profiles.ambient.csv_file import CsvAmbient
from twin.scenario.profiles.ambient.daily import Daily
from twin.scenario.profiles.load.bdew import Bdew
from twin.scenario.profiles.load.csv_file import CsvLoad
from twin.scenario.profiles.profile import Profile, Window
from twin.scenario.profiles.pv.clear_sky import ClearSky
from twin.scenario.profiles.pv.csv_file import CsvPv
from twin.scenario.profiles.pv.none import NoPv
from twin.scenario.series import Series
from twin.scenario.spread import AnnualEnergy, Azimuth, Draws, Power, Scale, Temperature, Tilt

CHINA = timezone(timedelta(hours=8))
HOUR_NS = 3600 * 10**9
ONE = Draws(seed=1, sites=(0,))
SOME = Draws(seed=1, sites=(0, 1, 2, 3, 4))


def _window(hours: float, start: str = "2026-06-21T00:00:00+08:00") -> Window:
    return Window(datetime.fromisoformat(start), round(hours * HOUR_NS))


def _energy_kWh(series: Series, duration_ns: int, step_s: int = 900) -> float:
    times_ns = range(0, duration_ns, step_s * 10**9)
    return sum(float(series.at(time_ns)[0]) for time_ns in times_ns) * step_s / 3.6e6


@pytest.mark.parametrize(("year", "days"), [(2026, 365), (2028, 366)])
@pytest.mark.parametrize("customer", ["H25", "G25", "L25"])
def test_a_year_of_bdew_sums_up_to_its_scale(customer: str, year: int, days: int) -> None:
    window = _window(24 * days, f"{year}-01-01T00:00:00+08:00")
    profile = Bdew.model_validate({"customer": customer, "annual_kWh": 3500})
    assert _energy_kWh(profile.series(window, ONE), window.duration_ns) == pytest.approx(3500, rel=1e-9)


def test_bdew_goes_on_over_new_year() -> None:
    window = _window(48, "2026-12-31T00:07:30+08:00")
    series = Bdew().series(window, ONE)
    next_year = Bdew().series(_window(24, "2027-01-01T00:00:00+08:00"), ONE)
    midnight_ns = 24 * HOUR_NS - 450 * 10**9
    assert series.knots_ns[0] == -450 * 10**9
    for hours in (0, 7, 19):
        assert series.at(midnight_ns + hours * HOUR_NS) == next_year.at(hours * HOUR_NS)


def test_bdew_keeps_each_quarter_of_an_hour() -> None:
    series = Bdew().series(_window(24), ONE)
    assert series.at(0) == series.at(15 * 60 * 10**9 - 1) != series.at(15 * 60 * 10**9)


@pytest.mark.parametrize("profile", [Bdew(), ClearSky()], ids=["bdew", "clear_sky"])
def test_nobody_is_warned(profile: Profile) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        profile.series(_window(1), ONE)


def test_pv_follows_the_sun_of_guangzhou() -> None:
    day = ClearSky(peak_W=Power(mean=5000.0)).series(_window(24), ONE)
    power_W = np.array([day.at(minute * 60 * 10**9)[0] for minute in range(1440)])
    assert (power_W >= 0).all()
    # Half a day at solstice: acos(-tan 23.13 tan 23.44) / 15 = 6.71 h, and 3 min of refraction, around the solar noon
    # of 12:29 (longitude 113.26 east in the zone of 120 east, equation of time -2 min): from 05:43 to 19:15.
    assert power_W[: 5 * 60 + 30].max() == 0.0
    assert power_W[19 * 60 + 30 :].max() == 0.0
    assert 12 * 60 < power_W.argmax() < 13 * 60
    # 0.86 of system losses, about 0.88 at 60 degC cells, 0.96 inverter: some 70 % of the rated power.
    assert 0.60 * 5000 < power_W.max() < 0.78 * 5000
    assert 24 < power_W.mean() * 24 / 1000 < 32, "kWh a clear June day of 5 kWp"


def test_roofs_look_where_they_look() -> None:
    def at(hour: int, azimuth_deg: float) -> float:
        roof = ClearSky(azimuth_deg=Azimuth(mean=azimuth_deg), tilt_deg=Tilt(mean=40.0))
        return float(roof.series(_window(24), ONE).at(hour * HOUR_NS)[0])

    assert at(8, 90.0) > 1.5 * at(8, 270.0)
    assert at(17, 270.0) > 1.5 * at(17, 90.0)


def test_no_pv_is_nothing() -> None:
    assert NoPv().series(_window(24), SOME).at(12 * HOUR_NS).tolist() == [0.0] * 5


def test_a_day_is_warmest_when_it_says() -> None:
    series = Daily().series(_window(24), ONE)
    degC = np.array([series.at(minute * 60 * 10**9)[0] for minute in range(1440)]) - 273.15
    assert degC.max() == pytest.approx(31.0, abs=1e-3)
    assert degC.min() == pytest.approx(24.0, abs=1e-3)
    assert degC.argmax() == 15 * 60
    assert degC.mean() == pytest.approx(27.5, abs=1e-2)


SPREADS: dict[str, Profile] = {
    "load": Bdew(annual_kWh=AnnualEnergy(mean=4000.0, sd=800.0)),
    "pv": ClearSky(peak_W=Power(mean=5e3, sd=1e3), tilt_deg=Tilt(sd=5.0), azimuth_deg=Azimuth(sd=30.0)),
    "ambient": Daily(mean_K=Temperature(mean=300.0, sd=1.0)),
}


@pytest.mark.parametrize("name", SPREADS)
def test_a_site_alone_has_the_bits_of_the_fleet(name: str) -> None:
    window, profile = _window(24), SPREADS[name]
    fleet, alone = profile.series(window, SOME), profile.series(window, Draws(seed=1, sites=(3,)))
    for time_ns in range(0, 24 * HOUR_NS, 1237 * 10**9):
        assert fleet.at(time_ns)[3] == alone.at(time_ns)[0]
    assert len(set(fleet.at(12 * HOUR_NS).tolist())) == 5


# CSV files


def _file(folder: Path, text: str) -> str:
    (folder / "data.csv").write_text(text)
    return str(folder / "data.csv")


def test_csv_with_seconds_is_held(tmp_path: Path) -> None:
    file = _file(tmp_path, "# measured\ntime_s, house_kW\n-60,0.5\n0,1\n\n60,2\n120,4\n")
    series = CsvLoad(file=file, scale=Scale(mean=2.0)).series(_window(180 / 3600), ONE)
    assert [float(series.at(t * 10**9)[0]) for t in (0, 59, 60, 179)] == [2000.0, 2000.0, 4000.0, 8000.0]


def test_csv_with_times_is_interpolated(tmp_path: Path) -> None:
    rows = "time,air_degC\n2026-06-20T16:00:00Z,20\n2026-06-21T01:00:00+08:00,30\n"
    series = CsvAmbient(file=_file(tmp_path, rows)).series(_window(1), ONE)
    assert series.at(HOUR_NS // 4)[0] == pytest.approx(273.15 + 22.5)


CSV_ROWS = {
    "rows that are no numbers": (
        "time_s,p_W\n0,1\n60,\n120,nan\nx,3\n240,inf\n300,4\n",
        [
            "3: p_W: found nothing; expected a finite number",
            "4: p_W: found 'nan'; expected a finite number",
            "5: time_s: found 'x'; expected a finite number",
            "6: p_W: found 'inf'; expected a finite number",
        ],
    ),
    "a gap, and time that stands still or goes back": (
        "time_s,p_W\n0,1\n60,1\n120,1\n300,1\n300,1\n240,1\n360,1\n",
        [
            "5: gap of 180 s before this row; expected rows at most 90 s apart",
            "6: time is 0 s before the row above; expected it to grow",
            "7: time is 60 s before the row above; expected it to grow",
            "8: gap of 120 s before this row; expected rows at most 90 s apart",
        ],
    ),
    "a file that begins late and ends early": (
        "time_s,p_W\n60,1\n120,1\n180,1\n",
        [
            "2: begins 60 s after the run; expected data from its start on",
            "4: ends 60 s before the run; expected data up to its end",
        ],
    ),
    "times without a zone, and no times": (
        "time,p_W\n2026-06-21T00:00:00,1\nnoon,1\n",
        [
            "2: time: found '2026-06-21T00:00:00', a time without a time zone; expected e.g. 2026-06-21T00:00:00+08:00",
            "3: time: found 'noon'; expected a time such as 2026-06-21T06:00:00+08:00",
        ],
    ),
    "rows of the wrong length": (
        "time_s,p_W\n0,1\n60,1,2\n120\n180,1\n",
        ["3: found 3 cells; expected 2", "4: found 1 cells; expected 2"],
    ),
    "no time and no power": (
        "when,power\n0,1\n",
        [
            "1: found the columns when, power; expected one named time_s or time",
            "1: found 0 such columns in when, power; expected one column in watt, its unit at the end of its name",
        ],
    ),
    "two powers": (
        "time_s,a_W,b_kW\n0,1,1\n",
        ["1: found 2 such columns in time_s, a_W, b_kW; expected one column in watt, its unit at the end of its name"],
    ),
    "a roof that draws": (
        "time_s,p_kW\n0,1\n60,-2\n120,1\n180,1\n",
        ["3: p_kW: found -2; expected at least 0 watt"],
    ),
    "one row": ("time_s,p_W\n0,1\n", ["2: found 1 rows; expected at least 2"]),
    "no row": ("", [" is empty; expected a header line and rows"]),
}


@pytest.mark.parametrize(("text", "problems"), CSV_ROWS.values(), ids=CSV_ROWS.keys())
def test_every_bad_row_is_named(tmp_path: Path, text: str, problems: list[str]) -> None:
    file = _file(tmp_path, text)
    with pytest.raises(InputError) as caught:
        CsvPv(file=file).series(_window(300 / 3600), ONE)
    assert [str(problem).removeprefix(f"{file}:") for problem in caught.value.problems] == problems


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_bytes(b"time_s,p_W\n0,\xff\n")
    with pytest.raises(InputError, match="is no CSV text"):
        CsvPv(file=str(tmp_path / "data.csv")).series(_window(1), ONE)


def test_a_gap_may_be_allowed(tmp_path: Path) -> None:
    file = _file(tmp_path, "time_s,p_W\n0,1\n60,2\n120,3\n600,4\n")
    series = CsvLoad(file=file, max_gap_s=480.0).series(_window(600 / 3600), ONE)
    assert series.at(599 * 10**9)[0] == 3.0


def test_one_of_two_columns(tmp_path: Path) -> None:
    file = _file(tmp_path, "time_s,a_W,b_kW\n0,1,2\n3600,1,2\n")
    assert CsvLoad(file=file, column="b_kW").series(_window(1), ONE).at(0)[0] == 2000.0
