"""How much of what was done to a system its operator can know."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Part, Sample

PROMPT_NS: Final = 10_000_000_000
"""A fault that is told within this is told at once: several rounds of the slowest scan in use (anchor: 1.7 s for 32
modules of a daisy chain), and a debounce of 6 s."""


class Transparency(Metric):
    """Diagnostic transparency: how much of an injected fault the BMS told, from 0, nothing, to 1, all and at once.

    Formula: mean of four parts in 0..1. Seen: a new finding came up. Place: steps of site, pack, module, cell that the
    finding names rightly, over those of the truth. Code: a finding has one of the codes that the fault should show as.
    Prompt: 1 up to 10 s after its begin, then 10 s over the delay. A finding that was there before the fault, or that
    also comes up without any, does not count; nor do faults of which nothing is expected to be told.

    Source: own definition; shares and delay as in ISO 26262-5:2018, annex D (diagnostic coverage), and place as the
    diagnostic resolution of IEEE 1522-2004.
    """

    title = "Diagnostic transparency"
    unit = "1"
    percent = True
    group = "diagnostics"
    order = 30
    better = "higher"
    floor = 0.05
    per = "fault"
    needs = ("faults",)
    parts: ClassVar = {
        "seen": Part("Seen", "1"),
        "place": Part("Place", "1"),
        "code": Part("Right code", "1"),
        "prompt": Part("Prompt", "1"),
    }

    def measure(self, run: Evidence) -> Sample:
        """Return the score of each fault that began before the run ended."""
        found = [one for one in run.visibilities if one.asked and one.fault.start_ns < run.end_ns]
        keys = tuple(Key(one.fault.site, one.fault.kind, one.fault.number) for one in found)
        parts = {
            "seen": np.array([float(one.seen) for one in found]),
            "place": np.array([one.place for one in found]),
            "code": np.array([float(one.named) for one in found]),
            "prompt": np.array([_prompt(one.delay_ns) for one in found]),
        }
        return Sample(keys, np.mean(list(parts.values()), axis=0), parts)


def _prompt(delay_ns: int | None) -> float:
    return 0.0 if delay_ns is None else min(1.0, PROMPT_NS / max(delay_ns, 1))
