"""The releases of a scenario's rollout: what its ECUs leave the factory with, and what they are to run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from twin.errors import InputError, Problem, attempt
from twin.ota.images.image import SIZE_BYTES
from twin.ota.images.manifest import hardware_id
from twin.ota.images.release import Release
from twin.ota.options import Ota
from twin.scenario.architecture import architecture_of
from twin.scenario.models import Scenario


def releases_of(scenario: Scenario, ota: Ota) -> tuple[Release, Release]:
    """Return what the ECUs run at first, and what is rolled out; of both the images fit a slot of the flash.

    Raises InputError with everything that is wrong with its images, and how they fit each other and the sites.
    """
    size_bytes = min(SIZE_BYTES, ota.flash.slot_bytes)
    problems = list(_too_large(ota))
    own = architecture_of(scenario).firmware()
    try:
        factory = Release.factory(own, size_bytes)
    except InputError as error:
        text = "what the ECUs run at first does not fit: "
        found = (Problem(text + one.message, path="ota.flash.slot_bytes") for one in error.problems)
        raise InputError([*problems, *found]) from None
    hardware = {role: hardware_id(role) for role in factory.images}
    release = attempt(problems, lambda: Release.of(ota.release, hardware, factory.versions, size_bytes))
    if release is None or problems:
        raise InputError(problems)
    return factory, release


def _too_large(ota: Ota) -> Iterator[Problem]:
    """Yield the image files that are larger than a slot; what is built from a source is as large as it may be."""
    slot_bytes = ota.flash.slot_bytes
    for role, source in ota.release.items():
        file = Path(source)
        if file.suffix not in (".py", ".fmu") and file.is_file() and (size := file.stat().st_size) > slot_bytes:
            text = f"has {size} bytes; expected at most ota.flash.slot_bytes, {slot_bytes}"
            yield Problem(text, source, path=f"ota.release.{role}")
