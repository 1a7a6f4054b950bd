"""Time to isolate at many phases of task and fault, by architecture: the mean of each term beside its arithmetic.

Five faults that are steps (scenarios/isolation_timing.yaml), each at evenly spread phases, under foxBMS 2's debounces
and its task of 10 ms; a central controller with one front end a module (a scan of 10 ms), and with a daisy chain.

Run: ``python -m benchmarks.isolation [--phases 200]``; some minutes.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import astuple, fields
from pathlib import Path

from tests.worlds.isolation_phases import CASES, expected, isolated, mean_of, timing
from twin.analysis.isolations import Isolation, Terms
from twin.scenario import Scenario

REFERENCES = {
    "hybrid": timing("hybrid"),
    "distributed": timing("distributed"),
    "centralized, front ends": timing("centralized"),
    "centralized, daisy chain": timing("centralized", "bms.scan_s=0.85", "duration_s=12"),
}
TERMS = [one.name for one in fields(Terms)]


def table(name: str, scenario: Scenario, phases: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = isolated(scenario, phases, Path(folder) / "run")
    print(f"{name}: ms, mean of {phases} phases / by arithmetic")
    print(" " * 28 + "".join(f"{term.removesuffix('_ns'):>19}" for term in TERMS) + f"{'sum':>19}   apart")
    for case in CASES:
        print(f"  {case:26}{_row(found[case], scenario, case)}")


def _row(found: list[Isolation | None], scenario: Scenario, case: str) -> str:
    terms = [one.terms for one in found if one and one.terms]
    if len(terms) < len(found):
        return f"  isolated in {len(terms)} of {len(found)}"
    assert all(sum(astuple(one.terms)) == one.time_ns for one in found if one and one.terms)
    should = expected(scenario, case)
    means = [*(mean_of(terms, name) for name in TERMS), mean_of(terms, "total_ns")]
    pairs = zip(means, [*astuple(should), should.total], strict=True)
    cells = "".join(f"{f'{1e3 * mean:.2f} / {1e3 * one:.2f}':>19}" for mean, one in pairs)
    return f"{cells}  {100.0 * (means[-1] / should.total - 1.0):+.2f} %"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phases", type=int, default=200)
    parser.add_argument("--only", choices=REFERENCES)
    options = parser.parse_args()
    for name, scenario in REFERENCES.items():
        if options.only in (None, name):
            table(name, scenario, options.phases)


if __name__ == "__main__":
    main()
