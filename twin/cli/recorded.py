"""What a tool would have recorded of one site's buses: from the log of a run, or from simulating that site again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from twin.bms.events import Event
from twin.errors import InputError, Problem
from twin.network.traces import Recording
from twin.ota.server import RecordedServer, UpdateServer
from twin.record import Column
from twin.scenario import Scenario
from twin.shards import Whole

Values = NDArray[Any]

ORDERS = "ota_orders"
_BLOCK = 1_000_000
"""Frames of the log that are looked at in one go."""


@dataclass(frozen=True)
class Window:
    """From one instant up to another, which is not part of it."""

    begin_ns: int
    end_ns: int


def from_log(run: xr.DataTree, scenario: Scenario, site: int, window: Window) -> Recording | None:
    """Return a site's frames in a window, or None where the run did not log frames of that site."""
    if "frames" not in run.children:
        return None
    frames = run["frames"].to_dataset()
    kept = _Kept(scenario, window)
    known = False
    for first in range(0, frames.sizes["frame"], _BLOCK):
        block = frames.isel(frame=slice(first, first + _BLOCK))
        mine = np.flatnonzero(block["site_id"].values == site)
        if len(mine):
            known = True
            kept.frames(site, {str(name): block[name].values[mine] for name in block.data_vars if name != "site_id"})
    return kept.recording() if known else None


def recorded_server(run: xr.DataTree) -> RecordedServer:
    """Return an update server that says to sites what they were told in a run.

    Raises InputError if the run does not say what that was.
    """
    if ORDERS not in run.children:
        found = "it does not say what the update server ordered: it did not come to its end"
        raise InputError(Problem(f"{found}; a site cannot be run again alone"))
    orders = run.children[ORDERS].to_dataset(inherit=False)
    return RecordedServer(*(orders[name].values.tolist() for name in ("time_ns", "site_id", "release")))


def again(
    scenario: Scenario,
    site: int,
    window: Window,
    on_tick: Callable[[int], None],
    server: UpdateServer | None = None,
) -> Recording:
    """Simulate a site alone up to the window's end and return its frames: the same as in the fleet.

    ``server``: whom it asks for updates.

    Raises InputError with the mistakes that the parts find.
    """
    kept = _Kept(scenario, window)
    tick_ns = round((scenario.pace.quiet_s if scenario.pace else scenario.step_s) * 1e9)
    record = scenario.record.model_copy(update={"frames": True})
    with Whole(scenario.model_copy(update={"record": record}), [site], profile=False, server=server) as engine:

        def tick(done: int) -> None:
            on_tick(done)
            if done * tick_ns >= window.end_ns:
                engine.stop()

        engine.ready()
        engine.execute(kept, tick)
    return kept.recording()


@dataclass
class _Kept:
    """A sink that keeps the frames of a window, and nothing else."""

    scenario: Scenario
    window: Window
    parts: list[Recording] = field(default_factory=list)

    def append(self, time_ns: int, values: Mapping[str, Values]) -> None:
        """Take a row."""

    def event(self, event: Event) -> None:
        """Take an event."""

    def table(self, name: str, columns: Mapping[str, Column]) -> None:
        """Take a table."""

    def frames(self, site: int, columns: Mapping[str, Values]) -> None:  # noqa: ARG002 - there is only one
        """Take frames, and keep those of the window."""
        part = Recording.of_log(columns, self.scenario.bus.bitrates_bit_s)
        inside = (part.time_ns >= self.window.begin_ns) & (part.time_ns < self.window.end_ns)
        if inside.any():
            self.parts.append(part.select(inside))

    def recording(self) -> Recording:
        """Return what was kept."""
        return Recording.joined(self.parts)
