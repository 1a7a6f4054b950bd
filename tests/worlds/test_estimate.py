"""What a study will cost: pilots are really run, and stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin.sweep.attempt.process import PointProcess
from twin.sweep.estimate import Line, estimate, line_through, span_s
from twin.sweep.folder import StudyFolder
from twin.sweep.points import Prepared, points_of
from twin.sweep.study.design import Told
from twin.sweep.study.load import LoadedStudy, load_study

SCENARIO = Path(__file__).resolve().parents[2] / "scenarios" / "one_home.yaml"
BASE = """
import time
def respond(seed: int, x: float) -> dict[str, float]:
    time.sleep(0.05)
    if x < 0:
        raise RuntimeError("below the ground")
    return {"height": x * x}
"""


def begun(
    folder: Path, design: str, low: float = 0.0, more: str = ""
) -> tuple[LoadedStudy, list[Prepared], StudyFolder]:
    (folder / "slope.py").write_text(BASE)
    (folder / "study.yaml").write_text(
        f"name: slope\nbase: slope.py\nfactors:\n  x: {{kind: range, low: {low}, high: 9}}\n"
        f"design: {design}\nresponses:\n  height: {{objective: minimize}}\n{more}"
    )
    loaded = load_study(folder / "study.yaml")
    prepared = points_of(loaded, loaded.study.design.next(loaded.space, ()))
    out = StudyFolder(folder / "out")
    out.begin(loaded, prepared)
    return loaded, prepared, out


def test_pilots_are_run_once(tmp_path: Path) -> None:
    loaded, prepared, folder = begun(tmp_path, "{kind: grid, steps: 10}")
    first = estimate(loaded, prepared, folder)
    assert (first.points, first.done, first.later, len(first.seconds)) == (10, 3, 0, 7)
    assert sum(folder.state(one.content.id) == "done" for one in prepared) == 3
    assert 0.05 < first.mean_s < 0.2
    assert first.cpu_s == pytest.approx(7 * first.mean_s)
    assert first.wall_s(3) == pytest.approx(3 * first.mean_s), "7 points by 3 workers"
    assert 10 < first.memory_MB < 2000
    size_MB = sum(path.stat().st_blocks * 512 for path in (folder.path / "points").rglob("*.json")) / 1e6
    assert 0.0 < first.disk_MB < 2 * size_MB
    files = {path: path.stat().st_mtime_ns for path in folder.path.rglob("done.json")}
    again = estimate(loaded, prepared, folder)
    assert again.done == 3
    assert {path: path.stat().st_mtime_ns for path in folder.path.rglob("done.json")} == files


def test_what_is_done_counts_without_a_pilot(tmp_path: Path) -> None:
    loaded, prepared, folder = begun(tmp_path, "{kind: grid, steps: 4}")
    nothing = estimate(loaded, prepared, folder, pilot=False)
    assert nothing.lines(2) == ("points     4 (0 done)",)
    with PointProcess(folder.path) as process:
        for one in prepared:
            process.run(one.content.id)
    whole = estimate(loaded, prepared, folder)
    assert (whole.done, whole.seconds, whole.cpu_s, whole.wall_s(2)) == (4, (), 0.0, 0.0)
    assert "points     4 (4 done)" in whole.lines(2)


def test_a_search_counts_what_it_will_choose(tmp_path: Path) -> None:
    loaded, prepared, folder = begun(tmp_path, "{kind: optuna, points: 20, batch: 4}", more="replications: 2\n")
    found = estimate(loaded, prepared, folder)
    assert (found.points, found.done, found.later, len(found.seconds)) == (40, 3, 32, 5)
    # Five that are known, then four batches of eight, none of which begins before the one before it has ended.
    assert found.wall_s(5) == pytest.approx((1 + 4 * 2) * found.mean_s)
    assert "32 of them chosen by what others give" in found.lines(5)[0]
    told = [Told(one.point.units, {"height": 1.0}) for one in prepared[::2]]
    more = points_of(loaded, loaded.study.design.next(loaded.space, told), 4)
    folder.prepare(more)
    longer = estimate(loaded, [*prepared, *more], folder, pilot=False)
    assert (longer.points, longer.done, longer.later, longer.batch, len(longer.seconds)) == (40, 3, 24, 8, 13)


def test_pilots_that_fail_are_told(tmp_path: Path) -> None:
    loaded, prepared, folder = begun(tmp_path, "{kind: grid, steps: 3}", low=-9.0)
    found = estimate(loaded, prepared, folder)
    (problem,) = found.problems
    assert "below the ground" in problem
    assert found.done == 2, "the others are well"
    assert any("below the ground" in line for line in found.lines(1))


def test_larger_scenarios_cost_more(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(
        f"name: homes\nbase: {SCENARIO}\nset: ['faults=[]']\n"
        "factors:\n  duration_s: {kind: values, values: [5, 6, 300, 600]}\n"
        "design: {kind: grid}\nresponses:\n  soc_error: {}\n"
    )
    loaded = load_study(tmp_path / "study.yaml")
    prepared = points_of(loaded, loaded.study.design.next(loaded.space, ()))
    folder = StudyFolder(tmp_path / "out")
    folder.begin(loaded, prepared)
    found = estimate(loaded, prepared, folder)
    first, small, middle, large = (folder.result(one.content.id) for one in prepared)
    assert first
    assert small
    assert large
    assert middle is None
    line = line_through([(12.0, small.seconds), (1200.0, large.seconds)])  # two modules, steps of a second
    assert line.slope > 0.0
    assert found.seconds == pytest.approx([line.at(600.0)]), "the first is left out: it loads what all need"
    assert found.memory_MB == max(first.memory_MB, small.memory_MB, large.memory_MB)


@pytest.mark.parametrize(
    ("measured", "line"),
    [
        ([(1.0, 3.0), (3.0, 7.0)], Line(1.0, 2.0)),
        ([(2.0, 4.0), (2.0, 6.0)], Line(5.0, 0.0)),
        ([(2.0, 4.0)], Line(4.0, 0.0)),
        ([(1.0, 6.0), (3.0, 2.0)], Line(4.0, 0.0)),
        ([(1.0, 1.0), (2.0, 4.0)], Line(0.0, 1.8)),
    ],
    ids=["line", "equal sizes", "one", "falling", "below nothing"],
)
def test_costs_are_a_line_that_neither_falls_nor_begins_below_nothing(
    measured: list[tuple[float, float]], line: Line
) -> None:
    found = line_through(measured)
    assert (found.constant, found.slope) == pytest.approx((line.constant, line.slope))


@pytest.mark.parametrize(
    ("seconds", "workers", "span"),
    [([1.0] * 8, 3, 3.0), ([], 2, 0.0), ([5.0, 1.0, 1.0, 1.0], 2, 5.0), ([1.0, 1.0, 5.0], 2, 6.0), ([2.0], 1, 2.0)],
)
def test_points_go_to_the_worker_that_is_free_next(seconds: list[float], workers: int, span: float) -> None:
    assert span_s(seconds, workers) == span
