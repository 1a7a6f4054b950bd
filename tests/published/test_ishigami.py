"""Sobol indices of a function whose indices are known, from the study's file through the real command to the report.

Ishigami and Homma 1990 (doi:10.1109/ISUMA.1990.151285), with a = 7, b = 0.1; the variances by parts are those of
Saltelli et al., Global Sensitivity Analysis: The Primer, 2008 (doi:10.1002/9780470725184).
"""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from tests.worlds.command import twin
from twin.sweep.folder import StudyFolder
from twin.sweep.results.indices import Indices, indices
from twin.sweep.results.view import StudyView

A, B = 7.0, 0.1
SAMPLES = "design.samples=512", "design.second_order=false"
POINTS = 512 * (3 + 2)

FIRST = 0.5 * (1.0 + B * math.pi**4 / 5.0) ** 2, A**2 / 8.0, 0.0
"""Variances that each factor makes alone."""
TOGETHER = B**2 * math.pi**8 * (1.0 / 18.0 - 1.0 / 50.0)
"""That x1 and x3 make together."""
VARIANCE = sum(FIRST) + TOGETHER


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("ishigami")
    changes = [word for change in SAMPLES for word in ("--set", change)]
    done = twin("sweep", "studies/ishigami", *changes, "-o", "out", "--workers", "2", "--quiet", cwd=place)
    assert done.returncode == 0, done.stderr
    return place / "out"


@pytest.fixture(scope="module")
def found(folder: Path) -> Indices:
    view = StudyView.of(StudyFolder(folder))
    answer = indices(view, view.responses[0])
    assert isinstance(answer, Indices), answer
    return answer


def test_the_variances_are_the_published_ones() -> None:
    shares = [round(one / VARIANCE, 4) for one in FIRST]
    assert shares == [0.3139, 0.4424, 0.0]
    assert [round(one / VARIANCE, 4) for one in (FIRST[0] + TOGETHER, FIRST[1], TOGETHER)] == [0.5576, 0.4424, 0.2437]


def test_every_point_is_in_the_table_once(folder: Path) -> None:
    table = pd.read_parquet(folder / "table.parquet")
    assert len(table) == POINTS
    assert (table["status"] == "done").all()
    assert (table["attempts"] == 1).all()
    at = table.iloc[1234]
    assert at["y"] == pytest.approx(math.sin(at["x1"]) * (1.0 + B * at["x3"] ** 4) + A * math.sin(at["x2"]) ** 2)


@pytest.mark.parametrize("place", [0, 1, 2], ids=["x1", "x2", "x3"])
def test_indices_are_within_what_the_report_prints(found: Indices, place: int) -> None:
    assert found.names == ("x1", "x2", "x3")
    alone = FIRST[place] / VARIANCE
    total = alone + (TOGETHER / VARIANCE if place != 1 else 0.0)
    assert 0.0 < found.first_half[place] < 0.12, "narrower than what is between any two factors"
    assert 0.0 < found.total_half[place] < 0.15
    assert found.first[place] == pytest.approx(alone, abs=found.first_half[place])
    assert found.total[place] == pytest.approx(total, abs=found.total_half[place])
