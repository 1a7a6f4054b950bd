"""What this Slurm would not take is refused before anything is written, with all that is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.slurm.conftest import Lab, slow_study
from twin.errors import InputError
from twin.sweep.engine.cluster import Order
from twin.sweep.engine.clusters.slurm import Slurm


def _refusal(folder: Path, site: str) -> str:
    (folder / "site.yaml").write_text(site)
    with pytest.raises(InputError) as caught:
        Slurm(Order("slurm", folder / "run", None, folder / "site.yaml"))
    assert not (folder / "run").exists()
    return str(caught.value)


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize(
    ("site", "told"),
    [
        ("cores: 1\nqueue: mian\n", "site.yaml:2: queue: Slurm has no partition mian (did you mean main?)"),
        ("memory_GB: 90000\n", "site.yaml:1: Slurm would not take such a job: sbatch:"),
        ("directives: [--frobnicate=1]\n", "unrecognized option '--frobnicate=1'"),
        ("cores: 3\n", "Requested node configuration is not available"),
    ],
    ids=["queue", "memory", "directive", "cores"],
)
def test_refused(tmp_path: Path, site: str, told: str) -> None:
    assert told in _refusal(tmp_path, site)


def test_slurm_that_does_not_answer(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slurm.conf").write_text("ClusterName=gone\nSlurmctldHost=localhost\nSlurmctldPort=1\nNodeName=x\n")
    monkeypatch.setenv("SLURM_CONF", str(tmp_path / "slurm.conf"))
    assert "--on slurm: sinfo" in _refusal(tmp_path, "queue: main\n")


def test_all_mistakes_of_study_and_site_at_once(lab: Lab, tmp_path: Path) -> None:
    slow_study(tmp_path, 2, 0.0, "")
    study, site = tmp_path / "slow.yaml", tmp_path / "site.yaml"
    study.write_text(study.read_text().replace("low: 0", "low: 2"))
    site.write_text("qeue: main\ncores: 0\n")
    command = [sys.executable, "-m", "twin", "sweep", "slow.yaml", "-o", "run", "--on", "slurm", "--site", "site.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    for told in ("slow.yaml:4", "site.yaml:1: qeue: unknown key", "site.yaml:2: cores: found 0"):
        assert told in done.stderr
    assert not (tmp_path / "run").exists()
