"""Frames against published vectors and bounds, by all ways to a length: bit by bit, by tables, and on the wire.

``can_frame_bits.csv`` is from can-utils, canhack and an ISO 16845 test library. ``can_frame_levels.csv`` is what the
frame generators of Pierre Molinaro's codes-can (CANFrameGenerator.h and CANFDFrameGenerator.h, ISO, commit 3d3fb70,
github.com/pierremolinaro/codes-can) put onto the wire, CRC-15, CRC-17 and CRC-21 included.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from twin.network.frames.bits import INTERFRAME_BITS, FrameBits, FrameFormat, frame_bits, worst_frame_bits
from twin.network.frames.lengths import FrameLengths, frame_bits_array
from twin.network.frames.wire import wire_frame

TABLES = Path(__file__).parent / "can"


def rows(name: str) -> list[dict[str, str]]:
    with (TABLES / name).open(newline="") as file:
        return list(csv.DictReader(file))


VECTORS = rows("can_frame_bits.csv")
LEVELS = rows("can_frame_levels.csv")
BOUNDS = rows("can_frame_worst_bits.csv")


def vector_name(row: dict[str, str]) -> str:
    return f"{row['kind']}-{row['id_hex']}-{row['len']}-{row['data_hex'][:8]}"


def bound_name(row: dict[str, str]) -> str:
    return f"{row['kind']}-{'29' if row['extended'] == '1' else '11'}-{row['len']}"


def read(row: dict[str, str]) -> tuple[FrameFormat, bytes]:
    kind, extended, switch = row["kind"], row["extended"] == "1", row["brs"] == "1"
    identifier, length = int(row["id_hex"], 16), int(row["len"])
    frame_format = FrameFormat(identifier, length, extended, kind == "fd", switch, kind == "remote")
    return frame_format, bytes.fromhex(row["data_hex"])


@pytest.mark.parametrize("row", VECTORS, ids=vector_name)
def test_length_of_every_published_frame(row: dict[str, str]) -> None:
    one, data = read(row)
    found = frame_bits(
        one.identifier, data, extended=one.extended, fd=one.fd, bit_rate_switch=one.bit_rate_switch, remote=one.remote
    )
    expected = (int(row["nominal_bits_incl_ifs3"]), int(row["data_phase_bits"] or 0), int(row["dynamic_stuff_bits"]))
    assert found == FrameBits(*expected)


def test_lengths_of_all_published_frames_at_once() -> None:
    frames = [read(row) for row in VECTORS]
    payloads = np.frombuffer(b"".join(data.ljust(64, b"\0") for _, data in frames), np.uint8).reshape(-1, 64)
    found = FrameLengths([one for one, _ in frames]).bits(np.arange(len(frames)), payloads)
    assert found[0].tolist() == [int(row["nominal_bits_incl_ifs3"]) for row in VECTORS]
    assert found[1].tolist() == [int(row["data_phase_bits"] or 0) for row in VECTORS]


@pytest.mark.parametrize("row", VECTORS, ids=vector_name)
def test_every_published_frame_on_the_wire(row: dict[str, str]) -> None:
    wire = wire_frame(*read(row))
    data_bits = int(row["data_phase_bits"] or 0)
    assert len(wire.levels) + INTERFRAME_BITS == int(row["nominal_bits_incl_ifs3"]) + data_bits
    assert wire.data_end - wire.data_start == data_bits


@pytest.mark.parametrize("row", LEVELS, ids=vector_name)
def test_levels_of_every_published_frame(row: dict[str, str]) -> None:
    assert "".join(map(str, wire_frame(*read(row)).levels)) == row["levels"]


@pytest.mark.parametrize("row", [row for row in VECTORS if row["kind"] == "classic"], ids=vector_name)
def test_fleet_lengths_of_every_published_classic_frame(row: dict[str, str]) -> None:
    one, data = read(row)
    found = frame_bits_array(one.identifier, np.tile(np.frombuffer(data, np.uint8), (3, 1)), extended=one.extended)
    assert found.tolist() == [int(row["nominal_bits_incl_ifs3"])] * 3


def test_the_tables_are_complete() -> None:
    assert len(VECTORS) > 150
    assert {row["kind"] for row in LEVELS} == {"classic", "remote", "fd"}
    assert len(BOUNDS) == 2 * (9 + 16)


@pytest.mark.parametrize("row", BOUNDS, ids=bound_name)
def test_worst_lengths(row: dict[str, str]) -> None:
    """Linux counts a stuff bit behind the last data bit of extended FD frames; ISO 11898-1:2015 has none there."""
    fd, extended = row["kind"] == "fd", row["extended"] == "1"
    one_too_many = 1 if fd and extended else 0
    assert worst_frame_bits(int(row["len"]), extended=extended, fd=fd) == int(row["worst_bits"]) - one_too_many


@pytest.mark.parametrize(("extended", "shortest", "longest"), [(False, 579, 712), (True, 598, 735)])
def test_64_byte_fd_frames(extended: bool, shortest: int, longest: int) -> None:
    calm = frame_bits(0x555, b"\x55" * 64, extended=extended, fd=True, bit_rate_switch=True)
    assert calm.nominal_bits + calm.data_bits - calm.dynamic_stuff_bits == shortest
    assert worst_frame_bits(64, extended=extended, fd=True) == longest
