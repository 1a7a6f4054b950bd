"""The page of a study in a real browser without a network: no error, no request, every plot drawn, light and dark."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import Chromium
from tests.worlds.study_folders import study_folder
from twin.sweep.results.page import write_report

MARKS = """(() => {
  const marks = ".scatterlayer path, .heatmaplayer image, .contourlayer path, .barlayer path, .gl-canvas, .annotation";
  const drawn = {};
  for (const plot of document.querySelectorAll(".plot")) {
    drawn[plot.id] = [...plot.querySelectorAll(marks)].filter((one) => one.getBoundingClientRect().width > 0).length;
  }
  return drawn;
})()"""
OVERALL = {"plot-importance", "plot-pareto_front", "plot-parallel_coordinates"}
EACH = ("main_effects", "response_surface", "interactions", "sobol_indices", "second_order", "convergence")
UNIT = {"kind": "range", "low": 0.0, "high": 1.0}


def _respond(factors: Mapping[str, Any], seed: int) -> dict[str, float]:
    return {"fast": factors["a"] + factors["b"] ** 2, "cheap": 1.0 - factors["a"] + factors["c"] * factors["b"]}


@pytest.fixture(scope="module")
def page(browser: Chromium, tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = {
        "name": "three <factors>",
        "factors": dict.fromkeys("abc", UNIT),
        "design": {"kind": "saltelli", "samples": 32},
        "responses": {"fast": {"objective": "minimize"}, "cheap": {"objective": "minimize"}},
    }
    path = write_report(study_folder(tmp_path_factory.mktemp("study") / "study", study, _respond))
    browser.open(path)
    browser.wait_for("document.body !== null && document.body.dataset.drawn === 'yes'")
    return path


def test_no_error_and_no_request(browser: Chromium, page: Path) -> None:
    # Without a graphics card Chromium draws WebGL by software, and says so.
    assert [text for text in browser.said if "WebGL" not in text] == []
    assert browser.requested == [page.resolve().as_uri()]


def test_every_plot_is_drawn(browser: Chromium, page: Path) -> None:
    drawn = browser.evaluate(MARKS)
    assert set(drawn) == OVERALL | {f"plot-{kind}-{name}" for kind in EACH for name in ("fast", "cheap")}
    assert all(drawn.values()), drawn


def test_the_answer_is_on_the_first_screen(browser: Chromium, page: Path) -> None:
    assert "beaten by none" in browser.evaluate("document.querySelector('.answer').textContent")
    assert browser.evaluate("document.querySelector('.keys').getBoundingClientRect().bottom + scrollY") < 500


@pytest.mark.parametrize("width", [420, 1280])
def test_the_page_fits_its_window(browser: Chromium, page: Path, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.call("Emulation.setDeviceMetricsOverride", **size)
    browser.wait_for(f"window.innerWidth === {width}")
    browser.wait_for("document.documentElement.scrollWidth <= window.innerWidth")


def test_shares_can_be_read_in_the_dark(browser: Chromium, page: Path) -> None:
    colour = "getComputedStyle(document.querySelector('#plot-importance .annotation text')).fill"
    browser.colour_scheme("light")
    browser.wait_for(f"{colour} === 'rgb(28, 36, 48)'")
    browser.colour_scheme("dark")
    browser.wait_for(f"{colour} === 'rgb(227, 232, 238)'")


def test_names_are_text_and_not_markup(browser: Chromium, page: Path) -> None:
    assert browser.evaluate("document.querySelector('h1').textContent") == "three <factors>"
