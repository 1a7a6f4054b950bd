"""What a DBC file says is kept for processes to come: the same as was read, and never instead of what the file says."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from twin import resources
from twin.network.dbc import kept
from twin.network.dbc.codec import MessageLayout, SignalLayout
from twin.network.dbc.database import Database
from twin.network.dbc.kept import Content
from twin.network.dbc.reading import read

_SHIPPED = sorted((resources.folder("data") / "can").glob("*.dbc"))
_PRINT_WHO_READ = """
import sys
from twin.network.dbc.database import Database
print(len(Database.load(sys.argv[1]).messages), *sorted({"cantools", "can", "asammdf"} & set(sys.modules)))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TWIN_CACHE", str(tmp_path))
    return tmp_path / "can"


def kept_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*"))


@pytest.mark.parametrize("file", _SHIPPED, ids=lambda file: file.stem)
def test_what_is_recalled_is_what_was_read(folder: Path, file: Path) -> None:
    text = file.read_text(encoding="cp1252")
    content = read(file, text)

    assert kept.recall(text) is None
    kept.keep(text, content)

    assert kept.recall(text) == content
    assert len(kept_files(folder)) == 1


def test_numbers_beyond_all_others_are_kept(folder: Path) -> None:
    signal = SignalLayout("s", 0, 64, scale=0.1, minimum=-math.inf, maximum=float(2**64 - 1), choices={-1: "Ω", 3: ""})
    content = Content(("a",), (MessageLayout("m", 0x7FF, 8, signals=(signal,)),))

    kept.keep("text", content)

    assert kept.recall("text") == content


def test_another_text_has_another_place(folder: Path) -> None:
    kept.keep("text", Content(("a",), ()))

    assert kept.recall("text ") is None


@pytest.mark.parametrize("damage", ["", "{", '{"nodes": []}', '{"nodes": [], "messages": [{"name": "m"}]}'])
def test_what_was_damaged_is_read_again(folder: Path, damage: str) -> None:
    text = _SHIPPED[0].read_text(encoding="cp1252")
    content = read(_SHIPPED[0], text)
    kept.keep(text, content)
    (file,) = kept_files(folder)
    file.write_text(damage)

    assert kept.recall(text) is None
    kept.keep(text, content)

    assert kept.recall(text) == content


def test_a_changed_file_is_read_again(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.dbc"
    text = _SHIPPED[0].read_text(encoding="cp1252")
    file.write_text(text, encoding="cp1252")
    before = Database.load(file)
    name = before.messages[0].name
    file.write_text(text.replace(f" {name}:", " Renamed:"), encoding="cp1252")

    after = Database.load(file)

    assert replace(before.messages[0], name="Renamed") == after.messages[0]


def test_nothing_is_kept_where_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way of a folder")
    monkeypatch.setenv("TWIN_CACHE", str(tmp_path / "file"))

    kept.keep("text", Content((), ()))

    assert kept.recall("text") is None


def test_only_the_first_process_needs_cantools(folder: Path) -> None:
    environment = {**os.environ, "TWIN_CACHE": str(folder.parent)}
    command = [sys.executable, "-c", _PRINT_WHO_READ, "home_battery_centralized"]

    said = [
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
        for _ in range(2)
    ]

    assert said[0][0] == said[1][0] != "0"
    assert "cantools" in said[0][1:]
    assert said[1][1:] == []
