"""A Dask scheduler that runs already: on Kubernetes, in a cloud, or started by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from twin.errors import InputError, Problem
from twin.sweep.engine.cluster import Cluster, Order


class Address(Cluster):
    """Workers that somebody else looks after: they stay when the sweep is over."""

    def __init__(self, order: Order) -> None:
        """Refuse what only makes sense for workers that the sweep starts. Raises InputError."""
        super().__init__(order)
        problems = []
        if order.workers:
            problems.append(Problem(f"{order.on} has its own workers", path="--workers", suggestion="leave it out"))
        if order.site:
            problems.append(Problem(f"is for batch queues; {order.on} needs none", str(order.site)))
        if problems:
            raise InputError(problems)

    @property
    def workers(self) -> None:
        """As many as the scheduler has."""
        return None

    def describe(self) -> str:
        """Return the address."""
        return f"the workers of {self.order.on}"

    @contextmanager
    def open(self) -> Iterator[str]:
        """Give the address to connect to."""
        yield self.order.on
