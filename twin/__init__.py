"""A digital-twin laboratory for fleets of battery systems."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xarray import DataTree

__all__ = ["open_run"]


def open_run(folder: str | Path) -> DataTree:
    """Open a run folder as a lazy xarray tree: signals at the root, ``events``, ``bus`` and ``provenance`` below.

    Works on finished, interrupted and killed runs. Raises InputError if the folder is not one of a run.
    """
    from twin.record.reader import open_run as read  # xarray is slow to import

    return read(folder)
