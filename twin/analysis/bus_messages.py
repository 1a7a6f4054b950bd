"""The messages of a run: what the buses of all sites counted of each, beside what its scenario allows it at most.

A bound assumes no errors, faults or replayed traces. It lasts until the end of the interframe space, three bits longer
than the latencies that a run counts; of what a gateway passes on it counts from when the original was due.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import xarray as xr

from twin.analysis.bus_bounds import SiteBounds

LOSSES: Final = ("misses", "overwritten", "dropped")
"""Counts of frames that came late or never."""
_SUMS: Final = ("frames", *LOSSES, "errors")
_LONGEST_BASE: Final = 0x7FF


def messages(bus: xr.Dataset, bounds: SiteBounds | None) -> pd.DataFrame:
    """Return a row a message, by segment and priority, its index the place in the run; sites are added up.

    Columns, as far as the run has them: ``message``, ``label`` (unique), ``identifier``, ``sender``, ``segment``,
    ``deadline_s``, ``frames``, ``misses``, ``overwritten``, ``dropped``, ``errors``, ``latency_mean_s`` and
    ``latency_max_s`` (NaN where nothing was seen). Always ``bound_s``: infinite where the message can starve, NaN where
    nothing is known.
    """
    found = pd.DataFrame({"message": [str(name) for name in bus["message"].values]})
    for name in ("sender", "segment"):
        if name in bus:
            found[name] = [str(text) for text in bus[name].values]
    for name in ("identifier", "deadline_s"):
        if name in bus:
            found[name] = bus[name].values
    if "identifier" in found:
        found["extended"] = bus["extended"].values > 0 if "extended" in bus else found["identifier"] > _LONGEST_BASE
    for name in _SUMS:
        if name in bus:
            found[name] = bus[name].sum("site").values
    if "latency_mean_s" in bus and "frames" in bus:
        found["latency_mean_s"] = _mean_s(bus)
    if "latency_max_s" in bus and "frames" in bus:
        found["latency_max_s"] = bus["latency_max_s"].max("site").values
        found.loc[found["frames"] == 0, "latency_max_s"] = np.nan
    found["bound_s"] = _bounds_s(found, bounds)
    found["label"] = _labels(found)
    return found.iloc[_order(found)]


def worst_first(found: pd.DataFrame) -> pd.DataFrame:
    """Return the messages with the most losses first, then most errors, then nearest to their deadline or past it."""
    lost = sum((found[name] for name in LOSSES if name in found), pd.Series(0, found.index))
    errors = found["errors"] if "errors" in found else lost * 0
    deadline_s = found["deadline_s"] if "deadline_s" in found else lost * np.nan
    longest_s = found["latency_max_s"] if "latency_max_s" in found else lost * np.nan
    keys = {"lost": -lost, "errors": -errors, "share": -(longest_s / deadline_s).fillna(0.0)}
    return found.loc[pd.DataFrame(keys).sort_values(list(keys), kind="stable").index]


def _mean_s(bus: xr.Dataset) -> np.ndarray:
    """Return the mean latency over the frames of all sites, NaN where there were none."""
    frames = bus["frames"].values
    total_s = (np.nan_to_num(bus["latency_mean_s"].values) * frames).sum(axis=0)
    count = frames.sum(axis=0)
    return np.where(count > 0, total_s / np.maximum(count, 1), np.nan)


def _bounds_s(found: pd.DataFrame, bounds: SiteBounds | None) -> list[float]:
    """Return the worst response of each message; one that the scenario does not send periodically has none."""
    if bounds is None or "segment" not in found:
        return [np.nan] * len(found)
    known = {
        (segment.segment.name, one.layout.name): one.bound.response_ns
        for segment in bounds.segments
        for one in segment.messages
    }
    places = zip(found["segment"], found["message"], strict=True)
    return [_seconds(known[place]) if place in known else np.nan for place in places]


def _seconds(response_ns: int | None) -> float:
    return np.inf if response_ns is None else response_ns * 1e-9


def _labels(found: pd.DataFrame) -> list[str]:
    """Return the names, with their segments where there are several."""
    if "segment" not in found or found["segment"].nunique() < 2:
        return list(found["message"])
    return [f"{message} ({segment})" for message, segment in zip(found["message"], found["segment"], strict=True)]


def _order(found: pd.DataFrame) -> list[int]:
    """Return the rows by segment, as the segments first come, and priority."""
    if "identifier" not in found:
        return list(range(len(found)))
    segments = pd.factorize(found["segment"])[0] if "segment" in found else np.zeros(len(found), int)
    kinds = zip(found["identifier"].astype(int), found["extended"], strict=True)
    priorities = [_priority(identifier, bool(extended)) for identifier, extended in kinds]
    return sorted(range(len(found)), key=lambda row: (segments[row], priorities[row]))


def _priority(identifier: int, extended: bool) -> tuple[int, bool, int]:
    """Return what arbitration compares."""
    return (identifier >> 18, True, identifier & 0x3FFFF) if extended else (identifier, False, 0)
