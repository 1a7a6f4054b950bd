"""What a cluster is: one file in ``twin.sweep.engine.clusters``, found because it is there, and named by ``--on``.

A cluster brings Dask workers and keeps them there. It knows nothing of points: whoever runs them finds out by itself
when a worker is lost.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from twin.errors import InputError, Problem
from twin.plugins import discover
from twin.sweep.engine import clusters

if TYPE_CHECKING:
    from distributed.deploy import Cluster as DaskCluster

    Reached: TypeAlias = DaskCluster | str
    """What a Dask client connects to."""


@dataclass(frozen=True)
class Order:
    """What a sweep asks of a cluster."""

    on: str
    """As the command line says it: ``local``, ``slurm``, or the address of a scheduler."""
    folder: Path
    """Of the study, absolute. All workers must see it; logs of workers belong into ``logs/`` in it."""
    workers: int | None = None
    """How many, each with one point at a time; the cluster's own choice unless given."""
    site: Path | None = None
    """The file that says what this site's queues, accounts and modules are called."""


class Cluster(ABC):
    """Where the workers of a sweep come from."""

    def __init__(self, order: Order) -> None:
        """Check the order, and touch nothing yet. Raises InputError with all that is wrong with it."""
        self.order = order

    @property
    @abstractmethod
    def workers(self) -> int | None:
        """How many workers there shall be; None where somebody else decides."""

    @abstractmethod
    def describe(self) -> str:
        """Return in a few words what is asked of whom: ``2 workers on this machine``."""

    @abstractmethod
    def open(self) -> AbstractContextManager[Reached]:
        """Start the workers, or ask a queue for them; on the way out they all end.

        Nobody waits for a worker here: points wait. A worker ends by itself when the sweep's process is killed.
        """

    def keep(self) -> None:  # noqa: B027  # most clusters replace what they lose by themselves
        """Bring back workers that were lost; called every few seconds while the cluster is open."""


def cluster_of(order: Order) -> Cluster:
    """Return the cluster that an order is for. Raises InputError if there is none, or the order is wrong."""
    kinds = discover(clusters, Cluster)  # type: ignore[type-abstract]
    kind = kinds.get("address" if "://" in order.on else order.on)
    if kind is None or order.on == "address":
        names = ", ".join(name for name in kinds if name != "address")
        expected = f"found {order.on!r}; expected {names}, or the address of a scheduler such as tcp://10.0.0.1:8786"
        raise InputError(Problem(expected, path="--on"))
    return kind(order)
