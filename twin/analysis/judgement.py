"""What the metrics found in one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from twin.analysis import metrics
from twin.analysis.evidence import Evidence
from twin.analysis.metric import Lack, Metric, Sample
from twin.analysis.statistics import Summary, summarise
from twin.plugins import discover


@cache
def all_metrics() -> Mapping[str, Metric]:
    """Return the metrics by name, in the order of the tables."""
    kinds = discover(metrics, Metric)  # type: ignore[type-abstract]
    return {name: kinds[name]() for name in sorted(kinds, key=lambda name: kinds[name].order)}


@dataclass(frozen=True, eq=False)
class Judgement:
    """One metric of one run: its values and their summary, or why there are none."""

    name: str
    found: Sample | Lack
    summary: Summary | None

    @property
    def metric(self) -> Metric:
        """What was measured."""
        return all_metrics()[self.name]

    @property
    def asked(self) -> bool:
        """Whether one would ask for it in such a run at all."""
        return not isinstance(self.found, Lack) or self.found.asked

    @property
    def reason(self) -> str:
        """Why there is no number; empty where there is one."""
        return self.found.reason if isinstance(self.found, Lack) else ""


def judge(name: str, run: Evidence) -> Judgement:
    """Return what one metric found in a run."""
    found = all_metrics()[name].judge(run)
    return Judgement(name, found, summarise(found, name) if isinstance(found, Sample) else None)


def judge_all(run: Evidence) -> dict[str, Judgement]:
    """Return what every metric found in a run."""
    return {name: judge(name, run) for name in all_metrics()}
