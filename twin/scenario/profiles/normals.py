"""Climate normals: what a month is like at a place, one CSV file a place in ``data/profiles/climate/``.

Between the middles of two months their values are joined by a line, so that no season begins at midnight.
"""

from __future__ import annotations

import calendar
import csv
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from twin import resources

_ZERO_CELSIUS_K = 273.15


@dataclass(frozen=True)
class Normals:
    """Means of the twelve months: of daily minima and maxima, and of bright sunshine a day."""

    coolest_K: tuple[float, ...]
    warmest_K: tuple[float, ...]
    sunshine_h: tuple[float, ...]


def _folder() -> Path:
    return resources.folder("data") / "profiles" / "climate"


def _known(place: str) -> str:
    places = sorted(file.stem for file in _folder().glob("*.csv"))
    if place not in places:
        raise ValueError(f"found {place!r}; expected {', '.join(places)}")
    return place


Place = Annotated[str, AfterValidator(_known)]
"""Name of a file of normals."""


@cache
def normals(place: str) -> Normals:
    """Return the normals of a place that is known."""
    with (_folder() / f"{place}.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(line for line in stream if not line.startswith("#")))
    columns = {name: tuple(float(row[name]) for row in rows) for name in rows[0]}
    return Normals(
        tuple(degC + _ZERO_CELSIUS_K for degC in columns["coolest_degC"]),
        tuple(degC + _ZERO_CELSIUS_K for degC in columns["warmest_degC"]),
        columns["sunshine_h"],
    )


def seasonal(months: tuple[float, ...], local: datetime) -> float:
    """Return the value at a local time of what is known for the middle of each of the twelve months."""
    days = calendar.monthrange(local.year, local.month)[1]
    midnight = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    position = local.month - 1.5 + (local - midnight) / timedelta(days=days)
    before = int(position // 1)
    weight = position - before
    return (1.0 - weight) * months[before % 12] + weight * months[(before + 1) % 12]
