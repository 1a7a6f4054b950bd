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
    assert 10 <= rate_Hz <= 25, "at most 25 frames/s a home"
    load = "with the longest frames a load of 0.612 %"
    assert frames == f"CAN {rate_Hz:g} frames/s a site, some {rate_Hz * 5400 * 14:,.0f} in all; {load}"
    worst = "at the worst Module01_Temperatures2 (0x460) takes 6.120 of 999.9 ms, without errors"
    assert f"deadlines {worst}" in lines


APART = "bus.segments=[{name: inverter, nodes: [Inverter], gateway: Pack1}]"
BUSES: dict[str, tuple[list[str], list[str]]] = {
    "the firmware's rate, not the database's": (["bms.period_s=0.1"], ["240 frames/s", "load of 6.12 %", "99.99 ms"]),
    "segments": ([APART], ["24 frames/s", "0.449 % of can, 0.163 % of inverter"]),
    "overload": (
        ["fleet.modules=16", "bus.bitrate_bit_s=10000"],
        ["122 frames/s", "load of 163 %", "not met by Module02_CellVoltages4 (0x441): it can starve", "overloaded"],
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


def test_schema_to_a_file_and_to_the_screen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema.command()
    assert capsys.readouterr().out == schema_text()
    schema.command(tmp_path / "s.json")
    assert (tmp_path / "s.json").read_text() == schema_text()


def test_schema_to_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"s\.json: cannot be written: No such file"):
        schema.command(tmp_path / "none" / "s.json")
