"""Which rows nothing beats: the Pareto front, and the best row of a single objective."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from twin.analysis.thinning import Floats
from twin.sweep.results.view import Absent, Booleans, ResponseView, StudyView


def front(costs: Floats) -> Booleans:
    """Return which rows of ``costs[row, objective]`` no other row beats: as good in all, and better in one.

    Less is better; a row that holds NaN is beaten. Equal rows stay together.
    """
    kept: Booleans = np.all(np.isfinite(costs), axis=1)
    # A row can only be beaten by one that comes before it in this order; so each is compared to the front so far.
    order = np.lexsort(costs.T[::-1])
    members: list[int] = []
    for row in order[kept[order]]:
        others = costs[members]
        beaten = (others <= costs[row]).all(axis=1) & (others < costs[row]).any(axis=1)
        if beaten.any():
            kept[row] = False
        else:
            members.append(int(row))
    return kept


def best_rows(view: StudyView, objectives: Sequence[ResponseView] | None = None) -> tuple[int, ...] | Absent:
    """Return the rows on the front of the objectives that keep all constraints, the best in the first one first."""
    chosen = view.objectives if objectives is None else tuple(objectives)
    if not chosen:
        return Absent("no response has an objective: the study does not say what is better")
    if not view.feasible.any():
        why = "no row is done" if not view.rows["done"].any() else "no row keeps all constraints"
        return Absent(why)
    costs = np.column_stack([one.sign * np.where(view.feasible, one.values, np.nan) for one in chosen])
    rows = np.flatnonzero(front(costs))
    if not len(rows):
        return Absent("no row has a value for every objective")
    return tuple(int(row) for row in rows[np.lexsort(costs[rows].T[::-1])])


def ranked(view: StudyView, response: ResponseView, most: int) -> tuple[int, ...]:
    """Return the best rows that keep all constraints by one objective, the best first."""
    known = np.flatnonzero(view.feasible & response.known)
    order = np.argsort(response.sign * response.values[known], kind="stable")
    return tuple(int(row) for row in known[order][:most])
