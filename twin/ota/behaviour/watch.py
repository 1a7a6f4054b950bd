"""Sums up how the watched sites of a shard behave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

import twin.ota.behaviour
from twin.ota.behaviour.behaviour import Behaviour
from twin.ota.behaviour.observation import FloatArray, Observation, Size
from twin.ota.behaviour.self_tests import SelfTests
from twin.plugins import discover


@cache
def behaviours() -> Mapping[str, type[Behaviour]]:
    """Return the behaviours by name, in the order in which sums hold them."""
    return discover(twin.ota.behaviour, Behaviour)  # type: ignore[type-abstract]


class Watch:
    """Watches some rows of a cohort; ``sums[behaviour, w, 2]`` is numerator and denominator since the start."""

    def __init__(self, rows: Sequence[int], size: Size) -> None:
        self.rows = np.array(rows, np.int64)
        self.sums: FloatArray = np.zeros((len(behaviours()), len(rows), 2))
        self._place = {int(row): place for place, row in enumerate(rows)}
        size = size._replace(sites=len(rows))
        self._behaviours = [kind(size) for kind in behaviours().values()]
        self._self_tests = SelfTests(size)

    def see(self, observation: Observation) -> None:
        """Take what a tick shows; of rows that are not watched nothing is kept."""
        some = np.flatnonzero(np.isin(observation.rows, self.rows))
        if not len(some):
            return
        places = np.array([self._place[int(row)] for row in observation.rows[some]], np.int64)
        shown = set(observation.rows[some].tolist())
        events = [replace(one, site=self._place[one.site]) for one in observation.events if one.site in shown]
        seen = observation.only(some, places, events)
        tests = self._self_tests.follow(seen)
        for number, behaviour in enumerate(self._behaviours):
            numerator, denominator = np.broadcast_arrays(*behaviour.see(seen, tests), places)[:2]
            known = np.isfinite(numerator) & np.isfinite(denominator)
            self.sums[number, places[known]] += np.stack([numerator, denominator], axis=-1)[known]
