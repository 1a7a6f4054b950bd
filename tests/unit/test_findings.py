"""From events, which tell changes of level, to findings, which have a beginning and an end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from twin.bms.codes import Level
from twin.record.findings import Finding, findings

OK, INFO, WARNING, FATAL = Level
COLUMNS = ("time_ns", "site_id", "slot_id", "cell_id", "level", "code", "source", "message", "since_ns", "pack_id")
Row = tuple[int, int, int, int, Level, str, str, str, int, int]


def _event(time: int, level: Level, /, **changes: Any) -> Row:
    """Return an event of one module's monitor, its cell 5 too hot, unless something else is said."""
    told: dict[str, Any] = {
        "time_ns": time,
        "site_id": 7,
        "slot_id": 3,
        "cell_id": 5,
        "level": level,
        "code": "overtemperature",
        "source": "module_monitor",
        "message": f"too hot {time}",
        "since_ns": time - 6,
        "pack_id": 1,
        **changes,
    }
    return tuple(told[name] for name in COLUMNS)


def _tree(rows: list[Row], without: tuple[str, ...] = ()) -> xr.DataTree:
    columns = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))
    table = {name: ("event", np.array(values)) for name, values in columns.items() if name not in without}
    count = len(rows)
    for name, text in (("cause", "internal short"), ("remedy", "Isolate and inspect")):
        table[name] = ("event", np.array([text] * count))
    root = xr.Dataset(coords={"pack": ("slot", np.array([0, 0, 1, 1]))})
    return xr.DataTree.from_dict({"/": root, "/events": xr.Dataset(table)})


def _times(found: list[Finding]) -> list[tuple[Level, int, int, int | None]]:
    return [(one.level, one.since_ns, one.noticed_ns, one.until_ns) for one in found]


def test_a_finding_lasts_from_its_beginning_until_it_clears() -> None:
    found = findings(_tree([_event(10, INFO), _event(20, WARNING), _event(30, INFO), _event(40, OK)]))
    assert _times(found) == [(WARNING, 4, 10, 40)]
    assert (found[0].message, found[0].cause, found[0].remedy) == (
        "too hot 20",
        "internal short",
        "Isolate and inspect",
    )


def test_what_has_not_cleared_is_still_there_and_what_comes_again_is_another() -> None:
    assert _times(findings(_tree([_event(10, INFO), _event(20, OK), _event(50, FATAL)]))) == [
        (INFO, 4, 10, 20),
        (FATAL, 44, 50, None),
    ]


@pytest.mark.parametrize(
    "other",
    [{"site_id": 8}, {"slot_id": 2}, {"code": "undertemperature"}, {"source": "central_controller"}],
    ids=["site", "module", "code", "source"],
)
def test_findings_elsewhere_are_others(other: dict[str, Any]) -> None:
    found = findings(_tree([_event(10, INFO), _event(20, WARNING, **other), _event(30, OK)]))
    assert _times(found) == [(INFO, 4, 10, 30), (WARNING, 14, 20, None)]


def test_findings_of_packs_are_told_apart_without_a_module() -> None:
    whole = {"slot_id": -1, "cell_id": -1, "code": "precharge_failed", "source": "pack_controller"}
    rows = [
        _event(10, FATAL, **whole, pack_id=0),
        _event(20, FATAL, **whole, pack_id=1),
        _event(30, OK, **whole, pack_id=0),
    ]
    assert [(one.pack, one.until_ns) for one in findings(_tree(rows))] == [(0, 30), (1, None)]


def test_a_cell_that_changes_is_the_same_finding() -> None:
    found = findings(_tree([_event(10, INFO), _event(20, WARNING, cell_id=6), _event(30, OK, cell_id=2)]))
    assert [(one.cell, one.until_ns) for one in found] == [(6, 30)]


@pytest.mark.parametrize("source", ["scenario", "plant", "network"])
def test_what_others_tell_happens_at_an_instant(source: str) -> None:
    found = findings(_tree([_event(10, INFO, source=source), _event(20, INFO, source=source)]))
    assert [one.until_ns for one in found] == [10, 20]


def test_what_is_no_code_happens_at_an_instant() -> None:
    assert findings(_tree([_event(10, WARNING, code="contactor_opened")]))[0].until_ns == 10


def test_older_runs_do_not_say_since_when_and_which_pack() -> None:
    """The pack follows from the slot, the beginning is when it was noticed."""
    (found,) = findings(_tree([_event(10, INFO)], without=("since_ns", "pack_id")))
    assert (found.pack, found.since_ns, found.noticed_ns) == (1, 10, 10)


def test_every_finding_about_a_module_names_its_battery() -> None:
    """Also where its source did not: the pack follows from the slot."""
    assert all(
        one.pack >= 0
        for one in findings(_tree([_event(10, INFO, pack_id=-1), _event(11, INFO, slot_id=0, pack_id=-1)]))
    )


def test_a_run_without_events_has_no_findings() -> None:
    assert findings(xr.DataTree(xr.Dataset())) == []
