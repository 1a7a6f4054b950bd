"""The DC circuit of a site by dense nodal analysis: every resistor and emf a branch between named nodes.

Written without the code of ``twin.plant``: no formula for modules in parallel or in series, only Kirchhoff's current
law at every node and, for an inverter of constant power, a root found by bisection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

FloatArray = NDArray[np.float64]

EARTH, LINK = "minus", "link"


@dataclass(frozen=True)
class Branch:
    """An emf behind a resistance; it drives its current from ``start`` to ``end``."""

    start: str
    end: str
    emf_V: float
    resistance_ohm: float


@dataclass(frozen=True)
class Solution:
    """Currents of the branches, in their order, and the voltages of the nodes against ``EARTH``."""

    current_A: FloatArray
    voltage_V: dict[str, float]


def drawn(branches: Sequence[Branch], current_A: float) -> Solution:
    """Return the solution when a current is drawn from the node ``LINK``."""
    nodes = [name for name in dict.fromkeys(n for b in branches for n in (b.start, b.end)) if name != EARTH]
    place = {name: k for k, name in enumerate(nodes)}
    matrix, right = np.zeros((len(nodes), len(nodes))), np.zeros(len(nodes))
    for branch in branches:
        for here, there, sign in ((branch.start, branch.end, -1.0), (branch.end, branch.start, 1.0)):
            if here == EARTH:
                continue
            matrix[place[here], place[here]] += 1.0 / branch.resistance_ohm
            right[place[here]] += sign * branch.emf_V / branch.resistance_ohm
            if there != EARTH:
                matrix[place[here], place[there]] -= 1.0 / branch.resistance_ohm
    if LINK in place:
        right[place[LINK]] -= current_A
    found = dict(zip(nodes, np.linalg.solve(matrix, right).tolist(), strict=True)) | {EARTH: 0.0}
    flows_A = [(found[b.start] - found[b.end] + b.emf_V) / b.resistance_ohm for b in branches]
    return Solution(np.array(flows_A), found)


def powered(branches: Sequence[Branch], power_W: float) -> Solution:
    """Return the solution when an inverter draws ``power_W`` from the node ``LINK``, at the higher of two voltages."""
    open_V = drawn(branches, 0.0).voltage_V[LINK]

    def surplus_W(current_A: float) -> float:
        return drawn(branches, current_A).voltage_V[LINK] * current_A - power_W

    # At half the open voltage the power is at its peak; the stable root lies on this side of it.
    ohm = open_V - drawn(branches, 1.0).voltage_V[LINK]
    reach_A = 0.5 * open_V / ohm
    return drawn(branches, brentq(surplus_W, -reach_A, reach_A, xtol=1e-11, rtol=1e-15))
