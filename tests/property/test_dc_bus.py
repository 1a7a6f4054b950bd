"""What holds for every DC circuit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar, get_args

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.worlds.solutions.dc_network import EARTH, Branch, powered
from tests.worlds.solutions.dc_network import LINK as LINK_NODE
from twin.plant.dc_bus import Contactor, Flow, Link, Packs, solve
from twin.plant.packs import Connection, Joints, Sources
from twin.plant.pool import FloatArray

T = TypeVar("T", bound=np.generic)
Index = slice | NDArray[np.intp]

EVERY = slice(None)
LINK = Link(capacitance_F=0.01, precharge_ohm=50.0, discharge_ohm=1000.0)


@dataclass(frozen=True)
class Circuits:
    """Some sites' circuits, as ``solve`` takes them."""

    joints: Joints
    sources: Sources
    module_state: NDArray[np.int8]
    pack_state: NDArray[np.int8]
    power_W: FloatArray
    link_voltage_V: FloatArray
    step_s: FloatArray

    @property
    def packs(self) -> Packs:
        return self.joints.packs(self.sources, self.module_state)

    def solve(self) -> Flow:
        return solve(self.packs, self.pack_state, LINK, self.power_W, self.link_voltage_V, self.step_s)

    def arranged(self, sites: Index = EVERY, packs: Index = EVERY, modules: Index = EVERY) -> Circuits:
        """Return some of the circuits, or the same ones with packs and modules in another order."""

        def each(array: NDArray[T]) -> NDArray[T]:
            return np.ascontiguousarray(array[sites][:, packs][:, :, modules])

        sources = self.sources
        return Circuits(
            self.joints,
            Sources(each(sources.emf_V), each(sources.resistance_ohm), each(sources.link_ohm)),
            each(self.module_state),
            np.ascontiguousarray(self.pack_state[sites][:, packs]),
            self.power_W[sites],
            self.link_voltage_V[sites],
            self.step_s[sites],
        )


@st.composite
def circuits(draw: st.DrawFn, states: tuple[Contactor, ...] = tuple(Contactor)) -> Circuits:
    sites, packs, modules = draw(st.integers(1, 9)), draw(st.integers(1, 3)), draw(st.integers(1, 9))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = sites, packs, modules
    link_ohm = random.uniform(5e-4, 5e-3, shape)
    return Circuits(
        Joints(draw(st.sampled_from(get_args(Connection))), draw(st.booleans()), LINK.precharge_ohm),
        Sources(random.uniform(40.0, 58.0, shape), link_ohm + random.uniform(1e-3, 0.1, shape), link_ohm),
        random.choice(np.array(Contactor, dtype=np.int8), shape, p=(0.15, 0.1, 0.75)),
        random.choice(np.array(states, dtype=np.int8), (sites, packs)),
        random.uniform(-2e4, 2e4, sites),
        random.uniform(0.0, 58.0, sites),
        random.uniform(1e-3, 60.0, sites),
    )


def live(circuit: Circuits) -> NDArray[np.bool_]:
    return np.any(circuit.packs.joined(circuit.pack_state), axis=(1, 2))


def pack_current_A(circuit: Circuits, flow: Flow) -> FloatArray:
    """Return what each pack gives: the sum over its modules, or what any module in its string carries."""
    if circuit.joints.connection == "parallel":
        return flow.current_A.sum(axis=-1)
    return flow.current_A.min(axis=-1, initial=0.0) + flow.current_A.max(axis=-1, initial=0.0)


@given(circuits())
def test_kirchhoff_and_the_power_balance(circuit: Circuits) -> None:
    flow, on = circuit.solve(), live(circuit)
    joins = circuit.pack_state != Contactor.OPEN
    given_A = pack_current_A(circuit, flow)
    arriving_A = (given_A * joins).sum(axis=-1)
    scale_A = np.abs(flow.current_A).sum(axis=(1, 2)) + 1e4
    np.testing.assert_allclose(flow.bus_voltage_V[on] * arriving_A[on], flow.power_W[on], atol=1e-8 * scale_A.max())
    charge_As = LINK.capacitance_F * (flow.link_voltage_V - circuit.link_voltage_V)
    charging = ~on & (arriving_A != 0.0)
    np.testing.assert_allclose(arriving_A[charging] * circuit.step_s[charging], charge_As[charging], atol=1e-8)
    # The bus bar of an open pack leads nowhere.
    np.testing.assert_allclose(given_A * ~joins, 0.0, atol=1e-9 * scale_A.max())


@given(circuits())
def test_modules_are_emfs_behind_resistances_between_the_bus_bars(circuit: Circuits) -> None:
    flow, sources = circuit.solve(), circuit.sources
    inside = circuit.module_state != Contactor.OPEN
    resistor_ohm = (circuit.module_state == Contactor.PRECHARGE) * LINK.precharge_ohm
    terminal_V = sources.emf_V - (sources.resistance_ohm + resistor_ohm) * flow.current_A
    bar_V = np.broadcast_to(flow.bar_voltage_V, circuit.pack_state.shape)
    if circuit.joints.connection == "parallel":
        np.testing.assert_allclose(terminal_V[inside], np.repeat(bar_V[..., None], inside.shape[2], 2)[inside], 1e-9)
    else:
        string_A = pack_current_A(circuit, flow)
        past_V = -sources.link_ohm * string_A[..., None]
        conducts = inside.any(axis=-1) if circuit.joints.bypass else inside.all(axis=-1)
        sum_V = np.where(inside, terminal_V, past_V).sum(axis=-1)
        np.testing.assert_allclose(sum_V[conducts], bar_V[conducts], rtol=1e-9)
        assert not string_A[~conducts].any()
    assert not flow.current_A[~inside].any()
    closed = circuit.pack_state == Contactor.CLOSED
    np.testing.assert_array_equal(bar_V[closed], np.broadcast_to(flow.bus_voltage_V[:, None], closed.shape)[closed])


def netlist(circuit: Circuits, site: int) -> list[Branch]:
    """Return a site's circuit as branches: those of the modules that conduct, pack by pack, then all others."""
    state, ohm = circuit.module_state[site], circuit.sources.resistance_ohm[site]
    series, modules, others = circuit.joints.connection == "series", list[Branch](), list[Branch]()
    for pack, pack_state in enumerate(circuit.pack_state[site].tolist()):
        inside = state[pack] != Contactor.OPEN
        bar = LINK_NODE if pack_state == Contactor.CLOSED else f"bar {pack}"
        if not inside.any() or (series and not circuit.joints.bypass and not inside.all()):
            continue
        for k, emf_V in enumerate(circuit.sources.emf_V[site, pack].tolist()):
            below = EARTH if k == 0 or not series else f"{pack} {k}"
            above = bar if k == len(inside) - 1 or not series else f"{pack} {k + 1}"
            resistor_ohm = LINK.precharge_ohm * (state[pack, k] == Contactor.PRECHARGE)
            if inside[k]:
                modules.append(Branch(below, above, emf_V, ohm[pack, k] + resistor_ohm))
            elif series:
                others.append(Branch(below, above, 0.0, circuit.sources.link_ohm[site, pack, k]))
        if pack_state == Contactor.PRECHARGE:
            others.append(Branch(bar, LINK_NODE, 0.0, LINK.precharge_ohm))
    return [*modules, *others]


@settings(max_examples=60, deadline=None)
@given(circuits())
def test_currents_are_those_of_nodal_analysis(circuit: Circuits) -> None:
    eased = replace(circuit, power_W=0.2 * circuit.power_W)
    flow = eased.solve()
    for site in np.flatnonzero(live(eased) & ~flow.infeasible).tolist():
        branches = netlist(eased, site)
        exact = powered(branches, eased.power_W[site])
        strings = eased.module_state[site] != Contactor.OPEN
        if eased.joints.connection == "series" and not eased.joints.bypass:
            strings = strings & strings.all(axis=-1, keepdims=True)
        found_A = flow.current_A[site][strings]
        scale_A = np.abs(exact.current_A).max() + 1.0
        np.testing.assert_allclose(found_A, exact.current_A[: found_A.size], atol=1e-8 * scale_A)


@given(circuits())
def test_what_is_in_a_string_carries_the_same_current(circuit: Circuits) -> None:
    series = replace(circuit, joints=replace(circuit.joints, connection="series"))
    current_A = series.solve().current_A
    for string_A, inside in zip(
        current_A.reshape(-1, current_A.shape[2]),
        (circuit.module_state != Contactor.OPEN).reshape(-1, current_A.shape[2]),
        strict=True,
    ):
        assert len(set(string_A[inside].tolist())) <= 1


@given(circuits(), st.integers(0, 2**32 - 1))
def test_the_order_of_packs_and_modules_does_not_matter(circuit: Circuits, seed: int) -> None:
    """But to rounding: a bus bar adds up its modules, and a site its packs, in the order in which they stand."""
    _, packs, modules = circuit.sources.emf_V.shape
    order = np.random.default_rng(seed)
    pack_order, module_order = order.permutation(packs), order.permutation(modules)
    flow, other = circuit.solve(), circuit.arranged(packs=pack_order, modules=module_order).solve()
    np.testing.assert_allclose(other.bus_voltage_V, flow.bus_voltage_V, rtol=1e-11)
    moved_A = flow.current_A[:, pack_order][:, :, module_order]
    np.testing.assert_allclose(other.current_A, moved_A, rtol=1e-8, atol=1e-7)


@given(circuits(), st.integers(0, 2**32 - 1))
def test_the_order_of_sites_does_not_matter_to_the_bit(circuit: Circuits, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(circuit.power_W))
    flow, other = circuit.solve(), circuit.arranged(sites=order).solve()
    assert np.array_equal(other.current_A, flow.current_A[order])
    assert np.array_equal(other.link_voltage_V, flow.link_voltage_V[order])


@given(circuits())
def test_a_site_alone_gets_the_same_bits_as_in_the_fleet(circuit: Circuits) -> None:
    fleet = circuit.solve()
    for site in range(len(circuit.power_W)):
        alone = circuit.arranged(sites=slice(site, site + 1)).solve()
        assert np.array_equal(alone.current_A[0], fleet.current_A[site])
        assert alone.bus_voltage_V[0] == fleet.bus_voltage_V[site]
        assert alone.link_voltage_V[0] == fleet.link_voltage_V[site]


@given(circuits((Contactor.CLOSED,)))
def test_that_all_contactors_are_closed_is_a_short_cut_to_the_same_bits(circuit: Circuits) -> None:
    closed = replace(circuit, module_state=np.full_like(circuit.module_state, Contactor.CLOSED))
    flow = closed.solve()
    packs = closed.joints.packs(closed.sources, None)
    short = solve(packs, closed.pack_state, LINK, closed.power_W, closed.link_voltage_V, closed.step_s)
    assert np.array_equal(short.current_A, flow.current_A)
    assert np.array_equal(short.bus_voltage_V, flow.bus_voltage_V)


@given(st.floats(-8000.0, 8000.0), st.integers(1, 16), st.floats(45.0, 57.0), st.floats(1e-3, 0.02))
def test_equal_modules_share_equally_and_the_sign_is_that_of_the_power(
    power_W: float, modules: int, emf_V: float, resistance_ohm: float
) -> None:
    shape = 1, 1, modules
    circuit = Circuits(
        Joints("parallel", bypass=False, precharge_ohm=LINK.precharge_ohm),
        Sources(np.full(shape, emf_V), np.full(shape, resistance_ohm), np.zeros(shape)),
        np.full(shape, Contactor.CLOSED, dtype=np.int8),
        np.full((1, 1), Contactor.CLOSED, dtype=np.int8),
        *(np.array([value]) for value in (power_W, 0.0, 1.0)),
    )
    flow = circuit.solve()
    assert np.ptp(flow.current_A) == 0.0
    expected_A = power_W / flow.bus_voltage_V[0] / modules
    np.testing.assert_allclose(flow.current_A, expected_A, rtol=1e-8, atol=1e-9)
    if abs(power_W) > 1e-6:
        assert np.sign(emf_V - flow.bus_voltage_V[0]) == np.sign(power_W)


@settings(max_examples=50)
@given(circuits((Contactor.CLOSED,)))
def test_more_power_never_raises_the_voltage(circuit: Circuits) -> None:
    on = live(circuit)
    more = replace(circuit, power_W=circuit.power_W + 100.0)
    flow, loaded = circuit.solve(), more.solve()
    served = on & ~loaded.infeasible
    assert (loaded.bus_voltage_V[served] < flow.bus_voltage_V[served]).all()
