"""In which order sites have their turn, and into which groups they are cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction

import numpy as np

from twin.ota.campaign.outcomes import IntArray
from twin.streams import stream


class Role(IntEnum):
    """What a site is to those who compare groups."""

    REST = 0
    CANARY = 1
    BASELINE = 2
    """Held back at the old release, to be compared with."""


@dataclass(frozen=True)
class Group:
    """A group of a campaign: its name, its number of sites and what they are to a gate."""

    name: str
    size: int
    role: Role = Role.REST


def round_half_up(value: Fraction) -> int:
    """Return the nearest whole number, a half upwards, as Java's ``Math.round`` does."""
    return (value + Fraction(1, 2)).__floor__()


def equal_shares(sites: int, groups: int) -> list[int]:
    """Return the sizes of ``groups`` equal groups as hawkBit cuts them: each gets its part of what is left over."""
    sizes: list[int] = []
    for left in range(groups, 0, -1):
        sizes.append(round_half_up(Fraction(sites - sum(sizes), left)))
    return sizes


def shares_of_rest(sites: int, percents: Sequence[float]) -> list[int]:
    """Return the sizes of groups that each take a percentage of what is left over, as hawkBit cuts them."""
    sizes: list[int] = []
    for percent in percents:
        rest = sites - sum(sizes)
        sizes.append(min(rest, round_half_up(Fraction(str(percent)) * rest / 100)))
    return sizes


def turns(order: str | Sequence[int], sites: IntArray, seed: int) -> IntArray:
    """Return ``sites`` in the order of their turns: by ``"number"``, ``"seeded"``, or the sites of a list first.

    A site's seeded draw is its own, so that two sites keep their order whatever others there are.
    """
    if isinstance(order, str):
        if order == "number":
            return np.sort(sites)
        draws = np.array([stream(seed, "site", int(site), "campaign_order").random() for site in sites])
        return sites[np.lexsort((sites, draws))]
    first = np.array(order, np.int64)
    return np.concatenate([first, np.sort(np.setdiff1d(sites, first))])
