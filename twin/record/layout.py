"""How a run lies in HDF5: dimension scales, one dataset a signal, one group a table, CF attributes everywhere.

The page docs/decisions/0007-hdf5-layout.md says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import h5py
import numpy as np

from twin.record.schema import CHUNK_ROWS, COORDINATE_DIM, Array, Column, Signal, chunk_shape

COMPRESSION: Final[dict[str, Any]] = {"compression": "gzip", "compression_opts": 4, "shuffle": True}
"""gzip is the one codec that every HDF5 tool reads without a plug-in."""

_LONG_NAMES: Final = {
    "site": "site of the fleet",
    "slot": "place of a module in its site, pack by pack",
    "cell": "cell of a module",
    "pack": "pack of the slot",
    "module": "place of the slot in its pack",
}


@dataclass(frozen=True)
class Layout:
    """Everything about a run's file but the values: enough to create it without a row."""

    signals: tuple[Signal, ...]
    coordinates: Mapping[str, Array]
    attributes: Mapping[str, str | int | float]
    start: datetime

    def __post_init__(self) -> None:
        if unknown := set(self.coordinates) - set(COORDINATE_DIM):
            raise ValueError(f"unknown coordinates {sorted(unknown)}, expected some of {sorted(COORDINATE_DIM)}")
        if missing := {dim for signal in self.signals for dim in signal.dims} - set(self.coordinates):
            raise ValueError(f"no coordinate for the dimensions {sorted(missing)}")

    def sizes(self, signal: Signal) -> tuple[int, ...]:
        """Return the shape of one row of ``signal``."""
        return tuple(len(self.coordinates[dim]) for dim in signal.dims)


def create(file: h5py.File, layout: Layout) -> None:
    """Write a run of no rows: coordinates, dimension scales and every signal, ready to be extended along time."""
    file.attrs["Conventions"] = "CF-1.11"
    write_attributes(file, {**layout.attributes, "start": layout.start.isoformat()})
    for name, values in layout.coordinates.items():
        dataset = file.create_dataset(name, data=np.asarray(values))
        write_attributes(dataset, {"units": "1", "long_name": _LONG_NAMES[name]})
        if COORDINATE_DIM[name] == name:
            dataset.make_scale(name)
    for name in layout.coordinates:
        if COORDINATE_DIM[name] != name:
            file[name].dims[0].attach_scale(file[COORDINATE_DIM[name]])
    _create_time(file, layout.start)
    for signal in layout.signals:
        _create_signal(file, signal, layout)


def _create_time(file: h5py.File, start: datetime) -> None:
    def create_axis(name: str) -> h5py.Dataset:
        return file.create_dataset(name, (0,), "f8", maxshape=(None,), chunks=(CHUNK_ROWS,), **COMPRESSION)

    time, seconds = create_axis("time"), create_axis("time_s")
    utc = start.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    write_attributes(
        time, {"units": f"seconds since {utc}", "standard_name": "time", "axis": "T", "calendar": "standard"}
    )
    write_attributes(seconds, {"units": "s", "long_name": "time since the start of the run"})
    time.make_scale("time")
    seconds.dims[0].attach_scale(time)


def _create_signal(file: h5py.File, signal: Signal, layout: Layout) -> None:
    sizes = layout.sizes(signal)
    dataset = create_series(file, signal, sizes, 0, CHUNK_ROWS)
    write_attributes(dataset, signal.attributes())
    auxiliary = [name for name, dim in COORDINATE_DIM.items() if name in layout.coordinates and dim != name]
    coordinates = [name for name in auxiliary if COORDINATE_DIM[name] in signal.dims]
    dataset.attrs["coordinates"] = " ".join([*coordinates, "time_s"])
    for axis, dim in enumerate((*signal.dims, "time")):
        dataset.dims[axis].attach_scale(file[dim])


def create_series(file: h5py.File, signal: Signal, sizes: tuple[int, ...], rows: int, chunk_rows: int) -> h5py.Dataset:
    """Create the bare dataset of a signal ``[*sizes, rows]``, extensible along time."""
    fill = {} if signal.flags else {"fillvalue": np.nan}
    return file.create_dataset(
        signal.name,
        (*sizes, rows),
        signal.dtype,
        maxshape=(*sizes, None),
        chunks=chunk_shape(sizes, chunk_rows),
        **fill,
        **COMPRESSION,
    )


def write_attributes(target: h5py.HLObject, attributes: Mapping[str, Any]) -> None:
    """Write attributes, booleans as numbers: an HDF5 enumeration would lose its meaning in most readers."""
    for name, value in attributes.items():
        target.attrs[name] = int(value) if isinstance(value, bool | np.bool_) else value


def write_facts(group: h5py.Group, facts: Mapping[str, Any]) -> None:
    """Write nested facts: values become attributes of ``group``, mappings its subgroups."""
    for name, value in facts.items():
        if isinstance(value, Mapping):
            write_facts(group.require_group(name), value)
        else:
            write_attributes(group, {name: value})


def encoded(values: Array) -> Array:
    """Return text as fixed-length UTF-8, anything else as it is."""
    if values.dtype.kind not in "UO":
        return values
    texts = [str(value).encode() for value in values.ravel()]
    return np.array(texts, dtype=f"S{max([1, *map(len, texts)])}").reshape(values.shape)


def write_table(group: h5py.Group, columns: Mapping[str, Column]) -> None:
    """Write a table with named axes; a dimension is its column of that name, the run's own, or an index."""
    for name, column in columns.items():
        dataset = write_column(group, name, column)
        write_attributes(dataset, column.attributes())
    for name, column in columns.items():
        for axis, dim in enumerate(column.dims):
            if dim != name:
                group[name].dims[axis].attach_scale(_scale(group, dim, column.values.shape[axis]))
    for name, column in columns.items():
        if column.dims == (name,) and not group[name].is_scale:
            group[name].make_scale(name)


def write_column(group: h5py.Group, name: str, column: Column) -> h5py.Dataset:
    """Write the bare values of a column; ``dims`` is kept as an attribute."""
    values = encoded(column.values)
    stored = values.astype(h5py.string_dtype("utf-8", values.dtype.itemsize)) if values.dtype.kind == "S" else values
    packing = COMPRESSION if values.size > CHUNK_ROWS else {}
    return group.create_dataset(name, data=stored, **packing)


def _scale(group: h5py.Group, dim: str, size: int) -> h5py.Dataset:
    if dim not in group and dim in group.file and group.file[dim].shape == (size,):
        return group.file[dim]
    if dim not in group:
        group.create_dataset(dim, data=np.arange(size))
        write_attributes(group[dim], {"units": "1", "long_name": f"index of {dim}"})
    if not group[dim].is_scale:
        group[dim].make_scale(dim)
    return group[dim]
