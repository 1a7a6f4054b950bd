"""Traces: every format read back by python-can's own readers and by others, and what files that are wrong get told."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import can
import cantools
import cantools.logreader
import numpy as np
import pytest
from asammdf import MDF
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.errors import InputError
from twin.network.dbc.database import Database
from twin.network.engines.records import FrameFlag
from twin.network.frames.bits import CLASSIC_LENGTHS, FD_LENGTHS
from twin.network.traces import FORMATS, FrameKind, Recording, read_trace, write_trace

START = datetime.fromisoformat("2026-06-21T06:00:00.250+08:00")
NONE = FrameFlag(0)
EXTENDED, FD, SWITCH, REMOTE, ERROR = (
    *(FrameFlag.EXTENDED, FrameFlag.FD, FrameFlag.BIT_RATE_SWITCH),
    *(FrameFlag.REMOTE, FrameFlag.ERROR),
)
READ_ERROR_S = {"blf": 0.5e-6, "asc": 0.51e-6, "mf4": 0.5e-6, "candump": 0.75e-6, "trc": 0.75e-6}
"""Half of the resolution, and what float seconds since 1970 add."""

Row = tuple[int, int, int, FrameFlag, bytes | int]
"""Time in ns, channel, identifier, flags, and data or how many."""

ROWS: dict[str, Row] = {
    "classic": (1_250_304, 0, 0x351, NONE, bytes.fromhex("1402740E740ECC01")),
    "empty": (1_500_000, 0, 0x7FF, NONE, b""),
    "lowest": (1_500_001, 1, 0, NONE, b"\x00"),
    "three bytes": (1_750_000, 0, 0x10, EXTENDED, b"\x01\x02\xff"),
    "29 bits": (2_000_000, 1, 0x1FFFFFFF, EXTENDED, bytes(8)),
    "29 bits, small": (2_125_000, 0, 0x123, EXTENDED, b"a"),
    "remote": (2_250_000, 0, 0x333, REMOTE, 5),
    "remote of nothing": (2_375_000, 0, 0x334, REMOTE, 0),
    "remote, 29 bits": (2_500_000, 1, 0x1ABC0001, REMOTE | EXTENDED, 8),
    "FD": (3_000_000, 0, 0x222, FD, bytes(range(12))),
    "FD, empty": (3_125_000, 0, 0x223, FD, b""),
    "FD, 64 bytes": (3_250_000, 1, 0x18DAF110, FD | SWITCH | EXTENDED, bytes(range(191, 255))),
    "destroyed": (3_500_000, 0, 0x444, ERROR, 8),
    "destroyed, 29 bits": (3_750_000, 1, 0x18FF0001, ERROR | EXTENDED, 8),
    "much later": (86_399_999_999_000, 0, 0x555, NONE, b"end"),
}


def recording(rows: Sequence[Row]) -> Recording:
    data = [content if isinstance(content, bytes) else b"" for *_, content in rows]
    width = 8 if max(map(len, data), default=0) <= 8 else 64
    time_ns, channel, identifier, flags = (np.array(column, np.int64) for column in [*zip(*rows, strict=True)][:4])
    length = [len(content) if isinstance(content, bytes) else content for *_, content in rows]
    payload = np.frombuffer(b"".join(one.ljust(width, b"\0") for one in data), np.uint8).reshape(-1, width)
    return Recording(time_ns, channel, identifier, flags.astype(np.uint8), np.array(length, np.uint8), payload)


def held(name: str, row: Row) -> bool:
    return FORMATS[name].errors != "none" or not row[3] & ERROR


def in_the_format(name: str, row: Row) -> Row:
    """Return what is left of a frame in a format: of a destroyed one its identifier, or less."""
    time_ns, channel, identifier, flags, _ = row
    if not flags & ERROR:
        return row
    if FORMATS[name].errors == "bare":
        # candump's error frames name no bus to python-can.
        return time_ns, channel if name == "asc" else 0, 0, ERROR, 0
    return time_ns, channel, identifier, flags, 0


def rows_of(read: Recording) -> list[Row]:
    found: list[Row] = []
    columns = read.time_ns, read.channel, read.identifier, read.flags, read.length
    for index, values in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        *numbers, flags, length = values
        content = length if flags & (REMOTE | ERROR) else read.payload[index, :length].tobytes()
        found.append((*numbers, FrameFlag(flags), content))
    return found


@pytest.fixture
def _no_warnings(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """python-can warns in its log where it leaves something out."""
    yield
    assert not [record for record in caplog.get_records("call") if record.levelno >= logging.WARNING]


@pytest.fixture(params=[*FORMATS])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _file(folder: Path, name: str) -> Path:
    return folder / f"trace{FORMATS[name].suffix}"


@pytest.mark.usefixtures("_no_warnings")
def test_all_kinds_of_frames_come_back(tmp_path: Path, name: str) -> None:
    rows = [*ROWS.values()]
    left_out = write_trace(_file(tmp_path, name), name, recording(rows), start=START)
    kept = [row for row in rows if held(name, row)]
    assert left_out == len(rows) - len(kept)
    read = rows_of(read_trace(_file(tmp_path, name)))
    assert [row[1:] for row in read] == [in_the_format(name, row)[1:] for row in kept]
    first_ns = kept[0][0]
    late_ns = [abs(row[0] - (before[0] - first_ns)) for row, before in zip(read, kept, strict=True)]
    assert max(late_ns) <= {"blf": 0, "mf4": 480}.get(name, 1000)


@pytest.mark.usefixtures("_no_warnings")
def test_pythons_can_reads_the_same(tmp_path: Path, name: str) -> None:
    """Beside our reader, which goes through python-can but mends what it gets, python-can as it is."""
    # It takes an empty FD frame in ASC for a remote one, and gives the DLC code as the length of FD frames in TRC.
    mistaken = {"asc": ["FD, empty"], "trc": ["FD", "FD, empty", "FD, 64 bytes"]}.get(name, [])
    rows = [row for key, row in ROWS.items() if held(name, row) and key not in mistaken]
    write_trace(_file(tmp_path, name), name, recording(rows), start=START)
    expected = [*recording([in_the_format(name, row) for row in rows]).messages(START.timestamp())]
    options: dict[str, Any] = {"relative_timestamp": False} if name == "asc" else {}
    with can.LogReader(_file(tmp_path, name), **options) as reader:
        found = [*reader]
    assert len(found) == len(expected)
    # The local time in ASC says no zone.
    shift_s = round((expected[0].timestamp - found[0].timestamp) / 900) * 900 if name == "asc" else 0
    for one, other in zip(found, expected, strict=True):
        one.timestamp += shift_s
        if name in ("asc", "candump") and one.is_error_frame:
            one.is_extended_id = other.is_extended_id  # means nothing in an error frame without identifier
        assert one.equals(other, READ_ERROR_S[name], check_channel=False), f"{one!r}\n{other!r}"


def test_cantools_parses_candump(tmp_path: Path) -> None:
    rows = [row for row in ROWS.values() if not row[3] & ERROR]
    write_trace(tmp_path / "x.log", "candump", recording(rows), start=START)
    with (tmp_path / "x.log").open() as file:
        found = [*cantools.logreader.Parser(file)]
    assert [one.frame_id for one in found] == [row[2] for row in rows]
    assert [one.channel for one in found] == [f"can{row[1]}" for row in rows]
    assert [one.is_remote_frame for one in found] == [bool(row[3] & REMOTE) for row in rows]
    assert [one.data for one in found] == [row[4] if isinstance(row[4], bytes) else b"" for row in rows]
    assert found[0].timestamp == START + timedelta(microseconds=1250)


def test_asammdf_decodes_mf4_with_the_database(tmp_path: Path) -> None:
    database = Database.load("home_battery")
    limits = database["Inverter_Limits"]
    payloads = limits.encode({"ChargeVoltageLimit": [53.2, 54.0], "DischargeCurrentLimit": [370.0, 12.5]})
    rows = [(1_000_000_000 * number, 0, 0x351, NONE, bytes(one)) for number, one in enumerate(payloads, 1)]
    write_trace(tmp_path / "x.mf4", "mf4", recording(rows), start=START)
    with MDF(tmp_path / "x.mf4") as file:
        assert file.header.start_time == START
        values = file.extract_bus_logging({"CAN": [(str(database.path), 1)]})
        found = values.get("ChargeVoltageLimit")
        assert found.samples.tolist() == pytest.approx([53.2, 54.0])
        assert found.timestamps.tolist() == [1.0, 2.0]
        assert found.unit == "V"
        assert values.get("DischargeCurrentLimit").samples.tolist() == pytest.approx([370.0, 12.5])


def test_mf4_says_the_dlc_code(tmp_path: Path) -> None:
    write_trace(tmp_path / "x.mf4", "mf4", recording([ROWS["classic"], ROWS["FD"], ROWS["FD, 64 bytes"]]), start=START)
    with MDF(tmp_path / "x.mf4") as file:
        assert file.get("CAN_DataFrame.DLC").samples.tolist() == [8, 9, 15]
        assert file.get("CAN_DataFrame.DataLength").samples.tolist() == [8, 12, 64]


def test_no_nanosecond_is_lost_in_blf(tmp_path: Path) -> None:
    """python-can cuts float seconds off; of these instants a division by 1e9 would lose one."""
    cut_ns = [time_ns for time_ns in range(1, 86_400 * 10**9, 123_456_789_012) if int(time_ns / 1e9 * 1e9) < time_ns]
    assert len(cut_ns) > 10
    rows: list[Row] = [(time_ns, 0, 1, NONE, b"") for time_ns in [0, *cut_ns]]
    write_trace(tmp_path / "x.blf", "blf", recording(rows), start=START)
    assert read_trace(tmp_path / "x.blf").time_ns.tolist() == [0, *cut_ns]


@pytest.mark.parametrize("name", ["blf", "asc", "candump", "trc"])
def test_the_same_bytes_again(tmp_path: Path, name: str) -> None:
    """No wall clock in a file, nor the name it had while it was written."""
    contents = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write_trace(_file(tmp_path / folder, name), name, recording([*ROWS.values()]), start=START)
        assert [file.name for file in (tmp_path / folder).iterdir()] == [_file(tmp_path, name).name]
        contents.append(_file(tmp_path / folder, name).read_bytes())
    assert contents[0] == contents[1]


def test_stamps_count_from_the_start_of_the_run(tmp_path: Path) -> None:
    rows = [(90_000_000_000, 0, 1, NONE, b"")]
    write_trace(tmp_path / "x.asc", "asc", recording(rows), start=START)
    lines = (tmp_path / "x.asc").read_text().splitlines()
    assert lines[0] == "date Sun Jun 21 06:00:00.250 2026"
    assert lines[5].split() == ["90.000000", "1", "1", "Rx", "d", "0"]
    write_trace(tmp_path / "x.trc", "trc", recording(rows), start=START)
    assert (tmp_path / "x.trc").read_text().splitlines()[-1].split()[1] == "90000.000"
    write_trace(tmp_path / "x.log", "candump", recording(rows), start=START)
    assert (tmp_path / "x.log").read_text() == f"({int(START.timestamp()) + 90}.250000) can0 001# R\n"
    write_trace(tmp_path / "x.blf", "blf", recording(rows), start=START)
    with can.BLFReader(tmp_path / "x.blf") as reader:
        assert reader.start_timestamp == START.timestamp()
        assert reader.stop_timestamp == START.timestamp() + 90
        assert next(iter(reader)).timestamp == START.timestamp() + 90


def test_a_start_between_milliseconds(tmp_path: Path, name: str) -> None:
    start = START.replace(microsecond=250_917)
    write_trace(_file(tmp_path, name), name, recording([(83_000, 0, 1, NONE, b"")]), start=start)
    options: dict[str, Any] = {"relative_timestamp": False} if name == "asc" else {}
    with can.LogReader(_file(tmp_path, name), **options) as reader:
        (message,) = reader
    assert message.timestamp % 1 == pytest.approx(0.251, abs=1e-6)


def test_a_failing_write_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    file = _file(tmp_path, name)
    file.write_text("before")

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_trace(file, name, recording([*ROWS.values()]), start=START, on_frames=stop)
    assert [one.name for one in tmp_path.iterdir()] == [file.name]
    assert file.read_text() == "before"


def test_no_folder_to_write_to(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"cannot be written: No such file or directory"):
        write_trace(tmp_path / "none" / "x", name, recording([*ROWS.values()]), start=START)


def test_what_a_replay_sends() -> None:
    rows: list[Row] = [
        (0, 0, 0x351, NONE, b"12"),
        (1, 0, 0x351, NONE, b"1234"),
        (2, 0, 0x351, EXTENDED, b"1"),
        (3, 0, 0x351, REMOTE, 8),
        (4, 0, 0x100, ERROR, 8),
        (5, 0, 0x100, FD | SWITCH, bytes(64)),
        (6, 0, 0x351, NONE, b""),
    ]
    kinds, kind = recording(rows).kinds()
    assert kinds == (
        FrameKind(0x100, extended=False, fd=True, remote=False, length=64),
        FrameKind(0x351, extended=False, fd=False, remote=False, length=4),
        FrameKind(0x351, extended=True, fd=False, remote=False, length=1),
        FrameKind(0x351, extended=False, fd=False, remote=True, length=8),
    )
    assert kind.tolist() == [1, 1, 2, 3, -1, 0, 1]


def test_receivers_see_a_frame_before_the_interframe_space() -> None:
    columns = {
        "segment": np.array([0, 1], np.uint8),
        "identifier": np.array([2, 1]),
        "flags": np.array([0, 0], np.uint8),
        "length": np.array([1, 1], np.uint8),
        "finish_ns": np.array([1_000_000, 1_003_000]),
        "payload": np.array([[1] + [0] * 7, [2] + [0] * 7], np.uint8),
    }
    read = Recording.of_log(columns, [500_000.0, 250_000.0])
    # By instants: three bits of 4 us are later than three of 2 us.
    assert read.time_ns.tolist() == [991_000, 994_000]
    assert read.identifier.tolist() == [1, 2]
    assert read.channel.tolist() == [1, 0]
    assert read.payload[:, 0].tolist() == [2, 1]


LINE = "(1.000000) can0 123#0102 R\n"
ASC = "date Sun Jun 21 06:00:00.000 2026\nbase hex  timestamps {}\ninternal events logged\n"
WRONG: dict[str, tuple[str, str | bytes, str]] = {
    "no such file": ("none.blf", "", "none.blf: cannot be read: No such file or directory"),
    "an ending that says nothing": ("x.txt", "", "x.txt: found the ending '.txt'; expected .blf (blf), .asc (asc)"),
    "an empty file": ("x.log", "", "x.log: no CAN frame in it: is it a candump file?"),
    "an empty BLF": ("x.blf", "", "x.blf: cannot be read as blf: unpack requires a buffer of 72 bytes"),
    "another format": ("x.blf", LINE * 10, "x.blf: cannot be read as blf: Unexpected file format"),
    "text that is no trace": ("x.asc", "hello\n" * 10, "x.asc: no CAN frame in it: is it a asc file?"),
    "text for MF4": ("x.mf4", LINE * 10, "x.mf4: cannot be read as mf4: "),
    "half a line": (
        "x.log",
        LINE * 2 + "(1.0) can0\n",
        "x.log:3: cannot be read as candump: not enough values to unpack",
    ),
    "no hexadecimal": (
        "x.log",
        LINE + "(1.0) can0 12x#00\n",
        "x.log:2: cannot be read as candump: invalid literal for int()",
    ),
    "too many bytes": ("x.log", LINE + "(1.0) can0 123#" + "00" * 9, "x.log:2: no classic frame carries 9 bytes"),
    "too long for FD": ("x.log", "(1.0) can0 123##1" + "00" * 9, "x.log:1: no CAN FD frame carries 9 bytes"),
    "identifier too high": ("x.log", LINE + "(1.0) can0 FFF#00", "x.log:2: identifier 0xfff does not fit into 11 bits"),
    "in ASC": (
        "x.asc",
        ASC.format("absolute") + "1.0 1 123 Rx d 1 00\n1.0 1 800 Rx d 1 00\n",
        "x.asc:5: identifier 0x800 does not fit into 11 bits",
    ),
    "relative time stamps": (
        "x.asc",
        ASC.format("relative") + "1.0 1 123 Rx d 1 00\n",
        "x.asc: time stamps are relative to the line before; expected absolute ones",
    ),
    "half a row in TRC": (
        "x.trc",
        ";$FILEVERSION=2.1\n;$STARTTIME=46193.25\n;$COLUMNS=N,O,T,B,I,d,R,L,D\n 1 1.0 DT 1 0123 Rx\n",
        "x.trc: TRCReader: Failed to parse message '1 1.0 DT 1 0123 Rx'",
    ),
    "in TRC": (
        "x.trc",
        ";$FILEVERSION=2.1\n;$STARTTIME=46193.25\n;$COLUMNS=N,O,T,B,I,d,R,L,D\n 1 1.0 DT 1 0123 Rx - 1 zz\n",
        "x.trc:4: cannot be read as trc: non-hexadecimal number found",
    ),
}


@pytest.mark.parametrize(("file", "content", "says"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_read(tmp_path: Path, file: str, content: str | bytes, says: str) -> None:
    path = tmp_path / file
    if file != "none.blf":
        path.write_text(str(content))
    with pytest.raises(InputError) as caught:
        read_trace(path)
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"{tmp_path}/{says}")


def test_a_blf_that_was_cut_off(tmp_path: Path) -> None:
    write_trace(tmp_path / "x.blf", "blf", recording([*ROWS.values()]), start=START)
    content = (tmp_path / "x.blf").read_bytes()
    (tmp_path / "x.blf").write_bytes(content[:-20])
    with pytest.raises(InputError, match=rf"cut off: it has {len(content) - 20} of its {len(content)} bytes"):
        read_trace(tmp_path / "x.blf")


def test_all_frames_that_cannot_be_are_named(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_text(LINE + "(1.0) can0 FFF#00\n" + LINE + "(1.0) can0 123#" + "00" * 9)
    with pytest.raises(InputError) as caught:
        read_trace(tmp_path / "x.log")
    assert [problem.line for problem in caught.value.problems] == [2, 4]


def test_error_frames_of_every_class_in_candump(tmp_path: Path) -> None:
    """Controller problems (4), protocol violation (8), bus error (0x80): none is a data frame."""
    frames = "".join(f"(1.0) can0 {0x20000000 | kind:08X}#0000000000000000\n" for kind in (0x4, 0x8, 0x88))
    (tmp_path / "x.log").write_text(LINE + frames)
    assert [bool(flags & ERROR) for flags in read_trace(tmp_path / "x.log").flags.tolist()] == [False, True, True, True]


def test_frames_come_by_their_instants(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_text("(5.5) can1 111#\n(5.25) can0 222#\n(7.000001) vcan0 333#\n")
    read = read_trace(tmp_path / "x.log")
    assert read.time_ns.tolist() == [0, 250_000_000, 1_750_001_000]
    assert read.identifier.tolist() == [0x222, 0x111, 0x333]
    assert read.channel.tolist() == [0, 1, 0]


@st.composite
def _rows(draw: st.DrawFn) -> Row:
    flags = draw(st.sampled_from([NONE, REMOTE, FD, FD | SWITCH])) | draw(st.sampled_from([NONE, EXTENDED]))
    identifier = draw(st.integers(0, 0x1FFFFFFF if flags & EXTENDED else 0x7FF))
    length = draw(st.sampled_from(FD_LENGTHS if flags & FD else CLASSIC_LENGTHS))
    content = length if flags & REMOTE else draw(st.binary(min_size=length, max_size=length))
    return draw(st.integers(0, 10**14)), draw(st.integers(0, 3)), identifier, flags, content


@settings(max_examples=25)
@given(rows=st.lists(_rows(), min_size=1, max_size=20))
def test_any_frames_come_back(tmp_path_factory: pytest.TempPathFactory, rows: list[Row]) -> None:
    rows = sorted(rows, key=lambda row: row[0] // 1000)
    folder = tmp_path_factory.mktemp("traces")
    for name in ("asc", "candump", "trc"):
        write_trace(_file(folder, name), name, recording(rows), start=START)
        assert sorted(row[1:] for row in rows_of(read_trace(_file(folder, name)))) == sorted(row[1:] for row in rows)
    write_trace(folder / "x.blf", "blf", recording(sorted(rows, key=lambda row: row[0])), start=START)
    first_ns = min(row[0] for row in rows)
    expected = sorted(((row[0] - first_ns, *row[1:]) for row in rows), key=lambda row: row[0])
    assert rows_of(read_trace(folder / "x.blf")) == expected
