"""What holds for every DC circuit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from twin.plant.dc_bus import Contactor, Flow, Link, Sources, Switches, solve
from twin.plant.pool import FloatArray

T = TypeVar("T", bound=np.generic)
Index = slice | NDArray[np.intp]

EVERY = slice(None)
LINK = Link(capacitance_F=0.01, precharge_ohm=50.0, discharge_ohm=1000.0)


@dataclass(frozen=True)
class Circuits:
    """Some sites' circuits, as ``solve`` takes them."""

    sources: Sources
    switches: Switches
    power_W: FloatArray
    link_voltage_V: FloatArray
    step_s: FloatArray

    def solve(self) -> Flow:
        return solve(self.sources, self.switches, LINK, self.power_W, self.link_voltage_V, self.step_s)

    def arranged(self, sites: Index = EVERY, packs: Index = EVERY, modules: Index = EVERY) -> Circuits:
        """Return some of the circuits, or the same ones with packs and modules in another order."""

        def each(array: NDArray[T]) -> NDArray[T]:
            return np.ascontiguousarray(array[sites][:, packs][:, :, modules])

        pack_state = np.ascontiguousarray(self.switches.pack_state[sites][:, packs])
        return Circuits(
            Sources(each(self.sources.emf_V), each(self.sources.resistance_ohm)),
            Switches(each(self.switches.module_state), pack_state),
            self.power_W[sites],
            self.link_voltage_V[sites],
            self.step_s[sites],
        )


@st.composite
def circuits(draw: st.DrawFn, states: tuple[Contactor, ...] = tuple(Contactor)) -> Circuits:
    sites, packs, modules = draw(st.integers(1, 9)), draw(st.integers(1, 3)), draw(st.integers(1, 9))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = sites, packs, modules
    return Circuits(
        Sources(random.uniform(40.0, 58.0, shape), random.uniform(1e-3, 0.1, shape)),
        Switches(
            random.choice(np.array(Contactor, dtype=np.int8), shape, p=(0.2, 0.0, 0.8)),
            random.choice(np.array(states, dtype=np.int8), (sites, packs)),
        ),
        random.uniform(-2e4, 2e4, sites),
        random.uniform(0.0, 58.0, sites),
        random.uniform(1e-3, 60.0, sites),
    )


def live(circuit: Circuits) -> NDArray[np.bool_]:
    return np.any(circuit.switches.joined(), axis=(1, 2))


@given(circuits())
def test_kirchhoff_and_the_power_balance(circuit: Circuits) -> None:
    flow, on = circuit.solve(), live(circuit)
    joins = circuit.switches.pack_state != Contactor.OPEN
    arriving_A = (flow.current_A.sum(axis=-1) * joins).sum(axis=-1)
    scale_A = np.abs(flow.current_A).sum(axis=(1, 2)) + 1e4
    np.testing.assert_allclose(flow.bus_voltage_V[on] * arriving_A[on], flow.power_W[on], atol=1e-9 * scale_A.max())
    charge_As = LINK.capacitance_F * (flow.link_voltage_V - circuit.link_voltage_V)
    charging = ~on & (circuit.switches.pack_state == Contactor.PRECHARGE).any(axis=-1)
    charging &= arriving_A != 0.0
    np.testing.assert_allclose(arriving_A[charging] * circuit.step_s[charging], charge_As[charging], atol=1e-9)
    # The bus bar of an open pack leads nowhere.
    np.testing.assert_allclose((flow.current_A.sum(axis=-1) * ~joins), 0.0, atol=1e-9 * scale_A.max())


@given(circuits())
def test_each_module_is_an_emf_behind_its_resistance(circuit: Circuits) -> None:
    flow = circuit.solve()
    terminal_V = circuit.sources.emf_V - circuit.sources.resistance_ohm * flow.current_A
    joined = circuit.switches.joined()
    expected_V = np.broadcast_to(flow.bus_voltage_V[:, None, None], joined.shape)
    np.testing.assert_allclose(terminal_V[joined], expected_V[joined], rtol=1e-11)
    assert not flow.current_A[circuit.switches.module_state == Contactor.OPEN].any()


@given(circuits(), st.integers(0, 2**32 - 1))
def test_the_order_of_packs_and_modules_does_not_matter(circuit: Circuits, seed: int) -> None:
    _, packs, modules = circuit.sources.emf_V.shape
    order = np.random.default_rng(seed)
    pack_order, module_order = order.permutation(packs), order.permutation(modules)
    flow, other = circuit.solve(), circuit.arranged(packs=pack_order, modules=module_order).solve()
    np.testing.assert_allclose(other.bus_voltage_V, flow.bus_voltage_V, rtol=1e-11)
    moved_A = flow.current_A[:, pack_order][:, :, module_order]
    np.testing.assert_allclose(other.current_A, moved_A, rtol=1e-8, atol=1e-7)


@given(circuits())
def test_a_site_alone_gets_the_same_bits_as_in_the_fleet(circuit: Circuits) -> None:
    fleet = circuit.solve()
    for site in range(len(circuit.power_W)):
        alone = circuit.arranged(sites=slice(site, site + 1)).solve()
        assert np.array_equal(alone.current_A[0], fleet.current_A[site])
        assert alone.bus_voltage_V[0] == fleet.bus_voltage_V[site]
        assert alone.link_voltage_V[0] == fleet.link_voltage_V[site]


@given(st.floats(-8000.0, 8000.0), st.integers(1, 16), st.floats(45.0, 57.0), st.floats(1e-3, 0.02))
def test_equal_modules_share_equally_and_the_sign_is_that_of_the_power(
    power_W: float, modules: int, emf_V: float, resistance_ohm: float
) -> None:
    shape = 1, 1, modules
    circuit = Circuits(
        Sources(np.full(shape, emf_V), np.full(shape, resistance_ohm)),
        Switches(np.full(shape, Contactor.CLOSED, dtype=np.int8), np.full((1, 1), Contactor.CLOSED, dtype=np.int8)),
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
    more = Circuits(circuit.sources, circuit.switches, circuit.power_W + 100.0, circuit.link_voltage_V, circuit.step_s)
    flow, loaded = circuit.solve(), more.solve()
    served = on & ~loaded.infeasible
    assert (loaded.bus_voltage_V[served] < flow.bus_voltage_V[served]).all()
