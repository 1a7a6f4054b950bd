"""A Dask scheduler that runs already: on Kubernetes, in a cloud, or started by hand."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from distributed.comm import connect, get_address_host_port
from distributed.comm.registry import backends
from distributed.security import Security

from twin.errors import InputError, Problem
from twin.sweep.engine.cluster import Cluster, Order

PATIENCE_S: Final = 10.0
"""Until a scheduler that is there has taken a connection, and until it has said who it is."""


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
        if not problems and (trouble := _trouble(order.on)):
            problems.append(trouble)
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


def _trouble(address: str) -> Problem | None:
    """Return what keeps a Dask client from an address."""
    if (scheme := address.partition("://")[0]) not in backends:
        known = ", ".join(sorted(backends))
        return Problem(f"found the scheme {scheme!r} in {address}; expected one of {known}", path="--on")
    try:
        host, port = get_address_host_port(address)
        with socket.create_connection((host, port), PATIENCE_S):
            pass  # Dask would go on trying where nobody listens.
    except ValueError as error:
        return Problem(f"{address} is no address: {error}", path="--on", suggestion="e.g. tcp://10.0.0.1:8786")
    except OSError:
        return Problem(f"nobody answers at {address}", path="--on", suggestion="is its scheduler up?")
    try:
        asyncio.run(asyncio.wait_for(_greet(address), PATIENCE_S))
    except OSError:  # also what has taken too long
        return Problem(f"somebody listens at {address} who does not answer as a Dask scheduler does", path="--on")
    return None


async def _greet(address: str) -> None:
    comm = await connect(address, timeout=PATIENCE_S, **Security().get_connection_args("client"))
    comm.abort()
