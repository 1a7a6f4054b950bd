"""A state of charge that changes by more than the current explains."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from twin.ota.behaviour.behaviour import Addends, Behaviour
from twin.ota.behaviour.observation import Observation, Size
from twin.ota.behaviour.self_tests import Outcomes

EXPLAINED: Final = 0.05
"""Of each change: the current between two rows, the capacity that is not the nominal one, corrections by voltage."""
FULL: Final = 0.99
"""A module that finds itself full knows its state of charge for sure: what it corrects then is no jump."""


class SocJumps(Behaviour):
    """Change of the told state of charge beyond what the told current explains, of the module that jumps most.

    Over a restart it is the change from the last that was told before to the first after: a version that does not take
    over what the one before it knew shows here. So a site is looked at from before its ECUs boot the new one.
    """

    title: ClassVar = "jumps of the state of charge"
    unit: ClassVar = "1/h"
    floor: ClassVar = 0.005
    begins: ClassVar = "installing"

    def __init__(self, size: Size) -> None:
        super().__init__(size)
        self._soc = np.full((size.sites, size.slots), np.nan)
        self._current_A = np.full((size.sites, size.slots), np.nan)
        self._discharged = np.zeros((size.sites, size.slots))

    def see(self, seen: Observation, tests: Outcomes) -> Addends:  # noqa: ARG002 - a test changes no charge
        """Return what is beyond, and the time."""
        here = seen.rows
        before_A = self._current_A[here]
        now_A = np.where(np.isnan(seen.current_A), before_A, seen.current_A)
        mean_A = np.where(np.isnan(before_A), now_A, 0.5 * (before_A + now_A))
        discharged = self._discharged[here] + np.nan_to_num(mean_A) * seen.elapsed_h / seen.capacity_Ah
        jump = np.nan_to_num(seen.module_soc - self._soc[here] + discharged) * (seen.module_soc < FULL)
        told = ~np.isnan(seen.module_soc)
        self._soc[here] = np.where(told, seen.module_soc, self._soc[here])
        self._discharged[here] = np.where(told, 0.0, discharged)
        self._current_A[here] = now_A
        return np.maximum(np.abs(jump) - EXPLAINED, 0.0).max(axis=1), seen.elapsed_h
