"""Where a study may not run: folders of others, and schedulers that are not there."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from twin.errors import InputError
from twin.sweep.engine.cluster import Order, cluster_of
from twin.sweep.folder import StudyFolder
from twin.sweep.lock import sole_coordinator


def _file(place: Path) -> None:
    place.write_text("")


def _photographs(place: Path) -> None:
    place.mkdir()
    (place / "beach.jpg").touch()


def _stopped_early(place: Path) -> None:
    with sole_coordinator(place, "2026-01-01T00:00:00+00:00"):
        pass


@pytest.mark.parametrize(
    ("make", "found"),
    {
        "nothing": (lambda place: None, None),
        "an empty folder": (Path.mkdir, None),
        "a study that was stopped before its first point": (_stopped_early, None),
        "a file": (_file, "is a file"),
        "other files": (_photographs, "holds other files and no study"),
    }.values(),
)
def test_folders(tmp_path: Path, make: object, found: str | None) -> None:
    place = tmp_path / "place"
    assert callable(make)
    make(place)
    mistake = StudyFolder(place).mistake()
    assert (mistake and mistake.message.partition(";")[0]) == found


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be made: Not a directory"), sole_coordinator(tmp_path / "file/x", ""):
        pass


def test_a_scheduler_that_is_not_there_is_missed_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twin.sweep.engine.clusters.address.PATIENCE_S", 0.5)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens, and nobody else can
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(InputError, match=f"nobody answers at {address}"):
            cluster_of(Order(address, tmp_path))
        taken.listen()
        with pytest.raises(InputError, match=f"somebody listens at {address} who does not answer"):
            cluster_of(Order(address, tmp_path))


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("http://x:1", "found the scheme 'http' in http://x:1; expected one of inproc, tcp"),
        ("tcp://localhost", "tcp://localhost is no address: missing port number"),
        ("tcp://localhost:eighty", "tcp://localhost:eighty is no address: invalid literal for int"),
        ("inproc://10.0.0.1/8/1", "inproc://10.0.0.1/8/1 is no address"),
    ],
)
def test_addresses_that_are_none(tmp_path: Path, address: str, found: str) -> None:
    with pytest.raises(InputError, match=found):
        cluster_of(Order(address, tmp_path))
