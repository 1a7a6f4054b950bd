"""Energy management: days worked by hand, and what it sees when a day ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from twin import dispatch as kinds
from twin.dispatch.arbitrage import Arbitrage
from twin.dispatch.dispatch import Dispatch, Seen
from twin.dispatch.frequency_response import FrequencyResponse
from twin.dispatch.schedule import Schedule
from twin.dispatch.self_consumption import SelfConsumption
from twin.errors import InputError
from twin.plugins import discover
from twin.scenario import Scenario, expand, load
from twin.surroundings import Surroundings

HOUR_NS = 3600 * 10**9
GUANGDONG = np.array([0.38] * 8 + [1.0] * 2 + [1.7] * 2 + [1.0] * 2 + [1.7] * 5 + [1.0] * 5)
START = "start: 2026-06-30T18:00:00+08:00"


def _seen(soc: float = 0.5, **values: float) -> Seen:
    """Return what one site's energy management sees; PV and load give each other nothing."""
    one = {name: np.array([values.get(name, 0.0)]) for name in ("load_W", "pv_W", "schedule_W")}
    frequency_Hz = np.array([values.get("frequency_Hz", 50.0)])
    return Seen(**one, frequency_Hz=frequency_Hz, prices=GUANGDONG, hour=values.get("hour", 0.0), soc=np.array([soc]))


def _scenario(folder: Path, text: str) -> Scenario:
    (folder / "s.yaml").write_text(f"name: x\n{START}\nduration_s: 12 h\n{text}")
    return load(folder / "s.yaml")


def test_a_home_asks_for_what_its_roof_leaves() -> None:
    day = [(300.0, 0.0), (900.0, 2500.0), (1200.0, 1200.0)]
    asked = [SelfConsumption().request_W(_seen(load_W=load, pv_W=pv)).tolist() for load, pv in day]
    assert asked == [[300.0], [-1600.0], [0.0]]


def test_a_plan_is_followed_whatever_the_home_does() -> None:
    assert Schedule().request_W(_seen(load_W=900.0, schedule_W=-2000.0)).tolist() == [-2000.0]


DAYS = {
    "Guangdong: night and noon": (Arbitrage(), GUANGDONG, "ccccccccrrddccdddddrrrrr"),
    "one cycle takes the cheaper gap": (Arbitrage(cycles=1), GUANGDONG, "ccccccccrrddrrdddddrrrrr"),
    "noon does not pay": (Arbitrage(least_gain=2.0), GUANGDONG, "ccccccccrrddrrdddddrrrrr"),
    "nothing pays": (Arbitrage(least_gain=5.0), GUANGDONG, "rrrrrrrrrrddrrdddddrrrrr"),
    "every hour costs the same": (Arbitrage(), np.ones(24), "r" * 24),
    "always dear": (Arbitrage(), np.full(24, 2.0), "d" * 24),
    "dear over midnight": (
        Arbitrage(),
        np.array([2.0] * 2 + [1.0] * 10 + [0.5] * 2 + [1.0] * 9 + [2.0]),
        "ddrrrrrrrrrrccrrrrrrrrrd",
    ),
    "the gap over midnight is one": (
        Arbitrage(cycles=2),
        np.array([0.5] * 2 + [1.0] * 8 + [2.0] * 4 + [1.0] * 9 + [0.5]),
        "ccrrrrrrrrddddrrrrrrrrrc",
    ),
}


@pytest.mark.parametrize(("arbitrage", "prices", "day"), DAYS.values(), ids=DAYS.keys())
def test_a_day_of_arbitrage(arbitrage: Arbitrage, prices: np.ndarray, day: str) -> None:
    assert "".join({1.0: "d", -1.0: "c", 0.0: "r"}[hour] for hour in arbitrage.plan(prices).tolist()) == day


@pytest.mark.parametrize(
    ("hour", "soc", "power_W"),
    [
        (3.0, 0.5, -4000.0),
        (3.0, 0.89, -2000.0),
        (3.0, 0.9, 0.0),
        (3.0, 0.95, 0.0),
        (10.5, 0.95, 4000.0),
        (10.5, 0.11, 2000.0),
        (10.5, 0.05, 0.0),
        (9.0, 0.5, 0.0),
        (3.0, np.nan, 0.0),
        (23.999, 0.5, 0.0),
    ],
)
def test_arbitrage_keeps_its_window(hour: float, soc: float, power_W: float) -> None:
    asked_W = Arbitrage(power_W=4000.0).request_W(_seen(hour=hour, soc=soc))
    assert asked_W.tolist() == pytest.approx([power_W])


@pytest.mark.parametrize(
    ("rule", "frequency_Hz", "soc", "power_W"),
    [
        ("fcr", 50.0, 0.5, 0.0),
        ("fcr", 49.991, 0.5, 0.0),
        ("fcr", 49.95, 0.5, 1250.0),
        ("fcr", 50.1, 0.5, -2500.0),
        ("fcr", 49.7, 0.5, 5000.0),
        ("dynamic_regulation", 49.9, 0.5, 5000.0 * 0.085 / 0.185),
        ("dynamic_moderation", 49.9, 0.5, 250.0),
        ("dynamic_moderation", 50.2, 0.5, -5000.0),
        ("dynamic_containment", 49.65, 0.5, 5000.0 * 0.525),
        ("fcr", 50.0, 0.6, 0.0),
        ("fcr", 50.0, 0.65, 625.0),
        ("fcr", 50.0, 0.2, -1250.0),
        ("fcr", 50.1, 0.9, -1250.0),
        ("fcr", 49.95, np.nan, 1250.0),
    ],
)
def test_response_to_the_grid(rule: str, frequency_Hz: float, soc: float, power_W: float) -> None:
    response = FrequencyResponse.model_validate({"rule": rule, "power_W": 5000.0, "recovery": 0.25})
    asked_W = response.request_W(_seen(frequency_Hz=frequency_Hz, soc=soc))
    assert asked_W.tolist() == pytest.approx([power_W], abs=1e-6)


@pytest.mark.parametrize("kind", discover(kinds, Dispatch).values(), ids=discover(kinds, Dispatch).keys())  # type: ignore[type-abstract]
def test_a_site_alone_is_asked_for_what_it_is_asked_in_the_fleet(kind: type[Dispatch]) -> None:
    random = np.random.default_rng(5)
    rows = {name: random.normal(0.0, 2000.0, 4) for name in ("load_W", "pv_W", "schedule_W")}
    soc = np.array([0.3, 0.885, 0.89, 0.95])
    fleet = Seen(**rows, frequency_Hz=random.normal(50, 0.1, 4), prices=GUANGDONG, hour=3.0, soc=soc)
    together = kind.model_validate({}).request_W(fleet)
    assert len(set(together.tolist())) > 1
    for row in range(4):
        one = {name: values[[row]] for name, values in vars(fleet).items() if np.shape(values) == (4,)}
        assert kind.model_validate({}).request_W(replace(fleet, **one))[0] == together[row]


def test_the_day_ends_at_local_midnight(tmp_path: Path) -> None:
    text = "fleet: {sites: 2}\ntariff: {kind: guangdong}\npv: {kind: none}\nload: {kind: constant}\n"
    scenario = _scenario(tmp_path, text)
    surroundings = Surroundings(expand(scenario), 18 * HOUR_NS)
    nothing_told = np.full(2, np.nan)
    june, last = surroundings.seen(nothing_told), 6 * HOUR_NS - 1
    assert (june.hour, june.prices.tolist()) == (18.0, GUANGDONG.tolist())
    surroundings.sample(last)
    assert surroundings.seen(nothing_told).prices.tolist() == GUANGDONG.tolist()
    surroundings.sample(last + 1)
    july = surroundings.seen(nothing_told)
    assert (july.hour, surroundings.price.tolist()) == (0.0, [0.38, 0.38])
    assert july.prices[[10, 11, 15, 16, 17]].tolist() == [1.7, 2.125, 2.125, 2.125, 1.7]


MISTAKES = {
    "arbitrage without a tariff": (
        "dispatch: {kind: arbitrage}\n",
        ["s.yaml:4: dispatch.kind: found arbitrage and no tariff; expected a tariff for it to act on"],
    ),
    "response without a grid": (
        "dispatch: {kind: frequency_response}\n",
        ["s.yaml:4: dispatch.kind: found frequency_response and no frequency; expected a frequency for it to act on"],
    ),
    "no plan to follow": (
        "dispatch: {kind: schedule}\n",
        ["s.yaml:4: dispatch.kind: found schedule and no schedule; expected a schedule for it to act on"],
    ),
    "a window that is none, a place that nobody knows, 23 prices": (
        "dispatch: {kind: arbitrage, soc_min: 0.9, soc_max: 0.2}\n"
        "ambient: {kind: climate, place: gangzhou}\n"
        f"tariff: {{kind: hourly, prices: {[1.0] * 23}}}\n",
        [
            "s.yaml:4: dispatch: found soc_min 0.9; expected less than soc_max, 0.2",
            "s.yaml:5: ambient.place: found 'gangzhou'; expected guangzhou, khartoum",
            "s.yaml:6: tariff.prices: found a list; expected at least 24 of them",
        ],
    ),
    "a plan and a grid with bad rows": (
        "dispatch: {kind: schedule}\nschedule: {kind: csv, file: plan.csv}\nfrequency: {kind: csv, file: grid.csv}\n",
        [
            "plan.csv:2: p_kW: found 'much'; expected a finite number",
            "grid.csv:3: f_Hz: found 5; expected at least 40 hertz",
        ],
    ),
    "a limit and a use case that are none": (
        "rules: {isolated_share: 2, fastness: 1}\nuse_case: {name: x, matters: beauty}\n",
        [
            "s.yaml:4: rules.fastness: unknown key",
            "s.yaml:4: rules.isolated_share: found 2; expected at most 1",
            "s.yaml:5: use_case.matters: found 'beauty'; expected 'balanced_within_s'",
        ],
    ),
}


@pytest.mark.parametrize(("text", "problems"), MISTAKES.values(), ids=MISTAKES.keys())
def test_every_mistake_is_named(tmp_path: Path, text: str, problems: list[str]) -> None:
    (tmp_path / "plan.csv").write_text("time_s,p_kW\n0,much\n43200,1\n")
    (tmp_path / "grid.csv").write_text("time_s,f_Hz\n0,50\n21600,5\n43200,50\n")
    with pytest.raises(InputError) as caught:
        _scenario(tmp_path, text)
    found = sorted(str(problem).removeprefix(f"{tmp_path}/") for problem in caught.value.problems)
    assert len(found) == len(problems)
    for one, expected in zip(found, sorted(problems), strict=True):
        assert one.startswith(expected)
