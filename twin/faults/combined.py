"""Several faults on one actuator: what their actions come to together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from twin.plant.action import Action

HEALTHY_OHM: Final = 1e6
"""Insulation resistance of a sound site: what an action sets that ends a loss."""


def _parallel_ohm(values: Sequence[float]) -> float:
    """Return the resistance of all paths to earth, the sound site's among them once."""
    return 1.0 / (1.0 / HEALTHY_OHM + sum(1.0 / value - 1.0 / HEALTHY_OHM for value in values))


TOGETHER: Final[dict[str, Callable[[Sequence[float]], float]]] = {
    "extra_heat_W": math.fsum,
    "short_S": math.fsum,
    "contact_ohm": math.fsum,
    "inverter_extra_W": math.fsum,
    "cooling_lost": max,
    "module_welded": max,
    "pack_welded": max,
    "inverter_ignores": max,
    "insulation_ohm": _parallel_ohm,
}
"""What an actuator is set to by several faults: physical sums add up, of losses the largest counts.

Of an actuator that is not here the last action counts."""


def combined(actions: Sequence[Sequence[Action]]) -> tuple[Action, ...]:
    """Return the actions of all faults, one sequence each, in the order of time.

    Where several faults act on one actuator at one place, the actions set what all of them come to.
    """
    held: dict[tuple[object, ...], dict[int, float]] = {}
    ordered = sorted(
        ((number, action) for number, ones in enumerate(actions) for action in ones), key=lambda one: one[1].time_ns
    )
    result = []
    for number, action in ordered:
        values = held.setdefault((action.site, action.actuator, action.slot, action.cell), {})
        values[number] = action.value
        together = TOGETHER.get(action.actuator)
        alone = together is None or len(values) == 1
        result.append(action if alone or together is None else replace(action, value=together(list(values.values()))))
    return tuple(result)
