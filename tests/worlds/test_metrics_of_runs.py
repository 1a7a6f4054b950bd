"""Metrics of real runs: a hard short under each architecture, from the fault to the open contactor."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.worlds.command import twin
from twin.analysis.evidence import Evidence
from twin.analysis.judgement import judge_all
from twin.analysis.metric import Sample

SHORT = "{kind: internal_short, site: 0, module: 1, cell: 3, start_s: 8.04, short_ohm: 0.4 mΩ}"
CHANGES = ("duration_s=12", "step_s=0.02", "bms.period_s=0.1", "record.period_s=0.1", f"faults=[{SHORT}]")


@pytest.mark.parametrize(
    ("architecture", "lost", "scan_s"),
    [("hybrid", 0.5, 0.1), ("distributed", 0.5, 0.1), ("centralized", 1.0, 0.85)],
)
def test_a_hard_short(architecture: str, lost: float, scan_s: float, tmp_path: Path) -> None:
    changes = [part for one in (*CHANGES, f"bms.architecture={architecture}") for part in ("--set", one)]
    done = twin("run", "scenarios/one_home.yaml", "-o", tmp_path / "run", "--quiet", *changes)
    assert done.returncode == 0, done.stderr
    run = Evidence.of(tmp_path / "run")
    (isolation,) = run.isolations.values()
    assert isolation.terms is not None
    assert isolation.terms.total_ns == isolation.time_ns
    assert 0 < isolation.terms.sampling_ns <= (scan_s + 0.1) * 1e9  # a round of the scan, and a task
    assert 0.7e9 <= isolation.terms.debounce_ns <= (0.7 + scan_s + 0.1) * 1e9
    assert isolation.terms.contactor_ns == 22_000_000  # 2 ms of execution, 20 ms of the contactor
    judged = {name: one.found for name, one in judge_all(run).items()}
    expected = {"isolated_share": 1.0, "false_isolations": 0.0, "lost_capacity": lost, "transparency": 1.0}
    for name, value in expected.items():
        sample = judged[name]
        assert isinstance(sample, Sample)
        assert sample.values.tolist() == [value], name
