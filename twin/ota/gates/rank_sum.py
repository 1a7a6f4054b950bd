"""The rank-sum test of two small groups, exact, ties included.

Under the hypothesis that a release changes nothing, every choice of canaries among the sites that are compared is as
likely as any other. The p value is the share of these choices whose sum of ranks is at least that of the real one
(Wilcoxon 1945, doi:10.2307/3001968; with mean ranks for ties, Lehmann, Nonparametrics, 1975, section 1.4). Sums are
counted, not drawn, so equal values have equal p values. Where counting would be long, the normal approximation with
the correction for ties stands in.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np

from twin.ota.behaviour.observation import FloatArray, IntArray

COUNTED: Final = 20_000_000
"""Additions up to which sums are counted: some tenths of a second. 32 against 32 take 4 millions."""


def higher(group: FloatArray, other: FloatArray) -> float:
    """Return the p value of ``group`` having higher values than ``other``, one-sided; 1 where one of them is empty."""
    if not len(group) or not len(other):
        return 1.0
    ranks = doubled_ranks(np.concatenate([group, other]))
    total = int(ranks[: len(group)].sum())
    every = np.sort(ranks)
    most = int(every[-len(group) :].sum())
    if len(every) * len(group) * most > COUNTED:
        return _approximate(every, len(group), total)
    return float(_at_least(tuple(every.tolist()), len(group))[total])


def least_p(group: int, other: int) -> float:
    """Return the smallest p value that groups of these sizes can have: all of one above all of the other."""
    return 1.0 / math.comb(group + other, group)


def doubled_ranks(values: FloatArray) -> IntArray:
    """Return twice the mean rank of each value, from 2 on: whole numbers also where values are equal."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    doubled: IntArray = (2 * last - counts + 1)[which]
    return doubled


@lru_cache(maxsize=256)
def _at_least(ranks: tuple[int, ...], size: int) -> FloatArray:
    """Return the share of the choices of ``size`` ranks whose sum is at least each number."""
    most = sum(ranks[-size:])
    ways = np.zeros((size + 1, most + 1))
    ways[0, 0] = 1.0
    for rank in ranks:
        ways[1:, rank:] += ways[:-1, : most + 1 - rank].copy()
    share: FloatArray = ways[size, ::-1].cumsum()[::-1] / ways[size].sum()
    return share


def _approximate(ranks: IntArray, size: int, total: int) -> float:
    """Return the same by the normal distribution; the correction for continuity is half a rank."""
    count = len(ranks)
    mean, variance = float(ranks.mean()), float(ranks.var())
    sd = math.sqrt(variance * size * (count - size) / (count - 1))
    return 1.0 if sd == 0.0 else 0.5 * math.erfc((total - 1.0 - size * mean) / sd / math.sqrt(2.0))


def binomial_tail(failures: int, of: int, share: float) -> float:
    """Return the probability of at least so many failures ``of`` so many, where each fails with ``share``."""
    return sum(math.comb(of, k) * share**k * (1.0 - share) ** (of - k) for k in range(failures, of + 1))
