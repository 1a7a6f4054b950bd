"""The array codec against cantools, the judge: every message of these databases, and random layouts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cantools
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.errors import InputError
from twin.network.dbc.codec import MessageLayout
from twin.network.dbc.database import Database

EXOTIC = Path(__file__).parent / "codec_exotic.dbc"
HOME_BATTERY = Path(__file__).parents[2] / "data/can/home_battery.dbc"


def pairs(path: Path) -> list[Any]:
    judge = cantools.database.load_file(path, strict=True)
    layouts = Database.load(path).messages
    assert len(layouts) == len(judge.messages)
    return [pytest.param(layout, judge.get_message_by_name(layout.name), id=layout.name) for layout in layouts]


def decodable(judge: Any, payloads: Sequence[bytes]) -> list[bytes]:
    """Leave out frames whose multiplexer selects nothing: cantools raises, and so there is nothing to compare with."""
    found = []
    for payload in payloads:
        try:
            judge.decode(payload)
        except cantools.database.DecodeError:
            continue
        found.append(payload)
    return found


def assert_decodes_alike(layout: MessageLayout, judge: Any, payloads: Sequence[bytes]) -> None:
    """Equal; of integers that a float64 cannot hold, equal up to its rounding (cantools' integers know no bounds)."""
    tolerance = {s.name: 4e-16 if s.length > 53 and not s.floating else 0.0 for s in layout.signals}
    table = np.frombuffer(b"".join(payloads), np.uint8).reshape(len(payloads), layout.length)
    found = layout.decode(table)
    for row, payload in enumerate(payloads):
        expected = judge.decode(payload, decode_choices=False)
        for name, values in found.items():
            judged = float(expected.get(name, np.nan))
            np.testing.assert_allclose(values[row], judged, rtol=tolerance[name], atol=0.0, err_msg=name)


def assert_encodes_alike(layout: MessageLayout, judge: Any, rows: Sequence[dict[str, float]]) -> None:
    names = {name for row in rows for name in row}
    columns = {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}
    found = layout.encode(columns)
    assert found.shape == (len(rows), layout.length)
    for row, values in enumerate(rows):
        assert found[row].tobytes() == judge.encode(values), values


@pytest.mark.parametrize(("layout", "judge"), pairs(HOME_BATTERY) + pairs(EXOTIC))
def test_every_message(layout: MessageLayout, judge: Any) -> None:
    """Random frames decode alike, every page of theirs, and what they say encodes alike."""
    count = 3000 if any(signal.multiplexing for signal in layout.signals) else 60
    random = np.random.default_rng(layout.identifier).integers(0, 256, (count, layout.length), dtype=np.uint8)
    payloads = decodable(judge, [row.tobytes() for row in random] + [bytes(layout.length), b"\xff" * layout.length])
    assert {name for payload in payloads for name in judge.decode(payload)} == {s.name for s in layout.signals}
    assert_decodes_alike(layout, judge, payloads)
    said = [judge.decode(payload, decode_choices=False) for payload in payloads]
    assert_encodes_alike(layout, judge, [values for values in said if encodable(judge, values)])


def encodable(judge: Any, values: dict[str, float]) -> bool:
    """Tell whether cantools takes the values back: inside declared ranges, and integers that a float64 can hold."""
    if any(abs(value) > 2**52 and not isinstance(value, float) for value in values.values()):
        return False
    try:
        judge.encode(values)
    except (cantools.database.EncodeError, OverflowError, ValueError):
        return False
    return not any(np.isnan(value) for value in values.values())


@dataclass(frozen=True)
class RandomMessage:
    dbc: str
    length: int


@st.composite
def signals(draw: st.DrawFn, number: int, first_byte: int, bits: int) -> str:
    """One signal somewhere in the bytes that are its own."""
    length = draw(st.integers(1, min(bits, 64)))
    position = draw(st.integers(0, bits - length))
    order, sign = draw(st.sampled_from("01")), draw(st.sampled_from("+-"))
    if order == "1":
        start = 8 * first_byte + position
    else:
        byte, bit = divmod(position, 8)
        start = 8 * (first_byte + byte) + 7 - bit
    scale = draw(st.sampled_from(["1", "0.1", "0.01", "-0.1", "0.5", "2", "-3", "0.001", "1e-05"]))
    offset = draw(st.sampled_from(["0", "-40", "0.25", "1000", "-273.15"]))
    return f' SG_ S{number} : {start}|{length}@{order}{sign} ({scale},{offset}) [0|0] "" Receiver'


@st.composite
def messages(draw: st.DrawFn) -> RandomMessage:
    sizes = draw(st.lists(st.integers(1, 9), min_size=1, max_size=6))
    lengths = [length for length in (*range(1, 9), 12, 16, 20, 24, 32, 48, 64) if length >= sum(sizes)]
    firsts = np.cumsum([0, *sizes]).tolist()
    lines = [draw(signals(number, firsts[number], 8 * size)) for number, size in enumerate(sizes)]
    header = f'VERSION ""\n\nNS_ :\n\nBS_:\n\nBU_: Sender Receiver\n\nBO_ 256 Random: {lengths[0]} Sender\n'
    formats = ",".join(['"StandardCAN"'] + ['"reserved"'] * 13 + ['"StandardCAN_FD"'])
    attribute = f'BA_DEF_ BO_ "VFrameFormat" ENUM {formats};\nBA_DEF_DEF_ "VFrameFormat" "StandardCAN";\n'
    fd = 'BA_ "VFrameFormat" BO_ 256 14;\n' if lengths[0] > 8 else ""
    return RandomMessage(header + "\n".join(lines) + "\n\n" + attribute + fd, lengths[0])


@settings(max_examples=120, deadline=None)
@given(messages(), st.data())
def test_random_layouts(tmp_path_factory: pytest.TempPathFactory, message: RandomMessage, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("random") / "random.dbc"
    path.write_text(message.dbc)
    layout, judge = Database.load(path)["Random"], cantools.database.load_file(path).messages[0]
    frame = st.binary(min_size=message.length, max_size=message.length)
    payloads = data.draw(st.lists(frame, min_size=1, max_size=4))
    assert_decodes_alike(layout, judge, payloads)
    said = [judge.decode(payload) for payload in payloads]
    fraction = data.draw(st.floats(-0.49, 0.49))
    moved = [{s.name: values[s.name] + fraction * s.scale for s in judge.signals} for values in said]
    for rows in (said, moved):
        assert_encodes_alike(layout, judge, [values for values in rows if encodable(judge, values)] or [zero(judge)])


@st.composite
def two_signals(draw: st.DrawFn) -> str:
    """Two signals anywhere in two to four bytes, on any pages of two multiplexers, of which one selects the other."""
    lines = [' SG_ Page M : 32|2@1+ (1,0) [0|0] "" Receiver', ' SG_ Part m1M : 34|2@1+ (1,0) [0|0] "" Receiver']
    pages = ["SG_MUL_VAL_ 256 Part Page 1-1;"]
    for name in ("First", "Second"):
        place = f"{draw(st.integers(0, 31))}|{draw(st.integers(1, 20))}@{draw(st.sampled_from('01'))}"
        multiplexer, page = draw(st.sampled_from(["", "Page", "Part"])), draw(st.integers(0, 2))
        lines.append(f' SG_ {name}{f" m{page}" * bool(multiplexer)} : {place}+ (1,0) [0|0] "" Receiver')
        pages += [f"SG_MUL_VAL_ 256 {name} {multiplexer} {page}-{page + draw(st.integers(0, 1))};"] * bool(multiplexer)
    header = 'VERSION ""\n\nNS_ :\n\nBS_:\n\nBU_: Sender Receiver\n\nBO_ 256 Random: 5 Sender\n'
    return header + "\n".join([*lines, "", *pages, ""])


@settings(max_examples=150, deadline=None)
@given(two_signals())
def test_what_overlaps_or_does_not_fit(tmp_path_factory: pytest.TempPathFactory, dbc: str) -> None:
    """Refused here and there; cantools stops at the first mistake, this project names all."""
    path = tmp_path_factory.mktemp("random") / "random.dbc"
    path.write_text(dbc)
    refused = refusal(lambda: cantools.database.load_file(path, strict=True))
    named = refusal(lambda: Database.load(path)).splitlines()
    assert bool(named) == bool(refused)
    assert all("overlaps " in line or "reaches beyond " in line for line in named)


def refusal(load: Callable[[], object]) -> str:
    try:
        load()
    except (InputError, cantools.database.UnsupportedDatabaseFormatError) as error:
        return str(error)
    return ""


def zero(judge: Any) -> dict[str, float]:
    return {signal.name: float(signal.offset) for signal in judge.signals}
