"""Segments: files of consecutive rows, written once, made durable, listed in the manifest and then only read."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import h5py
import numpy as np

from twin.record.layout import Layout, create_series, write_column
from twin.record.manifest import Manifest, Segment, checksum, make_durable
from twin.record.schema import CHUNK_ROWS, Array, Column

TABLES: Final = "tables"
_OPEN_FILES: Final = 16
"""Segments kept open at a time, whatever their number: a process has few file handles."""


def write_segment(
    folder: Path,
    number: int,
    first_row: int,
    time_s: Array,
    rows: Mapping[str, Array],
    tables: Mapping[str, Mapping[str, Column]],
    layout: Layout,
) -> Segment:
    """Write one segment durably and return its entry for the manifest.

    ``rows``: the rows of each signal, ``[time, ...]``, as they were appended.
    """
    name = f"segments/{number:06d}.h5"
    part = folder / f"{name}.part"
    with h5py.File(part, "w") as file:
        file.create_dataset("time_s", data=time_s)
        chunk_rows = max(1, min(CHUNK_ROWS, len(time_s)))  # HDF5 packs the whole of a chunk that is filled in part
        for signal in layout.signals:
            values = signal.stored(rows[signal.name])
            create_series(file, signal, values.shape[:-1], len(time_s), chunk_rows)[...] = values
        for table, columns in tables.items():
            group = file.create_group(f"{TABLES}/{table}")
            for column_name, column in columns.items():
                write_column(group, column_name, column).attrs["column"] = _described(column)
    entry = Segment(
        file=name,
        first_row=first_row,
        rows=len(time_s),
        tables={table: len(next(iter(columns.values())).values) for table, columns in tables.items()},
        bytes=part.stat().st_size,
        sha256=checksum(part),
    )
    make_durable(part, folder / name)
    return entry


def _described(column: Column) -> str:
    flags = dict(column.flags) if column.flags else None
    return json.dumps({"dims": column.dims, "unit": column.unit, "long_name": column.long_name, "flags": flags})


class Segments:
    """The segments of a run folder, read as one; a context manager that holds few files open."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.entries = manifest.segments
        self.rows = manifest.rows
        self._files: OrderedDict[str, h5py.File] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_files": OrderedDict()}  # copies and other processes open files of their own

    def close(self) -> None:
        """Close every file."""
        while self._files:
            self._files.popitem()[1].close()

    def damaged(self) -> list[Segment]:
        """Return the segments that are not what was written: missing, cut short, or changed."""

        def intact(entry: Segment) -> bool:
            path = self.folder / entry.file
            return path.is_file() and path.stat().st_size == entry.bytes and checksum(path) == entry.sha256

        return [entry for entry in self.entries if not intact(entry)]

    def file(self, entry: Segment) -> h5py.File:
        """Return an open segment."""
        if entry.file in self._files:
            self._files.move_to_end(entry.file)
        else:
            if len(self._files) == _OPEN_FILES:
                self._files.popitem(last=False)[1].close()
            self._files[entry.file] = h5py.File(self.folder / entry.file, "r")
        return self._files[entry.file]

    def overlapping(self, start: int, stop: int) -> list[Segment]:
        """Return the segments that hold any of the rows ``[start, stop)``."""
        return [entry for entry in self.entries if entry.first_row < stop and entry.stop_row > start]

    def read(self, name: str, start: int, stop: int, units: tuple[Any, ...] = ()) -> Array:
        """Return rows ``[start, stop)`` of a signal, ``[..., time]``; ``units`` selects along the leading axes."""
        parts = [
            self.file(entry)[name][
                (*units, ..., slice(max(start, entry.first_row) - entry.first_row, stop - entry.first_row))
            ]
            for entry in self.overlapping(start, stop)
        ]
        return np.concatenate(parts, axis=-1) if len(parts) != 1 else parts[0]

    def whole_block(self, start: int, stop: int) -> Segment | None:
        """Return the segment whose chunks are those of the final file for the rows ``[start, stop)``, if one is."""
        entry = self.overlapping(start, stop)[0]
        same_chunks = entry.first_row % CHUNK_ROWS == 0 and entry.rows >= CHUNK_ROWS
        return entry if same_chunks and entry.stop_row >= stop else None

    def table_names(self) -> list[str]:
        """Return the names of all tables."""
        return sorted({name for entry in self.entries for name in entry.tables})

    def table(self, name: str) -> dict[str, Column]:
        """Return a table, the parts of its columns joined along their first dimension."""
        groups = [self._table_part(entry, name) for entry in self.entries if name in entry.tables]
        return {column: _joined([group[column] for group in groups]) for column in groups[0]}

    def _table_part(self, entry: Segment, name: str) -> dict[str, Column]:
        group = self.file(entry)[TABLES][name]
        return {column: _column(group[column]) for column in group}


def _column(dataset: h5py.Dataset) -> Column:
    described = json.loads(dataset.attrs["column"])
    described["dims"] = tuple(described["dims"])
    return Column(np.asarray(dataset[()]), **described)


def _joined(parts: list[Column]) -> Column:
    first = parts[0]
    values = np.concatenate([part.values for part in parts]) if len(parts) > 1 else first.values
    return Column(values, first.dims, first.unit, first.long_name, first.flags)
