"""Releases: images that belong together, the order of installing them, and all that does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.worlds.signed_site import CONTROLLER, FACTORY, INVENTORY, MONITOR, release, source_of
from twin.errors import InputError
from twin.ota.images.image import Image
from twin.ota.images.release import Release


def problems(sources: dict[str, Path], running: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(InputError) as refused:
        Release.of(sources, INVENTORY, dict(FACTORY.running) if running is None else running)
    return [str(problem) for problem in refused.value.problems]


def test_what_others_need_is_installed_first() -> None:
    assert release().order == (MONITOR, CONTROLLER)
    assert release().versions == {MONITOR: "2.4.0", CONTROLLER: "2.4.0"}


def test_a_dependency_that_is_met_already_asks_for_no_order(tmp_path: Path) -> None:
    sources = {
        MONITOR: source_of(MONITOR, tmp_path, requires={CONTROLLER: ">=1.0.0"}),
        CONTROLLER: source_of(CONTROLLER, tmp_path, requires={MONITOR: ">=2.4.0"}),
    }
    assert Release.of(sources, INVENTORY, FACTORY.running).order == (MONITOR, CONTROLLER)


def test_circular_dependencies_are_refused(tmp_path: Path) -> None:
    sources = {
        MONITOR: source_of(MONITOR, tmp_path, requires={CONTROLLER: ">=2.4.0"}),
        CONTROLLER: source_of(CONTROLLER, tmp_path, requires={MONITOR: ">=2.4.0"}),
    }
    (found,) = problems(sources)
    assert found.startswith("ota.release: its dependencies go in a circle: ")
    assert MONITOR in found
    assert CONTROLLER in found


def test_a_source_and_its_image_make_the_same_release(tmp_path: Path) -> None:
    source = source_of(MONITOR, tmp_path)
    image = tmp_path / "monitor.img"
    image.write_bytes(Image.of_source(source).data)
    both = [Release.of({MONITOR: path}, INVENTORY, FACTORY.running) for path in (source, image)]
    assert both[0].images[MONITOR].sha256 == both[1].images[MONITOR].sha256


def test_everything_is_told_at_once(tmp_path: Path) -> None:
    image = Image.of_source(source_of(MONITOR, tmp_path), hardware_id="toaster-r9")
    (tmp_path / "foreign.img").write_bytes(image.data)
    (tmp_path / "cut.img").write_bytes(image.data[:5000])
    controller = source_of(CONTROLLER, tmp_path, requires={"inverter": ">=1.0.0"})
    sources = {MONITOR: tmp_path / "foreign.img", CONTROLLER: controller, "toaster": tmp_path / "cut.img"}
    found = problems(sources)
    assert len(found) == 4, found
    assert "ota.release.toaster: is truncated" in found[0]
    assert found[1] == f"ota.release.toaster: no such role; expected one of {', '.join(INVENTORY)}"
    assert "unknown hardware id 'toaster-r9'; the module_monitor is a 'module-monitor-r1'" in found[2]
    assert found[3] == "ota.release.pack_controller: needs inverter >=1.0.0; found no such role"


def test_an_image_for_another_role_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "monitor.img"
    path.write_bytes(Image.of_source(source_of(MONITOR, tmp_path)).data)
    (found,) = problems({CONTROLLER: path})
    assert "it is firmware of 'module_monitor'; expected 'pack_controller'" in found


def test_a_version_that_is_running_has_to_do(tmp_path: Path) -> None:
    sources = {CONTROLLER: source_of(CONTROLLER, tmp_path, requires={MONITOR: ">=2.4.0"})}
    assert problems(sources) == ["ota.release.pack_controller: needs module_monitor >=2.4.0; found 1.0.0"]
    assert Release.of(sources, INVENTORY, {**FACTORY.running, MONITOR: "2.5.0"}).order == (CONTROLLER,)
