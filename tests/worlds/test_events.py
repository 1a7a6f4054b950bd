"""``twin events``: what a run has found, as people and as programs read it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.worlds.command import twin
from tests.worlds.runs import World, open_writer, rows, write_run
from twin.bms.codes import Level
from twin.bms.events import Event
from twin.cli import app

SECOND = 1_000_000_000
SMALL = World(sites=2, cells=6, duration_s=400.0)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which a cell reads nonsense for a while, and a contactor opens."""
    folder = tmp_path_factory.mktemp("events") / "run"
    writer = open_writer(folder, SMALL)
    for number, row in enumerate(rows(SMALL)):
        writer.append(SMALL.time_ns(number), row)
    where = (101, 1, 4)
    what = (
        "voltage_noisy",
        "module_monitor",
        "pack 1, module 2, cell 5: voltage reading of the cell jitters, by 0.006 V",
    )
    advice = ("loose sense wire", "Check the connector")
    writer.event(Event(60 * SECOND, *where, Level.WARNING, *what, *advice, since_ns=50 * SECOND, pack=0))
    writer.event(Event(90 * SECOND, *where, Level.OK, *what, *advice, pack=0))
    writer.event(
        Event(95 * SECOND, 100, -1, -1, Level.INFO, "contactor", "plant", "pack 1: the main contactor opened", pack=0)
    )
    writer.close("complete")
    return folder


def _events(*arguments: object) -> str:
    """Return what the command prints, without a process of its own."""
    done = CliRunner().invoke(app, ["events", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_text_says_what_where_since_when_why_and_what_to_do(run: Path) -> None:
    assert _events(run, "--site", 101) == (
        "warning site 101, pack 1, module 2, cell 5: voltage reading of the cell jitters, by 0.006 V"
        " [33 voltage_noisy]\n"
        "        since 2026-06-21 06:00:50.000+08:00, cleared 2026-06-21 06:01:30.000+08:00; from module_monitor\n"
        "        likely cause: loose sense wire\n"
        "        what to do: Check the connector\n"
        "\n"
        "1 findings: 0 fatal, 1 warning, 0 info; 0 still there at the end\n"
    )


def test_csv_has_a_row_a_finding(run: Path) -> None:
    found = list(csv.DictReader(io.StringIO(_events(run, "--format", "csv"))))
    assert [(row["site"], row["pack"], row["module"], row["cell"]) for row in found] == [
        ("101", "1", "2", "5"),
        ("100", "1", "", ""),
    ]
    assert [(row["number"], row["code"], row["level"]) for row in found] == [
        ("33", "voltage_noisy", "warning"),
        ("", "contactor", "info"),
    ]
    assert found[0]["since"] == "2026-06-21 06:00:50.000+08:00"


def test_json_is_the_same_and_goes_to_a_file(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    assert _events(run, "--format", "json", "-o", file).strip() == str(file)
    told, rows = json.loads(file.read_text()), csv.DictReader(io.StringIO(_events(run, "--format", "csv")))
    assert [{key: "" if value is None else str(value) for key, value in one.items()} for one in told] == list(rows)


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [
        (("--level", "warning"), ["voltage_noisy"]),
        (("--level", "fatal"), []),
        (("--code", "contactor"), ["contactor"]),
        (("--site", "100", "--site", "101"), ["voltage_noisy", "contactor"]),
        (("--code", "cell_overvoltage"), []),
    ],
)
def test_findings_are_chosen(run: Path, arguments: tuple[str, ...], codes: list[str]) -> None:
    assert [one["code"] for one in json.loads(_events(run, *arguments, "--format", "json"))] == codes


def test_all_mistakes_are_told_at_once(run: Path) -> None:
    done = twin("events", str(run), "--site", "3", "--code", "over_temperature")
    assert done.returncode == 2
    assert "found 3; the run has the sites 100 to 101" in done.stderr
    assert "no fault code over_temperature (did you mean overtemperature?)" in done.stderr


def test_a_run_as_others_write_it_is_read_too(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", World(cells=6, duration_s=3.2 * 3600))
    assert "fatal   site 101, pack 1, module 1, cell 6" in _events(folder, "--level", "fatal")
