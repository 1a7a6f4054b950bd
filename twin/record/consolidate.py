"""Segments into one real file, run.h5: whole chunks move as they are, what a cut went through is packed again.

The result does not depend on where the segments were cut, down to the stored chunks.
"""

from __future__ import annotations

import dataclasses
import itertools
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import h5py

from twin.errors import SimulationError
from twin.record.layout import COMPRESSION, write_attributes, write_facts, write_table
from twin.record.manifest import HEADER, RUN_FILE, Status, load, make_durable, save
from twin.record.schema import CHUNK_ROWS
from twin.record.segments import Segments

_BLOCK_VALUES: Final = 4_000_000
"""Most values in memory at a time."""

_OF_A_SCALE: Final = ("CLASS", "NAME", "REFERENCE_LIST")
"""Attributes by which HDF5 tells a dimension scale, and what it is attached to."""


def consolidate(folder: Path, status: Status, provenance: Mapping[str, Any] | None = None) -> Path:
    """Turn the segments of ``folder`` into run.h5, then remove them; a crash on the way leaves the segments in force.

    Raises SimulationError if a segment is not what was written.
    """
    manifest = load(folder)
    with Segments(folder, manifest) as segments:
        if damaged := segments.damaged():
            raise SimulationError(f"{folder}: damaged segments: {', '.join(entry.file for entry in damaged)}")
        part = folder / f"{RUN_FILE}.part"
        shutil.copyfile(folder / HEADER, part)
        with h5py.File(part, "r+") as file:
            _fill(file, segments)
            file.attrs["status"] = status
            write_facts(file.require_group("provenance"), provenance or {})
    make_durable(part, folder / RUN_FILE)
    save(folder, dataclasses.replace(manifest, status=status, segments=(), file=RUN_FILE))
    shutil.rmtree(folder / "segments")
    return folder / RUN_FILE


def _fill(file: h5py.File, segments: Segments) -> None:
    signals = [name for name, item in file.items() if isinstance(item, h5py.Dataset) and _runs_along_time(item)]
    _fix_time(file, segments.rows, [*signals, "time_s"])
    for name in (*signals, "time_s"):
        file[name].resize((*file[name].shape[:-1], segments.rows))
    for start in range(0, segments.rows, CHUNK_ROWS):
        stop = min(start + CHUNK_ROWS, segments.rows)
        file["time_s"][start:stop] = file["time"][start:stop] = segments.read("time_s", start, stop)
        whole = segments.whole_block(start, stop)
        for name in signals:
            if whole:
                _move_chunks(segments.file(whole)[name], file[name], start, start - whole.first_row)
            else:
                _pack_again(segments, file[name], name, start, stop)
    for name in segments.table_names():
        write_table(file.create_group(name), segments.table(name))


def _runs_along_time(dataset: h5py.Dataset) -> bool:
    return dataset.maxshape[-1] is None and dataset.name not in ("/time", "/time_s")


def _fix_time(file: h5py.File, rows: int, along: Sequence[str]) -> None:
    """Make time a dimension of ``rows``, no longer an unlimited one.

    The size of an unlimited dimension is that of the longest variable along it: h5netcdf, and so xarray, looks all of
    them up for each variable that it opens.
    """
    growing = file["time"]
    for name in along:
        file[name].dims[file[name].ndim - 1].detach_scale(growing)
    packing = {"chunks": (min(rows, CHUNK_ROWS),), **COMPRESSION} if rows else {}
    attributes = {name: value for name, value in growing.attrs.items() if name not in _OF_A_SCALE}
    del file["time"]
    time = file.create_dataset("time", (rows,), "f8", **packing)
    write_attributes(time, attributes)
    time.make_scale("time")
    for name in along:
        file[name].dims[file[name].ndim - 1].attach_scale(time)


def _move_chunks(source: h5py.Dataset, target: h5py.Dataset, start: int, source_start: int) -> None:
    sizes = zip(target.shape[:-1], target.chunks[:-1], strict=True)
    for corner in itertools.product(*(range(0, size, step) for size, step in sizes)):
        mask, raw = source.id.read_direct_chunk((*corner, source_start))
        target.id.write_direct_chunk((*corner, start), raw, mask)


def _pack_again(segments: Segments, target: h5py.Dataset, name: str, start: int, stop: int) -> None:
    width = target.size // (target.shape[0] * target.shape[-1]) * CHUNK_ROWS
    at_once = max(1, _BLOCK_VALUES // width // target.chunks[0]) * target.chunks[0]
    for first in range(0, target.shape[0], at_once):
        units = slice(first, first + at_once)
        target[units, ..., start:stop] = segments.read(name, start, stop, (units,))
