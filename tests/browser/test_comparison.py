"""The page of a comparison in a real browser without a network: no error, no request, every plot drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import Chromium
from tests.worlds.three_architectures import three_runs
from twin.analysis import comparison_plots
from twin.analysis.comparison import Comparison, case_of_runs
from twin.analysis.comparison_page import write_page
from twin.analysis.comparison_plot import CasePlot, ComparisonPlot
from twin.analysis.ranking import Ranking
from twin.plugins import discover

MARKS = """(() => {
  const marks = ".scatterlayer .trace path, .heatmaplayer image, .barlayer .point path";
  const drawn = {};
  for (const plot of document.querySelectorAll(".plot")) {
    drawn[plot.id] = [...plot.querySelectorAll(marks)].filter((one) => one.getBoundingClientRect().width > 0).length;
  }
  return drawn;
})()"""


@pytest.fixture(scope="module")
def page(browser: Chromium, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("comparison")
    runs = three_runs(folder)
    comparison = Comparison("three <runs>", tuple(runs), (case_of_runs(runs),))
    write_page(comparison, Ranking(comparison), folder / "comparison.html")
    browser.open(folder / "comparison.html")
    browser.wait_for("document.body !== null && document.body.dataset.drawn === 'yes'")
    return folder / "comparison.html"


def test_no_error_and_no_request(browser: Chromium, page: Path) -> None:
    assert browser.said == []
    assert browser.requested == [page.resolve().as_uri()]


def test_every_plot_is_drawn(browser: Chromium, page: Path) -> None:
    drawn = browser.evaluate(MARKS)
    overall = discover(comparison_plots, ComparisonPlot)  # type: ignore[type-abstract]
    by_case = set(discover(comparison_plots, CasePlot)) - {"rollout_curves"}  # type: ignore[type-abstract]
    assert set(drawn) == {f"plot-{name}" for name in overall} | {f"plot-{name}-0" for name in by_case}
    assert all(drawn.values()), drawn


def test_the_answer_is_on_the_first_screen(browser: Chromium, page: Path) -> None:
    answer = browser.evaluate("document.querySelector('.answer').textContent")
    assert answer.startswith("Hybrid is best")
    assert browser.evaluate("document.querySelector('.keys').getBoundingClientRect().bottom + scrollY") < 400
    assert browser.evaluate("[...document.querySelectorAll('.key dt')].map((one) => one.textContent)") == [
        "1. hybrid",
        "2. distributed",
        "3. centralized",
    ]


def test_the_page_fits_its_window(browser: Chromium, page: Path) -> None:
    assert browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_names_are_text_and_not_markup(browser: Chromium, page: Path) -> None:
    assert browser.evaluate("document.querySelector('h1').textContent") == "three <runs>"


def test_the_best_is_marked_where_there_is_one(browser: Chromium, page: Path) -> None:
    rows = """[...document.querySelectorAll("#case-0 tbody tr")].map((row) => {
      const cells = [...row.cells];
      return [cells[0].textContent, cells.map((_, place) => place).filter((p) => cells[p].classList.contains("best"))];
    })"""
    best = dict(browser.evaluate(rows))
    assert best["Time to isolate"] == [2]
    assert best["Capacity lost by an isolation"] == [2, 3]
    assert best["False isolations"] == []
