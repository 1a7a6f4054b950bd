"""Whether a battery is in a state in which it may be updated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.ota.client.options import Conditions

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SiteView:
    """What the gateways of a shard see of their batteries, ``[site]`` each; what is NaN is not known."""

    soc: FloatArray
    current_A: FloatArray
    """Largest of a module, by amount."""
    temperature_low_K: FloatArray
    temperature_high_K: FloatArray
    contactors_closed: BoolArray
    """Whether all are."""
    mains: BoolArray
    """Whether the site has its supply from the grid."""


def met(conditions: Conditions, view: SiteView, site: int) -> bool:
    """Return whether all conditions hold at a site; what is not known does not."""
    closed = bool(view.contactors_closed[site])
    return bool(
        conditions.soc_min <= view.soc[site] <= conditions.soc_max
        and (conditions.current_A is None or abs(view.current_A[site]) <= conditions.current_A)
        and view.temperature_low_K[site] >= conditions.temperature_min_K
        and view.temperature_high_K[site] <= conditions.temperature_max_K
        and (conditions.contactors == "any" or closed == (conditions.contactors == "closed"))
        and (view.mains[site] or not conditions.mains)
    )
