"""The report's part on CAN: messages beside their bounds, controllers in trouble, and runs that know less of them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from tests.worlds.runs import START, World, write_run
from twin import resources
from twin.analysis.bus_bounds import site_bounds
from twin.analysis.bus_tables import controllers_table, messages_table
from twin.analysis.plots.bus_latency import BusLatency
from twin.analysis.view import RunView
from twin.record import Column, RunWriter, Signal
from twin.record.options import Record
from twin.scenario import load, resolved

ONE_HOME = resources.folder("scenarios") / "one_home.yaml"
APART = "bus.segments=[{name: inverter, nodes: [Inverter], gateway: Pack1, bitrate_bit_s: 250000}]"
SLOW = "bus.bitrate_bit_s=10000"
EDGES_S = np.array([1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0])

LAST, FIRST, FOREIGN = "Module02_Temperatures2", "Pack1_Command", "Babble_Module02_0"
MESSAGES: dict[str, tuple[int, str]] = {
    LAST: (0x461, "Module02"),
    "Inverter_Limits": (0x351, "Pack1"),
    FIRST: (0x100, "Pack1"),
    FOREIGN: (0x000, "Module02"),
}
"""Not in the order of priority; the first is the last of them, the last one no message of the scenario."""


class Cells(HTMLParser):
    """Reads a table: a list of texts a row."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.classes: list[list[str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
            self.classes.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.classes[-1].append(dict(attributes).get("class") or "")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data

    def cell(self, row: str, column: str) -> str:
        """Return what stands in a column of the row that begins with ``row``."""
        return next(cells for cells in self.rows if cells[0] == row)[self.rows[0].index(column)]

    def column(self, name: str) -> list[str]:
        """Return a column."""
        return [cells[self.rows[0].index(name)] for cells in self.rows[1:]]


def view(folder: Path, overrides: list[str] | None = None, **columns: Any) -> RunView:
    """Return a run of two sites that counted these columns of ``MESSAGES``; without ``overrides``, no scenario."""
    signal = Signal("power_W", ("site",), "W", "power", 1.0)
    writer = RunWriter(folder / "run", (signal,), {"site": np.array([4, 5])}, {}, Record(), START, 10**9)
    writer.append(10**9, {"power_W": np.zeros(2)})
    zero = np.zeros((2, len(MESSAGES)), np.int64)
    known: dict[str, Any] = {
        "identifier": [identifier for identifier, _ in MESSAGES.values()],
        "sender": [sender for _, sender in MESSAGES.values()],
        "segment": ["can"] * len(MESSAGES),
        "deadline_s": [1.0, 1.0, 1.0, np.nan],
        **dict.fromkeys(("misses", "overwritten", "dropped", "errors"), zero),
        "latency_mean_s": zero * 0.0,
        "latency_max_s": zero * 0.0,
    } | columns
    frames = columns.pop("frames", np.array([[10, 20, 30, 0], [30, 20, 10, 0]]))
    bus = {"message": Column(np.array(list(MESSAGES)), ("message",)), "frames": Column(frames, ("site", "message"))}
    for name, values in known.items():
        if values is not None:
            array = np.asarray(values)
            bus[name] = Column(array, ("site", "message")[-array.ndim :])
    histogram = np.zeros((*zero.shape, len(EDGES_S) - 1), np.int64)
    histogram[:, :, 1] = frames
    bus["latency_edge_s"] = Column(EDGES_S, ("latency_edge",), "s")
    bus["latency_histogram"] = Column(histogram, ("site", "message", "latency_bin"))
    writer.table("bus", bus)
    writer.close("complete")
    if overrides is not None:
        (folder / "run" / "scenario.yaml").write_text(resolved(load(ONE_HOME, overrides)))
    return RunView(folder / "run")


def bound_s(name: str, *overrides: str) -> float:
    for segment in site_bounds(load(ONE_HOME, list(overrides))).segments:
        for message in segment.messages:
            if message.layout.name == name and message.bound.response_ns is not None:
                return message.bound.response_ns * 1e-9
    raise AssertionError(f"no bound of {name}")


def test_bounds_stand_beside_what_the_run_counted(tmp_path: Path) -> None:
    found = Cells(messages_table(view(tmp_path, [])))
    assert found.cell(LAST, "Bound, ms") == f"{1e3 * bound_s(LAST):.3f}" == "6.310"
    assert found.cell(LAST, "Margin, ms") == "993.7"
    assert found.cell(LAST, "Frames") == "40"
    assert found.cell(LAST, "Identifier") == "0x461"
    assert found.cell(LAST, "Sender") == "Module02"
    assert [found.cell(FOREIGN, column) for column in ("Bound, ms", "Deadline, ms", "Margin, ms")] == ["", "", ""]
    assert "Segment" not in found.rows[0], "there is one only"


def test_latencies_are_means_over_frames_and_the_highest_of_all_sites(tmp_path: Path) -> None:
    mean_s = [[1e-3, 0, 0, np.nan], [2e-3, 0, 0, np.nan]]
    found = Cells(messages_table(view(tmp_path, [], latency_mean_s=mean_s, latency_max_s=np.array(mean_s) * 3)))
    assert found.cell(LAST, "Mean, ms") == "1.750", "30 of 40 frames are the second site's"
    assert found.cell(LAST, "Longest, ms") == "6.000"
    unseen = [found.cell(FOREIGN, column) for column in ("Mean, ms", "Longest, ms")]
    assert unseen == ["", ""], "nothing of it was sent"


RANKS: dict[str, tuple[dict[str, Any], str]] = {
    "late ones": ({"misses": [[0, 1, 0, 0], [0, 0, 0, 0]]}, "Inverter_Limits"),
    "lost ones before destroyed ones": (
        {"errors": [[90, 0, 0, 0], [0] * 4], "dropped": [[0, 0, 1, 0], [0] * 4]},
        FIRST,
    ),
    "losses of all kinds together": (
        {"overwritten": [[2, 0, 0, 0], [0] * 4], "misses": [[0, 0, 3, 0], [0] * 4], "dropped": [[2, 0, 0, 0], [0] * 4]},
        LAST,
    ),
    "those nearest to their deadline": (
        {"latency_max_s": [[0.1, 0.2, 0.3, 9.0], [0.1, 0.4, 0.3, 9.0]]},
        "Inverter_Limits",
    ),
}


@pytest.mark.parametrize("row", RANKS)
def test_the_worst_message_comes_first(tmp_path: Path, row: str) -> None:
    columns, first = RANKS[row]
    assert Cells(messages_table(view(tmp_path, [], **columns))).column("Message")[0] == first


def test_what_should_not_go_unnoticed_is_marked(tmp_path: Path) -> None:
    over_s = np.array([[0.0, 0.0, bound_s(FIRST) + 1e-6, 2e-3], [0.0, bound_s("Inverter_Limits") - 1e-6, 0.0, 0.0]])
    counted = {"latency_max_s": over_s, "deadline_s": [1.0, 1.0, 1.0, 1e-3], "errors": [[0, 0, 0, 1], [0] * 4]}
    counted["frames"] = np.ones((2, len(MESSAGES)), np.int64)
    found = Cells(messages_table(view(tmp_path, [], **counted)))
    marked = {
        (cells[0], head)
        for cells, classes in zip(found.rows, found.classes, strict=True)
        for head, kind in zip(found.rows[0], classes, strict=True)
        if "warning" in kind
    }
    assert marked == {(FIRST, "Longest, ms"), (FOREIGN, "Longest, ms"), (FOREIGN, "Errors")}


def test_a_message_that_can_starve_has_no_bound(tmp_path: Path) -> None:
    found = Cells(messages_table(view(tmp_path, ["fleet.modules=16", SLOW])))
    assert found.cell(LAST, "Bound, ms") == "none"
    assert found.cell(LAST, "Margin, ms") == "none"
    assert found.cell(FIRST, "Bound, ms") != "none"


def test_segments_tell_messages_of_one_name_apart(tmp_path: Path) -> None:
    segments = ["can", "inverter", "can", "can"]
    run = view(tmp_path, [APART], segment=segments)
    found = Cells(messages_table(run))
    assert found.cell("Inverter_Limits", "Segment") == "inverter"
    assert found.cell("Inverter_Limits", "Bound, ms") == f"{1e3 * bound_s('Inverter_Limits', APART):.3f}"
    assert list(run.messages["label"]) == [
        *(f"{name} (can)" for name in (FOREIGN, FIRST, LAST)),
        "Inverter_Limits (inverter)",
    ]


UNREADABLE: dict[str, tuple[list[str] | None, str, str]] = {
    "lost": (None, "", "the run has lost its scenario.yaml"),
    "of another version": ([], "name: x\nunknown: 1\n", "unknown key"),
}


@pytest.mark.parametrize("row", UNREADABLE)
def test_without_a_scenario_there_are_no_bounds_and_the_page_says_why(tmp_path: Path, row: str) -> None:
    overrides, text, why = UNREADABLE[row]
    run = view(tmp_path, overrides)
    if text:
        (run.folder / "scenario.yaml").write_text(text)
    page = messages_table(run)
    assert "No bounds" in page
    assert why in page
    assert set(Cells(page).column("Bound, ms")) == {""}
    assert traces(run).keys() == {"heatmap"}


def test_a_run_that_counted_less_shows_what_it_has(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", World(sites=2, slots=1, cells=3, duration_s=60.0))
    run = RunView(folder)
    heads = Cells(messages_table(run)).rows[0]
    assert heads == ["Message", "Identifier", "Frames", "Overwritten", "Mean, ms", "Longest, ms", "Bound, ms"]
    assert controllers_table(run) == ""


def traces(run: RunView) -> dict[str, Any]:
    drawn: go.Figure = BusLatency().draw(run)
    return {trace.name or trace.type: trace for trace in drawn.data}


def test_rows_of_the_plot_follow_priority_and_carry_bound_and_deadline(tmp_path: Path) -> None:
    drawn = traces(view(tmp_path, [], deadline_s=[1.0, 2e-3, 8e-3, np.nan]))
    assert list(drawn["heatmap"].y) == [FOREIGN, FIRST, "Inverter_Limits", LAST]
    np.testing.assert_allclose(drawn["heatmap"].x, [0.1, 1.0, 10.0])
    np.testing.assert_array_equal(drawn["heatmap"].z, [[np.nan, np.nan], *[[np.nan, 100.0]] * 3])
    bounds = dict(zip(drawn["bound"].y, drawn["bound"].x, strict=True))
    assert bounds == {name: pytest.approx(1e3 * bound_s(name)) for name in (FIRST, "Inverter_Limits", LAST)}
    assert list(drawn["deadline"].y) == [FIRST, "Inverter_Limits"], "a second lies outside of the range"
    assert list(drawn["deadline"].x) == [8.0, 2.0]


def test_the_plot_reaches_as_far_as_the_longest_bound(tmp_path: Path) -> None:
    run = view(tmp_path, [SLOW])
    edges_ms = traces(run)["heatmap"].x
    assert edges_ms[-1] >= 1e3 * bound_s(LAST, SLOW) > 100.0, "the longest frame seen took less than 10 ms"


def controllers(folder: Path, state: list[list[int]], tec: list[list[int]], bus_offs: list[list[int]]) -> RunView:
    """Return a run of two sites with two controllers each."""
    signal = Signal("power_W", ("site",), "W", "power", 1.0)
    writer = RunWriter(folder / "run", (signal,), {"site": np.array([4, 5])}, {}, Record(), START, 10**9)
    writer.append(10**9, {"power_W": np.zeros(2)})
    of_site, flags = ("site", "node"), {"error_active": 0, "error_passive": 1, "bus_off": 2, "off": 3}
    counts = {"tec": tec, "rec": [[0, 0], [0, 0]], "bus_offs": bus_offs}
    writer.table(
        "bus_nodes",
        {
            "node": Column(np.array(["Pack1", "<b>"]), ("node",)),
            "state": Column(np.array(state, np.int8), of_site, flags=flags),
            **{name: Column(np.array(values), of_site) for name, values in counts.items()},
        },
    )
    writer.close("complete")
    return RunView(folder / "run")


def test_controllers_in_trouble_are_listed_and_others_counted(tmp_path: Path) -> None:
    page = controllers_table(controllers(tmp_path, [[0, 1], [0, 2]], [[0, 130], [3, 256]], [[0, 0], [0, 1]]))
    found = Cells(page)
    assert found.rows[1:] == [
        ["5", "<b>", "bus off", "256", "0", "1"],
        ["4", "<b>", "error passive", "130", "0", "0"],
        ["5", "Pack1", "error active", "3", "0", "0"],
    ]
    assert "<b>" not in page
    assert "1 of 4 controllers are error active" in page


def test_calm_controllers_need_no_table(tmp_path: Path) -> None:
    page = controllers_table(controllers(tmp_path, [[0, 0]] * 2, [[0, 0]] * 2, [[0, 0]] * 2))
    assert "<table" not in page
    assert re.search("every CAN controller is error active", page)


def test_an_identifier_of_29_bits_may_be_a_small_number(tmp_path: Path) -> None:
    """On the wire its first eleven bits count first: 0x00000351 wins over 0x100."""
    extended = [name == "Inverter_Limits" for name in MESSAGES]
    run = view(tmp_path, [], extended=np.array(extended, np.int8))
    table = Cells(messages_table(run))
    assert table.cell("Inverter_Limits", "Identifier") == "0x00000351"
    assert run.messages["message"].tolist() == [FOREIGN, "Inverter_Limits", FIRST, LAST]
