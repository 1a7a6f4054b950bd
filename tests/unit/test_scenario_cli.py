"""``twin check`` and ``twin schema``."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin import resources
from twin.cli import check, schema
from twin.errors import InputError
from twin.scenario.schema import schema_text

SCENARIOS = resources.folder("scenarios")


def test_check_tells_what_would_run(capsys: pytest.CaptureFixture[str]) -> None:
    check.command(SCENARIOS / "home_fleet.yaml", ["fleet.sites=14", "duration_s=90 min", "faults[1].start_s=0"])
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "sites 14, each 1 pack of 2 modules" in lines
    assert "physics 56 FMU instances (module_electrical, module_thermal)" in lines
    assert "time 1 h 30 min from 2026-06-21T06:00:00+08:00, 5400 ticks of 1 s" in lines
    assert "fault weak_cell at site 1, module 1, cell 4" in lines
    assert "fault over_temperature at site 3, module 0, cell 9" in lines
    frames = next(line for line in lines if line.startswith("CAN"))
    rate_Hz = float(frames.split()[1])
    assert rate_Hz == 26
    load = "with the longest frames a load of 0.65 %"
    assert frames == f"CAN {rate_Hz:g} frames/s a site, some {rate_Hz * 5400 * 14:,.0f} in all; {load}"
    worst = "at the worst Module01_Health (0x470) takes 6.500 of 999.9 ms, without errors"
    assert f"deadlines {worst}" in lines


APART = "bus.segments=[{name: inverter, nodes: [Inverter], gateway: Pack1}]"
BUSES: dict[str, tuple[list[str], list[str]]] = {
    "the firmware's rate, not the database's": (["bms.period_s=0.1"], ["260 frames/s", "load of 6.5 %", "99.99 ms"]),
    "segments": ([APART], ["26 frames/s", "0.487 % of can, 0.163 % of inverter"]),
    "overload": (
        ["fleet.modules=16", "bus.bitrate_bit_s=10000"],
        ["138 frames/s", "load of 178 %", "not met by Module02_CellVoltages4 (0x441): it can starve", "overloaded"],
    ),
}


@pytest.mark.parametrize("row", BUSES)
def test_check_tells_of_the_buses_before_they_run(row: str, capsys: pytest.CaptureFixture[str]) -> None:
    overrides, expected = BUSES[row]
    check.command(SCENARIOS / "one_home.yaml", overrides)
    said = capsys.readouterr().out
    assert [text for text in expected if text not in said] == []


def test_check_tells_of_a_fault_that_comes_too_late(capsys: pytest.CaptureFixture[str]) -> None:
    check.command(SCENARIOS / "home_fleet.yaml", ["duration_s=60"])
    assert "site 3, module 0, cell 9, after the end of the run: never" in capsys.readouterr().out


def test_check_names_every_mistake(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("name: x\nduration: 3 h\n")
    with pytest.raises(InputError) as caught:
        check.command(tmp_path / "s.yaml")
    assert len(caught.value.problems) == 2


MISTAKEN = """\
name: x
start: 2026-06-21T06:00:00+08:00
duration_s: 600
fleet: {sites: 3}
bus:
  segments:
    - {name: inverter, nodes: [Invertor], gateway: Pack1}
  replay:
    - {file: home.log, node: Pack1}
    - {file: free.log, node: Charger, sites: [2, 7]}
    - {file: home.log, node: Inverter}
    - {file: short.log, node: Inverter}
faults:
  - {kind: babbling_node, site: 0, node: Modul02, start_s: 3}
  - {kind: babbling_node, site: 0, node: Module01, identifier: 0x305, start_s: 3}
  - {kind: wrong_frames, site: 0, message: Pack1_Comand, start_s: 3}
  - {kind: broken_wire, site: 0, node: Nobody, start_s: 3}
  - {kind: broken_wire, site: 0, node: Charger, start_s: 3}
"""


def _check(folder: Path, text: str) -> list[str]:
    """Return the mistakes that ``twin check`` finds, without the folder."""
    traces = {"home": "305#0102030405060708", "free": "7A0#0102", "short": "305#01"}
    for name, frame in traces.items():
        (folder / f"{name}.log").write_text(f"(0.000000) can0 {frame}\n")
    (folder / "s.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        check.command(folder / "s.yaml")
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


def test_check_names_every_mistake_about_the_buses(tmp_path: Path) -> None:
    assert _check(tmp_path, MISTAKEN) == [
        "s.yaml:14: faults[0].node: there is no node 'Modul02' on the bus (did you mean Module02?)",
        "s.yaml:16: faults[2].message: there is no message 'Pack1_Comand' on the bus (did you mean Pack1_Command?)",
        "s.yaml:17: faults[3].node: there is no node 'Nobody' on the bus",
        "s.yaml:15: faults[1].identifier: found 0x305, the identifier of Inverter_Heartbeat; "
        "expected one that the database leaves free",
        "s.yaml:10: bus.replay[1].sites[1]: found 7; expected 0 to 2",
        "home.log: found frames of Inverter; expected some of Pack1",
        "short.log: found a classic data frame of 1 bytes; expected Inverter_Heartbeat as in the database, "
        "a classic data frame of 8 bytes",
        "s.yaml:7: bus.segments[0]: no ECU is called Invertor; there are Pack1, Module01, Module02, Inverter",
    ]


TAKEN_TWICE = """\
name: x
start: 2026-06-21T06:00:00+08:00
duration_s: 600
bus: {replay: [{file: free.log, node: Charger}]}
faults:
  - {kind: babbling_node, site: 0, node: Module01, identifier: 0x7A0, start_s: 3}
  - {kind: babbling_node, site: 0, node: Module01, start_s: 3}
  - {kind: babbling_node, site: 0, node: Module01, start_s: 30}
  - {kind: babbling_node, site: 0, node: Module02, start_s: 3}
"""


def test_check_names_identifiers_that_are_taken_twice(tmp_path: Path) -> None:
    assert _check(tmp_path, TAKEN_TWICE) == [
        "s.yaml:9: faults[3]: identifier 0x0 is Babble_Module01_0's already",
        "s.yaml:4: bus.replay[0]: identifier 0x7a0 is Babble_Module01_7A0's already",
    ]


def test_check_names_what_a_database_lacks(tmp_path: Path) -> None:
    shipped = (resources.folder("data") / "can" / "home_battery.dbc").read_text()
    (tmp_path / "own.dbc").write_text(shipped.replace("Module02_State", "Module02_Status"))
    text = TAKEN_TWICE.split("bus:")[0] + "bus: {database: own.dbc}\n"
    assert "own.dbc: Module02_State: no such message, which the BMS needs" in "\n".join(_check(tmp_path, text))


def test_schema_to_a_file_and_to_the_screen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema.command()
    assert capsys.readouterr().out == schema_text()
    schema.command(tmp_path / "s.json")
    assert (tmp_path / "s.json").read_text() == schema_text()


def test_schema_to_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"s\.json: cannot be written: No such file"):
        schema.command(tmp_path / "none" / "s.json")
