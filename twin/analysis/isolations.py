"""How a fault was isolated: from its begin to the contactor that opened, as a sum of terms in whole nanoseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from twin.analysis.contactors import Switching
from twin.analysis.findings import Finding, told_of
from twin.analysis.truth import TrueFault

if TYPE_CHECKING:
    from twin.analysis.evidence import Evidence


@dataclass(frozen=True)
class Terms:
    """The time to isolate, piece by piece; the pieces follow each other without gap, so they add up exactly."""

    sampling_ns: int
    """From the fault's begin to the first sample beyond the limit: the physics that lead there, and the scan."""
    debounce_ns: int
    """Until the finding counted as fatal, or as what it was when the contactor opened; where a module's own contactor
    stayed closed, until that had been found as well."""
    response_ns: int
    """Until another ECU, which acts on it, had received it: the sender's cycle, and the bus."""
    controller_ns: int
    """Until that ECU had judged it: the phase of its task, and a debounce of its own."""
    contactor_ns: int
    """Until the contactor was open: execution time, and the contactor itself."""

    @property
    def total_ns(self) -> int:
        """Their sum."""
        return sum(astuple(self))


@dataclass(frozen=True)
class Isolation:
    """One fault that was isolated."""

    fault: TrueFault
    opening: Switching
    terms: Terms | None
    """None where the log does not tell them: no finding led to it, or it does not say since when it holds."""

    @property
    def time_ns(self) -> int:
        """From the fault's begin to the open contactor."""
        return self.opening.time_ns - self.fault.start_ns


def isolations(evidence: Evidence) -> Mapping[TrueFault, Isolation]:
    """Return the hazardous faults that were isolated, and how."""
    found = ((fault, isolation(fault, evidence)) for fault in evidence.hazards)
    return {fault: one for fault, one in found if one}


def isolation(fault: TrueFault, evidence: Evidence) -> Isolation | None:
    """Return how any fault was isolated, None if it was not."""
    opening = evidence.contactors.isolating(fault)
    if not opening:
        return None
    told = told_of(fault, evidence.findings.get(fault.site, ()), frozenset(), ())
    return Isolation(fault, opening, _terms(fault, told, opening))


def _terms(fault: TrueFault, told: Sequence[Finding], opening: Switching) -> Terms | None:
    """Return the chain from the first of the worst findings to the contactor, by way of the ECU that opened it."""
    known = [one for one in told if one.time_ns <= opening.time_ns]
    worst = [one for one in known if one.level == max(other.level for other in known)]
    if not worst or worst[0].since_ns < 0:
        return None
    first = last = worst[0]
    since_ns = max(first.since_ns, fault.start_ns)  # silence holds since the last sign of life, before the fault
    received_ns = judged_ns = first.time_ns
    answers = [one for one in worst if one.source != first.source and one.since_ns >= first.time_ns]
    if answers and opening.slot < 0:  # a module's contactor is its own ECU's
        received_ns, judged_ns = answers[0].since_ns, answers[0].time_ns
        last = [one for one in worst if one.source == first.source and one.time_ns <= received_ns][-1]
    return Terms(
        sampling_ns=since_ns - fault.start_ns,
        debounce_ns=last.time_ns - since_ns,
        response_ns=received_ns - last.time_ns,
        controller_ns=judged_ns - received_ns,
        contactor_ns=opening.time_ns - judged_ns,
    )
