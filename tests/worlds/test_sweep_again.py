"""Studies that go on after something has changed: more points, another base, a reason to fail that is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from distributed import LocalCluster

from tests.worlds.command import twin
from tests.worlds.sweeps import SmallStudy
from twin.errors import InputError
from twin.sweep.coordinator import Coordinator
from twin.sweep.engine.cluster import Order
from twin.sweep.engine.clusters.address import Address
from twin.sweep.status import status_of
from twin.sweep.study.load import load_study

Run: TypeAlias = Callable[..., Coordinator]


@pytest.fixture(scope="module", name="sweep")
def _sweep() -> Iterator[Run]:
    """Yield what runs a study; one worker does for all of them, as each would take seconds to start its own."""
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as workers:

        def sweep(study: SmallStudy, *overrides: str, retry_failed: bool = False, changed: bool = False) -> Coordinator:
            cluster = Address(Order(workers.scheduler_address, study.folder.path))
            coordinator = Coordinator(load_study(study.path, overrides), study.folder, cluster, pytest.fail)
            state = coordinator.sweep(lambda: None, retry_failed=retry_failed, changed=changed)
            assert state == "finished"
            return coordinator

        yield sweep


def test_points_are_added_to_a_finished_study(tmp_path: Path, sweep: Run) -> None:
    study = SmallStudy(tmp_path, 6)
    assert sweep(study, "factors.x.values=[0, 1, 2]").count.ended_here == 3
    more = sweep(study)
    assert (more.count.ended_here, more.count.done) == (3, 6)
    assert study.calls() == dict.fromkeys(range(6), 1)
    nothing = sweep(study)
    assert (nothing.count.ended_here, nothing.engine) == (0, None), "workers were started for nothing"


def test_a_changed_base_is_refused_until_it_is_wanted(tmp_path: Path, sweep: Run) -> None:
    study = SmallStudy(tmp_path, 2)
    sweep(study)
    base = tmp_path / "base.py"
    base.write_text(base.read_text().replace("2 * x", "3 * x"))
    with pytest.raises(InputError, match=r"the base has changed: file: the contents of base\.py") as refused:
        sweep(study)
    assert "--changed goes on" in str(refused.value)
    assert study.calls() == {0: 1, 1: 1}
    sweep(study, changed=True)
    assert study.calls() == {0: 2, 1: 2}
    results = [study.folder.result(point.id) for point in study.folder.design()]
    assert [result.metrics["y"]["mean"] for result in results if result] == [0.0, 3.0]


def test_another_base_is_called_so(tmp_path: Path, sweep: Run) -> None:
    """Every field of a scenario beside none of a function's would tell nothing."""
    study = SmallStudy(tmp_path, 1)
    sweep(study)
    text = study.path.read_text()
    study.path.write_text(
        text.replace("base.py", "one_home")
        .replace("x: {", "step_s: {")
        .replace("[0]", "[1]")
        .replace("y:", "soc_error:")
    )
    with pytest.raises(InputError) as refused:
        sweep(study)
    assert [problem.message for problem in refused.value.problems] == [
        "the base has changed: it is another base altogether: one_home"
    ]


def test_changed_files_that_factors_name_are_refused_until_it_is_wanted(tmp_path: Path, sweep: Run) -> None:
    """Further rows of a table are more to run, as further values are; other values in rows that have run are not."""
    study = SmallStudy(tmp_path, 2)
    table = tmp_path / "rows.csv"
    table.write_text("x\n0\n1\n")
    text = study.path.read_text()
    study.path.write_text(text.replace("x: {kind: values, values: [0, 1]}", "line: {kind: rows, file: rows.csv}"))
    sweep(study)
    table.write_text("x\n0\n1\n2\n")
    assert sweep(study).count.ended_here == 1
    table.write_text("x\n0\n5\n2\n")
    with pytest.raises(InputError, match=r"factors\.line\.file: the contents of rows\.csv"):
        sweep(study)
    assert study.calls() == {0: 1, 1: 1, 2: 1}
    assert sweep(study, changed=True).count.ended_here == 1
    assert study.calls() == {0: 1, 1: 1, 2: 1, 5: 1}


def test_points_that_keep_failing_are_recorded_and_tried_again_when_asked(tmp_path: Path, sweep: Run) -> None:
    """One raises, one kills its process, one kills its worker; the others do not notice."""
    broken = tmp_path / "broken"
    broken.touch()
    harm = {
        2: "1 / 0",
        4: "os.kill(os.getpid(), signal.SIGKILL)",
        5: "os.kill(os.getppid(), signal.SIGKILL) or time.sleep(60)",
    }
    cases = "; ".join(f"(x == {x} and os.path.exists({str(broken)!r})) and ({what})" for x, what in harm.items())
    study = SmallStudy(tmp_path, 8, cases, extra="retries: 1\n")
    first = sweep(study)
    assert (first.count.done, first.count.failed) == (5, 3)
    assert study.in_state("failed") == set(harm)
    errors = {}
    for point in study.folder.design():
        result = study.folder.result(point.id)
        assert result is not None
        if result.state == "failed":
            errors[point.factors["x"]] = result.error
            assert result.attempts == 2
    assert "ZeroDivisionError" in errors[2]
    assert "killed by signal 9" in errors[4]
    assert "its worker" in errors[5]
    assert "was lost while it ran" in errors[5]
    assert {x: study.calls()[x] for x in harm} == dict.fromkeys(harm, 2)
    said = "\n".join(status_of(study.folder).lines())
    assert "5 of 8 points done, 3 failed, 0 open" in said
    assert "1 failed: ZeroDivisionError" in said

    calls = study.calls()
    assert sweep(study).count.ended_here == 0, "failed points ran again without being asked for"
    broken.unlink()
    assert sweep(study, retry_failed=True).count.done == 8
    assert study.calls() - calls == dict.fromkeys(harm, 1)
    assert study.in_state("failed") == set()


def test_a_search_goes_on_where_it_stopped(tmp_path: Path, sweep: Run) -> None:
    """A longer one begins with the rows of a shorter one, in the middle of a batch too, and runs none of them again."""
    search = "{kind: optuna, points: 9, batch: 4, startup: 4, sampler: tpe}"
    text = "name: search\nbase: base.py\nfactors:\n  x: {kind: range, low: 0, high: 100, integer: true}\n"
    studies = []
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
        study = SmallStudy(tmp_path / name, 1)
        study.path.write_text(f"{text}design: {search}\nresponses:\n  y: {{objective: minimize}}\n")
        studies.append(study)
    whole, stopped = studies
    assert sweep(whole).count.done == 9
    sweep(stopped, "design.points=6")
    assert sweep(stopped).count.ended_here == 3
    rows = [[point.factors for point in study.folder.design()] for study in studies]
    assert rows[0] == rows[1]
    assert set(stopped.calls().values()) == {1}


def test_mistakes_that_only_rows_show_leave_nothing_behind(tmp_path: Path) -> None:
    """A row's values may disagree with each other; nobody should find a study that never was one."""
    study = tmp_path / "rows.yaml"
    study.write_text(
        "name: rows\nbase: one_home\nfactors:\n  duration_s: {kind: values, values: [60, 120]}\n"
        "  step_s: {kind: values, values: [1, 90]}\ndesign: {kind: grid}\nresponses:\n  soc_error: {}\n"
    )
    done = twin("sweep", study, "-o", tmp_path / "run")
    assert done.returncode == 2, done.stdout
    assert "expected a multiple of step_s, 90; row 1" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.yaml"]
