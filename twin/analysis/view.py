"""A run as the report looks at it: arrays by signal and site, clock time, labels."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from twin.analysis.bus_bounds import SiteBounds, site_bounds
from twin.analysis.bus_messages import messages
from twin.analysis.fleet import Fleet
from twin.analysis.rollout import Rollout
from twin.analysis.thinning import Floats
from twin.errors import InputError, Problem
from twin.record import scenario_of
from twin.record.reader import open_run
from twin.scenario import Scenario, load

_SEVERITY = ("ok", "info", "warning", "fatal")


class RunView:
    """Reads one run; ``site`` is the one that the report shows in depth."""

    def __init__(self, folder: Path, site: int | None = None) -> None:
        self.folder = folder
        self.tree = open_run(folder)
        self.root: xr.Dataset = self.tree.to_dataset()
        self.sites = self.root["site"].values
        self.time_s: Floats = self.root["time_s"].values
        self.start = datetime.fromisoformat(self.root.attrs["start"])
        self.site = int(self._chosen(site))
        self.row = int(np.flatnonzero(self.sites == self.site)[0])

    def _chosen(self, site: int | None) -> int:
        """Return the site asked for, or else the one with the most severe events."""
        if site is None:
            return int(max(self.sites, key=lambda one: (*self._events_by_severity(one), -int(one))))
        if site not in self.sites:
            known = f"{self.sites[0]} to {self.sites[-1]}" if len(self.sites) > 1 else f"{self.sites[0]}"
            raise InputError(
                Problem(f"no site {site} in this run", file=str(self.folder), suggestion=f"it has {known}")
            )
        return site

    def _events_by_severity(self, site: int) -> tuple[int, ...]:
        levels = self.events.loc[self.events["site_id"] == site, "level"]
        return tuple(int((levels == level).sum()) for level in (3, 2, 1))

    @cached_property
    def fleet(self) -> Fleet:
        """Statistics of all sites."""
        return Fleet(self)

    @cached_property
    def rollout(self) -> Rollout | None:
        """What the run tells of its rollout; None if it had none."""
        return Rollout(self) if self.has("ota_transitions/state") else None

    @cached_property
    def events(self) -> pd.DataFrame:
        """The events as a table, in the order of time; without rows if the run has none."""
        columns = ("time_ns", "site_id", "slot_id", "cell_id", "level", "code", "source", "message", "cause", "remedy")
        if "events" not in self.tree.children:
            return pd.DataFrame({column: [] for column in columns})
        table = self.tree.children["events"].to_dataset(inherit=False).to_dataframe()
        return table.sort_values("time_ns", kind="stable").reset_index(drop=True)

    @cached_property
    def bus(self) -> xr.Dataset:
        """The bus statistics; empty if the run has none."""
        return self.tree.children["bus"].to_dataset(inherit=False) if "bus" in self.tree.children else xr.Dataset()

    @cached_property
    def scenario(self) -> Scenario | InputError:
        """The scenario that made the run, or why its folder does not say."""
        try:
            return load(scenario_of(self.folder))
        except InputError as mistake:
            return mistake

    @cached_property
    def bounds(self) -> SiteBounds | InputError:
        """What the messages of the run's scenario can take at most, or why that cannot be said."""
        if isinstance(self.scenario, InputError):
            return self.scenario
        try:
            return site_bounds(self.scenario)
        except InputError as mistake:
            return mistake

    @cached_property
    def messages(self) -> pd.DataFrame:
        """The messages of all sites together, beside their bounds; see ``bus_messages.messages``."""
        return messages(self.bus, None if isinstance(self.bounds, InputError) else self.bounds)

    @cached_property
    def clock_ms(self) -> Floats:
        """Local clock time of every row, in milliseconds since 1970 as a browser's date axis takes them."""
        return self.clock(self.time_s)

    def clock(self, time_s: Any) -> Any:
        """Return the local clock time, in milliseconds, of instants in seconds since the start."""
        local = self.start.replace(tzinfo=None) - datetime(1970, 1, 1)
        return local.total_seconds() * 1e3 + np.asarray(time_s, dtype=float) * 1e3

    @property
    def end(self) -> datetime:
        """The simulated end, in local time."""
        return self.start + timedelta(seconds=float(self.time_s[-1]) if self.has_rows else 0.0)

    @property
    def has_rows(self) -> bool:
        """Whether anything was logged at all."""
        return len(self.time_s) > 0

    def clock_text(self, time_s: float, *, milliseconds: bool = False) -> str:
        """Return the local clock time of an instant, with the date if the run goes beyond one day."""
        instant = self.start + timedelta(milliseconds=round(float(time_s) * 1e3))
        date = f"{instant:%Y-%m-%d} " if self.end.date() != self.start.date() else ""
        return f"{date}{instant:%H:%M:%S}" + (f".{instant.microsecond // 1000:03d}" if milliseconds else "")

    def has(self, name: str) -> bool:
        """Say whether the run holds a signal, or, as ``bus/frames``, a column of a table."""
        table, _, column = name.rpartition("/")
        if not table:
            return name in self.root and self.has_rows
        return table in self.tree.children and column in self.tree.children[table].to_dataset(inherit=False)

    def first_of(self, *names: str) -> str | None:
        """Return the first of these signals that the run holds."""
        return next((name for name in names if self.has(name)), None)

    def of_site(self, name: str) -> npt.NDArray[Any]:
        """Return a signal of the site in depth, ``[(slot, (cell,)) time]``."""
        return np.asarray(self.root[name].isel(site=self.row).values)

    def slots_in_depth(self, most: int = 4) -> list[int]:
        """Return the slots whose cells are shown: all, or those with the most severe events."""
        slots = [int(slot) for slot in self.root["slot"].values] if "slot" in self.root.coords else []
        mine = self.events[self.events["site_id"] == self.site]
        worst = sorted(slots, key=lambda slot: (-int(mine.loc[mine["slot_id"] == slot, "level"].sum()), slot))
        return sorted(worst[:most])

    def meanings(self, name: str) -> dict[int, str]:
        """Return what the values of a flag signal mean."""
        return meanings(self.root[name])


def meanings(variable: xr.DataArray) -> dict[int, str]:
    """Return what the values of a variable with flags mean."""
    attributes = variable.attrs
    return dict(zip(map(int, attributes["flag_values"]), attributes["flag_meanings"].split(), strict=True))


def level_name(level: int) -> str:
    """Return the word for a level of severity."""
    return _SEVERITY[level] if 0 <= level < len(_SEVERITY) else "unknown"


def module_name(slot: int) -> str:
    """Return how a slot is called in the report: modules count from 1, as in the BMS's own messages."""
    return f"module {slot + 1}"


def place_name(slot: int, cell: int) -> str:
    """Return how a place in a site is called; -1 stands for the whole."""
    return ", ".join(([module_name(slot)] if slot >= 0 else []) + ([f"cell {cell + 1}"] if cell >= 0 else []))
