"""Site files: every mistake at its line, and the jobs that queues get from one file."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin.errors import InputError
from twin.sweep.engine.cluster import Order
from twin.sweep.engine.clusters.lsf import Lsf
from twin.sweep.engine.clusters.pbs import Pbs
from twin.sweep.engine.clusters.slurm import Slurm
from twin.sweep.queues.queued import QueueCluster
from twin.sweep.queues.site import load_site

SITE = """\
queue: short
account: p1234
cores: 4
memory_GB: 8
walltime_s: 1-06:30:20
modules: [gcc/13.2, python/3.11]
prologue:
  - source /project/venv/bin/activate
directives: [--constraint=rome]
leave_out: [-M, mem=]
interface: lo
scratch: $TMPDIR/twin
python: apptainer exec twin.sif python
"""


def _site(folder: Path, text: str) -> Path:
    path = folder / "site.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("spelled", "seconds"),
    [("90", 90.0), ("4 h", 14400.0), ("04:00:00", 14400.0), ("60:00:00", 216000.0), ("2-12:00:00", 216000.0)],
)
def test_walltime(tmp_path: Path, spelled: str, seconds: float) -> None:
    assert load_site(_site(tmp_path, f"walltime_s: {spelled}\n")).options.walltime_s == seconds


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("qeue: main", "site.yaml:1: qeue: unknown key (did you mean queue?)"),
        ("walltime: 1 h", "site.yaml:1: walltime: unknown key (did you mean walltime_s?)"),
        ("queue: main\ncores: 0", "site.yaml:2: cores: found 0; expected at least 1"),
        ("memory_GB: much", "site.yaml:1: memory_GB: found 'much'; expected a number"),
        ("walltime_s: 04:61:00", "site.yaml:1: walltime_s: '04:61:00'"),
        ("walltime_s: 5 V", "site.yaml:1: walltime_s: '5 V' has the wrong unit"),
        ("walltime_s: 10 s", "site.yaml:1: walltime_s: found '10 s'; expected at least 60"),
        ("queue: a; rm -rf x", "site.yaml:1: queue:"),
        ("prologue: module load x", "site.yaml:1: prologue: found 'module load x'"),
        ("- queue", "site.yaml:1: found a list; expected a mapping of keys"),
    ],
    ids=["queue", "unit-left-out", "no-core", "memory", "clock", "volts", "short", "shell", "no-list", "no-mapping"],
)
def test_mistakes_stand_at_their_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        load_site(_site(tmp_path, text + "\n"))
    assert told in str(caught.value)


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_site(_site(tmp_path, "qeue: main\ncores: 0\nwalltime_s: soon\n"))
    assert [problem.line for problem in caught.value.problems] == [1, 2, 3]


def test_interface_that_is_not_there(tmp_path: Path) -> None:
    (problem,) = load_site(_site(tmp_path, "cores: 2\ninterface: ib7\n")).mistakes()
    assert (problem.line, problem.path) == (2, "interface")
    assert "ib7" in problem.message
    assert "lo" in str(problem.suggestion)


def test_interface_of_the_sweep_is_the_one_that_must_be_here(tmp_path: Path) -> None:
    assert not [*load_site(_site(tmp_path, "interface: ib7\nsweep_interface: lo\n")).mistakes()]


def _programs(folder: Path, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Put programs of a queue that knows of nothing, and refuses nothing, on the PATH."""
    for name in names:
        path = folder / name
        path.write_text("#!/bin/sh\nexit 0\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


HEADS = {
    Pbs: ["-q short", "-A p1234", "-l walltime=30:31:00", "--constraint=rome"],
    Lsf: ["-q short", '-P "p1234"', "-W 30:31", "-n 4", '-R "span[hosts=1]"', "--constraint=rome"],
}


@pytest.mark.parametrize("kind", HEADS, ids=lambda kind: kind.__name__)
def test_job_of_a_queue(kind: type[QueueCluster], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _programs(tmp_path, kind.commands, monkeypatch)
    name = kind.__name__.lower()
    cluster = kind(Order(name, tmp_path / "study", 6, _site(tmp_path, SITE)))
    assert (cluster.jobs, cluster.workers) == (2, 8)
    assert cluster.describe() == f"8 workers in 2 {name} jobs in queue short"
    lines = cluster.script().splitlines()
    mark = {"pbs": "#PBS", "lsf": "#BSUB"}[name]
    head = [line.removeprefix(mark).strip() for line in lines if line.startswith(mark)]
    # A name of at most 15 characters: older PBS take no longer ones.
    assert len(cluster.job_name) <= 15
    assert any(cluster.job_name in line for line in head)
    assert [line for line in HEADS[kind] if line not in head] == []
    assert not [line for line in head if "mem=" in line or "-M" in line], "left out by the site file"
    body = [line for line in lines[1:] if line and not line.startswith("#")]
    assert body[:-1] == [
        f"cd {tmp_path}/study || exit 1",
        "module load gcc/13.2 python/3.11 || exit 1",
        'export TWIN_SCRATCH="$TMPDIR/twin"',
        'mkdir -p "$TWIN_SCRATCH" || exit 1',
        "source /project/venv/bin/activate",
    ]
    assert body[-1].startswith("apptainer exec twin.sif python -m distributed.cli.dask_worker tls://")
    for option in ("--nworkers 4", "--nthreads 1", "--death-timeout 60", '--local-directory "$TWIN_SCRATCH"'):
        assert option in body[-1]


def test_memory_is_asked_of_each_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = _site(tmp_path, "cores: 2\nmemory_GB: 12\n")
    for kind, asked in ((Pbs, "select=1:ncpus=2:mem=12GB"), (Lsf, "-M 12000000")):
        _programs(tmp_path, kind.commands, monkeypatch)
        script = kind(Order("queue", tmp_path, None, site)).script()
        assert asked in script
        assert "--memory-limit 5.59GiB" in script


@pytest.mark.parametrize("kind", [Slurm, Pbs, Lsf], ids=lambda kind: kind.__name__)
def test_no_queue_here(kind: type[QueueCluster], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError) as caught:
        kind(Order("queue", tmp_path, None, _site(tmp_path, "qeue: main\n")))
    told = str(caught.value)
    assert all(f"there is no {name} on the PATH" in told for name in kind.commands)
    assert "site.yaml:1: qeue: unknown key" in told


@pytest.mark.parametrize(("kind", "asks"), [(Pbs, "qstat"), (Lsf, "bqueues")], ids=["pbs", "lsf"])
def test_queue_that_does_not_exist(
    kind: type[QueueCluster], asks: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _programs(tmp_path, kind.commands, monkeypatch)
    (tmp_path / asks).write_text("#!/bin/sh\necho 'Unknown queue' >&2; exit 153\n")
    with pytest.raises(InputError) as caught:
        kind(Order("queue", tmp_path, None, _site(tmp_path, "cores: 1\nqueue: shrot\n")))
    assert "site.yaml:2: queue:" in str(caught.value)
    assert "no queue shrot" in str(caught.value)
    assert "Unknown queue" in str(caught.value)


def test_folder_that_jobs_cannot_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _programs(tmp_path, Pbs.commands, monkeypatch)
    with pytest.raises(InputError, match="a queue's jobs cannot name this folder"):
        Pbs(Order("pbs", tmp_path / "my study"))


def test_study_has_jobs_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _programs(tmp_path, Pbs.commands, monkeypatch)
    names = {Pbs(Order("pbs", tmp_path / study)).job_name for study in ("a", "b", "a")}
    assert len(names) == 2
