"""The rank-sum test against every choice of a group, and against SciPy's."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from twin.ota.gates import rank_sum
from twin.ota.gates.rank_sum import binomial_tail, doubled_ranks, higher, least_p

TIED = {
    "no ties": ([3.0, 5.0, 9.0], [1.0, 2.0, 4.0, 8.0]),
    "mostly nothing": ([0.0, 0.0, 0.0, 2.0], [0.0, 0.0, 0.0, 0.0, 1.0]),
    "all alike": ([1.0, 1.0], [1.0, 1.0, 1.0]),
    "all of one above": ([5.0, 6.0, 7.0], [1.0, 1.0, 2.0]),
    "one against many": ([2.5], [1.0, 2.0, 2.5, 3.0]),
}


@pytest.mark.parametrize("name", TIED)
def test_a_p_value_is_the_share_of_all_choices(name: str) -> None:
    group, other = (np.array(one) for one in TIED[name])
    ranks = doubled_ranks(np.concatenate([group, other]))
    sums = [sum(choice) for choice in itertools.combinations(ranks.tolist(), len(group))]
    assert higher(group, other) == pytest.approx(np.mean(np.array(sums) >= ranks[: len(group)].sum()))


@pytest.mark.parametrize(("sizes", "shift"), [((8, 8), 0.0), ((8, 8), 1.0), ((8, 32), 0.5), ((20, 5), -0.5)])
def test_without_ties_it_is_that_of_scipy(sizes: tuple[int, int], shift: float) -> None:
    draw = np.random.default_rng(3)
    group, other = draw.normal(shift, 1.0, sizes[0]), draw.normal(0.0, 1.0, sizes[1])
    wanted = stats.mannwhitneyu(group, other, alternative="greater", method="exact").pvalue
    assert higher(group, other) == pytest.approx(wanted, rel=1e-9)


def test_where_counting_is_long_the_normal_distribution_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(4)
    group, other = np.round(draw.normal(0.4, 1.0, 25), 1), np.round(draw.normal(0.0, 1.0, 30), 1)
    exact = higher(group, other)
    monkeypatch.setattr(rank_sum, "COUNTED", 0)
    near = higher(group, other)
    assert near != exact
    assert near == pytest.approx(exact, rel=0.05)
    assert near == pytest.approx(stats.mannwhitneyu(group, other, alternative="greater", method="asymptotic").pvalue)
    assert higher(np.ones(9), np.ones(9)) == 1.0


def test_extremes() -> None:
    assert higher(np.arange(8.0) + 100, np.arange(8.0)) == pytest.approx(least_p(8, 8)) == pytest.approx(1 / 12870)
    assert higher(np.array([]), np.ones(3)) == higher(np.ones(3), np.array([])) == 1.0


def test_the_tail_of_failures_is_that_of_scipy() -> None:
    for failures, of in ((0, 0), (1, 8), (4, 4), (5, 8)):
        assert binomial_tail(failures, of, 0.05) == pytest.approx(stats.binom.sf(failures - 1, of, 0.05))
