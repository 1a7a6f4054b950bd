"""How long a hazardous fault lasts until a contactor has taken it off."""

from __future__ import annotations

from dataclasses import astuple
from typing import ClassVar, Final

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Part, Sample

TERMS: Final = ("sampling", "debounce", "can_response", "controller_phase", "contactor")
"""The terms in the order of time, as ``twin.analysis.isolations.Terms`` has them."""


class TimeToIsolate(Metric):
    """Time from the begin of a hazardous fault to the opening of the first contactor that takes its place off.

    Formula: t_open - t_fault = sampling + debounce + CAN response + controller phase + contactor, differences of whole
    nanoseconds of the event log; sampling ends with the first sample beyond the fatal limit, so for a fault that
    grows it holds the physics, too. Faults that were never isolated have no value: see isolated_share.

    Source: ISO 26262-1:2018 (fault handling time interval = fault detection + fault reaction), split at the instants at
    which the information changes hands.
    """

    title = "Time to isolate"
    unit = "s"
    group = "isolation"
    order = 20
    better = "lower"
    floor = 0.05
    per = "fault"
    needs = ("hazards", "contactors")
    parts: ClassVar = {
        "sampling": Part("Sampling", "s"),
        "debounce": Part("Debounce", "s"),
        "can_response": Part("CAN response", "s"),
        "controller_phase": Part("Controller phase", "s"),
        "contactor": Part("Contactor", "s"),
    }
    nothing = "no hazardous fault was isolated"

    def measure(self, run: Evidence) -> Sample:
        """Return a value for each hazardous fault that was isolated; terms where the log tells them."""
        keys, values, terms = [], [], []
        for fault in run.hazards:
            found = run.isolations.get(fault)
            keys.append(Key(fault.site, fault.kind, fault.number))
            values.append(found.time_ns * 1e-9 if found else np.nan)
            told = astuple(found.terms) if found and found.terms else (np.nan,) * len(TERMS)
            terms.append([one * 1e-9 for one in told])
        columns = np.array(terms, np.float64).T
        return Sample(tuple(keys), np.array(values), dict(zip(TERMS, columns, strict=True)))
