"""What sites tell the update server, and what it tells them; both are arrays, ordered by (time, site)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.ota.repository.manifests import VehicleManifest

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reports:
    """What the sites of a shard have told since the last decision.

    One row a change of state: ``site[n]`` (number in the fleet), ``time_ns[n]``, ``state[n]`` (UpdateState),
    ``cause[n]`` (Cause), ``release[n]`` it is about, ``attempt[n]`` from 1. ``members[m]`` are the shard's sites and
    ``contact_ns[m]`` when each last spoke to the server, -1 if never. ``watched[w]`` are the sites whose behaviour is
    looked at and ``sums[behaviour, w, 2]`` what has been summed up of it, numerator and denominator. ``manifests`` are
    the signed version reports of sites whose ECUs run something else than before.
    """

    time_ns: IntArray
    site: IntArray
    state: NDArray[np.int8]
    cause: NDArray[np.int8]
    release: IntArray
    attempt: IntArray
    members: IntArray
    contact_ns: IntArray
    watched: IntArray
    sums: FloatArray
    manifests: tuple[VehicleManifest, ...] = ()

    @classmethod
    def joined(cls, parts: Sequence[Reports]) -> Reports:
        """Return the reports of all shards as those of one fleet."""
        time_ns, site = (np.concatenate([getattr(part, name) for part in parts]) for name in ("time_ns", "site"))
        order = np.lexsort((site, time_ns))
        rows = {
            name: np.concatenate([getattr(part, name) for part in parts])[order]
            for name in ("time_ns", "site", "state", "cause", "release", "attempt")
        }
        return cls(
            **rows,
            members=np.concatenate([part.members for part in parts]),
            contact_ns=np.concatenate([part.contact_ns for part in parts]),
            watched=np.concatenate([part.watched for part in parts]),
            sums=np.concatenate([part.sums for part in parts], axis=1),
            manifests=tuple(sorted((one for part in parts for one in part.manifests), key=lambda one: one.site)),
        )


@dataclass(frozen=True, eq=False)
class Orders:
    """What the server wants of sites from now on: ``site[n]`` is to run ``release[n]``; -1 cancels what is under way.

    A site learns it when it next asks. ``finished``: the campaign will not say anything any more.
    """

    site: IntArray
    release: IntArray
    finished: bool = False
