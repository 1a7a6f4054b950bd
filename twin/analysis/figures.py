"""The key figures at the head of the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from twin.analysis.fleet import Peak
from twin.analysis.view import RunView, level_name, place_name


@dataclass(frozen=True)
class KeyFigure:
    """One number, what it is, and where or when it was."""

    label: str
    value: str
    detail: str = ""
    severe: bool = False


def key_figures(run: RunView) -> Iterator[KeyFigure]:
    """Yield the key figures that the run's signals permit, in the order in which an engineer asks for them."""
    yield _sites(run)
    yield _simulated_time(run)
    yield from _energy(run)
    yield from _soc(run)
    yield from _hottest(run)
    yield from _spread(run)
    yield from _bus(run)
    yield _events(run)
    if run.has_rows:
        yield _quarantined(run)


def _sites(run: RunView) -> KeyFigure:
    sizes = run.root.sizes
    size = [
        f"{sizes[dim]} {word}" for dim, word in (("slot", "modules a site"), ("cell", "cells a module")) if dim in sizes
    ]
    return KeyFigure("Sites", f"{len(run.sites)}", ", ".join(size))


def _simulated_time(run: RunView) -> KeyFigure:
    duration_s = float(run.time_s[-1]) if run.has_rows else 0.0
    period_s = run.root.attrs.get("row_period_s", np.nan)
    return KeyFigure("Simulated time", duration(duration_s), f"{len(run.time_s)} rows, one every {period_s:g} s")


def duration(time_s: float) -> str:
    """Return a stretch of time as text."""
    for limit_s, unit_s, unit in ((120, 1, "s"), (7200, 60, "min"), (48 * 3600, 3600, "h")):
        if time_s < limit_s:
            return f"{time_s / unit_s:.4g} {unit}"
    return f"{time_s / 86400:.4g} days"


def _energy(run: RunView) -> Iterator[KeyFigure]:
    if run.fleet.energy_kWh:
        charged, discharged = run.fleet.energy_kWh
        detail = f"{charged:.1f} kWh charged, {discharged:.1f} kWh discharged"
        yield KeyFigure("Energy throughput", f"{charged + discharged:.1f} kWh", detail)


def _soc(run: RunView) -> Iterator[KeyFigure]:
    if run.fleet.soc_range:
        low, high = run.fleet.soc_range
        source = "true, of any cell" if run.fleet.soc_name == "soc" else "as the BMS believes"
        yield KeyFigure("State of charge", f"{100 * low:.1f} – {100 * high:.1f} %", source)


def _hottest(run: RunView) -> Iterator[KeyFigure]:
    if run.fleet.hottest:
        peak = run.fleet.hottest
        yield KeyFigure("Hottest cell", f"{peak.value - 273.15:.1f} °C", where(run, peak))


def _spread(run: RunView) -> Iterator[KeyFigure]:
    if run.fleet.spread:
        peak = run.fleet.spread.peak
        yield KeyFigure("Largest cell spread", f"{1e3 * peak.value:.1f} mV", where(run, peak))


def where(run: RunView, peak: Peak) -> str:
    """Return the place and the clock time of a peak."""
    place = place_name(peak.slot, peak.cell)
    return f"site {peak.site}{', ' if place else ''}{place}, at {run.clock_text(peak.time_s)}"


def _bus(run: RunView) -> Iterator[KeyFigure]:
    if run.has("bus/frames"):
        frames = int(run.bus["frames"].sum())
        yield KeyFigure("CAN frames", f"{frames:,}", _troubles(run))
    if run.has("bus_load"):
        load = run.fleet.mean_by_site("bus_load")
        yield KeyFigure(
            "Bus load", f"{100 * np.nanmean(load):.2f} %", f"busiest site {100 * np.nanmax(load.mean(axis=1)):.2f} %"
        )
    elif run.has("bus/bus_load"):
        load = run.bus["bus_load"].values
        yield KeyFigure("Bus load", f"{100 * load.mean():.2f} %", f"busiest site {100 * load.max():.2f} %")


def _troubles(run: RunView) -> str:
    """Return what went wrong with frames, as far as the run counts it."""
    words = {"misses": "late", "overwritten": "overwritten", "dropped": "dropped", "errors": "destroyed"}
    counts = {word: int(run.bus[name].sum()) for name, word in words.items() if name in run.bus}
    return ", ".join(f"{count:,} {word}" for word, count in counts.items() if count) or "none late, lost or destroyed"


def _events(run: RunView) -> KeyFigure:
    counts = {level: int((run.events["level"] == level).sum()) for level in (3, 2, 1)}
    detail = ", ".join(f"{count} {level_name(level)}" for level, count in counts.items())
    return KeyFigure("Events", f"{len(run.events)}", detail, severe=counts[3] > 0)


def _quarantined(run: RunView) -> KeyFigure:
    sites = run.fleet.quarantined
    named = ", ".join(map(str, sites[:6])) + (", …" if len(sites) > 6 else "")
    return KeyFigure(
        "Sites quarantined", f"{len(sites)}", f"site {named}" if sites else "every FMU kept going", bool(sites)
    )
