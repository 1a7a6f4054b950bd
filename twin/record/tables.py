"""Tables that grow while a run goes on: events, and the frames of chosen sites."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any, Final

import numpy as np

from twin.bms.events import Event
from twin.record.schema import LEVELS, Array, Column

EVENT_COLUMNS: Final[Mapping[str, Mapping[str, Any]]] = {
    # Not "site", "slot", "cell": inside a group of the run those are the run's own coordinates.
    "time_ns": {"dtype": np.int64, "unit": "ns", "long_name": "time since the start of the run"},
    "site_id": {"dtype": np.int64, "long_name": "site"},
    "slot_id": {"dtype": np.int32, "long_name": "slot of the site, -1: the site as a whole"},
    "cell_id": {"dtype": np.int32, "long_name": "cell of the slot, -1: the slot as a whole"},
    "level": {"dtype": np.int8, "long_name": "severity", "flags": LEVELS},
    "code": {"dtype": np.str_, "long_name": "what happened, as a code"},
    "source": {"dtype": np.str_, "long_name": "who says so"},
    "message": {"dtype": np.str_, "long_name": "what happened, in plain language"},
    "cause": {"dtype": np.str_, "long_name": "the probable cause"},
    "remedy": {"dtype": np.str_, "long_name": "what to do"},
    "since_ns": {"dtype": np.int64, "unit": "ns", "long_name": "when it began, as its source saw it, -1: unknown"},
    "pack_id": {"dtype": np.int32, "long_name": "pack of the site, -1: the site as a whole, or that of the slot"},
}


class Events:
    """Events that are not on disk yet."""

    def __init__(self) -> None:
        self._rows: list[Event] = []

    def __len__(self) -> int:
        return len(self._rows)

    def append(self, event: Event) -> None:
        """Add an event."""
        self._rows.append(event)

    def take(self) -> dict[str, Column]:
        """Return the columns and forget them."""
        rows, self._rows = self._rows, []
        values = list(zip(*map(astuple, rows), strict=True)) or [()] * len(EVENT_COLUMNS)
        return {
            name: _event_column(list(column), **facts)
            for (name, facts), column in zip(EVENT_COLUMNS.items(), values, strict=True)
        }


def _event_column(values: list[Any], dtype: Any, **facts: Any) -> Column:
    return Column(np.array(values, dtype=dtype), ("event",), **facts)


class Frames:
    """CAN frames of chosen sites that are not on disk yet."""

    _UNIT_AND_NAME: Final[Mapping[str, tuple[str, str]]] = {
        "site_id": ("1", "site"),
        "segment": ("1", "bus of the site, from 0"),
        "identifier": ("1", "CAN identifier"),
        "flags": ("1", "kind of frame: 1 extended, 2 CAN FD, 4 bit rate switch, 8 remote, 16 destroyed by an error"),
        "length": ("1", "bytes of data; of a remote frame the number that it asks for"),
        "error_bit": ("1", "the bit that destroyed the frame, from the start of frame; -1: none"),
        "release_ns": ("ns", "instant at which the sender queued the frame"),
        "start_ns": ("ns", "start of frame on the bus"),
        "finish_ns": ("ns", "end of the interframe space; of a destroyed frame behind its error frame"),
        "payload": ("1", "data bytes, 0 beyond the length"),
    }

    def __init__(self) -> None:
        self._batches: list[dict[str, Array]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, site: int, columns: Mapping[str, Array]) -> None:
        """Add the frames of one site: ``identifier[n]``, ``release_ns[n]``, ..., ``payload[n, length]``."""
        count = len(columns["identifier"])
        self._batches.append(
            {"site_id": np.full(count, site), **{name: np.array(values) for name, values in columns.items()}}
        )
        self._count += count

    def take(self) -> dict[str, Column]:
        """Return the columns and forget them."""
        batches, self._batches, self._count = self._batches, [], 0
        return {name: self._column(name, [batch[name] for batch in batches]) for name in batches[0]}

    def _column(self, name: str, parts: list[Array]) -> Column:
        values = np.concatenate(parts)
        return Column(values, ("frame", "byte")[: values.ndim], *self._UNIT_AND_NAME.get(name, ("1", "")))
