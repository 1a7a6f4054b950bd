"""A Dask scheduler that runs already: on Kubernetes, in a cloud, or started by hand."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from twin.errors import InputError, Problem
from twin.sweep.engine.cluster import Cluster, Order

PATIENCE_S: Final = 10.0
"""Until a scheduler that is there has taken a connection."""


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
        if not problems and not _answers(order.on):
            problems.append(Problem(f"nobody answers at {order.on}", path="--on", suggestion="is its scheduler up?"))
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


def _answers(address: str) -> bool:
    """Say whether somebody takes a connection; of an address without a port that is for Dask to find out."""
    try:
        place = urlsplit(address)
        if place.hostname is None or place.port is None:
            return True
        with socket.create_connection((place.hostname, place.port), PATIENCE_S):
            return True
    except (OSError, ValueError):  # ValueError: the port is no number
        return False
