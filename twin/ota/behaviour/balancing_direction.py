"""Balancing that takes charge from the wrong cells."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.ota.behaviour.behaviour import Addends, Behaviour
from twin.ota.behaviour.observation import Observation
from twin.ota.behaviour.self_tests import Outcomes


class BalancingDirection(Behaviour):
    """Share of the bled charge that is taken from cells below the median of their module.

    Where nothing is bled there is nothing to say. Resistors are equal, so charge is duty times voltage.
    """

    title: ClassVar = "balancing of low cells"
    unit: ClassVar = "1"
    floor: ClassVar = 0.2

    def see(self, seen: Observation, tests: Outcomes) -> Addends:
        """Return what low cells gave, and what all did; readings of a module under test are not true."""
        drawn = np.nan_to_num(seen.bleed * seen.cell_voltage_V) * seen.elapsed_s
        low = seen.cell_voltage_V < np.median(seen.cell_voltage_V, axis=-1, keepdims=True)
        trusted = tests.undisturbed
        return (drawn * low).sum(axis=(1, 2)) * trusted, drawn.sum(axis=(1, 2)) * trusted
