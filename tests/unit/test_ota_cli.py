"""``twin ota``: images, repositories and attacks from the command line."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.worlds.signed_site import CONTROLLER, MONITOR, source_of
from twin.cli import main
from twin.ota.images.image import Image


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


def twin(*arguments: str | Path) -> Done:
    """Run the command in this process: each start of another would cost a second."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr(sys, "argv", ["twin", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    return Done(int(ended.value.code or 0), out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    sources = {
        "monitor.img": source_of(MONITOR, folder),
        "controller.img": source_of(CONTROLLER, folder, requires={MONITOR: ">=2.4.0"}),
    }
    for name, source in sources.items():
        done = twin("ota", "image", source, "-o", folder / name)
        assert done.returncode == 0, done.stderr
    return folder


def of_both(folder: Path) -> tuple[str, ...]:
    return ("--release", f"{MONITOR}={folder}/monitor.img", "--release", f"{CONTROLLER}={folder}/controller.img")


def test_an_image_is_built_and_shown(images: Path) -> None:
    done = twin("ota", "image", images / "controller.img", "--show")
    assert done.returncode == 0, done.stderr
    shown = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    image = Image.read(images / "controller.img")
    assert (shown["version"], shown["sha256"]) == ("2.4.0", image.sha256)
    assert shown["dependencies"] == "module_monitor >=2.4.0"


def test_options_are_stated_on_the_command_line(images: Path, tmp_path: Path) -> None:
    said = ("--version", "2.5.0", "--release-counter", "99999", "--needs", "inverter=>=1.0.0", "--size-kib", "64")
    source = next(images.glob("module_monitor*.py"))
    done = twin("ota", "image", source, "-o", tmp_path / "x.img", *said)
    assert done.returncode == 0, done.stderr
    about = Image.read(tmp_path / "x.img").manifest
    assert (about.version, about.release_counter, about.size_bytes) == ("2.5.0", 99999, 65536)
    assert about.dependencies == {"inverter": ">=1.0.0"}


def test_repositories_are_written(images: Path, tmp_path: Path) -> None:
    done = twin("ota", "repo", tmp_path / "served", *of_both(images))
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == sorted(map(str, filter(Path.is_file, (tmp_path / "served").rglob("*"))))
    again = twin("ota", "repo", tmp_path / "served", *of_both(images))
    assert again.returncode == 2
    assert "is not an empty folder" in again.stderr


def test_attacks_are_tried(images: Path) -> None:
    done = twin("ota", "attacks", *of_both(images), "--format", "json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert {row["outcome"] for row in rows} == {"detected", "outside_promise"}
    text = twin("ota", "attacks", *of_both(images))
    assert text.returncode == 0, text.stderr
    assert "key_compromise" in text.stdout


def test_every_mistake_is_told_and_nothing_written(images: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.img").write_bytes((images / "monitor.img").read_bytes()[:5000])
    sources = (f"{MONITOR}={tmp_path}/cut.img", f"{CONTROLLER}={images}/monitor.img", f"toaster={images}/monitor.img")
    done = twin("ota", "repo", tmp_path / "served", *(word for one in sources for word in ("--release", one)))
    assert done.returncode == 2
    for text in ("is truncated: 5000 bytes", "expected 'pack_controller'", "no such role; expected one of"):
        assert text in done.stderr
    assert not (tmp_path / "served").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("image", "gone.py", "-o", "x.img"), "there is no such Python file"),
        (("image", "gone.py"), "expected a file to write: -o FILE"),
        (("image", "gone.img", "--show"), "no such file; expected a firmware image"),
        (("repo", "x", "--release", "monitor"), "names no role and value"),
        (("repo", "x", "--release", "module_monitor=gone.img"), "no such file; expected a firmware image"),
    ],
)
def test_mistakes_on_the_command_line(arguments: tuple[str, ...], expected: str) -> None:
    done = twin("ota", *arguments)
    assert done.returncode == 2, done.stdout
    assert expected in done.stderr


@pytest.mark.parametrize("start", ["tomorrow", "2026-01-01T00:00:00"])
def test_a_start_without_a_zone_is_no_start(start: str, images: Path, tmp_path: Path) -> None:
    done = twin("ota", "repo", tmp_path / "served", *of_both(images), "--start", start)
    assert done.returncode == 2
    assert f"--start: '{start}'" in done.stderr
