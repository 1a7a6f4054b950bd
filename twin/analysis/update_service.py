"""What an update costs while it goes on: energy not served, open contactors, a busier bus, slower isolation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from twin.analysis.contactors import Switching
from twin.analysis.isolations import Isolation
from twin.analysis.rollout import Rollout
from twin.analysis.spans import Spans, within
from twin.analysis.thinning import Floats
from twin.ota.states import UpdateState

if TYPE_CHECKING:
    from twin.analysis.evidence import Evidence


@dataclass(frozen=True, eq=False)
class BusLoad:
    """Mean load of a site's bus while images went over it, and in the rows in which no update was at work.

    A row that is longer than an installation holds both: what it has above the load without an update is the images'.
    """

    during: Floats
    before: Floats


class UpdateService:
    """The service of a run's sites during their updates; arrays are by row of the run's sites."""

    def __init__(self, evidence: Evidence, rollout: Rollout) -> None:
        self._evidence = evidence
        self._rollout = rollout
        self._sites = np.asarray(evidence.run.sites, np.int64)

    @cached_property
    def updating(self) -> np.ndarray:
        """Which sites were at work on an update at all."""
        return np.isin(self._sites, self._rollout.at_work.site)

    @cached_property
    def unserved_kWh(self) -> Floats:
        """Energy that was asked for and not given while the site was at work; NaN of a quarantined one."""
        found = np.full(len(self._sites), np.nan)
        for block in self._evidence.blocks("request_W", "power_W"):
            request_W, power_W = (one.astype(np.float64) for one in block.values)
            served_W = np.clip(power_W * np.sign(request_W), 0.0, None)
            missing_W = np.clip(np.abs(request_W) - served_W, 0.0, None)
            found[block.rows] = (missing_W * self._overlap_s(self._rollout.at_work, block.rows)).sum(axis=-1) / 3.6e6
        return found

    @cached_property
    def bus_load(self) -> BusLoad:
        """Load of the buses while images went over them, and before."""
        load = BusLoad(*(np.full(len(self._sites), np.nan) for _ in range(2)))
        installing = self._rollout.in_states(UpdateState.INSTALLING)
        for block in self._evidence.blocks("bus_load"):
            values = block.values[0].astype(np.float64)
            at_work_s = self._overlap_s(self._rollout.at_work, block.rows)
            before = _mean(values, self._evidence.row_s * (at_work_s == 0.0))
            overlap_s = self._overlap_s(installing, block.rows)
            load.before[block.rows] = before
            load.during[block.rows] = _undiluted(values, before, overlap_s, self._evidence.row_s)
        return load

    def _overlap_s(self, spans: Spans, rows: slice) -> Floats:
        sites = self._sites[rows]
        return spans.where(np.isin(spans.site, sites)).overlap_s(sites, self._evidence.run.time_s)

    @cached_property
    def open_s(self) -> Floats:
        """How long a contactor that opened during an update stayed open in it."""
        found = np.zeros(len(self._sites))
        row = {int(site): place for place, site in enumerate(self._sites)}
        work = self._rollout.at_work
        for site, begin_s, end_s in zip(work.site.tolist(), work.begin_s, work.end_s, strict=True):
            opened = (one for one in self._openings(site) if begin_s <= one[0] < end_s)
            found[row[site]] += _length_s(list(within(opened, begin_s, end_s)))
        return found

    def _openings(self, site: int) -> Iterator[tuple[float, float]]:
        """Yield from when to when each contactor of a site was open, but for before it first closed."""
        since: dict[tuple[int, int], float] = {}
        for one in self._evidence.contactors.by_site.get(site, ()):
            if one.opened:
                since.setdefault(_place(one), one.time_ns * 1e-9)
            elif _place(one) in since:
                yield since.pop(_place(one)), one.time_ns * 1e-9
        yield from ((begin_s, self._rollout.end_s) for begin_s in since.values())

    @cached_property
    def isolations_during(self) -> tuple[Isolation, ...]:
        """Isolations of faults that began while their site was at work on an update."""
        return tuple(one for one in self._evidence.isolations.values() if self._is_during(one))

    @cached_property
    def isolations_else(self) -> tuple[Isolation, ...]:
        """The other isolations."""
        return tuple(one for one in self._evidence.isolations.values() if not self._is_during(one))

    def _is_during(self, one: Isolation) -> bool:
        return self._rollout.at_work.covers(one.fault.site, one.fault.start_ns * 1e-9)


def _place(one: Switching) -> tuple[int, int]:
    return one.pack, one.slot


def _length_s(stretches: list[tuple[float, float]]) -> float:
    """Return the length of all stretches, where they overlap counted once."""
    total_s, reached_s = 0.0, -np.inf
    for begin_s, end_s in sorted(stretches):
        total_s += max(0.0, end_s - max(begin_s, reached_s))
        reached_s = max(reached_s, end_s)
    return float(total_s)


def _undiluted(values: Floats, before: Floats, overlap_s: Floats, row_s: Floats) -> Floats:
    """Return the mean load over a part of the rows, if it is ``before`` in the rest of them; NaN of no part."""
    base = np.where(np.isfinite(before), before, _mean(values, overlap_s))
    above_s = np.where((overlap_s > 0.0) & np.isfinite(values), (values - base[:, None]) * row_s, 0.0).sum(axis=-1)
    total_s = np.where(np.isfinite(values), overlap_s, 0.0).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total_s > 0.0, np.clip(base + above_s / total_s, 0.0, 1.0), np.nan)


def _mean(values: Floats, weights_s: Floats) -> Floats:
    """Return the mean of what is known over time, ``[site]``; NaN where nothing has weight."""
    weights_s = np.where(np.isfinite(values), weights_s, 0.0)
    total_s = weights_s.sum(axis=-1)
    with np.errstate(invalid="ignore"):
        found = (np.where(np.isfinite(values), values, 0.0) * weights_s).sum(axis=-1) / total_s
    return np.where(total_s > 0.0, found, np.nan)
