"""Runs as xarray trees: finished, interrupted, or killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from twin.errors import InputError, Problem
from twin.record.layout import encoded
from twin.record.manifest import HEADER, Manifest, load
from twin.record.schema import Array, Column
from twin.record.segments import Segments


def open_run(folder: str | Path) -> xr.DataTree:
    """Open a run folder, lazily: signals at the root, and the groups ``events``, ``bus``, ``frames``, ``provenance``.

    A run that is still going, or was killed, shows what is safe on disk. Raises InputError if the folder is not one of
    a run or lacks files.
    """
    folder = Path(folder)
    manifest = load(folder)
    if manifest.file is None:
        return _open_segments(folder, manifest)
    try:
        return xr.open_datatree(folder / manifest.file, engine="h5netcdf", decode_timedelta=False)
    except OSError as mistake:
        raise InputError(Problem(f"cannot be read: {mistake}", file=str(folder / manifest.file))) from None


def _open_segments(folder: Path, manifest: Manifest) -> xr.DataTree:
    segments = Segments(folder, manifest)
    if damaged := segments.damaged():
        raise InputError([Problem("damaged: not what was written", file=str(folder / entry.file)) for entry in damaged])
    try:
        header = xr.open_datatree(folder / HEADER, engine="h5netcdf", decode_cf=False)
    except OSError as mistake:
        raise InputError(Problem(f"cannot be read: {mistake}", file=str(folder / HEADER))) from None
    root = header.to_dataset()
    variables = {str(name): _variable(str(name), variable, segments) for name, variable in root.variables.items()}
    signals = xr.decode_cf(
        xr.Dataset(variables, attrs={**root.attrs, "status": manifest.status}), decode_timedelta=False
    )
    tree = xr.DataTree(signals)
    for path, node in header["provenance"].subtree_with_keys:
        tree[f"provenance/{path}"] = xr.DataTree(node.to_dataset(inherit=False))
    for name in segments.table_names():
        tree[name] = xr.DataTree(_table(segments.table(name)))
    return tree


def _variable(name: str, variable: xr.Variable, segments: Segments) -> xr.Variable:
    if "time" not in variable.dims:
        return variable
    array = _SegmentedSignal("time_s" if name == "time" else name, variable, segments)
    return xr.Variable(variable.dims, indexing.LazilyIndexedArray(array), variable.attrs)


def _table(columns: dict[str, Column]) -> xr.Dataset:
    variables = {
        name: xr.Variable(column.dims, encoded(column.values), column.attributes()) for name, column in columns.items()
    }
    return xr.decode_cf(xr.Dataset(variables), decode_timedelta=False)


class _SegmentedSignal(BackendArray):
    """A signal that still lies in segments, read when it is asked for."""

    def __init__(self, name: str, variable: xr.Variable, segments: Segments) -> None:
        self.name = name
        self.segments = segments
        self.shape = (*variable.shape[:-1], segments.rows)
        self.dtype = variable.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Array:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key: tuple[Any, ...]) -> Array:
        *units, rows = key
        last: int | slice = 0
        start, stop = (0, 0) if isinstance(rows, slice) else (int(rows), int(rows) + 1)
        if isinstance(rows, slice):
            start, stop, step = rows.indices(self.shape[-1])
            last = slice(None, None, step)
        if start >= stop or not self.segments.overlapping(start, stop):
            return np.empty(self.shape, self.dtype)[(*units, rows)]
        return self.segments.read(self.name, start, stop, tuple(units))[..., last]
