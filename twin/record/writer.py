"""The writer of a run: rows and events are buffered, made safe on disk in segments, and in the end one file."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

from twin.bms.events import Event
from twin.record import provenance
from twin.record.consolidate import consolidate
from twin.record.layout import Layout, create, write_facts
from twin.record.manifest import HEADER, Manifest, Status, claim, make_durable, save
from twin.record.options import Record
from twin.record.schema import CHUNK_ROWS, UNKNOWN, Array, Column, Signal, of_detail
from twin.record.segments import write_segment
from twin.record.tables import Events, Frames

BUFFER_BYTES: Final = 64 * 2**20
"""Rows wait in memory up to this size, however long a segment may be."""

LARGE_BUFFER_BYTES: Final = 512 * 2**20
"""Up to this size where the rows of a large fleet would otherwise not fill a chunk, which is then packed twice."""

BUFFER_FRAMES: Final = 500_000


class RunWriter:
    """Writes one run folder; after every flush, a SIGKILL loses nothing of what came before.

    ``coordinates``: ``site``, ``slot`` and ``cell`` as far as signals have them, and ``pack`` and ``module`` of each
    slot. ``attributes``: what is the same in equal runs (name, description, seed, ...). ``facts``: what may differ
    (hashes, threads, ...); versions, machine and wall time are added here. ``start_iso``: simulated start, with offset.
    Raises InputError if the folder exists; with ``force``, an old run is replaced.
    """

    def __init__(
        self,
        folder: Path,
        signals: tuple[Signal, ...],
        coordinates: Mapping[str, Array],
        attributes: Mapping[str, str | int | float],
        options: Record,
        start_iso: str,
        row_period_ns: int,
        *,
        facts: Mapping[str, Any] | None = None,
        force: bool = False,
    ) -> None:
        start = datetime.fromisoformat(start_iso)
        if start.tzinfo is None:
            raise ValueError(f"start {start_iso} has no offset from UTC")
        kept = of_detail(tuple(signals), options.detail)
        attributes = {**attributes, "row_period_s": row_period_ns / 1e9}
        self.folder = Path(folder)
        self._layout = Layout(kept, coordinates, attributes, start)
        self._segment_s = options.segment_s
        self._manifest = Manifest("running", start.isoformat(), row_period_ns)
        self._time_ns, self._rows = self._allocate()
        self._first_row = self._count = 0
        self._last_ns = -1
        self._events, self._frames = Events(), Frames()
        self._tables: dict[str, Mapping[str, Column]] = {}
        self._facts = {**provenance.at_start(), **(facts or {})}
        self._started_s = self._flushed_s = time.monotonic()
        claim(self.folder, force=force)
        save(self.folder, self._manifest)
        self._write_header()

    def _allocate(self) -> tuple[Array, dict[str, Array]]:
        sizes = [(signal, self._layout.sizes(signal)) for signal in self._layout.signals]
        row_bytes = sum(signal.dtype.itemsize * int(np.prod(size)) for signal, size in sizes)
        capacity = BUFFER_BYTES // max(row_bytes, 1024)
        if capacity < CHUNK_ROWS:
            capacity = max(1, min(CHUNK_ROWS, LARGE_BUFFER_BYTES // row_bytes))
        if capacity > CHUNK_ROWS:
            capacity -= capacity % CHUNK_ROWS
        return np.empty(capacity, np.int64), {
            signal.name: np.empty((capacity, *size), signal.dtype) for signal, size in sizes
        }

    def _write_header(self) -> None:
        part = self.folder / f"{HEADER}.part"
        with h5py.File(part, "w") as file:
            create(file, self._layout)
            write_facts(file.create_group("provenance"), self._facts)
        make_durable(part, self.folder / HEADER)

    def append(self, time_ns: int, values: Mapping[str, Array]) -> None:
        """Add one row: for every signal its array, of the shape of its dims; more names than signals are no harm.

        Raises ValueError if time does not grow or a shape is wrong.
        """
        if time_ns <= self._last_ns:
            raise ValueError(f"row at {time_ns} ns after one at {self._last_ns} ns")
        row = self._count
        for name, buffer in self._rows.items():
            value = values[name]
            if value.shape != buffer.shape[1:]:
                raise ValueError(f"{name}: shape {value.shape}, expected {buffer.shape[1:]}")
            if buffer.dtype.kind == "i" and value.dtype.kind == "f":
                value = np.nan_to_num(value, nan=UNKNOWN).astype(np.int8)
            np.copyto(buffer[row], value, casting="same_kind")
        self._time_ns[row] = self._last_ns = time_ns
        self._count = row + 1
        if self._is_due():
            self.flush()

    def _is_due(self) -> bool:
        """Flush at a boundary of chunks where one comes in time: those chunks are never packed again."""
        age_s = time.monotonic() - self._flushed_s
        row = self._first_row + self._count
        at_boundary = row % CHUNK_ROWS == 0
        limit = len(self._time_ns)
        if limit > CHUNK_ROWS:  # after a cut inside a chunk, the next one is on a boundary again
            limit -= self._first_row % CHUNK_ROWS
        crowded = self._count >= limit or len(self._frames) >= BUFFER_FRAMES
        return crowded or age_s >= self._segment_s or (at_boundary and age_s >= self._segment_s / 2)

    def event(self, event: Event) -> None:
        """Add an event."""
        self._events.append(event)

    def frames(self, site: int, columns: Mapping[str, Array]) -> None:
        """Add frames of one site: columns ``[n]`` as in ``twin.network.Frames``, and ``payload[n, :]``."""
        self._frames.append(site, columns)

    def table(self, name: str, columns: Mapping[str, Column]) -> None:
        """Add a table that is written once, at the end, such as ``bus``."""
        self._tables[name] = columns

    def flush(self) -> None:
        """Make everything that was added so far safe on disk."""
        self._flush({})

    def _flush(self, tables: Mapping[str, Mapping[str, Column]]) -> None:
        pending = dict(tables)
        if len(self._events):
            pending["events"] = self._events.take()
        if len(self._frames):
            pending["frames"] = self._frames.take()
        if self._count or pending:
            rows = {name: buffer[: self._count] for name, buffer in self._rows.items()}
            number = len(self._manifest.segments) + 1
            time_s = self._time_ns[: self._count] / 1e9
            entry = write_segment(self.folder, number, self._first_row, time_s, rows, pending, self._layout)
            self._manifest = dataclasses.replace(self._manifest, segments=(*self._manifest.segments, entry))
            save(self.folder, self._manifest)
        self._first_row += self._count
        self._count = 0
        self._flushed_s = time.monotonic()

    def close(self, status: Status) -> Path:
        """End the run: flush, turn the segments into run.h5 and return its path."""
        if "events" not in {name for entry in self._manifest.segments for name in entry.tables} and not len(
            self._events
        ):
            self._tables["events"] = self._events.take()  # a run without events still says so
        self._flush(self._tables)
        self._manifest = dataclasses.replace(self._manifest, status=status)
        save(self.folder, self._manifest)
        self._facts.update(provenance.at_end(time.monotonic() - self._started_s))
        return consolidate(self.folder, status, self._facts)
