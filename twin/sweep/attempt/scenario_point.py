"""A point whose base is a scenario: it is run and judged, and of the run the numbers stay, or all of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, TypeAlias

from twin.analysis.evidence import Evidence
from twin.analysis.golden_rules import verdicts
from twin.analysis.judgement import judge_all
from twin.analysis.statistics import Summary
from twin.scenario import Scenario, load, placed
from twin.sweep.attempt import attempts

Run: TypeAlias = Callable[[Scenario, Path], None]
"""Runs a scenario into a folder that does not exist yet."""
Keep: TypeAlias = Literal["results", "runs"]
STATISTICS: Final = ("mean", "p5", "p95", "least", "most", "count")


def simulate(folder: Path, run: Run, keep: Keep) -> dict[str, dict[str, float]]:
    """Run the scenario of a point, and return what its metrics and rules say. Raises InputError with its mistakes."""
    file = folder / "scenario.json"
    with placed(file):
        scenario = load(file)
        with attempts.attempt_folder(folder) as scratch:
            run(scenario, scratch / "run")
            numbers = numbers_of(scratch / "run")
            if keep == "runs":
                attempts.keep(scratch / "run", folder / "run")
    attempts.remove_all(folder)
    return numbers


def numbers_of(run: Path) -> dict[str, dict[str, float]]:
    """Return every metric that has a value in a run, by name and statistic, and its rules as ``rule_<name>``.

    A rule has the mean 1 if it was kept and 0 if it was broken; one of which nothing is known is not there.
    """
    evidence = Evidence.of(run)
    try:
        judged = judge_all(evidence)
        rules = verdicts(evidence, judged)
    finally:
        evidence.run.tree.close()
    numbers = {name: _statistics(found.summary) for name, found in judged.items() if found.summary}
    return numbers | {f"rule_{one.rule}": {"mean": float(one.passed)} for one in rules if one.found is not None}


def _statistics(summary: Summary) -> dict[str, float]:
    return {name: getattr(summary, name) for name in STATISTICS}
