"""What a search is told of rows that have been run."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, islice
from math import fsum

from twin.sweep.folder import Point, Result, StudyFolder
from twin.sweep.results.table import value_of
from twin.sweep.study.design import Told
from twin.sweep.study.load import LoadedStudy
from twin.sweep.study.study import Study


def told_of(
    folder: StudyFolder, loaded: LoadedStudy, points: Iterable[Point], known: Sequence[Told] = ()
) -> list[Told]:
    """Return what was found at each row of ``points``, which are in their order, up to the first that is still open.

    ``known``: what this returned before of the first of these rows; their files are not read again. Raises InputError
    if the file of a result is broken.
    """
    told = list(known)
    for _, row in islice(groupby(points, key=lambda point: point.row), len(told), None):
        replications = list(row)
        results = [folder.result(point.id) for point in replications]
        ended = [result for result in results if result is not None]
        if len(ended) < len(results):
            break
        told.append(_told(loaded, replications[0], ended))
    return told


def responses_of(study: Study, result: Result) -> dict[str, float]:
    """Return the responses that a point gave; those without a value are left out."""
    values = {name: value_of(name, response, result) for name, response in study.responses.items()}
    return {name: value for name, value in values.items() if not math.isnan(value)}


def _told(loaded: LoadedStudy, point: Point, results: Sequence[Result]) -> Told:
    """Return the means over replications that are done: those that failed say nothing of the others."""
    done = [responses_of(loaded.study, result) for result in results if result.state == "done"]
    if not done:
        return Told(point.units, None)
    means = _means(done)
    numbers = {name: float(value) for name, value in point.factors.items() if isinstance(value, int | float)}
    return Told(point.units, means, loaded.constraints.violations({**numbers, **means}))


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    values: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for name, value in row.items():
            values[name].append(value)
    return {name: fsum(column) / len(column) for name, column in values.items()}
