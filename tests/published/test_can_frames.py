"""Frame lengths against vectors of can-utils, canhack and an ISO 16845 test library, and against published bounds."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from twin.network.frames import FrameBits, frame_bits, worst_frame_bits
from twin.network.lengths import frame_bits_array

TABLES = Path(__file__).parent / "can"


def rows(name: str) -> list[dict[str, str]]:
    with (TABLES / name).open(newline="") as file:
        return list(csv.DictReader(file))


VECTORS = rows("can_frame_bits.csv")
BOUNDS = rows("can_frame_worst_bits.csv")


def vector_name(row: dict[str, str]) -> str:
    return f"{row['kind']}-{row['id_hex']}-{row['len']}-{row['data_hex'][:8]}"


def bound_name(row: dict[str, str]) -> str:
    return f"{row['kind']}-{'29' if row['extended'] == '1' else '11'}-{row['len']}"


@pytest.mark.parametrize("row", VECTORS, ids=vector_name)
def test_length_of_every_published_frame(row: dict[str, str]) -> None:
    found = frame_bits(
        int(row["id_hex"], 16),
        bytes.fromhex(row["data_hex"]),
        extended=row["extended"] == "1",
        fd=row["kind"] == "fd",
        bit_rate_switch=row["brs"] == "1",
    )
    expected = (int(row["nominal_bits_incl_ifs3"]), int(row["data_phase_bits"] or 0), int(row["dynamic_stuff_bits"]))
    assert found == FrameBits(*expected)


@pytest.mark.parametrize("row", [row for row in VECTORS if row["kind"] == "classic"], ids=vector_name)
def test_fleet_lengths_of_every_published_classic_frame(row: dict[str, str]) -> None:
    payload = np.frombuffer(bytes.fromhex(row["data_hex"]), np.uint8)
    found = frame_bits_array(int(row["id_hex"], 16), np.tile(payload, (3, 1)), extended=row["extended"] == "1")
    assert found.tolist() == [int(row["nominal_bits_incl_ifs3"])] * 3


def test_the_tables_are_complete() -> None:
    assert len(VECTORS) > 150
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
