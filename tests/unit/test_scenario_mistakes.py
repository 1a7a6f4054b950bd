"""Wrong scenarios, one row each: the text, and every problem that must be reported of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin import faults
from twin.errors import InputError
from twin.faults.fault import Fault
from twin.plugins import discover
from twin.scenario import expand, load

RIGHT = "name: x\nstart: 2026-06-21T06:00:00+08:00\nduration_s: 600\n"

ROWS = {
    "a unit in the value and not in the key": (
        "name: x\nstart: 2026-06-21T06:00:00+08:00\nduration: 12 h\n",
        ["s.yaml:3: duration: unknown key (did you mean duration_s?)"],
    ),
    "a required key is missing": (
        "name: x\nduration_s: 600\n",
        ["s.yaml:1: start: missing"],
    ),
    "a section's key at the top": (
        RIGHT + "sites: 3\n",
        ["s.yaml:4: sites: unknown key (did you mean fleet.sites?)"],
    ),
    "a misspelt key": (
        RIGHT + "fleet:\n  sitse: 3\n",
        ["s.yaml:5: fleet.sitse: unknown key (did you mean sites?)"],
    ),
    "a key like no other": (
        RIGHT + "record: {zzz: 3}\n",
        ["s.yaml:4: record.zzz: unknown key (known: detail, period_s, segment_s, frames)"],
    ),
    "a wrong unit": (
        RIGHT + "step_s: 3 kg\n",
        ["s.yaml:4: step_s: '3 kg' has the wrong unit; expected second"],
    ),
    "text for a number": (
        RIGHT + "plant: {link_ohm: big}\n",
        ["s.yaml:4: plant.link_ohm: 'big' is no number with a unit; expected e.g. 3.5 or '3.5 Ω'"],
    ),
    "a temperature for a difference": (
        RIGHT + "fleet: {spread: {temperature_start_K: {mean: 25 degC, sd: 2 degC}}}\n",
        [
            "s.yaml:4: fleet.spread.temperature_start_K.sd: '2 degC' is a temperature, not a difference of two; "
            "expected e.g. '2 K'"
        ],
    ),
    "wrong ranges": (
        RIGHT + "fleet: {sites: 0, packs: 9}\nseed: -1\n",
        [
            "s.yaml:4: fleet.sites: found 0; expected at least 1",
            "s.yaml:4: fleet.packs: found 9; expected at most 4",
            "s.yaml:5: seed: found -1; expected at least 0",
        ],
    ),
    "true is no number": (
        RIGHT + "fleet: {sites: true}\nstep_s: true\n",
        [
            "s.yaml:4: fleet.sites: found true; expected a whole number",
            "s.yaml:5: step_s: true is no number; expected a number of second",
        ],
    ),
    "half a site, and off for false": (
        RIGHT + "fleet: {sites: 2.5}\nrecord: {frames: off}\n",
        [
            "s.yaml:4: fleet.sites: found 2.5; expected a whole number",
            "s.yaml:5: record.frames: found 'off'; expected true or false",
        ],
    ),
    "not a number": (
        RIGHT + "plant: {link_ohm: .nan}\n",
        ["s.yaml:4: plant.link_ohm: found nan; expected a finite number"],
    ),
    "a choice that does not exist": (
        RIGHT + "plant: {backend: natve}\n",
        ["s.yaml:4: plant.backend: found 'natve'; expected 'native', 'fmpy' or 'pyfmi' (did you mean native?)"],
    ),
    "no time zone": (
        "name: x\nstart: 2026-06-21T06:00:00\nduration_s: 600\n",
        [
            "s.yaml:2: start: found '2026-06-21T06:00:00'; "
            "expected a time with a time zone, such as 2026-06-21T06:00:00+08:00"
        ],
    ),
    "a kind of fault that does not exist, and one without a kind": (
        RIGHT + "faults:\n  - {kind: weakcell, site: 0}\n  - {site: 0}\n",
        [
            "s.yaml:5: faults[0].kind: found 'weakcell'; expected one of {kinds} (did you mean weak_cell?)",
            "s.yaml:6: faults[1].kind: missing; expected one of {kinds}",
        ],
    ),
    "a fault's own fields and its place, together": (
        RIGHT + "faults:\n  - kind: over_temperature\n    site: 7\n    module: 2\n    cell: 16\n    heat_W: -3\n"
        "    start: 3\n",
        [
            "s.yaml:6: faults[0].site: found 7; expected 0, the only one",
            "s.yaml:7: faults[0].module: found 2; expected 0 to 1",
            "s.yaml:8: faults[0].cell: found 16; expected 0 to 15",
            "s.yaml:9: faults[0].heat_W: found -3; expected more than 0",
            "s.yaml:10: faults[0].start: unknown key (did you mean start_s?)",
        ],
    ),
    "times that are no multiple of the step": (
        "name: x\nstart: 2026-06-21T06:00:00+08:00\nduration_s: 605\nstep_s: 10\nrecord: {period_s: 15}\n",
        [
            "s.yaml:3: duration_s: found 605; expected a multiple of step_s, 10 (600 is one)",
            "s.yaml:5: record.period_s: found 15; expected a multiple of step_s, 10 (10 is one)",
        ],
    ),
    "more modules than the bus has messages for": (
        RIGHT + "fleet: {packs: 3, modules: 6}\n",
        ["s.yaml:4: fleet.modules: found 3 packs of 6, 18 modules a site; expected at most 16"],
    ),
    "files that do not exist": (
        RIGHT + "pv: {kind: csv, file: roof.csv}\nplant: {electrical: mine/cell.fmu}\nbus: {database: a.dbc}\n",
        [
            "s.yaml:4: pv.file: there is no file {folder}/roof.csv",
            "s.yaml:5: plant.electrical: there is no file {folder}/mine/cell.fmu",
            "s.yaml:6: bus.database: there is no file {folder}/a.dbc",
        ],
    ),
    "a database that does not ship": (
        RIGHT + "bus: {database: home_batery}\n",
        [
            "s.yaml:4: bus.database: found 'home_batery'; expected home_battery, home_battery_centralized, "
            "home_battery_distributed, stack_battery, stack_battery_centralized, stack_battery_distributed, or the "
            "path of a file (did you mean home_battery?)"
        ],
    ),
    "a mean beyond its bounds": (
        RIGHT + "fleet: {spread: {soc: 40, soh: {mean: 0.3}}}\n",
        [
            "s.yaml:4: fleet.spread.soc: found mean 40; expected 0 to 1",
            "s.yaml:4: fleet.spread.soh: found mean 0.3; expected 0.5 to 1",
        ],
    ),
    "lists and mappings in the wrong place": (
        RIGHT + "fleet: 3\nfaults: {kind: weak_cell}\nname2: 1\n",
        [
            "s.yaml:4: fleet: found 3; expected a mapping",
            "s.yaml:5: faults: found a mapping; expected a list",
            "s.yaml:6: name2: unknown key (did you mean name?)",
        ],
    ),
    "a list at the top": ("- 1\n", ["s.yaml:1: found a list; expected a mapping of keys"]),
    "an empty file": ("", ["s.yaml:1: found nothing; expected a mapping of keys"]),
    "more steps than anybody simulates": (
        "name: x\nstart: 2026-06-21T06:00:00+08:00\nduration_s: 1e9\nstep_s: 0.001\n",
        ["s.yaml:3: duration_s: found 1e+12 steps; expected at most 1e+09"],
    ),
}

OVERRIDES = {
    "a misspelt key": (
        ["fleet.sitse=3"],
        ["--set fleet.sitse=3: fleet.sitse: unknown key (did you mean sites?)"],
    ),
    "a value out of range, in a section that the file has not": (
        ["record.period_s=0"],
        ["--set record.period_s=0: record.period_s: found 0; expected more than 0"],
    ),
    "no path": (["=3"], ["--set =3: is no path=value (expected e.g. --set fleet.sites=3)"]),
    "no value": (["fleet.sites"], ["--set fleet.sites: is no path=value (expected e.g. --set fleet.sites=3)"]),
    "broken YAML": (
        ["fleet={sites: 3"],
        [
            "--set fleet={sites: 3: fleet: broken YAML: expected ',' or '}', but got '<stream end>' "
            "(while parsing a flow mapping from line 1)"
        ],
    ),
    "an item beyond the list": (
        ["faults[2].heat_W=3"],
        ["--set faults[2].heat_W=3: faults[2].heat_W: faults is nothing; expected a list of at least 2 items"],
    ),
    "below a value": (
        ["name.first=3"],
        ["--set name.first=3: name.first: name is 'x'; expected a mapping"],
    ),
    "what the file then lacks": (
        ["step_s=7"],
        ["s.yaml:3: duration_s: found 600; expected a multiple of step_s, 7 (595 is one)"],
    ),
}


def _problems(folder: Path, text: str, overrides: list[str]) -> list[str]:
    (folder / "s.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        load(folder / "s.yaml", overrides)
    return [str(problem).replace(f"{folder}/s.yaml", "s.yaml") for problem in caught.value.problems]


@pytest.mark.parametrize(("text", "problems"), ROWS.values(), ids=ROWS.keys())
def test_every_mistake_is_named(tmp_path: Path, text: str, problems: list[str]) -> None:
    kinds = ", ".join(repr(kind) for kind in discover(faults, Fault))  # type: ignore[type-abstract]
    expected = [problem.replace("{folder}", str(tmp_path)).replace("{kinds}", kinds) for problem in problems]
    assert _problems(tmp_path, text, []) == expected


@pytest.mark.parametrize(("overrides", "problems"), OVERRIDES.values(), ids=OVERRIDES.keys())
def test_overrides_name_their_option(tmp_path: Path, overrides: list[str], problems: list[str]) -> None:
    record = "record: {period_s: 7}\n" if overrides == ["step_s=7"] else ""
    assert _problems(tmp_path, RIGHT + record, overrides) == problems


def test_file_and_overrides_are_reported_together(tmp_path: Path) -> None:
    problems = _problems(tmp_path, RIGHT + "stepp_s: 1\n", ["fleet.sites=0", "seed"])
    assert problems == [
        "s.yaml:4: stepp_s: unknown key (did you mean step_s?)",
        "--set seed: is no path=value (expected e.g. --set fleet.sites=3)",
        "--set fleet.sites=0: fleet.sites: found 0; expected at least 1",
    ]


def test_the_right_one_has_no_mistakes(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(RIGHT)
    assert load(tmp_path / "s.yaml").duration_s == 600.0


def test_a_scenario_made_in_python_is_checked_when_expanded(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(RIGHT)
    scenario = load(tmp_path / "s.yaml").model_copy(update={"duration_s": 600.5})
    with pytest.raises(InputError, match=r"duration_s: found 600\.5; expected a multiple of step_s"):
        expand(scenario)
