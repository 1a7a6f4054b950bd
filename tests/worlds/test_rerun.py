"""A home of a rollout alone: the same orders, paces and values as in its fleet."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.worlds.command import ROOT
from tests.worlds.command import twin as command
from tests.worlds.run_files import datasets

FIRMWARE = ROOT / "scenarios" / "firmware" / "good" / "module_monitor_2_4_0.py"
SCENARIO = f"""
name: Three homes in groups of one
start: 2026-06-23T10:00:00+08:00
duration_s: 15 min
pace: {{quiet_s: 60}}
fleet: {{sites: 3, modules: 1}}
record: {{period_s: 60, detail: cell}}
ota:
  release: {{module_monitor: {FIRMWARE}}}
  wan: {{outages_per_day: 0}}
  client: {{poll_s: 30, check_s: 10}}
  campaign:
    start_s: 3 min
    policy: {{kind: hawkbit, number_of_groups: 3, success_threshold: 100, error_threshold: 50}}
"""
SITE = 2
"""Of the last group, whose orders hang on the homes before it."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("rerun")
    scenario, fleet, alone = folder / "homes.yaml", folder / "fleet", folder / "alone"
    scenario.write_text(SCENARIO)
    for step in (("run", scenario, "-o", fleet), ("rerun", fleet, "--site", str(SITE), "-o", alone)):
        done = command(*step, "--quiet")
        assert done.returncode == 0, done.stderr
    return fleet, alone


def _rows(run: Path, table: str) -> pd.DataFrame:
    """Return what a table says of the home, without the numbers that its rows have among those of all homes."""
    group = {name.split("/")[-1]: values for name, values in datasets(run).items() if name.startswith(f"{table}/")}
    rows = pd.DataFrame(group).query("site_id == @SITE").reset_index(drop=True)
    return rows.drop(columns=table.rstrip("s"))


@pytest.mark.parametrize("table", ["ota_transitions", "ota_transfers", "ota_versions"])
def test_a_home_alone_is_updated_at_the_same_instants(runs: tuple[Path, Path], table: str) -> None:
    there, alone = (_rows(run, table) for run in runs)
    assert len(alone) > 1
    assert there.equals(alone)


@pytest.mark.parametrize("signal", ["cell_voltage_V", "pack_soc", "power_W"])
def test_a_home_alone_has_the_values_of_the_fleet(runs: tuple[Path, Path], signal: str) -> None:
    there, alone = (datasets(run)[signal] for run in runs)
    assert alone[0].tobytes() == there[SITE].tobytes()
