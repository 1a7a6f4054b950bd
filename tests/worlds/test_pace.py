"""Long steps against short ones: the same findings, the same time to isolate, nearly the same values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from twin.bms.events import Event
from twin.build import build
from twin.log import Log
from twin.pace import Pacing
from twin.run import Run
from twin.scenario import Scenario, load

ROOT = Path(__file__).resolve().parents[2]
MINUTE_NS = 60 * 10**9
FAULT_S = 1500.0
HOMES = (
    "fleet.sites=3",
    "start=2026-06-21T10:00:00+08:00",
    "duration_s=2400",
    "record.period_s=60",
    "fleet.spread.soc.mean=0.96",
)
FAULT = {
    "kind": "over_temperature",
    "site": 2,
    "module": 1,
    "cell": 3,
    "start_s": FAULT_S,
    "duration_s": 600.0,
    "heat_W": 900.0,
}


@dataclass
class Kept:
    """A sink that keeps everything."""

    rows: list[Mapping[str, NDArray[Any]]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    tables: dict[str, Any] = field(default_factory=dict)

    def append(self, time_ns: int, values: Mapping[str, NDArray[Any]]) -> None:
        self.rows.append({name: np.array(column) for name, column in values.items()} | {"time_ns": np.array(time_ns)})

    def event(self, event: Event) -> None:
        self.events.append(event)

    def frames(self, site: int, columns: Mapping[str, NDArray[Any]]) -> None:
        raise AssertionError("no frames are asked for")

    def table(self, name: str, columns: Mapping[str, Any]) -> None:
        self.tables[name] = columns

    def signal(self, name: str) -> NDArray[np.float64]:
        return np.stack([row[name] for row in self.rows]).astype(np.float64)

    def findings(self) -> list[tuple[int, str, int, int, int]]:
        """Return what happened by minute: (site, code, slot, level, ns), without the time at which."""
        told = [one for one in self.events if one.source != "scenario"]
        return [(one.site, one.code, one.slot, int(one.level), one.time_ns) for one in told]


def homes(*overrides: str) -> Scenario:
    scenario = load(ROOT / "scenarios" / "home_fleet.yaml", ["faults=[]", *HOMES, *overrides])
    return Scenario.model_validate(scenario.model_dump() | {"faults": [FAULT]})


def run(scenario: Scenario, sites: list[int] | None = None) -> Kept:
    world, kept = build(scenario, sites), Kept()
    pacing = Pacing(world, scenario, scenario.pace) if scenario.pace else None
    Run(world, Log(world, kept, round(scenario.record.period_s * 1e9)), pacing=pacing).execute()
    world.close()
    return kept


@pytest.fixture(scope="module")
def short() -> Kept:
    return run(homes())


@pytest.fixture(scope="module")
def paced() -> Kept:
    return run(homes("pace.quiet_s=60"))


def test_values_agree(short: Kept, paced: Kept) -> None:
    apart = np.abs(short.signal("soc") - paced.signal("soc")).max()
    assert 0.0 < apart < 0.001, "state of charge"
    assert np.abs(short.signal("temperature_K") - paced.signal("temperature_K")).max() < 0.1
    both = short, paced
    energies = [kept.signal("power_W")[:24].clip(max=0.0).sum(axis=0) for kept in both]
    assert energies[1] == pytest.approx(energies[0], rel=0.01), "from one sample a minute"
    charged = [kept.signal("soc")[-1].mean(axis=(1, 2)) - kept.signal("soc")[0].mean(axis=(1, 2)) for kept in both]
    assert charged[1] == pytest.approx(charged[0], abs=0.0005)


def test_the_limit_of_the_full_battery_moved(short: Kept) -> None:
    """Else the test would say little: what is hard for long steps is a battery that is nearly full."""
    assert (short.signal("charge_limit_W").min(axis=0) < 2000.0).any()


def test_findings_agree(short: Kept, paced: Kept) -> None:
    one, other = (sorted(kept.findings()) for kept in (short, paced))
    assert [finding[:4] for finding in one] == [finding[:4] for finding in other]
    assert all(abs(mine[4] - theirs[4]) <= 2 * MINUTE_NS for mine, theirs in zip(one, other, strict=True))


def test_a_fault_in_a_quiet_minute_is_isolated_as_soon(short: Kept, paced: Kept) -> None:
    def opened_s(kept: Kept) -> float:
        return next(
            one.time_ns * 1e-9
            for one in kept.events
            if one.code == "contactor" and one.site == 2 and one.time_ns > FAULT_S * 1e9 and "opened" in one.message
        )

    assert opened_s(short) - FAULT_S > 30.0
    assert opened_s(paced) == pytest.approx(opened_s(short), abs=2.0), "what differs is the noise that is drawn"


def test_buses_carry_as_much(short: Kept, paced: Kept) -> None:
    frames = [kept.tables["bus"]["frames"].values.sum(axis=1) for kept in (short, paced)]
    assert frames[1] == pytest.approx(frames[0], rel=0.001)
    loads = [kept.signal("bus_load")[5:].mean(axis=0) for kept in (short, paced)]
    assert loads[1] == pytest.approx(loads[0], rel=0.01)


def test_a_home_alone_has_the_values_that_it_has_among_others(paced: Kept) -> None:
    alone = run(homes("pace.quiet_s=60"), [1])
    for name in ("soc", "cell_voltage_V", "module_soc", "bus_load", "temperature_K", "bleed"):
        assert np.array_equal(alone.signal(name)[:, 0], paced.signal(name)[:, 1], equal_nan=True), name


def test_quiet_homes_take_few_steps() -> None:
    scenario = homes("pace.quiet_s=60", "fleet.spread.soc.mean=0.5")
    world = build(scenario, [0, 1])
    assert scenario.pace
    pacing = Pacing(world, scenario, scenario.pace)
    taken: list[tuple[int, int]] = []
    decide = pacing.strides

    def strides(start_ns: int, end_ns: int, asked_W: NDArray[np.float64]) -> Any:
        found = decide(start_ns, end_ns, asked_W)
        taken.extend((start_ns // MINUTE_NS, stride.step_ns // 10**9) for stride in found)
        return found

    pacing.strides = strides  # type: ignore[method-assign]
    Run(world, Log(world, Kept(), MINUTE_NS), pacing=pacing).execute()
    world.close()
    short = [minute for minute, step_s in taken if step_s == 1]
    assert short
    assert max(short) <= 4, "until the contactors have closed and settled"
    assert {step_s for minute, step_s in taken if minute > 4} == {60}
