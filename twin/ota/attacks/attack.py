"""What an attack is: it turns the offer that a site should get into the one that it gets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from twin.ota.images.image import Image
from twin.ota.repository.keys import KeyRing, RepositoryName
from twin.ota.repository.offer import Metadata, Offer
from twin.ota.repository.repositories import Repositories
from twin.ota.verification.threats import Threat
from twin.ota.verification.verdict import Trusted

Observer = Literal["verification", "expiry", "rate", "version report", "nobody"]
"""Who notices an attack at the latest: the ECU that verifies, or verifies once metadata have expired, the client that
watches its download, the Director that reads version reports."""
PRIMARY = "primary"
"""Among stolen keys: the attacker has the primary, and so stands between it and the secondaries."""


@dataclass(frozen=True)
class Scene:
    """What an attacker has to work with: all that was ever public, and what the site trusts.

    ``keys`` are the attacker's own, and in their places those that it has stolen: ``stolen`` names them.
    """

    repositories: Repositories
    trusted: Trusted
    keys: KeyRing
    stolen: tuple[str, ...] = ()

    def roles_of(self, repository: RepositoryName) -> frozenset[str]:
        """Return the roles of a repository of which the attacker has any key."""
        places = (name.partition("#")[0].partition(".") for name in self.stolen)
        return frozenset(role for place, _, role in places if place == repository)

    def directed(self, release: int) -> Mapping[str, Image]:
        """Return the images that the Director means by a release, by role."""
        return self.repositories.directed(self.repositories.directive(release, self.trusted)).images

    def replayed(self, genuine: Offer) -> Offer:
        """Return what the site has verified last, once more."""
        release = self.repositories.release_of(self.trusted)
        director, image = self.trusted.director, self.trusted.image
        return Offer(
            release,
            Metadata(genuine.director.roots, director.timestamp, director.snapshot, director.targets),
            Metadata(genuine.image.roots, image.timestamp, image.snapshot, image.targets),
            self.repositories.images_of(self.trusted),
        )


class Attack(ABC):
    """Base of the attacks; one is one file in this folder, found because it is there."""

    threat: ClassVar[Threat]
    """What the attacker wants."""
    sentence: ClassVar[str]
    """What it does, in plain language."""
    observer: ClassVar[Observer]
    source: ClassVar[str]
    wants_history: ClassVar[bool] = False
    """Whether it is one only at a site that has taken a release before."""

    @abstractmethod
    def apply(self, offer: Offer, scene: Scene) -> Offer:
        """Return what becomes of a genuine offer."""
