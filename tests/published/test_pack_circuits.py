"""Packs of real modules against the same equations solved as one system, their circuit by dense nodal analysis.

The plant's currents are means over a step; the exact ones are those of the step's middle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from tests.worlds.solutions.coupled_module import CELLS, Modules, solve
from tests.worlds.solutions.dc_network import EARTH, LINK, Branch, FloatArray, powered
from twin.plant.action import Action
from twin.plant.assembly import open_plant
from twin.plant.dc_bus import CLOSED, OPEN, PRECHARGE
from twin.plant.options import Plant as PlantOptions
from twin.plant.packs import Connection
from twin.plant.plant import Plant, Wiring

MILLISECOND = 1_000_000
STEP_NS, HALF_NS, UNTIL_NS = 20 * MILLISECOND, 500 * MILLISECOND, 2000 * MILLISECOND
PRECHARGE_OHM = 50.0
LINK_OHM = np.array([0.001, 0.002, 0.003, 0.004])
AIM = 1e-6
AT_ONCE = {"contactor": {"close_s": 0, "open_s": 0}, "inverter": {"rated_power_W": 50_000}}
Circuit = Callable[[FloatArray, FloatArray], list[Branch]]
"""The branches of the modules, in their order, from their emf and resistance; further branches after them."""


@dataclass(frozen=True)
class Change:
    """From an instant on, another circuit; ``action`` is what makes it so in the plant."""

    time_ns: int
    circuit: Circuit
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True)
class Case:
    """Packs of modules and what happens to them."""

    packs: int
    modules: int
    connection: Connection
    soc: tuple[float, ...]
    power_W: float
    changes: tuple[Change, ...]

    def plant(self) -> Plant:
        options = PlantOptions.model_validate({**AT_ONCE, "bypass": True})
        wiring = Wiring(1, self.packs, self.modules, CELLS, self.connection)
        soc = np.array(self.soc)[None, :, None]
        plant = open_plant(options, wiring, {"soc_start": soc}, 298.15, link_ohm=LINK_OHM, in_operation=True)
        plant.ambient_K[:], plant.request_W[:] = 298.15, self.power_W
        return plant

    def exact_A(self, times_s: FloatArray) -> FloatArray:
        """Return the modules' currents ``[time, module]``; ``times_s`` lie between changes."""
        soc = np.array(self.soc)[:, None] * np.ones(CELLS)
        modules = Modules(soc, np.zeros_like(soc))
        edges_s = np.array([change.time_ns * 1e-9 for change in self.changes])

        def currents_A(time_s: float, state: FloatArray) -> FloatArray:
            emf_V, cell_ohm = modules.source(state)
            circuit = self.changes[int(np.searchsorted(edges_s, time_s)) - 1].circuit
            branches = circuit(emf_V.sum(axis=1), cell_ohm.sum(axis=1))
            return powered(branches, self.power_W).current_A[: len(soc)]

        return solve(modules, currents_A, edges_s, times_s).current_A

    def compare(self) -> None:
        """Step the plant, and compare currents right after a change and every tenth step."""
        actions = [action for change in self.changes for action in change.actions]
        edges_ns = {change.time_ns for change in self.changes}
        plant, found, middles_s = self.plant(), [], []
        for now_ns in range(0, UNTIL_NS, STEP_NS):
            end_ns = now_ns + STEP_NS
            plant.advance(now_ns, end_ns, [action for action in actions if now_ns <= action.time_ns < end_ns])
            if now_ns in edges_ns or now_ns % (10 * STEP_NS) == 0:
                found.append(plant.current_A[0].copy())
                middles_s.append((now_ns + end_ns) * 0.5e-9)
        np.testing.assert_allclose(found, self.exact_A(np.array(middles_s)), rtol=AIM, atol=AIM)


def star(emf_V: FloatArray, ohm: FloatArray, joined: Sequence[float] = (0.0,) * 4) -> list[Branch]:
    """Return modules on one bus bar, each behind its link and a resistor of ``joined`` ohm."""
    return [Branch(EARTH, LINK, *one) for one in zip(emf_V, ohm + LINK_OHM + np.array(joined), strict=True)]


def string(emf_V: FloatArray, ohm: FloatArray, bypassed: int = -1) -> list[Branch]:
    """Return modules in series; what is bypassed is left out but for its link, and carries no current."""
    nodes = [EARTH, "1", "2", "3", LINK]
    own = [Branch(nodes[k], nodes[k + 1], emf_V[k], ohm[k] + LINK_OHM[k]) for k in range(4)]
    if bypassed < 0:
        return own
    past = Branch(nodes[bypassed], nodes[bypassed + 1], 0.0, LINK_OHM[bypassed])
    own[bypassed] = Branch(EARTH, "alone", 0.0, 1.0)
    return [*own, past]


def racks(emf_V: FloatArray, ohm: FloatArray) -> list[Branch]:
    """Return two strings of two modules each on one link."""
    ends = (EARTH, "a"), ("a", LINK), (EARTH, "b"), ("b", LINK)
    return [Branch(*ends[k], emf_V[k], ohm[k] + LINK_OHM[k]) for k in range(4)]


def joining(*states: tuple[int, float]) -> tuple[Change, ...]:
    """Return the changes of a fourth module that joins: out at first, then in each state from an instant on."""
    far_ohm = {OPEN: 1e12, PRECHARGE: PRECHARGE_OHM, CLOSED: 0.0}

    def circuit(state: int) -> Circuit:
        return lambda emf_V, ohm: star(emf_V, ohm, (0.0, 0.0, 0.0, far_ohm[state]))

    return tuple(
        Change(round(time_s * 1e9), circuit(state), (Action(round(time_s * 1e9), 0, "module_state", state, 3),))
        for state, time_s in ((OPEN, 0.0), *states)
    )


NEAR, FAR = (0.10, 0.10, 0.10, 0.15), (0.45, 0.50, 0.56, 0.60)
CASES = {
    "four modules in parallel": Case(1, 4, "parallel", FAR, 6000.0, (Change(0, star),)),
    "four modules in parallel, charging": Case(1, 4, "parallel", FAR, -6000.0, (Change(0, star),)),
    "a module joins 5 % apart": Case(1, 4, "parallel", NEAR, 3000.0, joining((CLOSED, 0.5))),
    "a module joins 5 % apart through its resistor": Case(
        1, 4, "parallel", NEAR, 3000.0, joining((PRECHARGE, 0.5), (CLOSED, 1.0))
    ),
    "a string": Case(1, 4, "series", FAR, 20_000.0, (Change(0, string),)),
    "a string with a module bypassed": Case(
        1,
        4,
        "series",
        FAR,
        20_000.0,
        (
            Change(0, string),
            Change(
                HALF_NS,
                lambda emf_V, ohm: string(emf_V, ohm, 1),
                (Action(HALF_NS, 0, "module_state", OPEN, 1),),
            ),
        ),
    ),
    "racks of different charge": Case(2, 2, "series", FAR, 10_000.0, (Change(0, racks),)),
    "racks of different charge, at rest": Case(2, 2, "series", FAR, 0.0, (Change(0, racks),)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_currents_are_those_of_the_whole_system(case: Case) -> None:
    case.compare()
