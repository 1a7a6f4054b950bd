"""Runs side by side: the same sites and faults under several variants, in one or more cases.

A *variant* is what is compared, an architecture say; a *case* is what is tried on all of them: a fault campaign, a day
of balancing. A metric is compared over the sites or faults for which every variant has a value, so that no variant
looks better for having been asked less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.golden_rules import CHECKS, Verdict, verdicts
from twin.analysis.judgement import Judgement, all_metrics, judge_all
from twin.analysis.metric import Metric, Sample
from twin.analysis.statistics import Difference, difference, shared, summarise
from twin.analysis.thinning import Floats
from twin.analysis.view import RunView

ALIKE: Final = 0.02
"""Means that differ by less than this share of the larger one, or by the metric's floor, count as alike."""


@dataclass(frozen=True, eq=False)
class JudgedRun:
    """One run with what its metrics and rules say."""

    folder: Path
    evidence: Evidence
    judged: Mapping[str, Judgement]
    verdicts: tuple[Verdict, ...]

    @classmethod
    def of(cls, folder: Path) -> JudgedRun:
        """Return a run, judged. Raises InputError if the folder is not one of a run."""
        evidence = Evidence(RunView(folder))
        judged = judge_all(evidence)
        return cls(folder, evidence, judged, verdicts(evidence, judged))


@dataclass(frozen=True, eq=False)
class Case:
    """One thing that was tried on every variant."""

    name: str
    title: str
    runs: Mapping[str, JudgedRun]
    """By variant."""
    weight: float = 1.0
    """In the overall ranking."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """Of metrics within the case; without any, the groups of metrics count alike, and so do the metrics of a group."""
    matters: str = ""
    """The metric that matters most here, if one does."""
    because: str = ""


@dataclass(frozen=True, eq=False)
class Row:
    """One metric of one case over all variants."""

    case: Case
    metric: Metric
    name: str
    judged: Mapping[str, Judgement]
    """By variant."""
    weight: float
    """Share of this metric in the overall score, 0..1."""
    samples: tuple[Sample, ...]
    """By variant, cut to what all of them have; empty where the metric cannot be compared."""

    @property
    def asked(self) -> bool:
        """Whether one would ask for the metric in any of the runs."""
        return any(one.asked for one in self.judged.values())

    @property
    def comparable(self) -> bool:
        """Whether every variant has values for some of the same keys."""
        return bool(self.samples)

    @cached_property
    def means(self) -> Floats:
        """Means by variant over what all of them have; NaN where the metric cannot be compared."""
        if not self.comparable:
            return np.full(len(self.judged), np.nan)
        return np.array([sample.values.mean() for sample in self.samples])

    def interval(self, variant: str) -> tuple[float, float]:
        """Return the 95 % interval of a variant's mean; the mean itself where it comes from a single value."""
        sample = self.samples[tuple(self.judged).index(variant)]
        found = summarise(sample, self.name)
        return (found.mean, found.mean) if np.isnan(found.low) else (found.low, found.high)

    @cached_property
    def scores(self) -> Floats:
        """How good the variants are beside the best one, 0..1."""
        return self.metric.score(self.means)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The variants, the best first; in the order of the comparison where they are equal."""
        variants = tuple(self.judged)
        return tuple(variants[place] for place in np.argsort(-self.scores, kind="stable"))

    def difference(self, one: str, other: str) -> Difference:
        """Return how much higher one variant's values are than another's, over what all have."""
        variants = tuple(self.judged)
        here, there = (self.samples[variants.index(name)] for name in (one, other))
        found = difference(here, there, f"{self.case.name} {self.name}")
        assert found, "shared samples have keys"
        return found

    def alike(self, one: str, other: str) -> bool:
        """Say whether there is no sure difference that matters between two variants."""
        found = self.difference(one, other)
        variants = tuple(self.judged)
        largest = np.abs(self.means[[variants.index(one), variants.index(other)]]).max()
        small = abs(found.mean) <= max(ALIKE * largest, 0.1 * self.metric.floor)
        return small or not found.sure

    @cached_property
    def leaders(self) -> tuple[str, ...]:
        """The best variant, and those that are alike to it."""
        best = self.order[0]
        return tuple(name for name in self.judged if name == best or self.alike(best, name))

    @property
    def why_not(self) -> str:
        """Why the metric cannot be compared, in words."""
        reasons = {name: one.reason for name, one in self.judged.items() if one.reason}
        if not reasons:
            return "no site or fault for which all have a value"
        if len(set(reasons.values())) == 1 and len(reasons) == len(self.judged):
            return next(iter(reasons.values()))
        return "; ".join(f"{name}: {reason}" for name, reason in reasons.items())


@dataclass(frozen=True, eq=False)
class Comparison:
    """All cases of all variants."""

    title: str
    variants: tuple[str, ...]
    cases: tuple[Case, ...]

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Every metric of every case, with its weight; the weights of those that can be compared add up to 1."""
        return tuple(row for case, share in self._shares() for row in rows_of(case, share))

    def _shares(self) -> Iterator[tuple[Case, float]]:
        """Yield the cases that have anything to compare with their weights, and the others with 0."""
        counts = {case.name: any(row.weight for row in rows_of(case, 1.0)) for case in self.cases}
        total = sum(case.weight for case in self.cases if counts[case.name])
        for case in self.cases:
            yield case, case.weight / total if counts[case.name] and total else 0.0

    def row(self, case: Case, name: str) -> Row:
        """Return one metric of one case."""
        return next(row for row in self.rows if row.case is case and row.name == name)

    @property
    def weighed(self) -> tuple[Row, ...]:
        """The rows that count in the overall score."""
        return tuple(row for row in self.rows if row.weight > 0.0)


def rows_of(case: Case, share: float) -> tuple[Row, ...]:
    """Return a case's metrics; their weights add up to ``share``."""
    samples = {name: _shared(case, name) for name in all_metrics()}
    weights = _weights(case, [name for name, found in samples.items() if found])
    return tuple(
        Row(
            case,
            metric,
            name,
            {variant: run.judged[name] for variant, run in case.runs.items()},
            share * weights.get(name, 0.0),
            samples[name],
        )
        for name, metric in all_metrics().items()
    )


def _shared(case: Case, name: str) -> tuple[Sample, ...]:
    found = [run.judged[name].found for run in case.runs.values()]
    samples = [one for one in found if isinstance(one, Sample)]
    if len(samples) < len(found):
        return ()
    cut = shared(samples)
    return cut if len(cut[0].keys) else ()


def _weights(case: Case, comparable: Sequence[str]) -> dict[str, float]:
    """Return the weights of a case's metrics, which add up to 1 where there are any."""
    metrics = all_metrics()
    given = {name: weight for name, weight in case.weights.items() if name in comparable and weight > 0}
    if not case.weights:
        ranked = [name for name in comparable if metrics[name].ranked]
        groups = [metrics[name].group for name in ranked]
        given = {name: 1.0 / groups.count(metrics[name].group) for name in ranked}
    total = sum(given.values())
    return {name: weight / total for name, weight in given.items()}


def case_of_runs(folders: Mapping[str, Path]) -> Case:
    """Return the case of finished runs by variant; what matters most is what their scenario's use case says."""
    runs = {variant: JudgedRun.of(folder) for variant, folder in folders.items()}
    return with_use_case(Case("runs", "All runs", runs))


def with_use_case(case: Case) -> Case:
    """Return a case with what its runs' scenario says of what matters most, where the case itself does not."""
    scenario = next(iter(case.runs.values())).evidence.scenario
    stated = scenario.use_case if scenario else None
    if case.matters or stated is None:
        return case
    return replace(case, matters=CHECKS[stated.matters].metric, because=stated.because)


def labels(folders: Sequence[Path]) -> tuple[str, ...]:
    """Return what runs are called: their architectures if those differ, else their folders, else both and a number."""
    views = [RunView(folder) for folder in folders]
    architectures = [str(view.root.attrs.get("architecture", "")) for view in views]
    for names in (architectures, [folder.resolve().name for folder in folders]):
        if all(names) and all(one != other for one, other in pairwise(sorted(names))):
            return tuple(names)
    return tuple(f"{folder.resolve().name} ({number})" for number, folder in enumerate(folders, 1))
