"""Searches by the engine: the rows do not depend on who runs them, nor on how often the search is begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin.sweep.coordinator import Coordinator
from twin.sweep.engine.cluster import Order, cluster_of
from twin.sweep.folder import StudyFolder
from twin.sweep.study.load import load_study

BASE = """
import time

def respond(seed: int, x: float, y: float) -> dict[str, float]:
    time.sleep(0.02 * (x > 0.5))  # results come in another order than points
    if y > 0.9:
        raise RuntimeError("too steep")
    return {"height": (x - 0.2) ** 2 + (y - 0.4) ** 2, "slope": x + y, "seed": seed}
"""
STUDY = """
name: bowl
base: bowl.py
factors:
  x: {kind: range, low: 0, high: 1}
  y: {kind: range, low: 0, high: 1}
design: {kind: optuna, points: 18, batch: 6, startup: 6}
replications: 2
retries: 0
responses:
  height: {objective: minimize}
  slope: {}
constraints: [slope <= 1.2, x - y <= 0.5]
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "bowl.py").write_text(BASE)
    (tmp_path / "study.yaml").write_text(STUDY)
    return tmp_path


def search(place: Path, out: str, points: int, workers: int) -> StudyFolder:
    loaded = load_study(place / "study.yaml", [f"design.points={points}"])
    folder = StudyFolder(place / out)
    cluster = cluster_of(Order("local", folder.path, workers))
    Coordinator(loaded, folder, cluster, print).sweep(lambda: None, retry_failed=False, changed=False)
    return folder


def test_rows_do_not_depend_on_workers_or_on_stops(place: Path) -> None:
    one, two = search(place, "one", 8, 1), search(place, "two", 18, 2)
    begun = one.design()
    assert begun == two.design()[:16], "two replications of eight rows"
    files = {path: path.stat().st_mtime_ns for path in one.path.rglob("done.json")}
    search(place, "one", 18, 2)
    assert one.design() == two.design()
    assert {path: path.stat().st_mtime_ns for path in files} == files, "nothing is run twice"
    states = [two.state(point.id) for point in two.design()]
    assert [one.state(point.id) for point in one.design()] == states
    assert set(states) == {"done", "failed"}
    assert [point.row for point in two.design()] == [row for row in range(18) for _ in range(2)]
    assert all(float(str(one.factors["x"])) - float(str(one.factors["y"])) <= 0.5 for one in two.design())
    heights = [one.metrics["height"]["mean"] for _, one in two.results(two.design()) if one and one.state == "done"]
    assert min(heights[-12:]) < min(heights[:12]), "it has learnt"
