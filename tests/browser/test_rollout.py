"""The report's update section in a real browser, and the comparison of two policies: every plot drawn, nothing said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import Chromium
from tests.worlds.rollouts import attacked, fleet_rollout
from twin.analysis import plots
from twin.analysis.comparison import Comparison, case_of_runs
from twin.analysis.plot import Plot
from twin.analysis.report import write_report
from twin.cli.compare import write_all
from twin.plugins import discover

PLOTS = {f"plot-{name}" for name, kind in discover(plots, Plot).items() if kind.section == "update"}  # type: ignore[type-abstract]
DRAWN = """(() => {
  const marks = ".scatterlayer .trace path, .heatmaplayer image, .barlayer .point path";
  const seen = (plot) => [...plot.querySelectorAll(marks)].some((mark) => mark.getBoundingClientRect().width > 0);
  return [...document.querySelectorAll("#update .plot")].filter(seen).map((plot) => plot.id);
})()"""


def show(browser: Chromium, path: Path) -> None:
    browser.said.clear()
    browser.requested.clear()
    browser.open(path)
    browser.wait_for("document.body !== null && document.body.dataset.drawn === 'yes'")
    assert browser.said == []
    assert browser.requested == [path.resolve().as_uri()]
    assert browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("rollouts")
    return {
        "canary": fleet_rollout(60).write(folder / "canary"),
        "all_at_once": fleet_rollout(60, stops=False).write(folder / "all_at_once"),
        "attacked": attacked().write(folder / "attacked"),
    }


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("canary", {"plot-update_failures"}),
        ("all_at_once", set()),
        ("attacked", {"plot-update_gates", "plot-update_canaries", "plot-update_transfers", "plot-update_bus_load"}),
    ],
)
def test_every_plot_is_drawn_where_there_is_something_to_draw(
    browser: Chromium, folders: dict[str, Path], name: str, absent: set[str]
) -> None:
    show(browser, write_report(folders[name]))
    assert set(browser.evaluate(DRAWN)) == PLOTS - absent


def test_the_answer_stands_on_top_of_the_section(browser: Chromium, folders: dict[str, Path]) -> None:
    show(browser, write_report(folders["canary"]))
    assert "the gate 'restarts' stopped it" in browser.evaluate("document.querySelector('#update .answer').textContent")
    heads = browser.evaluate("[...document.querySelectorAll('#update > h3')].map((one) => one.textContent)")
    assert heads == ["Group by group", "What got in the way", "What the campaign decided"]


def test_policies_side_by_side(browser: Chromium, folders: dict[str, Path], tmp_path: Path) -> None:
    two = {name: folders[name] for name in ("canary", "all_at_once")}
    comparison = Comparison("policies", tuple(two), (case_of_runs(two),))
    show(browser, write_all(comparison, None, tmp_path))
    assert browser.evaluate("document.querySelectorAll('#plot-rollout_curves-0 .scatterlayer .trace').length") == 5
