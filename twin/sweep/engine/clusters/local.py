"""Workers on this machine: a process each, one a core unless asked for more or fewer."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from twin.errors import InputError, Problem
from twin.sweep.engine.cluster import Cluster, Order

if TYPE_CHECKING:
    from distributed import LocalCluster


class Local(Cluster):
    """Processes of this machine; needs no set-up."""

    def __init__(self, order: Order) -> None:
        """Refuse a site file: nothing would read it. Raises InputError."""
        super().__init__(order)
        if order.site:
            raise InputError(Problem("is for batch queues; this machine needs none", str(order.site)))

    @property
    def workers(self) -> int:
        """One a core that this process may use, unless ordered."""
        return self.order.workers or len(os.sched_getaffinity(0))

    def describe(self) -> str:
        """Return how many."""
        return f"{self.workers} worker{'s' if self.workers > 1 else ''} on this machine"

    @contextmanager
    def open(self) -> Iterator[LocalCluster]:
        """Start the workers; each is started again when it dies, and dies with this process."""
        from distributed import LocalCluster
        from distributed.system import MEMORY_LIMIT

        with LocalCluster(
            n_workers=self.workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=MEMORY_LIMIT // self.workers,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
            preload=["twin.sweep.engine.worker"],
        ) as cluster:
            yield cluster
