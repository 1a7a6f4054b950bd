"""Protection self-tests as a service tool records them: when each began, when it was isolated, when it was cleared.

The record is in the events: what the tool does is told as ``protection_self_test``, with a cell where it stimulates
one and without where it clears. What contactors and findings of the tested module do between, and for a while after, is
the test's doing and no behaviour of the site.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from twin.bms.events import Event
from twin.ota.behaviour.observation import FloatArray, Observation, Size

CODE: Final = "protection_self_test"
AFTERMATH_NS: Final = 60_000_000_000
"""After clearing: contactors close again, pre-charging if they must, and findings clear."""
_OPENED: Final = re.compile(r"\bopen(s|ed)?\b")
_CLOSED: Final = re.compile(r"\bclose[sd]?\b")


@dataclass
class Stimulus:
    """One self-test that is under way, or was until lately."""

    begin_ns: int
    slot: int
    isolated: bool = False
    cleared_ns: int | None = None

    def explains(self, event: Event, modules: int) -> bool:
        """Return whether an event may be its doing; a pack has so many ``modules``."""
        over = self.cleared_ns is not None and event.time_ns >= self.cleared_ns + AFTERMATH_NS
        return event.time_ns >= self.begin_ns and not over and self.concerns(event, modules)

    def concerns(self, event: Event, modules: int) -> bool:
        """Return whether an event is about the tested module, its pack, or the site as a whole."""
        return event.slot == self.slot or (event.slot < 0 and event.pack in (-1, self.slot // modules))


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What self-tests did in a tick, ``[n]`` each."""

    ended: FloatArray
    """Tests that the tool has cleared."""
    missed: FloatArray
    """Of these, those in which no contactor opened."""
    isolated: FloatArray
    """Tests whose contactor has opened."""
    isolating_s: FloatArray
    """From stimulus to open contactor, summed up over these."""
    undisturbed: FloatArray
    """1 where no test is under way, nor was until lately; else 0."""
    unexplained: Sequence[Event]
    """The events of the tick, apart from what tests explain and the tool's record."""


class SelfTests:
    """Follows the self-tests of watched sites."""

    def __init__(self, size: Size) -> None:
        self._modules = size.modules
        self._tests: dict[int, list[Stimulus]] = {}

    def follow(self, seen: Observation) -> Outcomes:
        """Return what tests did in a tick; ``seen.rows`` are places among the watched sites."""
        counts = {int(row): np.zeros(4) for row in seen.rows}
        unexplained = []
        for event in sorted(seen.events, key=lambda one: one.time_ns):
            if event.source == "scenario":
                if event.code == CODE:
                    self._recorded(event, counts[event.site])
            elif not self._explained(event, counts[event.site]):
                unexplained.append(event)
        self._forget(seen.end_ns)
        ended, missed, isolated, isolating_s = np.array(list(counts.values())).reshape(-1, 4).T
        undisturbed = np.array([0.0 if self._tests.get(row) else 1.0 for row in counts])
        return Outcomes(ended, missed, isolated, isolating_s, undisturbed, unexplained)

    def _recorded(self, event: Event, counts: FloatArray) -> None:
        """Take what the tool has done: a test begins, or that of the module ends."""
        tests = self._tests.setdefault(event.site, [])
        if event.cell >= 0:
            tests.append(Stimulus(event.time_ns, event.slot))
            return
        for test in tests:
            if test.slot == event.slot and test.cleared_ns is None:
                test.cleared_ns = event.time_ns
                counts[:2] += 1, not test.isolated

    def _explained(self, event: Event, counts: FloatArray) -> bool:
        """Return whether a test explains an event, and note a contactor that opens as its outcome."""
        tests = [test for test in self._tests.get(event.site, ()) if test.explains(event, self._modules)]
        if tests and opens(event) and not tests[-1].isolated and tests[-1].cleared_ns is None:
            tests[-1].isolated = True
            counts[2:] += 1, (event.time_ns - tests[-1].begin_ns) * 1e-9
        return bool(tests)

    def _forget(self, end_ns: int) -> None:
        """Forget what explains nothing any more."""
        for row, tests in list(self._tests.items()):
            self._tests[row] = [
                test for test in tests if test.cleared_ns is None or end_ns < test.cleared_ns + AFTERMATH_NS
            ]


def opens(event: Event) -> bool:
    """Return whether an event tells of a contactor that has opened."""
    opened, closed = _OPENED.search(event.message), _CLOSED.search(event.message)
    return event.source == "plant" and event.code == "contactor" and bool(opened) and not closed
