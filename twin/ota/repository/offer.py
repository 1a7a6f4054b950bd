"""What reaches a site when it asks for updates: bytes of metadata, bytes of images, and how they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MISSING = b""
"""Where a file was asked for and nothing came."""


@dataclass(frozen=True)
class Metadata:
    """The metadata files of one repository: ``roots`` from version 1 on, and the newest of each other role."""

    roots: tuple[bytes, ...]
    timestamp: bytes
    snapshot: bytes
    targets: bytes

    @property
    def size_bytes(self) -> int:
        """Bytes of all four roles, of root the newest file only."""
        return len(self.roots[-1]) + len(self.timestamp) + len(self.snapshot) + len(self.targets)


@dataclass(frozen=True, eq=False)
class Offer:
    """What one poll brings: ``images`` by the role of the ECU they are for, as they will arrive.

    It is the genuine one if ``attack`` is None; else somebody on the way did what the other fields say.
    """

    release: int
    director: Metadata
    image: Metadata
    images: Mapping[str, bytes]
    attack: str | None = None
    dropped: bool = False
    """No answer at all comes through."""
    overheard: bool = False
    rate_factor: float = 1.0
    """Of the site's bandwidth that is left."""
    endless: bool = False
    """Downloads never end by themselves."""
    blocked: frozenset[str] = frozenset()
    """Roles whose ECUs the image does not reach, although the primary passes it on."""
    inside: bool = False
    """The attacker has the primary, too: secondaries get this whatever the primary should have said of it."""

    @property
    def metadata_bytes(self) -> int:
        """What a poll costs on the WAN."""
        return self.director.size_bytes + self.image.size_bytes

    def size_bytes(self, role: str) -> int:
        """Return how many bytes of an image can be had; 0 where it does not come."""
        return len(self.images.get(role, MISSING))
