"""What a BMS made visible of each injected fault: whether, when, where, and by the right name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from twin.analysis.findings import Finding, background, told_of
from twin.analysis.truth import TrueFault

RESOLUTIONS: Final = ("site", "pack", "module", "cell")
"""How precisely a place is named, from coarse to fine."""


@dataclass(frozen=True)
class Visibility:
    """One fault and the findings that tell of it."""

    fault: TrueFault
    told: tuple[Finding, ...]
    pack: int
    """The pack of the fault's slot, -1 where it has none."""

    @property
    def asked(self) -> bool:
        """Whether anything is expected to be told of it."""
        return bool(self.fault.expected)

    @property
    def seen(self) -> bool:
        """Whether anything told of it."""
        return bool(self.told)

    @property
    def delay_ns(self) -> int | None:
        """From its begin to the first finding; None where it was never seen."""
        return self.told[0].time_ns - self.fault.start_ns if self.told else None

    @property
    def named(self) -> bool:
        """Whether a finding has a code that a good BMS would give."""
        return any(one.code in self.fault.expected for one in self.told)

    @property
    def true_resolution(self) -> int:
        """How precise the truth is: the place in ``RESOLUTIONS``."""
        return 3 if self.fault.cell >= 0 else 2 if self.fault.slot >= 0 else 0

    @property
    def resolution(self) -> int | None:
        """How precisely the most precise finding names the true place; None where it was never seen."""
        return max((self._resolution(one) for one in self._best), default=None)

    @property
    def place(self) -> float:
        """Share 0..1 of the steps from "somewhere at the site" to the true place that were told; 0 if never seen."""
        return 0.0 if self.resolution is None else (1 + self.resolution) / (1 + self.true_resolution)

    @property
    def _best(self) -> Sequence[Finding]:
        """The findings whose place counts: those with a right code, if there are any."""
        return [one for one in self.told if one.code in self.fault.expected] or self.told

    def _resolution(self, one: Finding) -> int:
        """Return how precisely a finding names the fault's place; naming another module is no better than the site."""
        if self.fault.slot < 0:
            return 0
        if one.slot == self.fault.slot:
            return 3 if one.cell == self.fault.cell >= 0 else 2
        return 1 if one.slot < 0 and one.pack == self.pack else 0


def visibilities(
    faults: Iterable[TrueFault], findings: Mapping[int, Sequence[Finding]], pack_of: Sequence[int]
) -> tuple[Visibility, ...]:
    """Return what was visible of each fault, in their order."""
    faults = tuple(faults)
    usual = background(findings, faults)
    by_site: dict[int, list[TrueFault]] = {}
    for fault in faults:
        by_site.setdefault(fault.site, []).append(fault)
    return tuple(
        Visibility(
            fault,
            told_of(fault, findings.get(fault.site, ()), usual, by_site[fault.site]),
            pack_of[fault.slot] if 0 <= fault.slot < len(pack_of) else -1,
        )
        for fault in faults
    )
