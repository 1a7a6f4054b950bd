"""Golden rules: the limits that a scenario states, checked over its run; pass or fail, and by what margin.

A rule that cannot be checked, because the run lacks what its metric needs, is not kept: nobody knows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.judgement import Judgement, judge
from twin.analysis.metric import Lack, Sample
from twin.analysis.thinning import Floats
from twin.scenario.rules import Limit

Statistic = Literal["mean", "max", "p95", "sum"]


@dataclass(frozen=True)
class Check:
    """How one limit of a scenario is checked."""

    title: str
    metric: str
    statistic: Statistic
    at_most: bool
    unit: str
    """In which the limit is stated."""
    part: str = ""
    """Of the metric; empty: its value."""
    factor: float = 1.0
    """From the metric's unit to the limit's."""


CHECKS: Final[Mapping[Limit, Check]] = {
    "balanced_within_s": Check("Slowest site balanced within", "balancing_time", "max", True, "s", factor=3600.0),
    "balancing_A": Check("Equalises at the highest current", "balancing_rate_at_peak", "mean", False, "Ah/h"),
    "isolated_within_s": Check("Slowest isolation of a hazard", "time_to_isolate", "max", True, "s"),
    "isolated_share": Check("Hazards isolated", "isolated_share", "mean", False, "1"),
    "false_isolations": Check("False isolations a site", "false_isolations", "mean", True, "1"),
    "lost_capacity": Check("Capacity lost by an isolation", "lost_capacity", "mean", True, "1"),
    "visible_share": Check("Faults that became visible", "transparency", "mean", False, "1", "seen"),
    "right_code_share": Check("Faults told by a right code", "transparency", "mean", False, "1", "code"),
    "visible_within_s": Check("95 % of what was seen within", "detection_time", "p95", True, "s"),
    "transparency": Check("Diagnostic transparency", "transparency", "mean", False, "1"),
    "telemetry_share": Check("Frames that arrived", "telemetry", "mean", False, "1"),
    "soc_error": Check("Mean SOC error", "soc_error", "mean", True, "1"),
    "out_of_limits_s": Check("Longest time out of limits", "time_out_of_limits", "max", True, "s"),
    "efficiency": Check("Round-trip efficiency", "round_trip_efficiency", "mean", False, "1"),
    "unserved_kWh": Check("Most energy not served", "unserved_energy", "max", True, "kWh"),
    "exposure_share": Check("Sites that ever ran the release", "exposure", "mean", True, "1"),
    "rollout_within_s": Check("95 % of the sites updated within", "update_time", "p95", True, "s", factor=3600.0),
    "bricked": Check("Bricked sites", "bricked", "sum", True, "1"),
}
"""The check of each limit of ``twin.scenario.rules.Rules``."""


@dataclass(frozen=True)
class Verdict:
    """What came of one rule."""

    rule: Limit
    check: Check
    limit: float
    found: float | None
    """None where it cannot be known; infinite where it never happened."""
    reason: str = ""
    """Why nothing is known, or what never happened."""

    @property
    def passed(self) -> bool:
        """Whether the rule was kept."""
        return self.margin is not None and self.margin >= 0.0

    @property
    def margin(self) -> float | None:
        """How far on the right side of the limit, in its unit; negative on the wrong one."""
        if self.found is None:
            return None
        return self.limit - self.found if self.check.at_most else self.found - self.limit

    @property
    def word(self) -> str:
        """Pass, fail, or not known."""
        return "not known" if self.found is None else "pass" if self.passed else "fail"


def verdicts(run: Evidence, judged: Mapping[str, Judgement] | None = None) -> tuple[Verdict, ...]:
    """Return what came of each rule that the run's scenario states; ``judged``: metrics that are known already."""
    return tuple(_verdicts(run, dict(judged or {})))


def _verdicts(run: Evidence, judged: dict[str, Judgement]) -> Iterator[Verdict]:
    for rule, check in CHECKS.items():
        limit = getattr(run.rules, rule)
        if limit is None:
            continue
        if check.metric not in judged:
            judged[check.metric] = judge(check.metric, run)
        if rule == "isolated_within_s" and (missed := _never_isolated(run, float(limit))):
            yield Verdict(rule, check, float(limit), math.inf, f"{missed} of {len(run.hazards)} hazards never were")
        else:
            yield _verdict(rule, check, float(limit), judged[check.metric].found)


def _never_isolated(run: Evidence, limit_s: float) -> int:
    """Return how many hazards were not isolated although the run went on for longer than the limit."""
    if not (run.has("hazards") and run.has("contactors")):
        return 0
    left = (fault for fault in run.hazards if fault not in run.isolations)
    return sum(run.end_ns - fault.start_ns > limit_s * 1e9 for fault in left)


def _verdict(rule: Limit, check: Check, limit: float, found: Sample | Lack) -> Verdict:
    if isinstance(found, Lack):
        return Verdict(rule, check, limit, None, found.reason)
    values = found.parts[check.part][found.known] if check.part else found.values[found.known]
    value = _statistic(values, check.statistic) * check.factor
    unfinished = not check.part and _unfinished(found, check.statistic)
    if unfinished and check.at_most and value <= limit:
        return Verdict(rule, check, limit, None, f"the run ended before: at least {value:g} {check.unit}")
    return Verdict(rule, check, limit, value)


def _unfinished(found: Sample, statistic: Statistic) -> bool:
    """Say whether a statistic hangs on values that are lower bounds; above a quantile they may be what they will."""
    if found.at_least is None:
        return False
    bounds = found.values[found.known & found.at_least]
    if statistic == "p95":
        return bool((bounds <= np.quantile(found.values[found.known], 0.95)).any())
    return bool(len(bounds))


def _statistic(values: Floats, statistic: Statistic) -> float:
    if statistic == "p95":
        return float(np.quantile(values, 0.95))
    if statistic == "sum":
        return float(values.sum())
    return float(values.max() if statistic == "max" else values.mean())
