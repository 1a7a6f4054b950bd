"""DBC files: what a site sends, and every mistake named with its line."""

from __future__ import annotations

import runpy
from pathlib import Path

import cantools
import numpy as np
import pytest

from twin.bms import codes
from twin.errors import InputError
from twin.network.dbc.database import Database, bus_messages

CAN = Path(__file__).parents[2] / "data/can"
HEAD = 'VERSION ""\n\nNS_ :\n\nBS_:\n\nBU_: Module01 Pack1\n\n'
SHIPPED = {
    f"{system}{suffix}": count
    for system in ("home_battery", "stack_battery")
    for suffix, count in (
        ("", 16 * (8 + 3) + 4 * (3 + 3) + 7),
        ("_centralized", 4 * (3 + 3) + 7),
        ("_distributed", 16 * (9 + 3) + 1),
    )
}
"""How many messages: of each module and pack, and of each to and from the gateway; and the inverter's."""


@pytest.fixture(scope="module")
def database() -> Database:
    return Database.load("home_battery")


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    """Return what the script writes, by the name of the file."""
    script = runpy.run_path(str(CAN / "make_batteries.py"))
    return {system.file: script["database"](system) for system in script["SYSTEMS"]}


def test_the_files_are_what_the_script_writes(written: dict[str, str]) -> None:
    assert {path.name: path.read_text(encoding="ascii") for path in CAN.glob("*.dbc")} == written


@pytest.mark.parametrize(("name", "count"), SHIPPED.items())
def test_cantools_opens_it_strictly(name: str, count: int) -> None:
    judge = cantools.database.load_file(CAN / f"{name}.dbc", strict=True)
    assert len(judge.messages) == count
    assert all(message.comment and message.senders and message.receivers for message in judge.messages)
    kinds = {(message.send_type, message.cycle_time) for message in judge.messages}
    assert kinds == {("cyclic", 1000), ("event", None)}


@pytest.mark.parametrize("name", SHIPPED)
def test_numbers_have_the_names_of_the_firmware(name: str) -> None:
    """Every signal of a code or a level, in every message, knows all of the catalogue."""
    tables = {
        "Code": {0: "none"} | {code.number: code.name for code in codes.CATALOGUE},
        "FaultCode": {0: "none"} | {code.number: code.name for code in codes.CATALOGUE},
        "Level": {level.value: level.name.lower() for level in codes.Level},
    }
    seen = set()
    for message in Database.load(name).messages:
        for signal in message.signals:
            if signal.name in tables:
                seen.add(signal.name)
                assert signal.choices == tables[signal.name], f"{message.name}.{signal.name}"
    assert seen == set(tables)


@pytest.mark.parametrize("name", SHIPPED)
def test_who_is_on_the_bus_follows_from_the_architecture(name: str) -> None:
    nodes = {node.rstrip("0123456789") for node in Database.load(name).nodes}
    absent = {"centralized": "Module", "distributed": "Pack"}.get(name.split("_")[-1])
    assert nodes == {"Module", "Pack", "Inverter", "Gateway"} - {absent}


def test_what_engineers_look_up(database: Database) -> None:
    state = database["Module07_State"]
    assert (state.identifier, state.length, state.sender, state.cycle_ns) == (0x126, 8, "Module07", 1_000_000_000)
    by_name = {signal.name: signal for signal in state.signals}
    assert by_name["Level"].choices == {level.value: level.name.lower() for level in codes.Level}
    assert (by_name["Current"].unit, by_name["Current"].signed, by_name["Current"].scale) == ("A", True, 0.1)


def test_a_fault_carries_its_value_in_the_unit_of_its_code(database: Database) -> None:
    units = {"V": "V", "K": "degC", "delta_K": "K", "K/s": "K/s", "A": "A", "ohm": "ohm", "s": "s", "1": "1"}
    fault = database["Module03_Fault"]
    numbers = np.array([float(code.number) for code in codes.CATALOGUE])
    payload = fault.encode({"Code": numbers, "Level": 3.0, "Cell": 16.0})
    unit = {signal.name: signal.unit for signal in fault.signals if signal.multiplexing}
    said = {name: values for name, values in fault.decode(payload).items() if name in unit}
    for row, code in enumerate(codes.CATALOGUE):
        assert [unit[name] for name, values in said.items() if not np.isnan(values[row])] == [units[code.unit]], code


def test_diagnostics_are_a_pair_for_every_ecu_that_can_be_updated(database: Database) -> None:
    """Of lower priority than all that is cyclic, and a response a fixed distance behind its request."""
    for node in database.nodes:
        if node in ("Inverter", "Gateway"):
            continue
        request, response = database[f"{node}_DiagnosticRequest"], database[f"{node}_DiagnosticResponse"]
        assert (request.sender, request.receivers, request.length) == ("Gateway", (node,), 8)
        assert (response.sender, response.receivers, response.length) == (node, ("Gateway",), 8)
        assert response.identifier == request.identifier + 0x20
    diagnostics = [message.identifier for message in database.messages if "Diagnostic" in message.name]
    assert min(diagnostics) > max(message.identifier for message in database.messages if message.cycle_ns)


def test_all_modules_say_the_same_things(database: Database) -> None:
    for kind in ("State", *(f"CellVoltages{n}" for n in range(1, 5)), "Temperatures1", "Temperatures2", "Health"):
        assert len({database[f"Module{number:02}_{kind}"].signals for number in range(1, 17)}) == 1


def test_commands_and_states_win_over_telemetry(database: Database) -> None:
    def identifiers(*words: str) -> list[int]:
        return [m.identifier for m in database.messages if any(word in m.name for word in words)]

    assert max(identifiers("_Command")) < min(identifiers("_State"))
    assert max(identifiers("_State")) < min(identifiers("CellVoltages", "Temperatures"))


@pytest.mark.parametrize(
    ("packs", "modules", "count"), [(1, 2, 2 * 8 + 3 + 7), (1, 1, 8 + 3 + 7), (2, 3, 6 * 8 + 6 + 7), (4, 4, 147)]
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


def test_a_site_with_a_gateway_has_faults_and_diagnostics_of_the_nodes_it_has(database: Database) -> None:
    plain, more = (bus_messages(database, 1, 2, gateway=gateway) for gateway in (False, True))
    assert set(plain) < set(more)
    assert {message.name for message in set(more) - set(plain)} == {
        f"{node}_{kind}"
        for node in ("Module01", "Module02", "Pack1")
        for kind in ("Fault", "DiagnosticRequest", "DiagnosticResponse")
    }


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
        (11, "Overlap.Second", "overlaps First"),
        (14, "Outside.Wide", "reaches beyond the 2 bytes of its message"),
        (16, "Long", "no classic frame carries 9 bytes"),
        (19, "Again", "identifier 0x3 is used by Long already"),
        (20, "Again.Value", "the factor is 0"),
    ]


def signal(name: str, place: str, values: str = "(1,0) [0|0]", receivers: str = "Pack1") -> str:
    return f' SG_ {name} : {place} {values} "" {receivers}\n'


ONE = "BO_ 1 One: 8 Module01\n"
VALUE = signal("Value", "0|8@1+")
MISTAKES = {
    "a sender that is no node": ("BO_ 1 One: 8 Nobody\n" + VALUE, (9, "One", "its sender Nobody is no node")),
    "a receiver that is no node": (
        ONE + signal("Value", "0|8@1+", receivers="Pack1,Nobody,Module01"),
        (10, "One.Value", "its receiver Nobody is no node"),
    ),
    "an identifier of 13 bits": (
        "BO_ 4096 One: 8 Module01\n" + VALUE,
        (9, "One", "identifier 0x1000 does not fit into the 11 bits of a base frame"),
    ),
    "an extended identifier of 31 bits": (
        "BO_ 4294967290 One: 8 Module01\n" + VALUE,
        (9, "One", "identifier 0x7ffffffa does not fit into the 29 bits of an extended frame"),
    ),
    "a signal twice": (ONE + VALUE + signal("Value", "8|8@1+"), (11, "One.Value", "a second signal of this name")),
    "no bits": (ONE + signal("Value", "0|0@1+"), (10, "One.Value", "a signal of 0 bits")),
    "Motorola beyond the message": (
        "BO_ 1 One: 2 Module01\n" + signal("Value", "10|8@0+"),
        (10, "One.Value", "reaches beyond the 2 bytes of its message"),
    ),
    "Motorola over Intel": (
        ONE + signal("Value", "0|12@1+") + signal("Other", "8|2@0+"),
        (11, "One.Other", "overlaps Value"),
    ),
    "no multiplexer": (
        ONE + signal("Value m3", "0|8@1+"),
        (10, "One.Value", "part of page 3, but the message has no multiplexer"),
    ),
    "two multiplexers and no word which": (
        ONE + signal("Page M", "0|8@1+") + signal("Other M", "8|8@1+") + signal("Value m3", "16|8@1+"),
        (12, "One.Value", "selected by Page or Other? expected an SG_MUL_VAL_ entry that says so"),
    ),
    "a multiplexer that does not exist": (
        ONE + signal("Page M", "0|8@1+") + signal("Value m3", "16|8@1+") + "\nSG_MUL_VAL_ 1 Value Pag 3-3;\n",
        (13, "One.Value", "selected by Pag, which is no multiplexer of the message"),
    ),
    "a multiplexer that selects itself": (
        ONE + signal("Page m1M", "0|8@1+") + "\nSG_MUL_VAL_ 1 Page Page 1-1;\n",
        (12, "One.Page", "selected by Page, which is selected by itself in the end"),
    ),
    "a page that the multiplexer cannot name": (
        ONE + signal("Page M", "0|2@1+") + signal("Value m4", "16|8@1+"),
        (11, "One.Value", "part of page 4, but Page has 2 bits"),
    ),
    "overlap on one page": (
        ONE + signal("Page M", "0|2@1+") + "".join(signal(f"{name} m1", "8|8@1+") for name in ("A", "B")),
        (12, "One.B", "overlaps A"),
    ),
    "a range that ends first": (
        ONE + signal("Value", "0|8@1+", "(1,0) [20|10]"),
        (10, "One.Value", "its range [20|10] ends before it begins"),
    ),
    "a range out of reach": (
        ONE + signal("Value", "0|8@1-", "(0.5,0) [64|80]"),
        (10, "One.Value", "no value of its 8 bits is in the range [64|80]; they hold [-64|63.5]"),
    ),
    "a float of 24 bits": (
        ONE + signal("Value", "0|24@1-") + "\nSIG_VALTYPE_ 1 Value : 1;\n",
        (10, "One.Value", "a floating-point signal of 24 bits; expected 16, 32 or 64"),
    ),
    "an attribute without a definition": (
        ONE + VALUE + '\nBA_ "GenMsgCycleTime" BO_ 1 100;\n',
        (12, "BA_", "no attribute GenMsgCycleTime is defined"),
    ),
    "values of a signal that does not exist": (
        ONE + VALUE + '\nVAL_ 1 Valu 1 "on" ;\n',
        (12, None, "not a DBC file that can be read: unused VAL_ entries in DBC: VAL_ 1 Valu"),
    ),
}


@pytest.mark.parametrize(("text", "problem"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake(text: str, problem: tuple[int | None, str | None, str], tmp_path: Path) -> None:
    assert problems_of(text, tmp_path) == [problem]


def test_what_looks_like_a_mistake_and_is_none(tmp_path: Path) -> None:
    """Nobody's messages, pages over each other, and lines of a comment that look like messages."""
    text = """BO_ 1 One: 8 Vector__XXX
 SG_ Page M : 0|2@1+ (1,0) [0|0] "" Vector__XXX
 SG_ A m1 : 8|8@1+ (1,0) [0|0] "" Vector__XXX
 SG_ B m2 : 8|8@1+ (1,0) [0|0] "" Vector__XXX
 SG_ Inner m3M : 8|4@1+ (1,0) [0|0] "" Vector__XXX
 SG_ C m1 : 12|8@1+ (1,0) [0|0] "" Vector__XXX

CM_ BO_ 1 "As in
BO_ 4096 Two: 8 Nobody
";
SG_MUL_VAL_ 1 A Page 1-1;
SG_MUL_VAL_ 1 B Page 2-2;
SG_MUL_VAL_ 1 Inner Page 3-3;
SG_MUL_VAL_ 1 C Inner 1-1;
"""
    path = tmp_path / "right.dbc"
    path.write_text(HEAD + text)
    assert [message.name for message in Database.load(path).messages] == ["One"]


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
    assert (10, "Wide.Value", "65 bits; a signal has at most 64") in problems_of(text, tmp_path)
