"""How balanced the cells of a run are, and what balancing moves and loses.

Cells that share a current have to be equal: those of a module, or all of a pack whose modules are in series.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from twin.analysis.thinning import Floats

if TYPE_CHECKING:
    from twin.analysis.evidence import Evidence

SIGNALS: Final = ("bleed|balancing_A", "cell_voltage_V", "soc", "current_A", "scenario")
"""What there must be to say what balancing does."""


@dataclass(frozen=True, eq=False)
class Balancing:
    """Balancing at some sites, ``[site, slot, time]``."""

    rows: slice
    spread: Floats
    """Highest minus lowest true SOC of the cells that are to be equal."""
    moved_A: Floats
    """Charge taken from cells by resistors and converters, over time."""
    lost_W: Floats
    """Heat of the resistors, and what converters lose."""
    current_A: Floats
    """Of the module."""


def balancing(run: Evidence) -> Iterator[Balancing]:
    """Yield what balancing did, by blocks of sites."""
    used = tuple(name for name in ("bleed", "balancing_A") if run.run.has(name))
    for block in run.blocks("cell_voltage_V", "soc", "current_A", *used):
        voltage_V, soc, current_A, *rest = (one.astype(np.float64) for one in block.values)
        known = dict(zip(used, rest, strict=True))
        bled_A = known.get("bleed", np.zeros(())) * voltage_V / run.bleed_ohm
        converted_A = known.get("balancing_A", np.zeros_like(voltage_V))
        yield Balancing(
            block.rows,
            spread(soc, run.pack_of, together=run.contactors.series),
            (bled_A + np.maximum(converted_A, 0.0)).sum(axis=2),
            ((bled_A + converted_A) * voltage_V).sum(axis=2),
            current_A,
        )


def spread(soc: npt.NDArray[np.float64], pack_of: tuple[int, ...], *, together: bool) -> Floats:
    """Return the spread of ``soc[site, slot, cell, time]`` over each module; ``together``: over the pack of each."""
    high, low = soc.max(axis=2), soc.min(axis=2)
    if together:
        packs = np.array(pack_of)
        for pack in set(pack_of):
            high[:, packs == pack] = high[:, packs == pack].max(axis=1, keepdims=True)
            low[:, packs == pack] = low[:, packs == pack].min(axis=1, keepdims=True)
    return np.asarray(high - low)


def settled_s(one: Floats, band: float, time_s: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return when ``one[..., time]`` came into the band for good, and whether it ever did (else the end).

    NaN where it was in the band from the first row on, or has no values.
    """
    outside = ~(one <= band)
    last = one.shape[-1] - 1 - np.argmax(outside[..., ::-1], axis=-1)
    ever = outside[..., -1]
    when_s = np.where(ever, time_s[-1], time_s[np.minimum(last + 1, len(time_s) - 1)])
    nothing = ~outside.any(axis=-1) | ~np.isfinite(one).all(axis=-1) | ~outside[..., 0]
    return np.where(nothing, np.nan, when_s), ~ever
