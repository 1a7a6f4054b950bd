"""Sobol indices of a study: which share of a response's variance a factor makes, alone and with all others.

Estimators of Saltelli et al. 2010 (doi:10.1016/j.cpc.2009.09.018) by SALib; intervals by its bootstrap over blocks.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from SALib.analyze import sobol

from twin.analysis.thinning import Floats
from twin.sweep.results.view import KEPT, Absent, ResponseView, StudyView, seldom

LEAST_BLOCKS: Final = 16
_RESAMPLES: Final = 400


@dataclass(frozen=True, eq=False)
class Indices:
    """Sobol indices of one response; a half is half the 95 % interval."""

    names: tuple[str, ...]
    first: Floats
    first_half: Floats
    total: Floats
    total_half: Floats
    second: Floats | None
    """``[factor, factor]``: of pairs, NaN on and below the diagonal; None unless the design has rows for them."""
    second_half: Floats | None
    blocks: int
    lost: int
    """Blocks that were left out, because a row of theirs failed, is open, or breaks a constraint."""
    noise: float
    """Share of the variance between rows that the seeds make; NaN where each row has one."""

    @property
    def order(self) -> tuple[int, ...]:
        """Places of the factors, the largest total index first."""
        return tuple(int(place) for place in np.argsort(-self.total, kind="stable"))

    @property
    def sure(self) -> bool:
        """Whether the first factor's total index lies above all others, less half its interval."""
        first, *others = self.order
        return all(self.total[first] - self.total_half[first] > self.total[place] for place in others)

    @property
    def strongest_pair(self) -> tuple[str, str, float, float] | None:
        """The two factors that make most together, their index and half its interval; None if that may be nothing."""
        if self.second is None or self.second_half is None:
            return None
        sure = np.where(self.second > self.second_half, self.second, 0.0)  # NaN compares as False
        one, other = (int(place) for place in np.unravel_index(np.argmax(sure), sure.shape))
        if sure[one, other] <= 0.0:
            return None
        return self.names[one], self.names[other], float(sure[one, other]), float(self.second_half[one, other])


@lru_cache(maxsize=KEPT)  # sentences, tables and plots of one page ask for the same
def indices(view: StudyView, response: ResponseView) -> Indices | Absent:
    """Return the Sobol indices of a response, or why there are none.

    Replications enter as their mean. What seeds change in it counts as variance that no factor explains.
    """
    if view.sampling != "blocks":
        return Absent(
            "Sobol indices need the design 'saltelli', whose rows come in blocks that differ in one factor each"
        )
    values, blocks = _blocks(view, response)
    if len(values) < LEAST_BLOCKS * view.block_size:
        return Absent(
            f"{len(values) // view.block_size} whole blocks of {view.block_size} rows; at least {LEAST_BLOCKS} needed"
        )
    if np.ptp(values) == 0.0:
        return Absent("it is the same at every row")
    if few := seldom(_ends(view, values)):
        return few
    return _of(view, response, values, blocks)


def settling(view: StudyView, response: ResponseView) -> tuple[Indices, ...]:
    """Return the indices of the first eighth of the blocks, of a quarter, a half, and all; where they are enough."""
    if view.sampling != "blocks":
        return ()
    values, _ = _blocks(view, response)
    known = len(values) // view.block_size
    counts = [count for count in (known // 8, known // 4, known // 2, known) if count >= LEAST_BLOCKS]
    starts = (values[: count * view.block_size] for count in counts)
    return tuple(_of(view, response, start, known) for start in starts if not seldom(_ends(view, start)))


def _ends(view: StudyView, values: Floats) -> Floats:
    """Return the values of the blocks' first and last rows, of which the variance is taken."""
    return values.reshape(-1, view.block_size)[:, [0, -1]].ravel()


def _of(view: StudyView, response: ResponseView, values: Floats, blocks: int) -> Indices:
    found = _analyse(view, values)
    names = tuple(view.study.factors)
    known = len(values) // view.block_size
    first, first_half, total, total_half = (np.asarray(found[key]) for key in ("S1", "S1_conf", "ST", "ST_conf"))
    second, second_half = (np.asarray(found[key]) if key in found else None for key in ("S2", "S2_conf"))
    lost, noise = blocks - known, seed_share(response)
    return Indices(names, first, first_half, total, total_half, second, second_half, known, lost, noise)


def _analyse(view: StudyView, values: Floats) -> Any:
    names = list(view.study.factors)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a resample without variance has no index: told as NaN
        return sobol.analyze(
            {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)},
            values,
            calc_second_order=view.block_size == 2 * len(names) + 2,
            num_resamples=_RESAMPLES,
            seed=0,
        )


def _blocks(view: StudyView, response: ResponseView) -> tuple[Floats, int]:
    """Return the values of whole blocks in their order, and how many blocks the design has."""
    size = view.block_size
    numbers = view.rows["row"].to_numpy()
    count = math.ceil((int(numbers.max(initial=-1)) + 1) / size)
    values = np.full(count * size, np.nan)
    values[numbers] = response.values
    by_block = values.reshape(count, size)
    return by_block[np.isfinite(by_block).all(axis=1)].ravel(), count


def seed_share(response: ResponseView) -> float:
    """Return which share of the variance between rows' means comes of their seeds; NaN of single replications."""
    known = response.known & np.isfinite(response.errors)
    variance = float(np.var(response.values[known])) if known.any() else 0.0
    return float(np.mean(response.errors[known] ** 2)) / variance if variance > 0.0 else math.nan
