"""Firmware images: one real file that agrees with its manifest, and what is said of those that do not."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.worlds.signed_site import CONTROLLER, FACTORY, MONITOR, OWN, source_of
from twin.bms.firmware.python_firmware import firmware_class
from twin.errors import InputError
from twin.ota.attacks.implant import VERSION, implant
from twin.ota.images.image import MAGIC, SIZE_BYTES, Image
from twin.ota.images.manifest import Manifest, counter_of, satisfies


def built(folder: Path, **stated: object) -> Image:
    return Image.of_source(source_of(MONITOR, folder, **stated))  # type: ignore[arg-type]


def problems(call: Callable[[], object]) -> list[str]:
    with pytest.raises(InputError) as refused:
        call()
    return [str(problem) for problem in refused.value.problems]


def test_an_image_fills_the_flash_and_ends_in_erased_bytes(tmp_path: Path) -> None:
    image = built(tmp_path)
    assert len(image.data) == SIZE_BYTES == image.manifest.size_bytes
    assert image.data.startswith(MAGIC)
    assert image.data.endswith(bytes([0xFF]) * 1000)
    assert image.payload == source_of(MONITOR, tmp_path).read_bytes()


def test_the_source_says_what_is_in_the_manifest(tmp_path: Path) -> None:
    about = built(tmp_path, requires={CONTROLLER: ">=1.0.0,<3.0.0"}).manifest
    assert (about.role, about.version, about.hardware_id) == (MONITOR, "2.4.0", "module-monitor-r1")
    assert about.dependencies == {CONTROLLER: ">=1.0.0,<3.0.0"}
    assert about.release_counter == counter_of("2.4.0") == 20400
    assert built(tmp_path, release_counter=7).manifest.release_counter == 7


def test_the_same_source_makes_the_same_bytes(tmp_path: Path) -> None:
    image = built(tmp_path)
    assert image.data == built(tmp_path).data
    assert Image.parse(image.data) == image
    assert built(tmp_path, version="2.4.1").data != image.data


def test_what_is_stated_goes_before_what_the_source_says(tmp_path: Path) -> None:
    about = Image.of_source(source_of(MONITOR, tmp_path), version="3.0.0", size_bytes=8192).manifest
    assert (about.version, about.release_counter, about.size_bytes) == ("3.0.0", 30000, 8192)


def test_a_reissued_image_has_the_same_payload_and_another_name(tmp_path: Path) -> None:
    image = built(tmp_path)
    again = image.reissued(20500)
    assert (again.payload, again.manifest.version, again.manifest.release_counter) == (image.payload, "2.4.0", 20500)
    assert again.file_name != image.file_name
    assert Image.parse(again.data) == again


def test_an_unpacked_image_can_be_run(tmp_path: Path) -> None:
    path = built(tmp_path).unpack(tmp_path / "unpacked")
    kind = firmware_class(path)
    assert issubclass(kind, OWN[MONITOR])
    assert kind.version == "2.4.0"


@pytest.mark.parametrize("role", OWN)
def test_factory_images_and_implants_of_them_can_be_run(role: str, tmp_path: Path) -> None:
    genuine = FACTORY.images[role]
    foreign = implant(genuine.data)
    assert firmware_class(genuine.unpack(tmp_path)).version == "1.0.0"
    assert firmware_class(foreign.unpack(tmp_path)).version == VERSION
    assert firmware_class(foreign.unpack(tmp_path)).role == role
    assert foreign.manifest.release_counter > genuine.manifest.release_counter


def fmu(folder: Path, version: str) -> Path:
    path = folder / "supplier.fmu"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("modelDescription.xml", f'<fmiModelDescription modelName="x" version="{version}"/>')
    return path


def test_an_fmu_can_be_an_image(tmp_path: Path) -> None:
    path = fmu(tmp_path, "1.2.3")
    path.with_suffix(".ports.yaml").write_text("inputs: []\n")
    image = Image.of_source(path, "inverter")
    assert (image.manifest.payload, image.manifest.version, image.manifest.role) == ("fmu", "1.2.3", "inverter")
    unpacked = image.unpack(tmp_path / "unpacked")
    assert unpacked.read_bytes() == path.read_bytes()
    assert unpacked.with_suffix(".ports.yaml").read_text() == "inputs: []\n"


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


DAMAGES: dict[str, tuple[Callable[[bytes], bytes], list[str]]] = {
    "empty": (lambda data: b"", ["is no firmware image: expected TWINIMG1 at its begin"]),
    "something else": (lambda data: b"\x7fELF" + data, ["is no firmware image: expected TWINIMG1 at its begin"]),
    "cut in the manifest": (lambda data: data[:100], ["is truncated within its manifest: 100 bytes"]),
    "cut in the fill": (lambda data: data[:200_000], ["is truncated: 200000 bytes; its manifest says 262144"]),
    "cut in the payload": (lambda data: data[:400], ["is truncated: 400 bytes", "its payload has the SHA-256"]),
    "too long": (lambda data: data + b"\xff", ["is too long: 262145 bytes"]),
    "a bit of the payload": (lambda data: flipped(data, data.index(b"class New")), ["its payload has the SHA-256"]),
    "a bit of the fill": (lambda data: flipped(data, 200_000), ["something follows its payload"]),
    "cut, and a bit": (lambda data: flipped(data[:-9], 200_000), ["is truncated", "something follows its payload"]),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_images_are_refused_with_everything(name: str, tmp_path: Path) -> None:
    damage, expected = DAMAGES[name]
    path = tmp_path / "damaged.img"
    path.write_bytes(damage(built(tmp_path).data))
    found = problems(lambda: Image.read(path))
    assert len(found) == len(expected), found
    for problem, text in zip(found, expected, strict=True):
        assert problem.startswith(f"{path}: {text}"), problem


def test_every_mistake_in_a_manifest_is_told(tmp_path: Path) -> None:
    about = json.loads(built(tmp_path).manifest.to_bytes())
    about |= {"version": "2.4", "release_counter": 0, "dependencies": {CONTROLLER: "newer"}, "colour": "red"}
    found = problems(lambda: Manifest.parse(json.dumps(about).encode(), "x.img"))
    assert sorted(problem.split(": ")[1] for problem in found) == [
        "manifest.colour",
        f"manifest.dependencies.{CONTROLLER}",
        "manifest.release_counter",
        "manifest.version",
    ]


def test_sources_that_are_no_firmware(tmp_path: Path) -> None:
    (tmp_path / "none.py").write_text("x = 1\n")
    assert problems(lambda: Image.of_source(tmp_path / "none.py")) == [
        f"{tmp_path}/none.py: expected one class of Firmware, found none"
    ]
    assert "there is no such Python file" in problems(lambda: Image.of_source(tmp_path / "gone.py"))[0]
    assert "is no FMU that can be read" in problems(lambda: Image.of_source(tmp_path / "gone.fmu"))[0]
    assert "has no ports file beside it" in problems(lambda: Image.of_source(fmu(tmp_path, "1.0.0"), "inverter"))[0]
    assert "no such file" in problems(lambda: Image.read(tmp_path / "gone.img"))[0]


def test_what_cannot_be_an_image_of_a_role(tmp_path: Path) -> None:
    path = source_of(MONITOR, tmp_path)
    assert problems(lambda: Image.of_source(path, CONTROLLER)) == [
        f"{path}: it is firmware of '{MONITOR}'; expected '{CONTROLLER}'"
    ]
    assert "needs" in problems(lambda: Image.of_source(path, size_bytes=300))[0]
    assert "manifest.version" in problems(lambda: Image.of_source(path, version="newest"))[0]
    nameless = fmu(tmp_path, "")
    nameless.with_suffix(".ports.yaml").write_text("inputs: []\n")
    assert [text.split(": ")[1] for text in problems(lambda: Image.of_source(nameless))] == [
        "says no role; expected one to be stated",
        "says no version; expected one to be stated",
    ]


@pytest.mark.parametrize(
    ("version", "requirement", "expected"),
    [
        ("2.3.0", ">=2.3.0", True),
        ("2.10.0", ">=2.9.9", True),
        ("2.2.9", ">=2.3.0", False),
        ("3.0.0", ">=2.3.0,<3.0.0", False),
        ("2.9.9", ">=2.3.0,<3.0.0", True),
        ("2.3.0", ">2.3.0", False),
        ("2.3.0", "==2.3.0", True),
        ("2.3.1", "<=2.3.0", False),
    ],
)
def test_versions_are_compared_as_numbers(version: str, requirement: str, expected: bool) -> None:
    assert satisfies(version, requirement) == expected
