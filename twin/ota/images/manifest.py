"""What a firmware image says of itself: what it is, for which hardware, and what it needs of other ECUs."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError

from twin.errors import InputError, Problem
from twin.options import Options

_NUMBERS = r"\d+\.\d+\.\d+"
_VERSION = rf"{_NUMBERS}(?:-[0-9a-z.-]+)?"
_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
_REQUIREMENT = rf"(?:>=|<=|==|>|<){_NUMBERS}"

Version = Annotated[str, Field(pattern=rf"^{_VERSION}$")]
"""``major.minor.patch``, and behind a hyphen what kind of build it is."""
Requirement = Annotated[str, Field(pattern=rf"^{_REQUIREMENT}(?:,{_REQUIREMENT})*$")]
"""Comparisons of a version that all have to hold: ``>=2.3.0,<3.0.0``."""
Role = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
"""Of ECUs; it becomes part of file names."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Manifest(Options):
    """The manifest of one image."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    role: Role
    """Whose firmware it is."""
    version: Version
    hardware_id: Annotated[str, Field(min_length=1)]
    """The model of ECU that it runs on."""
    release_counter: Annotated[int, Field(ge=1)]
    """Never falls from one image that an ECU takes to the next (Uptane 2.1.0, 5.2.3.1.1)."""
    dependencies: dict[Role, Requirement] = Field(default_factory=dict)
    """By role which versions the ECUs beside it have to run."""
    payload: Literal["python", "fmu"]
    payload_bytes: Annotated[int, Field(ge=1)]
    payload_sha256: Sha256
    size_bytes: Annotated[int, Field(ge=1)]
    """Of the whole image: what the flash takes, and what goes over the bus."""
    ports: str | None = None
    """An FMU's ports file, as text."""

    def to_bytes(self) -> bytes:
        """Return the manifest as canonical JSON: the same bytes for the same content."""
        return json.dumps(self.model_dump(exclude_none=True), sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def parse(cls, data: bytes, file: str | None = None) -> Manifest:
        """Return the manifest in ``data``.

        Raises InputError with everything that is wrong with it.
        """
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise InputError(_complaints(error, file)) from None

    @classmethod
    def stated(cls, file: str | None = None, **fields: Any) -> Manifest:
        """Return the manifest with these fields.

        Raises InputError with everything that is wrong with them.
        """
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise InputError(_complaints(error, file)) from None


def _complaints(error: ValidationError, file: str | None) -> Iterator[Problem]:
    for one in error.errors(include_url=False):
        path = ".".join(["manifest", *map(str, one["loc"])])
        yield Problem(f"{one['msg']}, found {one['input']!r:.60}", file, path=path)


def hardware_id(role: str) -> str:
    """Return the model of ECU that serves a role."""
    return f"{role.replace('_', '-')}-r1"


def counter_of(version: str) -> int:
    """Return the release counter of an image that states none: it grows with its version, up to 99 of each part."""
    major, minor, patch = parts(version)
    return 10_000 * major + 100 * minor + patch


def parts(version: str) -> tuple[int, ...]:
    """Return a version as numbers that can be compared; the kind of build does not count."""
    return tuple(int(part) for part in version.partition("-")[0].split("."))


def satisfies(version: str, requirement: str) -> bool:
    """Return whether every comparison of ``requirement`` holds for ``version``."""
    terms = re.findall(rf"([<>=]+)({_NUMBERS})", requirement)
    return all(_COMPARISONS[sign](parts(version), parts(bound)) for sign, bound in terms)
