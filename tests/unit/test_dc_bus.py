"""The DC circuit, held against solutions by hand and by SciPy."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from twin.plant.dc_bus import Contactor, Flow, Link, Packs, solve
from twin.plant.packs import Connection, Joints, Sources
from twin.plant.pool import FloatArray

LINK = Link(capacitance_F=0.01, precharge_ohm=50.0, discharge_ohm=1000.0)
OPEN, PRECHARGE, CLOSED = Contactor


@dataclass(frozen=True)
class Site:
    """One site's circuit: emf, resistance and contactor of each module, and its packs; ``[pack][module]``."""

    emf_V: list[list[float]]
    packs: list[Contactor]
    resistance_ohm: float = 0.010
    """Of which a fifth is the link's."""
    states: list[list[Contactor]] | None = None
    link_voltage_V: float = 0.0
    connection: Connection = "parallel"
    bypass: bool = False

    def seen(self) -> Packs:
        emf_V = np.array([self.emf_V])
        sources = Sources(emf_V, np.full_like(emf_V, self.resistance_ohm), np.full_like(emf_V, self.resistance_ohm / 5))
        states = None if self.states is None else np.array([self.states], dtype=np.int8)
        return Joints(self.connection, self.bypass, LINK.precharge_ohm).packs(sources, states)

    @property
    def pack_state(self) -> NDArray[np.int8]:
        return np.array([self.packs], dtype=np.int8)

    def solve(self, power_W: float, step_s: float = 1.0) -> Flow:
        link_voltage_V = np.array([self.link_voltage_V])
        return solve(self.seen(), self.pack_state, LINK, np.array([power_W]), link_voltage_V, step_s)


def test_one_module_delivers_the_power_at_the_upper_root() -> None:
    flow = Site(emf_V=[[52.0]], packs=[CLOSED]).solve(5000.0)
    # V^2 - 52 V + 5000 W 0.01 ohm = 0
    expected_V = 26.0 + np.sqrt(26.0**2 - 50.0)
    assert flow.bus_voltage_V[0] == pytest.approx(expected_V, rel=1e-14)
    assert flow.current_A[0, 0, 0] == pytest.approx(5000.0 / expected_V, rel=1e-13)


def test_the_highest_power_is_the_matched_one_and_more_trips_the_inverter() -> None:
    site = Site(emf_V=[[52.0]], packs=[CLOSED])
    highest_W = 52.0**2 / (4 * 0.010)
    assert site.solve(highest_W * (1 - 1e-12)).bus_voltage_V[0] == pytest.approx(26.0, rel=1e-5)
    tripped = site.solve(highest_W * 1.0001)
    assert tripped.infeasible[0]
    assert tripped.power_W[0] == 0.0
    assert tripped.current_A[0, 0, 0] == 0.0
    assert tripped.bus_voltage_V[0] == 52.0


@dataclass(frozen=True)
class Row:
    """A circuit at zero power and the currents that it must settle at."""

    site: Site
    current_A: list[list[float]]


CIRCULATING = {
    "equal modules rest": Row(Site([[52.0, 52.0]], [CLOSED]), [[0.0, 0.0]]),
    "unequal modules equalise": Row(Site([[52.2, 52.0]], [CLOSED]), [[10.0, -10.0]]),
    "so they do in an open pack": Row(Site([[52.2, 52.0]], [OPEN]), [[10.0, -10.0]]),
    "not over an open contactor": Row(Site([[52.2, 52.0]], [CLOSED], states=[[CLOSED, OPEN]]), [[0.0, 0.0]]),
    "closed packs equalise over the bus": Row(Site([[52.2], [52.0]], [CLOSED, CLOSED]), [[10.0], [-10.0]]),
    "open packs do not": Row(Site([[52.2], [52.0]], [CLOSED, OPEN]), [[0.0], [0.0]]),
    "a pre-charging pack does so through its resistor": Row(
        Site([[152.02], [52.0]], [PRECHARGE, CLOSED]), [[100.02 / 50.02], [-100.02 / 50.02]]
    ),
    "a string carries one current": Row(
        Site([[52.2, 52.0], [52.0, 52.0]], [CLOSED, CLOSED], connection="series"), [[5.0, 5.0], [-5.0, -5.0]]
    ),
    "an open module opens its string": Row(
        Site([[52.2, 52.0], [52.0, 52.0]], [CLOSED] * 2, states=[[OPEN, CLOSED], [CLOSED] * 2], connection="series"),
        [[0.0, 0.0], [0.0, 0.0]],
    ),
    "a bypassed module leaves the way through its link": Row(
        Site(
            [[52.0, 52.0], [53.1, 52.0]],
            [CLOSED] * 2,
            states=[[CLOSED] * 2, [CLOSED, OPEN]],
            connection="series",
            bypass=True,
        ),
        [[50.9 / 0.032, 50.9 / 0.032], [-50.9 / 0.032, 0.0]],
    ),
    "nothing is closed": Row(Site([[52.2, 52.0]], [OPEN], states=[[OPEN, OPEN]]), [[0.0, 0.0]]),
}


@pytest.mark.parametrize("row", CIRCULATING.values(), ids=CIRCULATING.keys())
def test_currents_without_load(row: Row) -> None:
    flow = row.site.solve(0.0)
    np.testing.assert_allclose(flow.current_A[0], row.current_A, atol=1e-10)


def test_no_power_flows_without_a_closed_pack() -> None:
    flow = Site([[52.0]], [OPEN]).solve(3000.0)
    assert flow.power_W[0] == 0.0
    assert not flow.infeasible[0]


def test_a_closed_pack_whose_modules_are_all_open_carries_nothing() -> None:
    flow = Site([[52.0]], [CLOSED], states=[[OPEN]], link_voltage_V=40.0).solve(3000.0)
    assert flow.power_W[0] == 0.0
    assert flow.current_A[0, 0, 0] == 0.0
    assert flow.bus_voltage_V[0] == pytest.approx(40.0, rel=0.06)


def test_the_bus_bar_of_an_empty_pack_is_at_the_link_through_its_resistor_and_dead_behind_its_open_contactor() -> None:
    joined = Site([[52.0]], [PRECHARGE], states=[[OPEN]], link_voltage_V=40.0).solve(0.0)
    assert joined.bar_end_V[0, 0] == joined.link_voltage_V[0] == pytest.approx(40.0 * np.exp(-0.1))
    assert Site([[52.0]], [OPEN], states=[[OPEN]], link_voltage_V=40.0).solve(0.0).bar_end_V[0, 0] == 0.0


@pytest.mark.parametrize("packs", [[PRECHARGE, OPEN], [PRECHARGE, PRECHARGE]], ids=["one pack", "two packs"])
def test_precharge_follows_the_differential_equation(packs: list[Contactor]) -> None:
    site = Site([[52.2, 52.0], [51.0, 51.5]], packs)
    flow = site.solve(0.0, step_s=0.7)
    pack_V = [52.1, 51.25]
    active = [k for k, state in enumerate(packs) if state is PRECHARGE]

    def charge(time_s: float, state: FloatArray) -> list[float]:
        current_A = sum((pack_V[k] - state[0]) / (50.0 + 0.005) for k in active)
        return [current_A / LINK.capacitance_F, state[0]]

    exact = solve_ivp(charge, (0.0, 0.7), [0.0, 0.0], rtol=1e-12, atol=1e-12, method="DOP853").y[:, -1]
    assert flow.link_voltage_V[0] == pytest.approx(exact[0], rel=1e-9)
    assert flow.bus_voltage_V[0] == pytest.approx(exact[1] / 0.7, rel=1e-9)
    # What the modules gave is what the capacitor holds.
    assert flow.current_A.sum() * 0.7 == pytest.approx(LINK.capacitance_F * exact[0], rel=1e-9)


SOFT = {
    "one module charges the link": (Site([[52.0, 51.0]], [CLOSED], states=[[PRECHARGE, OPEN]]), 52.0, 50.01),
    "one module takes the link down": (
        Site([[52.0]], [CLOSED], states=[[PRECHARGE]], link_voltage_V=58.0),
        52.0,
        50.01,
    ),
    "two modules share the work": (Site([[52.0, 51.0]], [CLOSED], states=[[PRECHARGE, PRECHARGE]]), 51.5, 25.005),
    "behind the pack's own resistor": (Site([[52.0]], [PRECHARGE], states=[[PRECHARGE]]), 52.0, 100.01),
    "a string": (
        Site([[52.0, 51.0]], [CLOSED], states=[[PRECHARGE, CLOSED]], connection="series"),
        103.0,
        50.02,
    ),
    "a string with a bypassed module": (
        Site([[52.0, 51.0]], [CLOSED], states=[[PRECHARGE, OPEN]], connection="series", bypass=True),
        52.0,
        50.012,
    ),
}


@pytest.mark.parametrize(("site", "emf_V", "ohm"), SOFT.values(), ids=SOFT.keys())
def test_the_link_follows_the_exponential_behind_a_modules_resistor(site: Site, emf_V: float, ohm: float) -> None:
    flow, step_s = site.solve(3000.0, step_s=0.8), 0.8
    left = np.exp(-step_s / (ohm * LINK.capacitance_F))
    end_V = emf_V + (site.link_voltage_V - emf_V) * left
    assert flow.power_W[0] == 0.0
    assert flow.link_voltage_V[0] == pytest.approx(end_V, rel=1e-12)
    bar_V = end_V if site.packs[0] == CLOSED else 0.5 * (emf_V + end_V)
    assert flow.bar_end_V[0, 0] == pytest.approx(bar_V, rel=1e-3)
    charge_As = flow.current_A.sum() * step_s / (1 if site.connection == "parallel" else (flow.current_A != 0).sum())
    assert charge_As == pytest.approx(LINK.capacitance_F * (end_V - site.link_voltage_V), rel=1e-11)


def test_precharge_does_not_depend_on_the_step() -> None:
    site, steps = Site([[52.0]], [PRECHARGE]), 40
    whole = site.solve(0.0, step_s=2.0).link_voltage_V[0]
    for _ in range(steps):
        site = replace(site, link_voltage_V=float(site.solve(0.0, step_s=2.0 / steps).link_voltage_V[0]))
    assert site.link_voltage_V == pytest.approx(whole, rel=1e-13)


def test_the_link_discharges_when_nothing_is_joined_to_it() -> None:
    flow = Site([[52.0]], [OPEN], link_voltage_V=52.0).solve(0.0, step_s=10.0)
    assert flow.link_voltage_V[0] == pytest.approx(52.0 * np.exp(-1.0), rel=1e-14)


def test_inrush_is_the_difference_over_the_resistance() -> None:
    site = Site([[52.0, 50.0], [52.0, 52.0]], [CLOSED, CLOSED])
    before = np.array([[[False, False], [True, True]]])
    packs = site.seen()
    peak_A = packs.inrush_A(packs.joined(site.pack_state), before, np.array([40.0]))
    np.testing.assert_allclose(peak_A, [[1200.0 + 1000.0, 0.0]])


def test_a_string_meets_the_link_as_a_whole() -> None:
    site = Site([[52.0, 50.0]], [CLOSED], connection="series")
    packs = site.seen()
    nobody = np.zeros((1, 1, 2), dtype=np.bool_)
    joined = packs.joined(site.pack_state)
    assert packs.inrush_A(joined, nobody, np.array([40.0]))[0, 0] == pytest.approx(62.0 / 0.020)
    assert packs.inrush_A(joined, joined, np.array([40.0]))[0, 0] == 0.0
    assert packs.inrush_A(nobody, joined, np.array([40.0]))[0, 0] == 0.0


def test_loop_gain_of_a_string_is_that_of_its_sums() -> None:
    elastance_V_As = np.array([[[0.002, 0.009]]])
    whole = Site([[52.0, 50.0]], [CLOSED], connection="series")
    assert whole.seen().loop_gain_Hz(elastance_V_As)[0] == pytest.approx(0.011 / 0.020)
    half = replace(whole, states=[[OPEN, CLOSED]], bypass=True)
    assert half.seen().loop_gain_Hz(elastance_V_As)[0] == pytest.approx(0.009 / 0.012)
    assert replace(half, bypass=False).seen().loop_gain_Hz(elastance_V_As)[0] == 0.0


def test_loop_gain_counts_modules_that_are_joined() -> None:
    site = Site([[52.0, 50.0]], [CLOSED], states=[[CLOSED, OPEN]])
    elastance_V_As = np.array([[[0.002, 0.009]]])
    assert site.seen().loop_gain_Hz(elastance_V_As)[0] == pytest.approx(0.2)
