"""Files that were genuine at different times, together."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from twin.ota.attacks.attack import Attack, Observer, Scene
from twin.ota.attacks.forgery import Forger
from twin.ota.repository.offer import Offer
from twin.ota.repository.signing import target_of
from twin.ota.verification.threats import Threat


class MixAndMatch(Attack):
    """The newest timestamp, with the snapshot, targets and images that the site has: they never belonged together.

    With keys of the Director, a bundle of new images, and the factory's of the role that is installed first.
    """

    threat: ClassVar[Threat] = Threat.MIX_AND_MATCH
    sentence: ClassVar[str] = "combines genuine files of different releases"
    observer: ClassVar[Observer] = "version report"
    source: ClassVar[str] = "Uptane 2.1.0, 4.3.3; 5.4.4.5 step 2"

    def apply(self, offer: Offer, scene: Scene) -> Offer:
        """Put the old Director's snapshot and targets under the new timestamp."""
        if scene.roles_of("director"):
            return self._mixed(offer, scene)
        old = scene.replayed(offer)
        director = replace(offer.director, snapshot=old.director.snapshot, targets=old.director.targets)
        return replace(offer, release=old.release, director=director, images=old.images)

    @staticmethod
    def _mixed(offer: Offer, scene: Scene) -> Offer:
        first = scene.repositories.releases[offer.release].order[0]
        mixed = {**scene.directed(offer.release), first: scene.repositories.releases[0].images[first]}
        files = {image.file_name: target_of(image, role) for role, image in mixed.items()}
        director = Forger("director", offer.director, scene).forged(files)
        return replace(offer, director=director, images={role: image.data for role, image in mixed.items()})
