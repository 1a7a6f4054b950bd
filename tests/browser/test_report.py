"""The report in a real browser without a network: no error, no request, every plot drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import Chromium
from tests.worlds.runs import World, write_run
from twin.analysis import plots
from twin.analysis.plot import Plot
from twin.analysis.report import write_report
from twin.plugins import discover

PLOTS = {
    name: kind
    for name, kind in discover(plots, Plot).items()  # type: ignore[type-abstract]
    if kind.section != "update"  # those need a rollout: test_rollout.py
}


DRAWN = """(() => {
  const drawn = {};
  for (const plot of document.querySelectorAll(".plot")) {
    const place = plot.querySelector(".js-plotly-plot");
    const marks = ".scatterlayer .trace path, .heatmaplayer image, .barlayer .point path";
    drawn[plot.id] = {
      surfaces: plot.querySelectorAll(".main-svg").length,
      traces: place.data.length,
      empty: place._fullData.filter((trace) => !(trace.z || trace.y).length).length,
      marks: [...plot.querySelectorAll(marks)].filter((mark) => mark.getBoundingClientRect().width > 0).length,
    };
  }
  return drawn;
})()"""


@pytest.fixture(scope="module")
def report(browser: Chromium, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_report(write_run(tmp_path_factory.mktemp("report") / "run", World(sites=3)))
    browser.open(path)
    browser.wait_for("document.body !== null && document.body.dataset.drawn === 'yes'")
    return path


def test_no_error_and_no_request(browser: Chromium, report: Path) -> None:
    assert browser.said == []
    assert browser.requested == [report.resolve().as_uri()]


def test_every_plot_is_drawn(browser: Chromium, report: Path) -> None:
    drawn = browser.evaluate(DRAWN)
    assert set(drawn) == {f"plot-{name}" for name in PLOTS}
    for name, found in drawn.items():
        assert found["surfaces"] >= 1, name
        assert found["traces"] >= 1, name
        assert found["empty"] == 0, name
        assert found["marks"] >= 1, name


def test_the_page_fits_its_window(browser: Chromium, report: Path) -> None:
    assert browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize(("scheme", "media"), [("dark", ""), ("light", ""), ("dark", "print")], ids=str)
def test_plots_follow_the_colours_of_the_page(browser: Chromium, report: Path, scheme: str, media: str) -> None:
    browser.colour_scheme(scheme, media)
    wanted = browser.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--text').trim()")
    browser.wait_for(
        "[...document.querySelectorAll('.js-plotly-plot')].every((plot) => plot.layout.font.color === "
        f"'{wanted}' && plot.layout.xaxis.gridcolor !== undefined)"
    )
    assert browser.said == []


SHOWN = "[...document.getElementById('event-rows').rows].filter((row) => !row.hidden).map((row) => row.dataset.level)"


def test_events_can_be_filtered(browser: Chromium, report: Path) -> None:
    everything = browser.evaluate(SHOWN)
    assert {"fatal", "warning", "info"} <= set(everything)
    browser.evaluate("document.querySelector('input[value=info]').click()")
    assert "info" not in browser.evaluate(SHOWN)
    browser.evaluate(
        "document.getElementById('event-search').value = 'CONTACTOR opened';"
        "document.getElementById('event-search').dispatchEvent(new Event('input'))"
    )
    assert browser.evaluate(SHOWN) == ["warning"]
    assert browser.evaluate("document.getElementById('event-count').textContent") == f"1 of {len(everything)} shown"


def column(number: int) -> str:
    """Return a script: the texts of a column of the table of messages."""
    return (
        f"[...document.querySelector('#bus .sortable').tBodies[0].rows].map((row) => row.cells[{number}].textContent)"
    )


def test_messages_can_be_sorted(browser: Chromium, report: Path) -> None:
    click = "document.querySelector('#bus .sortable').tHead.rows[0].cells[{}].click()"
    names = browser.evaluate(column(0))
    browser.evaluate(click.format(0))
    assert browser.evaluate(column(0)) == sorted(names, key=str.lower) != names
    for falling in (True, False):
        browser.evaluate(click.format(2))
        frames = [int(text.replace(",", "")) for text in browser.evaluate(column(2))]
        assert frames == sorted(frames, reverse=falling)
        assert len(set(frames)) > 1


def test_errors_and_requests_would_be_seen(executable: str, tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text(
        '<img src="http://127.0.0.1:9/x.png"><script>console.error("told"); throw new Error("thrown")</script>'
    )
    with Chromium(executable, tmp_path / "profile") as chromium:
        chromium.open(page)
        chromium.wait_for("document.readyState === 'complete'")
        said = "\n".join(chromium.said)
    assert "told" in said
    assert "thrown" in said
    assert "http://127.0.0.1:9/x.png" in chromium.requested
