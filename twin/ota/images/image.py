"""A firmware image: one real file with a manifest and a payload, as long as the flash that it is written to.

Eight bytes ``TWINIMG1``, the length of the manifest (4 bytes, big-endian), the manifest (JSON), the payload (a Python
file with one class of Firmware, or an FMU), and 0xFF, as in erased flash, up to the end.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

from twin.bms.firmware.python_firmware import firmware_class
from twin.errors import InputError, Problem
from twin.ota.images.manifest import Manifest, counter_of, hardware_id

MAGIC = b"TWINIMG1"
FILL = b"\xff"
SIZE_BYTES = 256 * 1024
"""Of a slot in flash, unless an image says otherwise."""
_HEADER_BYTES = len(MAGIC) + 4
_SUFFIX = {"python": ".py", "fmu": ".fmu"}


@dataclass(frozen=True)
class Image:
    """An image whose bytes agree with its manifest."""

    manifest: Manifest
    data: bytes

    @cached_property
    def sha256(self) -> str:
        """The hash of all its bytes, as metadata lists it."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def file_name(self) -> str:
        """What repositories call it; two images that differ in version or counter never share it."""
        about = self.manifest
        return f"{about.role}-{about.version}-{about.release_counter}.img"

    @property
    def payload(self) -> bytes:
        """The Python file or FMU inside."""
        begin = _payload_begin(self.data)
        return self.data[begin : begin + self.manifest.payload_bytes]

    @classmethod
    def built(cls, content: bytes, file: str | None = None, *, size_bytes: int = SIZE_BYTES, **about: Any) -> Image:
        """Return the image whose payload is ``content``; ``about``: the manifest, but for what follows from that.

        Raises InputError if the manifest is wrong, or if all of it is larger than the flash.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        manifest = Manifest.stated(
            file, **about, payload_bytes=len(content), payload_sha256=sha256, size_bytes=size_bytes
        )
        written = manifest.to_bytes()
        used = MAGIC + len(written).to_bytes(4, "big") + written + content
        if len(used) > size_bytes:
            raise InputError(Problem(f"needs {len(used)} bytes of flash; expected at most {size_bytes}", file))
        return cls(manifest, used.ljust(size_bytes, FILL))

    @classmethod
    def of_source(cls, path: Path, role: str | None = None, *, size_bytes: int = SIZE_BYTES, **stated: Any) -> Image:
        """Return the image of a Python file or FMU.

        A Python file's class says ``role``, ``version``, and where it wants to ``release_counter`` and ``requires``
        (dependencies); an FMU says its version. What is ``stated``, fields of the manifest, goes before.

        Raises InputError with what is wrong with the file or with what is said of it.
        """
        found = _of_fmu(path) if path.suffix == ".fmu" else _of_python(path)
        said = found | {name: value for name, value in stated.items() if value is not None}
        if role is not None and said.setdefault("role", role) != role:
            raise InputError(Problem(f"it is firmware of {said['role']!r}; expected {role!r}", str(path)))
        missing = [name for name in ("role", "version") if name not in said]
        if missing:
            raise InputError(Problem(f"says no {name}; expected one to be stated", str(path)) for name in missing)
        said.setdefault("name", said["role"])
        said.setdefault("hardware_id", hardware_id(said["role"]))
        if "release_counter" not in said:
            _check_version(said, path)
            said["release_counter"] = counter_of(said["version"])
        return cls.built(path.read_bytes(), str(path), size_bytes=size_bytes, **said)

    @classmethod
    def read(cls, path: Path) -> Image:
        """Return the image in a file.

        Raises InputError with everything that is wrong with it.
        """
        if not path.is_file():
            raise InputError(Problem("no such file; expected a firmware image", str(path)))
        return cls.parse(path.read_bytes(), str(path))

    @classmethod
    def parse(cls, data: bytes, file: str | None = None) -> Image:
        """Return the image that ``data`` is.

        Raises InputError with everything that is wrong with it.
        """
        end = _payload_begin(data)
        if not data.startswith(MAGIC):
            raise InputError(Problem(f"is no firmware image: expected {MAGIC.decode()} at its begin", file))
        if len(data) < end:
            raise InputError(Problem(f"is truncated within its manifest: {len(data)} bytes; expected {end}", file))
        image = cls(Manifest.parse(data[_HEADER_BYTES:end], file), data)
        problems = [Problem(text, file) for text in _damages(image)]
        if problems:
            raise InputError(problems)
        return image

    def reissued(self, release_counter: int) -> Image:
        """Return the same payload under another release counter, so that ECUs take it after a newer one."""
        said = self.manifest.model_dump(exclude={"payload_bytes", "payload_sha256"}) | {
            "release_counter": release_counter
        }
        return self.built(self.payload, **said)

    def unpack(self, folder: Path) -> Path:
        """Write the payload, and an FMU's ports, into ``folder`` and return its path, named by its hash."""
        about = self.manifest
        path = folder / f"{about.role}_{about.payload_sha256[:16]}{_SUFFIX[about.payload]}"
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.payload)
        if about.ports is not None:
            path.with_suffix(".ports.yaml").write_text(about.ports)
        return path


def _payload_begin(data: bytes) -> int:
    return _HEADER_BYTES + int.from_bytes(data[len(MAGIC) : _HEADER_BYTES], "big")


def _damages(image: Image) -> Iterator[str]:
    """Yield where the bytes of an image do not agree with its manifest."""
    about, data = image.manifest, image.data
    if len(data) != about.size_bytes:
        word = "is truncated" if len(data) < about.size_bytes else "is too long"
        yield f"{word}: {len(data)} bytes; its manifest says {about.size_bytes}"
    found = hashlib.sha256(image.payload).hexdigest()
    if found != about.payload_sha256:
        yield f"its payload has the SHA-256 {found[:16]}...; its manifest says {about.payload_sha256[:16]}..."
    if data[_payload_begin(data) + about.payload_bytes :].strip(FILL):
        yield "something follows its payload; expected 0xFF"


def _of_python(path: Path) -> dict[str, Any]:
    """Return what a Python file's class says of itself."""
    found = firmware_class(path)
    names = {"role": "role", "version": "version", "release_counter": "release_counter", "requires": "dependencies"}
    names |= {"hardware_id": "hardware_id"}
    said = {field: getattr(found, name) for name, field in names.items() if hasattr(found, name)}
    if "dependencies" in said:
        said["dependencies"] = dict(said["dependencies"])
    return said | {"payload": "python"}


def _of_fmu(path: Path) -> dict[str, Any]:
    """Return what an FMU's description says of its version, and its ports."""
    payload: Literal["fmu"] = "fmu"
    try:
        with zipfile.ZipFile(path) as archive:
            description = ElementTree.fromstring(archive.read("modelDescription.xml"))
    except (OSError, zipfile.BadZipFile, KeyError, ElementTree.ParseError) as error:
        raise InputError(Problem(f"is no FMU that can be read: {error}", str(path))) from None
    ports = path.with_suffix(".ports.yaml")
    if not ports.is_file():
        raise InputError(Problem("has no ports file beside it", str(path), suggestion=f"expected {ports.name}"))
    version = description.get("version")
    return {"payload": payload, "ports": ports.read_text()} | ({"version": version} if version else {})


def _check_version(said: dict[str, Any], path: Path) -> None:
    """Raise what the manifest would say of a version from which no counter can be made."""
    Manifest.stated(str(path), **said, release_counter=1, payload_bytes=1, payload_sha256="0" * 64, size_bytes=1)
