"""The truth about a run's faults, for the log: apart from what any BMS believes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from twin.bms.effects import NEVER
from twin.faults.fault import Fault
from twin.record.schema import Column
from twin.scenario.faults import faults_of
from twin.scenario.models import Scenario


def truth(scenario: Scenario, sites: Sequence[int]) -> Mapping[str, Column]:
    """Return the faults of ``sites``, one row each: what, where, from when to when, and what a good BMS would say."""
    faults = faults_of(scenario, sites)
    slots = [getattr(fault, "module", -1) for fault in faults]
    cells = [getattr(fault, "cell", -1) for fault in faults]
    ends_s = [np.inf if fault.end_ns == NEVER else fault.end_ns * 1e-9 for fault in faults]
    return {
        "fault": _column(list(range(len(faults))), np.int64, "number of the fault in the run"),
        "kind": _column([fault.kind for fault in faults], np.str_, "kind of fault"),
        "site_id": _column([fault.site for fault in faults], np.int64, "site"),
        "slot_id": _column(slots, np.int32, "slot of the site, -1: the site as a whole"),
        "cell_id": _column(cells, np.int32, "cell of the slot, -1: the slot as a whole"),
        "start_s": _column([fault.start_ns * 1e-9 for fault in faults], np.float64, "when it begins", "s"),
        "end_s": _column(ends_s, np.float64, "when it ends; inf: not within the run", "s"),
        "expected": _column(
            [",".join(fault.expected) for fault in faults], np.str_, "codes that a good BMS would give, the best first"
        ),
        "hazardous": _column([fault.hazardous for fault in faults], np.int8, "1: should lead to isolation"),
        "text": _column([told(fault) for fault in faults], np.str_, "the fault in words"),
    }


def told(fault: Fault) -> str:
    """Return the fault in words: where it is, and all that it changes at its begin."""
    effects = fault.effects()
    changes = dict.fromkeys(effect.change for effect in effects if getattr(effect, "time_ns", 0) == fault.start_ns)
    return f"{fault.place}: {', '.join(changes) or effects[0].change}"


def _column(values: Sequence[object], dtype: type[np.generic], long_name: str, unit: str = "1") -> Column:
    return Column(np.array(values, dtype=dtype), ("fault",), unit, long_name)
