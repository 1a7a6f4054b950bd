"""What happened and was noticed: one line of a run's event log."""

from __future__ import annotations

from dataclasses import dataclass

from twin.bms.codes import Level


@dataclass(frozen=True)
class Event:
    """One event; ``slot`` and ``cell`` are -1 where it has none.

    ``site`` is a row of the cohort where the event arises, and the site's number from the log on.
    """

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
    since_ns: int = -1
    """When what it tells of began, as its source saw it; -1 where it does not say."""
    pack: int = -1
    """The pack that it is about; -1 where it is about the whole site, or says with its slot which it is."""


@dataclass(frozen=True, order=True)
class Failure:
    """A program that has crashed, or that the watchdog has found hung; its ECU is silent until it is booted."""

    time_ns: int
    site: int
    """Row of the cohort."""
    ecu: int
    """Which of the site's."""
    why: str
