"""What a BMS said, and which of it tells of a fault that was injected.

A finding counts for a fault only if it is new: one that was there before the fault began says nothing of it. A code
that also comes up where there is no fault yet, or none at all, counts only where the fault is expected to show as that
very code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from twin.analysis.truth import TrueFault

if TYPE_CHECKING:
    import pandas as pd

WORLD: Final = frozenset({"scenario", "plant", "network", "firmware", "ota"})
"""Sources of events that are not ECUs."""
CONTROLLER_CODES: Final = frozenset({"error_passive", "bus_off"})
"""What a CAN controller tells its ECU of itself; only where a fault is expected to show so."""
LAST_SIGN_NS: Final = 10_000_000_000
"""Silence holds since the last sign of life, which was before the fault: by a cycle, a scan and a debounce at most."""


@dataclass(frozen=True)
class Finding:
    """One event of an ECU, or of a CAN controller; ``since_ns`` is -1 where it does not say since when."""

    time_ns: int
    since_ns: int
    pack: int
    slot: int
    cell: int
    level: int
    code: str
    source: str

    @property
    def place(self) -> tuple[str, int]:
        """What would be the same finding: its code and module."""
        return self.code, self.slot


def findings_by_site(events: pd.DataFrame) -> dict[int, tuple[Finding, ...]]:
    """Return what ECUs said, by site, in the order of time; ends of findings (level 0) are among them."""
    found: dict[int, list[Finding]] = {}
    for row in events.itertuples():
        if row.source not in WORLD or (row.source == "network" and row.code in CONTROLLER_CODES):
            found.setdefault(int(row.site_id), []).append(_finding(row))
    return {site: tuple(one) for site, one in found.items()}


def _finding(row: Any) -> Finding:
    """Return an event as a finding; older runs lack the last columns."""
    return Finding(
        time_ns=int(row.time_ns),
        since_ns=int(getattr(row, "since_ns", -1)),
        pack=int(getattr(row, "pack_id", -1)),
        slot=int(row.slot_id),
        cell=int(row.cell_id),
        level=int(row.level),
        code=str(row.code),
        source=str(row.source),
    )


def background(findings: Mapping[int, Sequence[Finding]], faults: Iterable[TrueFault]) -> frozenset[str]:
    """Return the codes that came up at a site before its first fault, or at one without any."""
    first_ns: dict[int, int] = {}
    for fault in faults:
        first_ns[fault.site] = min(fault.start_ns, first_ns.get(fault.site, fault.start_ns))
    return frozenset(
        one.code
        for site, said in findings.items()
        for one in said
        if one.level > 0 and (site not in first_ns or one.time_ns < first_ns[site])
    )


def told_of(
    fault: TrueFault, said: Sequence[Finding], usual: frozenset[str], others: Sequence[TrueFault]
) -> tuple[Finding, ...]:
    """Return the findings of the fault's site that tell of it, in the order of time.

    ``usual``: the codes that also come up without a fault. ``others``: all faults of the site; a code that is not
    expected of this fault does not count for it once another fault has begun that expects it, or that came later.
    """
    before: dict[tuple[str, int], int] = {}
    for one in said:
        if one.time_ns < fault.start_ns:
            before[one.place] = max(one.level, before.get(one.place, 0))
    return tuple(one for one in said if _is_new(one, fault, before) and _tells(one, fault, usual, others))


def _is_new(one: Finding, fault: TrueFault, before: Mapping[tuple[str, int], int]) -> bool:
    """Say whether a finding was not there before the fault, nor began long before it."""
    began = one.since_ns < 0 or one.since_ns >= fault.start_ns - LAST_SIGN_NS
    return one.time_ns >= fault.start_ns and began and one.level > before.get(one.place, 0)


def _tells(one: Finding, fault: TrueFault, usual: frozenset[str], others: Sequence[TrueFault]) -> bool:
    """Say whether a finding with such a code may be about the fault."""
    if one.code in fault.expected:
        return True
    begun = [other for other in others if other is not fault and other.start_ns <= one.time_ns]
    anothers = any(one.code in other.expected or other.start_ns > fault.start_ns for other in begun)
    return one.source not in WORLD and one.code not in usual and not anothers
