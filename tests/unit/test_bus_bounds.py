"""What a scenario puts on its buses: rates, loads, gateways, warnings; and ``twin bus``, which prints it."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
import typer

from twin import resources
from twin.analysis.bus_bounds import MOST_PERIODS_LATE, SentMessage, SiteBounds, bus_warnings, site_bounds
from twin.bms.options import Bms
from twin.cli import bus
from twin.errors import InputError
from twin.network.message_sets.busy_period import MOST_WORK, Traffic
from twin.scenario import load

ONE_HOME = resources.folder("scenarios") / "one_home.yaml"
DATABASE = resources.folder("data") / "can" / "home_battery.dbc"
MS = 1_000_000
SECOND_NS = 1_000_000_000
FAST_SECOND_NS = SECOND_NS - round(5 * Bms().clock_drift_ppm * 1000)
SIXTEEN = "fleet.modules=16"
INVERTER_APART = "bus.segments=[{name: apart, nodes: [Pack2], gateway: Pack1, bitrate_bit_s: 50000, delay_s: 0.003}]"


def bounds_of(*overrides: str) -> SiteBounds:
    return site_bounds(load(ONE_HOME, overrides))


def by_name(bounds: SiteBounds, segment: int = 0) -> dict[str, SentMessage]:
    return {message.layout.name: message for message in bounds.segments[segment].messages}


def test_a_home_of_two_modules() -> None:
    (segment,) = bounds_of().segments
    assert len(segment.messages) == 26
    # 16 of the 26 have 8 bytes and 135 bits; the rest is shorter.
    assert segment.utilisation == pytest.approx(sum(one.bound.worst_bits for one in segment.messages) / 500_000, 2e-4)
    assert segment.messages[0].layout.name == "Pack1_Command"
    assert segment.messages[0].bound.response_ns == (135 + 105) * 2000
    last = segment.messages[-1].bound
    assert last.response_ns == sum(one.bound.transmission_ns for one in segment.messages)
    assert (last.deadline_ns, last.blocking_ns) == (FAST_SECOND_NS, 0)


def test_firmware_decides_how_often_its_messages_are_sent() -> None:
    """The database says 1000 ms of every message; the control task runs ten times as often."""
    bounds = bounds_of("bms.period_s=0.1")
    assert {message.cycle_ns for message in bounds.segments[0].messages} == {SECOND_NS // 10}
    assert bounds.segments[0].utilisation == pytest.approx(10 * bounds_of().segments[0].utilisation)


def with_foreign(tmp_path: Path, cycle_ms: int | None) -> str:
    """Return the database with a message that no firmware knows, cyclic or not."""
    text = DATABASE.read_text(encoding="cp1252")
    block = 'BO_ 1 Charger_Status: 8 Inverter\n SG_ State : 0|8@1+ (1,0) [0|255] "" Pack1\n\n'
    text = text.replace("BO_ 256 ", f"{block}BO_ 256 ", 1)
    if cycle_ms is not None:
        first = 'BA_ "GenMsgCycleTime" BO_ 256 '
        text = text.replace(first, f'BA_ "GenMsgCycleTime" BO_ 1 {cycle_ms};\n{first}', 1)
    (tmp_path / "foreign.dbc").write_text(text, encoding="cp1252")
    return f"bus.database={tmp_path / 'foreign.dbc'}"


def test_of_other_messages_the_database_says_it(tmp_path: Path) -> None:
    bounds = bounds_of(with_foreign(tmp_path, 20), "bms.period_s=0.5")
    assert by_name(bounds)["Charger_Status"].cycle_ns == 20 * MS
    assert by_name(bounds)["Pack1_State"].cycle_ns == 500 * MS
    assert bounds.uncounted == ()


def test_a_message_without_a_cycle_is_listed_and_not_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = with_foreign(tmp_path, None)
    assert [layout.name for layout in bounds_of(database).uncounted] == ["Charger_Status"]
    bus.command(ONE_HOME, [database])
    output = capsys.readouterr().out
    assert "Not counted, as neither firmware nor database says how often they are sent: Charger_Status." in output
    assert "26 messages" in output


def test_what_a_gateway_passes_on_is_late_from_the_start() -> None:
    """Pack 2 is behind pack 1: its command reaches the modules on the first bus after the second one and 3 ms."""
    bounds = bounds_of("fleet.packs=2", "fleet.modules=2", INVERTER_APART)
    near, far = by_name(bounds, 0)["Pack2_Command"], by_name(bounds, 1)["Pack2_Command"]
    assert (near.sender, far.sender) == ("Pack1", "Pack2")
    assert far.bound.response_ns == (105 + 135) * 20_000
    assert near.bound.message.jitter_ns == far.bound.response_ns + 3 * MS
    # Blocked by a module's frame on the first bus, and behind pack 1's command.
    assert near.bound.response_ns == near.bound.message.jitter_ns + (135 + 105 + 105) * 2000


def test_a_segment_that_starves_takes_the_bound_from_what_it_passes_on() -> None:
    apart = "bus.segments=[{name: apart, nodes: [Module*], gateway: Pack1, bitrate_bit_s: 10000}]"
    bounds = bounds_of("fleet.packs=2", "fleet.modules=8", apart)
    hub, further = bounds.segments
    assert hub.utilisation < 0.1
    assert further.utilisation > 1
    lost = {message.layout.name for message in hub.starving}
    assert lost
    assert lost <= {message.layout.name for message in further.starving}
    assert {message.sender for message in hub.starving} == {"Pack1"}
    assert by_name(bounds)["Pack1_State"].bound.response_ns is not None
    beginnings = (
        "bus apart is overloaded, 169 % of 10 kbit/s with the longest frames: Module",
        "messages can be late on bus apart, 10 kbit/s: Module",
        "bus can gets messages from a gateway that starve before it: Module",
        "messages can be late on bus can, 500 kbit/s: Module",
    )
    for text, beginning in zip(bounds.warnings(), beginnings, strict=True):
        assert text.startswith(beginning)


def test_in_a_fifo_urgent_frames_wait_for_what_starves_before_a_gateway() -> None:
    """Pack 1's own frames stand behind what it passes on; so do pack 2's, behind those that wait for pack 1's."""
    apart = "bus.segments=[{name: apart, nodes: [Module*], gateway: Pack1, bitrate_bit_s: 10000}]"
    hub, further = bounds_of("fleet.packs=2", "fleet.modules=8", apart, "bus.queue=fifo").segments
    assert hub.utilisation < 0.1
    assert further.utilisation > 1
    assert hub.starving == hub.messages


NEARLY_FULL = [
    ("bus.bitrate_bit_s=18080", "18080"),
    ("bus.bitrate_bit_s=18050", "500000"),
    ("bus.bitrate_bit_s=50000", "20000"),
]


@pytest.mark.parametrize(("hub", "further_bit_s"), NEARLY_FULL, ids=["both", "the first", "three"])
def test_work_is_limited_near_full_load(monkeypatch: pytest.MonkeyPatch, hub: str, further_bit_s: str) -> None:
    """Packs that pass on through FIFOs to each other's segments."""
    terms = 0
    queued_ns = Traffic.queued_ns

    def counted_ns(traffic: Traffic, length_ns: int) -> int:
        nonlocal terms
        terms += len(traffic)
        return queued_ns(traffic, length_ns)

    monkeypatch.setattr(Traffic, "queued_ns", counted_ns)
    names = ('Pack2, "Module0[1-8]"', 'Pack3, "Module09", "Module1*"', "Pack4")
    count = 3 if hub.endswith("50000") else 1
    segments = ", ".join(
        f"{{name: apart{place}, nodes: [{nodes}], gateway: Pack1, bitrate_bit_s: {further_bit_s}}}"
        for place, nodes in enumerate(names[:count])
    )
    bounds = bounds_of("fleet.packs=4", "fleet.modules=4", "bus.queue=fifo", hub, f"bus.segments=[{segments}]")
    assert 0 < terms < 1.2 * MOST_WORK
    for segment in bounds.segments:
        for message in segment.messages:
            late_ns = message.bound.message.jitter_ns
            assert late_ns <= MOST_PERIODS_LATE * message.cycle_ns


WARNINGS = [
    ("all is well", [SIXTEEN], []),
    (
        "overload names the message that starves first",
        [SIXTEEN, "bus.bitrate_bit_s=10000"],
        [
            "bus can is overloaded, 178 % of 10 kbit/s with the longest frames: "
            "Module02_CellVoltages4 (0x441) and 62 of lower priority can starve",
            "messages can be late on bus can, 10 kbit/s: "
            "Module01_CellVoltages4 (0x440) can take 1008.000 ms, and is sent every 1000 ms",
        ],
    ),
    (
        "a queue that is too short drops frames",
        ["bus.queue=fifo", "bus.queue_frames=8"],
        ["the queue of Pack1 on bus can holds 8 of the 9 frames that it can get at once: the rest is dropped"],
    ),
    ("a queue by priority has room for all", ["bus.queue=priority", "bus.queue_frames=1"], []),
]


@pytest.mark.parametrize(("overrides", "expected"), [row[1:] for row in WARNINGS], ids=[row[0] for row in WARNINGS])
def test_warnings(overrides: list[str], expected: list[str]) -> None:
    assert bus_warnings(load(ONE_HOME, overrides)) == expected


def test_a_message_may_be_late_on_a_bus_that_is_not_overloaded(tmp_path: Path) -> None:
    """A frame of 11.25 ms that is blocked by another such has not got through after 20 ms."""
    bounds = bounds_of(with_foreign(tmp_path, 20), "bus.bitrate_bit_s=12000")
    assert bounds.segments[0].utilisation < 0.9
    late = "Charger_Status (0x001) can take 22.500 ms, and is sent every 20 ms"
    assert bounds.warnings() == [f"messages can be late on bus can, 12 kbit/s: {late}"]


def test_bus_prints_a_table_and_a_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    bus.command(ONE_HOME, ["bus.bitrate_bit_s=125000"])
    output = capsys.readouterr().out
    assert "Bus can, 125 kbit/s" in output
    rows = [line.split() for line in output.splitlines() if re.match(r"\s*0x", line)]
    assert rows[0] == ["0x100", "Pack1_Command", "Pack1", *["5", "1000", "0.840", "1.920", "999.900", "997.980"]]
    assert [int(row[0], 16) for row in rows] == sorted(int(row[0], 16) for row in rows)
    assert len(rows) == 26
    assert "Load 2.6 % with the longest frames: 26 messages, 26 frames/s." in output
    assert "Busiest senders: Module01 0.832 %, Module02 0.832 %, Pack1 0.828 %, " in output
    assert "Every message meets its deadline: Module0" in output.splitlines()[-1]


def test_bus_ends_with_1_where_a_message_starves(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught:
        bus.command(ONE_HOME, [SIXTEEN, "bus.bitrate_bit_s=10000"])
    assert caught.value.exit_code == 1
    output = capsys.readouterr().out
    assert len(re.findall(r" none +999\.900 +none", output)) == 63
    assert "Bus can is overloaded, 178 % of 10 kbit/s with the longest frames: Module02_CellVoltages4 (0x441)" in output
    assert "meets its deadline" not in output


def test_bus_as_csv(capsys: pytest.CaptureFixture[str]) -> None:
    bus.command(ONE_HOME, [], "csv")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 26
    assert (rows[0]["message"], rows[0]["frame_bits"], rows[0]["response_ns"]) == ("Pack1_Command", "105", "480000")


def test_bus_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        bus.command(ONE_HOME, [SIXTEEN, "bus.bitrate_bit_s=10000"], "json")
    record = json.loads(capsys.readouterr().out)
    assert record["scenario"] == "One home at noon"
    assert record["buses"][0]["load"] == pytest.approx(1.781, abs=1e-3)
    assert [row["response_ns"] for row in record["messages"]].count(None) == 63
    assert len(record["warnings"]) == 2


def test_bus_names_what_is_wrong_in_the_scenario() -> None:
    with pytest.raises(InputError, match=r"bus\.bitrate_bit_s"):
        bus.command(ONE_HOME, ["bus.bitrate_bit_s=0"])
