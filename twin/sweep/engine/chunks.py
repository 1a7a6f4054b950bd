"""Which points go out together, and which are tried again: decisions only, no clock, no file, no cluster."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from twin.sweep.attempt.point import Outcome

CHUNK_S = 1.0
"""Work that goes out as one task: the engine's own few milliseconds a task vanish in it, a lost one costs little."""
MOST_POINTS = 500
"""In a chunk."""
AHEAD = 2
"""Chunks under way for each worker: one runs, one waits there so that the worker never does."""


@dataclass(frozen=True)
class Chunk:
    """Points that one worker runs, in this order."""

    number: int
    points: tuple[tuple[str, int], ...]
    """Id, and which attempt at it this is, from 1."""


class Chunks:
    """The points still to run, each counted until it is done or has used up its attempts."""

    def __init__(self, retries: int) -> None:
        self._fresh: deque[str] = deque()
        self._again: deque[str] = deque()
        self._attempts: dict[str, int] = {}
        """Of the points that failed or were lost, how often."""
        self._flying: dict[int, Chunk] = {}
        self._retries = retries
        self._mean_s: float | None = None
        self._number = 0

    def add(self, point_ids: Iterable[str]) -> None:
        """Put points at the end; ids that occur twice are run once."""
        self._fresh.extend(dict.fromkeys(point_ids))

    @property
    def empty(self) -> bool:
        """Whether every point is done or given up."""
        return not (self._fresh or self._again or self._flying)

    def next(self, workers: int) -> Chunk | None:
        """Return what to send next to so many workers; None where enough is under way."""
        if len(self._flying) >= AHEAD * max(workers, 1) or not (self._fresh or self._again):
            return None
        # what failed before goes alone, so that it takes no other with it
        ids = [self._fresh.popleft() for _ in range(self._size(workers))] if self._fresh else [self._again.popleft()]
        self._number += 1
        chunk = Chunk(self._number, tuple((one, self._attempts.get(one, 0) + 1) for one in ids))
        self._flying[chunk.number] = chunk
        return chunk

    def _size(self, workers: int) -> int:
        if self._mean_s is None:
            return 1
        fair = math.ceil(len(self._fresh) / (AHEAD * max(workers, 1)))  # at the end no worker waits for a long chunk
        return max(1, min(fair, MOST_POINTS, int(CHUNK_S / max(self._mean_s, 1e-6))))

    def took(self, seconds: float, points: int) -> None:
        """Learn how long a chunk took."""
        mean_s = seconds / points
        self._mean_s = mean_s if self._mean_s is None else (self._mean_s + mean_s) / 2

    def over(self, number: int, outcomes: Collection[Outcome]) -> tuple[Outcome, ...]:
        """Take a chunk back with what came of its points, and return what is final; the others go out again.

        A point that has no outcome was not looked at.
        """
        told = {outcome.point_id: outcome for outcome in outcomes}
        final = []
        for point_id, _ in self._flying.pop(number).points:
            if point_id not in told:
                self._fresh.append(point_id)
            elif (outcome := told[point_id]).state == "done" or self._given_up(outcome):
                final.append(outcome)
            else:
                self._again.append(point_id)
        return tuple(final)

    def attempts(self, point_id: str) -> int:
        """Return how many attempts at a point have failed or were lost."""
        return self._attempts.get(point_id, 0)

    def cut(self, point_id: str) -> bool:
        """Count an attempt that was cut short, of a point that runs again already, and say whether it still may."""
        if self.attempts(point_id) >= self._retries:
            return False  # it was the last one: ``over`` counts it
        self._attempts[point_id] = self.attempts(point_id) + 1
        return True

    def _given_up(self, outcome: Outcome) -> bool:
        count = self._attempts[outcome.point_id] = self.attempts(outcome.point_id) + 1
        return not outcome.again or count > self._retries
