"""A gate in a real run sees how protection answers the self-tests that its campaign states."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.worlds.command import ROOT, twin
from tests.worlds.run_files import datasets

FIRMWARE = ROOT / "scenarios" / "firmware"
SCENARIO = """
name: Six homes whose protection is tried
start: 2026-06-23T10:00:00+08:00
duration_s: 14 min
pace: {{quiet_s: 60}}
fleet: {{sites: 6, modules: 1}}
record: {{period_s: 60}}
ota:
  release: {{module_monitor: {release}}}
  wan: {{outages_per_day: 0}}
  client: {{poll_s: 30, check_s: 10}}
  campaign:
    start_s: 3 min
    must_finish: false
    policy:
      kind: canary
      canaries: 3
      baseline: 3
      self_tests: {{first_s: 6 min, every_s: 2 min}}
      gates: {{alpha: 0.2, soak_s: 7 min, looks: 1, least_sites: 3, behaviours: [{{behaviour: time_to_isolate}}]}}
"""
WAIT, PASS, STOP = range(3)


@pytest.mark.parametrize(
    ("release", "verdict", "late_s"),
    [("good/module_monitor_2_4_0.py", PASS, 0.0), ("bad/wrong_limit.py", STOP, 4.3)],
    ids=["healthy", "isolates late"],
)
def test_late_protection_stops_a_release(tmp_path: Path, release: str, verdict: int, late_s: float) -> None:
    scenario = tmp_path / "homes.yaml"
    scenario.write_text(SCENARIO.format(release=FIRMWARE / release))
    done = twin("run", scenario, "-o", tmp_path / "run", "--quiet")
    assert done.returncode == 0, done.stderr
    run = datasets(tmp_path / "run")
    looks = {name.split("/")[1]: values.tolist() for name, values in run.items() if name.startswith("ota_gates/")}
    assert (looks["behaviour"], looks["verdict"]) == ([b"time_to_isolate"], [verdict])
    assert (looks["canaries"], looks["baselines"]) == ([3], [3])
    # Draws of noise and phases of tasks: half a second of a mean over three homes.
    assert looks["canary"][0] - looks["baseline"][0] == pytest.approx(late_s, abs=1.0)
