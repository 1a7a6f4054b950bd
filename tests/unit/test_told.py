"""What a search is told of rows: means of what is done, and nothing of what is still open."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin.sweep.folder import Result, StudyFolder, write_result
from twin.sweep.points import Prepared, points_of
from twin.sweep.study.load import LoadedStudy, load_study
from twin.sweep.told import told_of

STUDY = """
name: slope
base: slope.py
factors:
  x: {kind: range, low: 0, high: 10}
  word: {kind: values, values: [low, high]}
design: {kind: optuna, points: 8, batch: 4}
replications: 2
responses:
  height: {objective: minimize}
  steep: {metric: steepness}
constraints: [steep <= 2 * x, height >= -100]
"""
ROWS = ((0.25, 0.25), (0.5, 0.75), (0.75, 0.25))


@pytest.fixture
def study(tmp_path: Path) -> tuple[StudyFolder, LoadedStudy, list[Prepared]]:
    (tmp_path / "slope.py").write_text("def respond(seed, x, word):\n    return {'height': x}\n")
    (tmp_path / "study.yaml").write_text(STUDY)
    loaded = load_study(tmp_path / "study.yaml")
    prepared = points_of(loaded, ROWS)
    folder = StudyFolder(tmp_path / "out")
    folder.begin(loaded, prepared)
    return folder, loaded, prepared


def end(folder: StudyFolder, point: Prepared, **metrics: float) -> None:
    """Write what came of a point: it failed where there are no numbers."""
    numbers = {name: {"mean": value} for name, value in metrics.items()}
    outcome = Result("done" if metrics else "failed", numbers, 1.0, 10.0, 1, "1", "here", "2026-01-01T00:00:00")
    write_result(folder.of(point.content.id), outcome)


def test_rows_are_means_over_replications(study: tuple[StudyFolder, LoadedStudy, list[Prepared]]) -> None:
    folder, loaded, points = study
    end(folder, points[0], height=1.0, steepness=4.0)
    end(folder, points[1], height=2.0, steepness=8.0)
    (told,) = told_of(folder, loaded, folder.design())
    assert told.units == ROWS[0]
    assert told.responses == {"height": 1.5, "steep": 6.0}
    assert told.violations == (1.0, -101.5), "left - right, with x = 2.5"


def test_rows_end_before_the_first_that_is_open(study: tuple[StudyFolder, LoadedStudy, list[Prepared]]) -> None:
    folder, loaded, points = study
    assert told_of(folder, loaded, folder.design()) == []
    for number in (0, 1, 2, 4, 5):
        end(folder, points[number], height=1.0)
    assert [one.units for one in told_of(folder, loaded, folder.design())] == [ROWS[0]]
    end(folder, points[3], height=1.0)
    assert [one.units for one in told_of(folder, loaded, folder.design())] == list(ROWS)


def test_failures_count_only_where_nothing_else_is(study: tuple[StudyFolder, LoadedStudy, list[Prepared]]) -> None:
    folder, loaded, points = study
    end(folder, points[0])
    end(folder, points[1], height=3.0, steepness=1.0)
    end(folder, points[2])
    end(folder, points[3])
    told = told_of(folder, loaded, folder.design())
    assert [one.responses for one in told] == [{"height": 3.0, "steep": 1.0}, None]


def test_a_response_without_value_is_left_out(study: tuple[StudyFolder, LoadedStudy, list[Prepared]]) -> None:
    folder, loaded, points = study
    end(folder, points[0], height=1.0)
    end(folder, points[1], height=2.0, steepness=5.0)
    end(folder, points[2], height=1.0)
    end(folder, points[3], height=2.0)
    told = told_of(folder, loaded, folder.design())
    assert [one.responses for one in told] == [{"height": 1.5, "steep": 5.0}, {"height": 1.5}]
    assert told[1].violations == (float("inf"), -101.5)


def test_rows_that_are_known_are_not_read_again(study: tuple[StudyFolder, LoadedStudy, list[Prepared]]) -> None:
    folder, loaded, points = study
    for point in points[:4]:
        end(folder, point, height=1.0)
    known = told_of(folder, loaded, folder.design())
    for point in points[:4]:
        (folder.of(point.content.id) / "done.json").write_text("no result")
    for point in points[4:]:
        end(folder, point, height=2.0)
    told = told_of(folder, loaded, folder.design(), known)
    assert told[:2] == known
    assert [one.responses for one in told] == [{"height": 1.0}, {"height": 1.0}, {"height": 2.0}]
