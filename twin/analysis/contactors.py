"""What the contactors of a run did, and which modules still deliver after it.

Read from the plant's events: the instants are exact, whatever the rows of the log. A module delivers as long as
neither its own contactor nor its pack's has opened; in a series string nothing does where one is open, unless the
string goes round it (``plant.bypass``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from twin.analysis.truth import TrueFault

if TYPE_CHECKING:
    from twin.analysis.evidence import Evidence

_OPENS: Final = re.compile(r"\bopen(s|ed)?\b")
_CLOSES: Final = re.compile(r"\bclose[sd]?\b")
_PACK: Final = re.compile(r"\bpack (\d+)")


@dataclass(frozen=True)
class Switching:
    """One opening or closing; ``slot`` is -1 for a pack's contactor."""

    time_ns: int
    site: int
    pack: int
    slot: int
    opened: bool


class Contactors:
    """All that the contactors of a run did."""

    def __init__(self, evidence: Evidence) -> None:
        self._packs = np.array(evidence.pack_of, np.int64)
        self._evidence = evidence

    @property
    def known(self) -> bool:
        """Whether the run says what its contactors did: every one closes when a site starts."""
        return bool(self.by_site)

    @cached_property
    def series(self) -> bool:
        """Whether an open module opens its pack's string."""
        scenario = self._evidence.scenario
        if scenario is None:
            return False
        return scenario.fleet.connection == "series" and not scenario.plant.bypass

    @cached_property
    def by_site(self) -> dict[int, tuple[Switching, ...]]:
        """What happened at each site, in the order of time."""
        events = self._evidence.run.events
        found: dict[int, list[Switching]] = {}
        for row in events[events["source"] == "plant"].itertuples():
            if str(row.code).startswith("contactor") and (one := self._switching(row)):
                found.setdefault(one.site, []).append(one)
        return {site: tuple(one) for site, one in found.items()}

    def _switching(self, row: Any) -> Switching | None:
        """Return what an event of the plant tells, None if it is about something else, such as a weld."""
        opens, closes = _OPENS.search(str(row.message)), _CLOSES.search(str(row.message))
        if bool(opens) == bool(closes):
            return None
        slot = int(row.slot_id)
        pack = int(self._packs[slot]) if slot >= 0 else _pack(row)
        return Switching(int(row.time_ns), int(row.site_id), pack, slot, bool(opens))

    def openings(self, site: int) -> tuple[Switching, ...]:
        """Return the openings at a site, in the order of time."""
        return tuple(one for one in self.by_site.get(site, ()) if one.opened)

    def isolating(self, fault: TrueFault) -> Switching | None:
        """Return the first opening since the fault began that takes its place off; None if there is none."""
        after = (one for one in self.openings(fault.site) if one.time_ns >= fault.start_ns)
        return next((one for one in after if self._takes_off(one, fault)), None)

    def _takes_off(self, one: Switching, fault: TrueFault) -> bool:
        if fault.slot < 0:
            return True
        same_pack = one.pack == self._packs[fault.slot]
        return same_pack and (one.slot in (-1, fault.slot) or self.series)

    def delivering(self, site: int, time_ns: int) -> npt.NDArray[np.bool_]:
        """Return which slots of a site deliver just after an instant; until something opens, all do."""
        modules = np.ones(len(self._packs), bool)
        packs = np.ones(int(self._packs.max(initial=0)) + 1, bool)
        for one in self.by_site.get(site, ()):
            if one.time_ns <= time_ns:
                (modules if one.slot >= 0 else packs)[one.slot if one.slot >= 0 else one.pack] = not one.opened
        if self.series:
            strings = [modules[self._packs == pack].all() for pack in range(len(packs))]
            packs &= np.array(strings, bool)
        return modules & packs[self._packs]


def _pack(row: Any) -> int:
    """Return the pack of an event that names no slot."""
    named = _PACK.search(str(row.message))
    known = int(getattr(row, "pack_id", -1))
    return known if known >= 0 else int(named[1]) - 1 if named else 0
