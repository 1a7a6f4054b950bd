"""What the server knows of watched sites: how they have behaved since they took the release, and who failed to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from twin.ota.behaviour.observation import FloatArray
from twin.ota.behaviour.watch import behaviours
from twin.ota.causes import Cause
from twin.ota.messages import Reports
from twin.ota.states import UpdateState

BLAMED: Final = frozenset(
    {
        Cause.METADATA_REFUSED,
        Cause.IMAGE_REFUSED,
        Cause.DEPENDENCY_UNMET,
        Cause.TRANSFER_REFUSED,
        Cause.TRANSFER_TIMEOUT,
        Cause.BUS_OFF,
        Cause.BOOT_FAILED,
        Cause.HEALTH_CHECK_FAILED,
    }
)
"""Failures that speak against a release; others tell of lines, storage, power, and what the campaign wanted."""


@dataclass(frozen=True, eq=False)
class Installed:
    """A site that runs the release: since when, and what the sums of all watched sites were then."""

    time_ns: int
    sums: FloatArray
    """``[behaviour, w, 2]``; of behaviours that begin with installing, what they were before that."""


class History:
    """Sums of watched sites over time, and how their updates went; told at every decision."""

    def __init__(self) -> None:
        self._place: Mapping[int, int] = {}
        self._sums: FloatArray = np.zeros((len(behaviours()), 0, 2))
        self._before: dict[int, FloatArray] = {}
        self._early = np.array([kind.begins == "installing" for kind in behaviours().values()])
        self.installed: dict[int, Installed] = {}
        """By site."""
        self.failed: dict[int, Cause] = {}
        """By site that has given up."""

    def note(self, time_ns: int, reports: Reports) -> None:
        """Take what sites have told until ``time_ns``; the watched ones are always the same."""
        self._place = {int(site): place for place, site in enumerate(reports.watched)}
        before, self._sums = self._sums, reports.sums.copy()
        if before.shape != self._sums.shape:
            before = np.zeros_like(self._sums)
        columns = (reports.site, reports.state, reports.cause, reports.release)
        for site, state, cause, release in zip(*(column.tolist() for column in columns), strict=True):
            if site in self._place:
                self._changed(site, UpdateState(state), Cause(cause), release, (time_ns, before))

    def _changed(self, site: int, state: UpdateState, cause: Cause, release: int, now: tuple[int, FloatArray]) -> None:
        """Take one change of state; who begins anew, or goes back, no longer counts."""
        time_ns, before = now
        if release == 0 or state == UpdateState.PENDING:
            self.installed.pop(site, None)
            self.failed.pop(site, None)
        elif state == UpdateState.INSTALLING:
            self._before[site] = before
        elif state == UpdateState.SUCCESS:
            began = self._before.get(site, before)
            self.installed[site] = Installed(time_ns, np.where(self._early[:, None, None], began, self._sums))
        elif state in (UpdateState.FAILURE, UpdateState.ABORTED):
            self.failed[site] = cause

    def values(self, site: int, since: Installed) -> FloatArray:
        """Return the behaviours of a watched site over the window that began with an install, its own or another's."""
        place = self._place[site]
        numerator, denominator = (self._sums[:, place] - since.sums[:, place]).T
        return np.divide(numerator, denominator, out=np.full(len(numerator), np.nan), where=denominator > 0.0)

    def groups(self, canaries: Sequence[int], baseline: Sequence[int]) -> tuple[FloatArray, FloatArray]:
        """Return the behaviours of both groups, ``[behaviour, site]``; NaN where a site has nothing to say.

        A canary is looked at from its own install on; the windows of the baseline are those of the canaries in turn.
        """
        since = [self.installed[site] for site in canaries]
        mine = [self.values(site, one) for site, one in zip(canaries, since, strict=True)]
        theirs = [self.values(site, since[number % len(since)]) for number, site in enumerate(baseline)]
        return np.array(mine).T, np.array(theirs).T
