"""A release: images of one or more roles that belong together, and the order in which they may be installed."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import MappingProxyType
from typing import Any

from twin.bms.firmware.firmware import Firmware
from twin.errors import InputError, Problem
from twin.ota.images.image import SIZE_BYTES, Image
from twin.ota.images.manifest import counter_of, hardware_id, satisfies

PATH = "ota.release"
_FIRST_VERSION = "1.0.0"


@dataclass(frozen=True)
class Release:
    """A bundle: one image for each of some roles; ``running`` are the versions that it finds, by role."""

    images: Mapping[str, Image]
    running: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        sources: Mapping[str, str | Path],
        hardware: Mapping[str, str] | None = None,
        running: Mapping[str, str] = MappingProxyType({}),
        size_bytes: int = SIZE_BYTES,
    ) -> Release:
        """Return the release that ``sources`` makes: by role an image file, a Python file or an FMU.

        ``hardware``: the roles of a site and the models of their ECUs; None: those of the sources, of the usual models.

        Raises InputError with everything that is wrong: with files, roles, hardware ids, and dependencies.
        """
        images: dict[str, Image] = {}
        problems: list[Problem] = []
        known = {role: hardware_id(role) for role in sources} if hardware is None else hardware
        for role, source in sources.items():
            try:
                images[role] = _image(Path(source), role, size_bytes)
            except InputError as error:
                problems += [replace(problem, path=_path(role, problem.path)) for problem in error.problems]
        release = cls(MappingProxyType(images), running)
        problems += [
            *_misfits(sources, images, known),
            *release.unmet(frozenset(sources) - images.keys()),
            *release.circles(),
        ]
        if problems:
            raise InputError(problems)
        return release

    @classmethod
    def factory(cls, firmware: Iterable[Firmware[Any] | type[Firmware[Any]]], size_bytes: int = SIZE_BYTES) -> Release:
        """Return what ECUs leave the factory with: an image of the source of each role's firmware."""
        images = {one.role: _of_class(one, size_bytes) for one in firmware}
        return cls(images, {role: image.manifest.version for role, image in images.items()})

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """The version of each role once the release is installed; of others what is running."""
        return {**self.running, **{role: image.manifest.version for role, image in self.images.items()}}

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The roles in an order in which every ECU finds what it needs: first what others depend on."""
        return tuple(TopologicalSorter(self._needs()).static_order())

    def reissued(self, release_counter: int) -> Release:
        """Return the same payloads under another release counter."""
        return replace(self, images={role: one.reissued(release_counter) for role, one in self.images.items()})

    def of_roles(self, roles: Set[str]) -> Release:
        """Return the release without the images of other roles."""
        return replace(self, images={role: one for role, one in self.images.items() if role in roles})

    @property
    def release_counter(self) -> int:
        """The highest of its images' counters."""
        return max(image.manifest.release_counter for image in self.images.values())

    def unmet(self, unknown: Set[str] = frozenset()) -> Iterator[Problem]:
        """Yield the dependencies that the release and what is running do not meet; of ``unknown`` roles none."""
        for role, image in self.images.items():
            for other, requirement in image.manifest.dependencies.items():
                found = self.versions.get(other)
                if other not in unknown and (found is None or not satisfies(found, requirement)):
                    text = f"needs {other} {requirement}; found {found or 'no such role'}"
                    yield Problem(text, path=f"{PATH}.{role}")

    def circles(self) -> Iterator[Problem]:
        """Yield the first circle that dependencies go in."""
        try:
            TopologicalSorter(self._needs()).prepare()
        except CycleError as error:
            circle = " -> ".join(reversed(error.args[1]))
            yield Problem(f"its dependencies go in a circle: {circle}; no order of installing it can work", path=PATH)

    def _needs(self) -> dict[str, list[str]]:
        """Return by role what has to be installed before it: what it needs and is not met by what is running."""
        return {role: [other for other in sorted(self.images) if self._waits(role, other)] for role in self.images}

    def _waits(self, role: str, other: str) -> bool:
        requirement = self.images[role].manifest.dependencies.get(other)
        found = self.running.get(other)
        return requirement is not None and (found is None or not satisfies(found, requirement))


def _path(role: str, within: str | None) -> str:
    return f"{PATH}.{role}" + (f".{within}" if within else "")


def _image(source: Path, role: str, size_bytes: int) -> Image:
    """Return the image in a file, or that of a source."""
    if source.suffix in (".py", ".fmu"):
        return Image.of_source(source, role, size_bytes=size_bytes)
    return Image.read(source)


def _misfits(
    sources: Mapping[str, str | Path], images: Mapping[str, Image], hardware: Mapping[str, str]
) -> Iterator[Problem]:
    """Yield roles that a site does not have, and images that are for another role or other hardware."""
    for role in sources:
        if role not in hardware:
            yield Problem(f"no such role; expected one of {', '.join(hardware)}", path=f"{PATH}.{role}")
    for role, image in images.items():
        about, file = image.manifest, str(sources[role])
        if about.role != role:
            yield Problem(f"it is firmware of {about.role!r}; expected {role!r}", file, path=f"{PATH}.{role}")
        elif role in hardware and about.hardware_id != hardware[role]:
            text = f"unknown hardware id {about.hardware_id!r}; the {role} is a {hardware[role]!r}"
            yield Problem(text, file, path=f"{PATH}.{role}")


def _of_class(firmware: Firmware[Any] | type[Firmware[Any]], size_bytes: int) -> Image:
    """Return the image of firmware that is on ECUs from the beginning: the source of its class."""
    kind = firmware if isinstance(firmware, type) else type(firmware)
    source = Path(inspect.getfile(kind)).read_bytes()
    role, version = firmware.role, firmware.version
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        version = _FIRST_VERSION  # an FMU's is its name
    about = {"name": role, "role": role, "hardware_id": hardware_id(role), "version": version}
    return Image.built(source, size_bytes=size_bytes, **about, payload="python", release_counter=counter_of(version))
