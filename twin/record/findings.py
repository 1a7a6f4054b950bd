"""What a run's events tell of findings: what, where, since when, until when.

An event says that the level of a code has changed. One finding lasts from the first event of its code at its place to
the one that says it has cleared, or to the end of the run. What is no code of the catalogue (a contactor that opened, a
fault that the scenario injects) happens at an instant and is never still there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
import xarray as xr

from twin.bms.codes import CATALOGUE, FaultCode, Level

_CODES: Final = {code.name: code for code in CATALOGUE}
_TELLERS: Final = frozenset({"scenario", "plant", "network"})
"""Sources that tell of instants, whatever the code."""


@dataclass(frozen=True)
class Finding:
    """One finding from its beginning to its end; places are counted from 0, -1 stands for the whole."""

    site: int
    pack: int
    slot: int
    cell: int
    level: Level
    """The most severe that it reached."""
    code: str
    source: str
    message: str
    cause: str
    remedy: str
    since_ns: int
    """When it began, as its source saw it, or else when it was noticed."""
    noticed_ns: int
    until_ns: int | None
    """When it cleared; None: still there at the end of the run."""

    @property
    def known(self) -> FaultCode | None:
        """Its entry in the catalogue; None of what has none."""
        return _CODES.get(self.code)


def findings(tree: xr.DataTree) -> list[Finding]:
    """Return what a run has found, in the order in which it was noticed; of an older run too."""
    if "events" not in tree.children:
        return []
    table = tree.children["events"].to_dataset(inherit=False)
    root = tree.to_dataset(inherit=False)
    packs = np.asarray(root["pack"].values) if "pack" in root.coords else np.array([], int)
    found: list[Finding] = []
    open_: dict[tuple[Any, ...], int] = {}
    for event in sorted(_events(table, packs), key=lambda one: one.time_ns):
        if event.source in _TELLERS or event.finding.code not in _CODES:
            found.append(replace(event.finding, until_ns=event.time_ns))
            continue
        place = open_.get(event.key)
        if place is None and event.finding.level:
            open_[event.key] = len(found)
            found.append(event.finding)
        elif place is not None:
            found[place] = _gone_on(found[place], event)
            if not event.finding.level:
                del open_[event.key]
    return found


class _Told(NamedTuple):
    """One event, as the finding that it would be alone."""

    time_ns: int
    finding: Finding

    @property
    def source(self) -> str:
        return self.finding.source

    @property
    def key(self) -> tuple[Any, ...]:
        """By what events of one finding are known; its cell may change."""
        one = self.finding
        return one.site, one.pack, one.slot, one.code, one.source


def _gone_on(before: Finding, event: _Told) -> Finding:
    """Return a finding after another event of it: what was worst is what is told."""
    if not event.finding.level:
        return replace(before, until_ns=event.time_ns)
    if event.finding.level <= before.level:
        return before
    worse = replace(event.finding, noticed_ns=before.noticed_ns)
    return replace(worse, since_ns=min(before.since_ns, event.finding.since_ns))


def _events(table: xr.Dataset, packs: Any) -> Iterator[_Told]:
    count = table.sizes.get("event", 0)
    columns: dict[str, Any] = {str(name): table[name].values.tolist() for name in table.data_vars}
    columns.setdefault("since_ns", [-1] * count)
    columns.setdefault("pack_id", [-1] * count)
    names = tuple(columns)
    for row in zip(*columns.values(), strict=True):
        event = dict(zip(names, row, strict=True))
        slot, time_ns, since_ns = event["slot_id"], event["time_ns"], event["since_ns"]
        pack = int(packs[slot]) if event["pack_id"] < 0 and 0 <= slot < len(packs) else event["pack_id"]
        yield _Told(
            time_ns,
            Finding(
                event["site_id"],
                pack,
                slot,
                event["cell_id"],
                Level(max(event["level"], 0)),
                event["code"],
                event["source"],
                event["message"],
                event["cause"],
                event["remedy"],
                since_ns if since_ns >= 0 else time_ns,
                time_ns,
                None,
            ),
        )
