"""What happened and was noticed: one line of a run's event log."""

from __future__ import annotations

from dataclasses import dataclass

from twin.bms.codes import Level


@dataclass(frozen=True)
class Event:
    """One event; ``site`` is a row of the cohort, ``slot`` and ``cell`` are -1 where it has none."""

    time_ns: int
    site: int
    slot: int
    cell: int
    level: Level
    code: str
    source: str
    message: str
    cause: str = ""
    remedy: str = ""
