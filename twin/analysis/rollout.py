"""What a run tells of its rollout: states of all sites over time, exposure, failures, gates, transfers, mixed versions.

A *site* has been updated once it has reached success with the release that is rolled out; it is *exposed* from the
instant at which the first of its ECUs runs it. What goes back to release 0 later has been exposed all the same.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from twin.analysis.spans import Spans
from twin.analysis.thinning import Floats
from twin.ota.causes import Cause
from twin.ota.states import AT_WORK, UpdateState
from twin.record.rollout import PATHS, ROLES, TABLES

if TYPE_CHECKING:
    from twin.analysis.view import RunView

RELEASE: Final = 1
"""Number of the release that is rolled out; 0 is what the fleet ran before."""
STOPS: Final = frozenset({"pause", "abort", "stop", "stop_all", "gate_stop"})
"""Kinds of decisions that hold a rollout up."""
SILENT_S: Final = 600.0
"""An ECU that has run nothing for longer than this when the run ends will not come back by itself."""
_INSTANTS: Final = 400


class Rollout:
    """The rollout of one run; each thing is computed when it is first asked for."""

    def __init__(self, run: RunView) -> None:
        self._run = run
        self.end_s = float(run.time_s[-1]) if run.has_rows else 0.0

    def table(self, name: str) -> pd.DataFrame:
        """Return one of the tables of ``twin.record.rollout``; without rows if the run has none such."""
        if name not in self._run.tree.children:
            return pd.DataFrame({column: [] for column in TABLES[name].columns})
        return self._run.tree.children[name].to_dataset(inherit=False).to_dataframe().reset_index(drop=True)

    @cached_property
    def transitions(self) -> pd.DataFrame:
        """What each site did, in the order of time."""
        return self.table("ota_transitions").sort_values(["time_s", "site_id"], kind="stable").reset_index(drop=True)

    @cached_property
    def plan(self) -> pd.DataFrame:
        """Which sites the campaign is about; of a run without a plan, those that did anything."""
        planned = self.table("ota_plan")
        if len(planned):
            return planned[planned["group"] >= 0].sort_values("site_id").reset_index(drop=True)
        sites = np.unique(self.transitions["site_id"].to_numpy(np.int64))
        return pd.DataFrame({"site_id": sites, "group": 0, "role": ROLES["rest"]})

    @cached_property
    def sites(self) -> npt.NDArray[np.int64]:
        """The sites that the campaign is about, in their order."""
        return self.plan["site_id"].to_numpy(np.int64)

    @cached_property
    def version(self) -> str:
        """What the release is called: its version, or all of them where its images differ."""
        releases = self.table("ota_releases")
        found = dict.fromkeys(releases.loc[releases["release"] == RELEASE, "version"])
        return ", ".join(map(str, found)) or "The release"

    @cached_property
    def start_s(self) -> float:
        """When the campaign first asked a site to update."""
        return float(self.transitions["time_s"].min()) if len(self.transitions) else 0.0

    @cached_property
    def spans(self) -> pd.DataFrame:
        """Transitions with ``end_s``, when the site left the state, or the end of the run."""
        found = self.transitions.sort_values(["site_id", "time_s"], kind="stable").reset_index(drop=True)
        same = found["site_id"].shift(-1) == found["site_id"]
        found["end_s"] = found["time_s"].shift(-1).where(same, self.end_s)
        return found

    def in_states(self, *states: UpdateState, release: int | None = None) -> Spans:
        """Return when sites were in one of some states, about one release or any."""
        found = self.spans[self.spans["state"].isin([int(state) for state in states])]
        return _spans(found if release is None else found[found["release"] == release], "time_s", self.end_s)

    @cached_property
    def at_work(self) -> Spans:
        """When the buses and ECUs of sites were concerned."""
        return self.in_states(*AT_WORK).merged

    @cached_property
    def instants_s(self) -> Floats:
        """Instants for drawing: even ones, and more where much happens."""
        even = np.linspace(0.0, self.end_s, _INSTANTS)
        busy = self.transitions["time_s"].to_numpy(np.float64)
        quantiles = np.quantile(busy, np.linspace(0.0, 1.0, _INSTANTS)) if len(busy) else busy
        return np.unique(np.concatenate((even, quantiles)))

    @cached_property
    def updated_s(self) -> Floats:
        """When each of ``sites`` first had the release and was content with it, NaN if never."""
        return self._first(self.transitions["state"] == UpdateState.SUCCESS)

    @cached_property
    def failed(self) -> npt.NDArray[np.bool_]:
        """Which of ``sites`` gave the release up at least once."""
        return np.isfinite(self._first(self.transitions["state"] == UpdateState.FAILURE))

    def _first(self, mask: pd.Series) -> Floats:
        """Return by site the first transition of some that is about the release, NaN where there is none."""
        mine = self.transitions[mask & (self.transitions["release"] == RELEASE)]
        return mine.groupby("site_id")["time_s"].min().reindex(self.sites).to_numpy(np.float64)

    def time_to_s(self, share: float) -> float | None:
        """Return how long after its start the rollout had reached a share of its sites, None if it never did."""
        done = np.sort(self.updated_s[np.isfinite(self.updated_s)])
        needed = max(1, int(np.ceil(share * len(self.sites) - 1e-9)))
        return float(done[needed - 1]) - self.start_s if len(done) >= needed else None

    @cached_property
    def versions(self) -> pd.DataFrame:
        """What each ECU ran, with ends that lie within the run."""
        found = self.table("ota_versions")
        return found.assign(end_s=found["end_s"].clip(upper=self.end_s), open=~np.isfinite(found["end_s"]))

    @cached_property
    def exposed(self) -> Spans:
        """When any ECU of a site ran the release, by site without overlaps."""
        if len(self.versions):
            return _spans(self.versions[self.versions["release"] == RELEASE], "begin_s", self.end_s).merged
        return self.in_states(UpdateState.CHECKING, UpdateState.SUCCESS, release=RELEASE).merged

    @cached_property
    def exposed_s(self) -> Floats:
        """When each of ``sites`` first ran the release, NaN if never."""
        first = pd.Series(self.exposed.begin_s).groupby(self.exposed.site).min()
        return first.reindex(self.sites).to_numpy(np.float64)

    def share_exposed(self, time_s: float | None = None) -> float:
        """Return the share of the sites that had ever run the release by an instant, or by the end."""
        until_s = self.end_s if time_s is None else time_s
        return float((self.exposed_s <= until_s).mean()) if len(self.sites) else 0.0

    @cached_property
    def foreign(self) -> pd.DataFrame:
        """ECUs that ran what belongs to no release: an attacker's image."""
        return self.versions[self.versions["release"] < 0]

    @cached_property
    def bricked(self) -> pd.DataFrame:
        """ECUs that run nothing when the run ends, and have not for some time although their site has power."""
        if not len(self.versions):
            return self.versions
        last = self.versions.sort_values("begin_s", kind="stable").groupby(["site_id", "ecu"], sort=True).tail(1)
        silent = last[~last["open"] & (last["end_s"] < self.end_s - SILENT_S)]
        return silent[~silent["site_id"].isin(self._dark)].sort_values(["site_id", "ecu"])

    @cached_property
    def _dark(self) -> frozenset[int]:
        """Sites that are without power when the run ends, as the truth has it."""
        if not self._run.has("truth/kind"):
            return frozenset()
        truth = self._run.tree.children["truth"].to_dataset(inherit=False).to_dataframe()
        lasting = (truth["kind"] == "power_loss") & (truth["end_s"] > self.end_s - SILENT_S)
        return frozenset(map(int, truth.loc[lasting & (truth["start_s"] <= self.end_s), "site_id"]))

    @cached_property
    def attempts(self) -> Floats:
        """Attempts that each of ``sites`` made at the release, 0 where it made none."""
        mine = self.transitions[self.transitions["release"] == RELEASE]
        return mine.groupby("site_id")["attempt"].max().reindex(self.sites, fill_value=0).to_numpy(np.float64)

    @cached_property
    def failures(self) -> pd.DataFrame:
        """Why updates did not go on: by cause, sites that gave up, setbacks that were tried again, and an example."""
        found = self.transitions[self.transitions["cause"] != Cause.NONE]
        given_up = found["state"] == UpdateState.FAILURE
        put_off = found["state"] == UpdateState.WAITING
        facts = pd.DataFrame({"cause": found["cause"], "site_id": found["site_id"], "gave_up": given_up})
        facts["setbacks"] = put_off
        facts["cancelled"] = ~given_up & ~put_off
        by_cause = facts.groupby("cause", sort=True).agg(
            gave_up=("gave_up", "sum"),
            setbacks=("setbacks", "sum"),
            cancelled=("cancelled", "sum"),
            sites=("site_id", "nunique"),
            example=("site_id", "first"),
        )
        order = ["gave_up", "setbacks", "cancelled"]
        return by_cause.sort_values(order, ascending=False, kind="stable").reset_index()

    @cached_property
    def transfers(self) -> pd.DataFrame:
        """Transfers that were finished, with their duration and throughput."""
        found = self.table("ota_transfers")
        done = found[(found["cause"] == Cause.NONE) & np.isfinite(found["end_s"]) & (found["end_s"] > found["begin_s"])]
        duration_s = done["end_s"] - done["begin_s"]
        return done.assign(duration_s=duration_s, rate_bit_s=8.0 * done["bytes"] / duration_s)

    def transfers_by(self, path: str) -> pd.DataFrame:
        """Return the finished transfers over ``wan`` or ``bus``."""
        return self.transfers[self.transfers["path"] == PATHS[path]]

    @cached_property
    def gates(self) -> pd.DataFrame:
        """What gates saw, in the order of time."""
        return self.table("ota_gates").sort_values("time_s", kind="stable").reset_index(drop=True)

    @cached_property
    def decisions(self) -> pd.DataFrame:
        """What was decided, in the order of time."""
        return self.table("ota_decisions").sort_values("time_s", kind="stable").reset_index(drop=True)

    @cached_property
    def offline(self) -> Spans:
        """When sites could not reach the server."""
        return _spans(self.table("ota_outages"), "begin_s", self.end_s)

    @cached_property
    def mixed(self) -> Spans:
        """When a site ran the release on some of the ECUs that it is for, and another one on others."""
        releases = self.table("ota_releases")
        roles = set(releases.loc[releases["release"] == RELEASE, "role"])
        ours = self.versions[self.versions["role"].isin(roles)] if roles else self.versions
        new = _changes(ours[ours["release"] == RELEASE])
        old = _changes(ours[ours["release"] != RELEASE])
        found: list[tuple[int, float, float]] = []
        for site in sorted(set(new) & set(old)):
            found += [(site, *one) for one in _both(new[site], old[site])]
        columns = np.array(found, np.float64).reshape(-1, 3)
        return Spans(columns[:, 0].astype(np.int64), columns[:, 1], columns[:, 2])


def _spans(table: pd.DataFrame, begin: str, end_s: float) -> Spans:
    """Return a table's stretches, those that are open up to the end of the run."""
    site, begin_s = table["site_id"].to_numpy(np.int64), table[begin].to_numpy(np.float64)
    return Spans(site, begin_s, np.minimum(table["end_s"].to_numpy(np.float64), end_s))


def _changes(table: pd.DataFrame) -> dict[int, list[tuple[float, int]]]:
    """Return by site when how many of some stretches begin (+1) and end (-1)."""
    found: dict[int, list[tuple[float, int]]] = {}
    for row in table.itertuples():
        found.setdefault(int(row.site_id), []).extend([(float(row.begin_s), 1), (float(row.end_s), -1)])
    return found


def _both(one: list[tuple[float, int]], other: list[tuple[float, int]]) -> list[tuple[float, float]]:
    """Return the stretches in which some of both hold."""
    here = there = 0
    since_s, found = -1.0, []
    for time_s, change, first in sorted([(*at, True) for at in one] + [(*at, False) for at in other]):
        if here > 0 and there > 0 and time_s > since_s:
            found.append((since_s, time_s))
        here, there = here + change * first, there + change * (not first)
        since_s = time_s
    return found
