"""The page: self-contained, small enough, honest about what is missing, and safe against what a run holds."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from tests.worlds.runs import START, World, open_writer, rows, write_run
from twin.analysis import plots
from twin.analysis.plot import Plot
from twin.analysis.report import write_report
from twin.errors import InputError
from twin.plugins import discover
from twin.record import RunWriter, Signal
from twin.record.options import Record

PLOTS = {
    name: kind
    for name, kind in discover(plots, Plot).items()  # type: ignore[type-abstract]
    if kind.section != "update"  # those need a rollout: test_rollout_analysis.py
}
SHORT = World(sites=2, cells=4, duration_s=900.0, period_s=10.0)


class Addresses(HTMLParser):
    """Collects what the page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attributes if name in ("src", "href", "srcset", "data", "action")]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = write_run(tmp_path_factory.mktemp("report") / "run", World(sites=3))
    return write_report(folder).read_text(encoding="utf-8")


def test_the_page_refers_to_nothing_outside(page: str) -> None:
    parser = Addresses()
    parser.feed(page)
    assert parser.found
    assert [address for address in parser.found if not address.startswith(("#", "data:"))] == []
    assert "@import" not in page.split("</style>")[0]


def test_every_plot_is_there_and_none_is_missing(page: str) -> None:
    assert len(PLOTS) >= 13
    for name in PLOTS:
        assert f'id="plot-{name}"' in page
    assert "did not log" not in page


def test_key_figures_stand_at_the_head(page: str) -> None:
    labels = re.findall(r"<dt>(.*?)</dt>", page)
    assert labels == [
        *("Sites", "Simulated time", "Energy throughput", "State of charge", "Hottest cell", "Largest cell spread"),
        *("CAN frames", "Bus load", "Events", "Sites quarantined"),
    ]


def test_text_of_the_run_cannot_become_markup(page: str) -> None:
    assert "&lt;hot&gt; &amp;" in page
    assert "<hot>" not in page


def test_a_long_run_stays_a_small_page(tmp_path: Path) -> None:
    world = World(sites=20, duration_s=8 * 3600.0, period_s=5.0)
    assert write_report(write_run(tmp_path / "run", world)).stat().st_size < 10e6


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", SHORT)
    assert (
        write_report(folder, output=tmp_path / "a").read_bytes()
        == write_report(folder, output=tmp_path / "b").read_bytes()
    )


def test_a_run_of_one_signal_says_what_it_lacks(tmp_path: Path) -> None:
    signal = Signal("power_W", ("site",), "W", "power", 1.0)
    writer = RunWriter(tmp_path / "run", (signal,), {"site": np.arange(2)}, {}, Record(), START, 10**9)
    for second in range(1, 20):
        writer.append(second * 10**9, {"power_W": np.full(2, 100.0)})
    writer.close("complete")
    page = write_report(tmp_path / "run").read_text()
    assert "This run did not log cell_voltage_V" in page
    assert "This run did not log soc or module_soc or pack_soc" in page
    assert "the run has no events" in page
    assert page.count('<div class="figure">') == 2


@pytest.mark.parametrize("missing", [signal.name for signal in World().signals])
def test_no_single_signal_is_indispensable(tmp_path: Path, missing: str) -> None:
    signals = tuple(signal for signal in World().signals if signal.name != missing)
    world = World(sites=2, slots=1, cells=3, duration_s=60.0, signals=signals)
    assert write_report(write_run(tmp_path / "run", world)).is_file()


def test_a_killed_run_has_a_report_that_says_so(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "run", SHORT)
    for number, row in zip(range(50), rows(SHORT), strict=False):
        writer.append(SHORT.time_ns(number), row)
    writer.flush()
    page = write_report(tmp_path / "run").read_text()
    assert "has not ended, or was killed: this is what was safe on disk, 8.333 min" in page


def test_a_run_without_rows_has_a_report(tmp_path: Path) -> None:
    open_writer(tmp_path / "run", SHORT).close("interrupted")
    page = write_report(tmp_path / "run").read_text()
    assert "This run was interrupted after 0 s." in page
    assert '<div class="figure">' not in page


def test_a_report_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", SHORT)
    with pytest.raises(InputError, match="cannot write the report: No such file"):
        write_report(folder, output=tmp_path / "nowhere" / "report.html")


def test_the_command_writes_the_report_of_a_site(tmp_path: Path) -> None:
    from twin.cli.report import command

    folder = write_run(tmp_path / "run", SHORT)
    app = typer.Typer()
    app.command()(command)
    done = CliRunner().invoke(app, [str(folder), "--site", "101", "-o", str(tmp_path / "mine.html")])
    assert done.exit_code == 0, done.output
    assert "Site 101 in depth" in (tmp_path / "mine.html").read_text()
    assert not (folder / "report.html").exists()
