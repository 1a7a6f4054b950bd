"""DBC files: what a site sends, and every mistake named with its line."""

from __future__ import annotations

import runpy
from pathlib import Path

import cantools
import pytest

from twin.bms import codes
from twin.errors import InputError
from twin.network.database import Database, bus_messages

ROOT = Path(__file__).parents[2]
HOME_BATTERY = ROOT / "data/can/home_battery.dbc"
HEAD = 'VERSION ""\n\nNS_ :\n\nBS_:\n\nBU_: Module01 Pack1\n\n'


@pytest.fixture(scope="module")
def database() -> Database:
    return Database.load("home_battery")


def test_the_file_is_what_its_script_writes() -> None:
    script = runpy.run_path(str(HOME_BATTERY.with_name("make_home_battery.py")))
    assert HOME_BATTERY.read_text(encoding="ascii") == script["database"]()


def test_cantools_opens_it_strictly() -> None:
    judge = cantools.database.load_file(HOME_BATTERY, strict=True)
    assert len(judge.messages) == 16 * 7 + 4 * 3 + 7
    assert all(message.comment and message.cycle_time == 1000 for message in judge.messages)
    assert all(message.senders and message.receivers for message in judge.messages)


def test_what_engineers_look_up(database: Database) -> None:
    state = database["Module07_State"]
    assert (state.identifier, state.length, state.sender, state.cycle_ns) == (0x126, 8, "Module07", 1_000_000_000)
    by_name = {signal.name: signal for signal in state.signals}
    assert by_name["Level"].choices == {level.value: level.name.lower() for level in codes.Level}
    assert (by_name["Current"].unit, by_name["Current"].signed, by_name["Current"].scale) == ("A", True, 0.1)


def test_fault_codes_are_those_of_the_firmware(database: Database) -> None:
    catalogue = {code.number: code.name for code in vars(codes).values() if isinstance(code, codes.FaultCode)}
    for message in ("Module01_State", "Pack1_State"):
        choices = next(signal.choices for signal in database[message].signals if signal.name == "FaultCode")
        assert choices == {0: "none", **catalogue}


def test_all_modules_say_the_same_things(database: Database) -> None:
    for kind in ("State", *(f"CellVoltages{n}" for n in range(1, 5)), "Temperatures1", "Temperatures2"):
        assert len({database[f"Module{number:02}_{kind}"].signals for number in range(1, 17)}) == 1


def test_commands_and_states_win_over_telemetry(database: Database) -> None:
    def identifiers(*words: str) -> list[int]:
        return [m.identifier for m in database.messages if any(word in m.name for word in words)]

    assert max(identifiers("_Command")) < min(identifiers("_State"))
    assert max(identifiers("_State")) < min(identifiers("CellVoltages", "Temperatures"))


@pytest.mark.parametrize(
    ("packs", "modules", "count"), [(1, 2, 2 * 7 + 3 + 7), (1, 1, 7 + 3 + 7), (2, 3, 6 * 7 + 6 + 7), (4, 4, 131)]
)
def test_a_site_sends_the_messages_of_the_nodes_it_has(
    database: Database, packs: int, modules: int, count: int
) -> None:
    messages = bus_messages(database, packs, modules)
    assert len(messages) == count
    senders = {message.sender for message in messages}
    assert f"Module{packs * modules:02}" in senders
    assert f"Module{packs * modules + 1:02}" not in senders
    assert {"Inverter", "Pack1"} <= senders


def test_a_site_with_more_nodes_than_the_database_is_refused(database: Database) -> None:
    with pytest.raises(InputError) as caught:
        bus_messages(database, 5, 4)
    assert [str(problem.message) for problem in caught.value.problems] == [
        "the site has 20 nodes Module, the database knows 16",
        "the site has 5 nodes Pack, the database knows 4",
    ]


def test_names_are_suggested(database: Database) -> None:
    with pytest.raises(InputError, match="did you mean Module01_State"):
        database["Module01_Stat"]
    with pytest.raises(InputError, match="did you mean home_battery"):
        Database.load("home_batery")
    with pytest.raises(InputError, match="no such DBC file"):
        Database.load("missing/file.dbc")


def problems_of(text: str, folder: Path) -> list[tuple[int | None, str | None, str]]:
    path = folder / "wrong.dbc"
    path.write_text(HEAD + text)
    with pytest.raises(InputError) as caught:
        Database.load(path)
    assert all(problem.file == str(path) for problem in caught.value.problems)
    return [(problem.line, problem.path, problem.message) for problem in caught.value.problems]


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    text = """BO_ 1 Overlap: 8 Module01
 SG_ First : 0|16@1+ (1,0) [0|0] "" Pack1
 SG_ Second : 8|16@1+ (1,0) [0|0] "" Pack1

BO_ 2 Outside: 2 Module01
 SG_ Wide : 8|16@1+ (1,0) [0|0] "" Pack1

BO_ 3 Long: 9 Module01
 SG_ Value : 0|8@1+ (1,0) [0|0] "" Pack1

BO_ 3 Again: 8 Module01
 SG_ Value : 0|8@1+ (0,0) [0|0] "" Pack1
"""
    assert problems_of(text, tmp_path) == [
        (9, "Overlap", "The signals Second and First are overlapping in message Overlap."),
        (13, "Outside", "The signal Wide does not fit in message Outside."),
        (16, "Long", "no classic frame carries 9 bytes"),
        (19, "Again.Value", "the factor is 0"),
        (19, "Again", "identifier 0x3 is used by Long already"),
    ]


def test_a_name_used_twice(tmp_path: Path) -> None:
    text = "".join(f'BO_ {n} Same: 1 Module01\n SG_ Value : 0|8@1+ (1,0) [0|0] "" Pack1\n\n' for n in (1, 2))
    assert problems_of(text, tmp_path) == [(12, "Same", "2 messages of this name")]


def test_bad_syntax_has_its_line(tmp_path: Path) -> None:
    ((line, _, message),) = problems_of(
        'BO_ 1 Broken: 8 Module01\n SG_ Value : 0|x@1+ (1,0) [0|0] "" Pack1\n', tmp_path
    )
    assert line == 10
    assert "not a DBC file that can be read" in message


def test_a_signal_of_more_than_64_bits(tmp_path: Path) -> None:
    text = 'BO_ 1 Wide: 8 Module01\n SG_ Value : 0|65@1+ (1,0) [0|0] "" Pack1\n'
    assert (9, "Wide.Value", "65 bits; a signal has at most 64") in problems_of(text, tmp_path)
