"""What is in a run's file, byte by byte."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from twin.record.reader import open_run


def datasets(folder: Path) -> dict[str, np.ndarray]:
    """Return every dataset of a run but its provenance."""
    found: dict[str, np.ndarray] = {}

    def keep(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("provenance"):
            found[name] = item[()]

    with h5py.File(folder / "run.h5") as file:
        file.visititems(keep)
    return found


def differing(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> list[str]:
    """Return the names of the datasets that differ in a byte; strings by their value."""
    assert one.keys() == other.keys()
    return [name for name in one if _bytes(one[name]) != _bytes(other[name])]


def flushed_rows(folder: Path) -> int:
    """Return how many rows are in the file of a run that goes on."""
    try:
        with open_run(folder) as tree:
            return int(tree.sizes.get("time", 0))
    except Exception:  # it is being made
        return 0


def _bytes(values: np.ndarray) -> object:
    return values.tolist() if values.dtype.hasobject else values.tobytes()
