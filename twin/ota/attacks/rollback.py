"""What the factory had signed comes once more."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from twin.ota.attacks.attack import Attack, Observer, Scene
from twin.ota.attacks.forgery import Forger, listed
from twin.ota.repository.offer import Metadata, Offer
from twin.ota.verification.threats import Threat
from twin.ota.verification.verdict import Files


class Rollback(Attack):
    """Old metadata and old images, properly signed at their time: to a site that has never got newer ones, a freeze.

    With keys of the Director the old images are listed in new metadata: only their release counters tell.
    """

    threat: ClassVar[Threat] = Threat.ROLLBACK
    sentence: ClassVar[str] = "offers the versions of the factory with their genuine metadata"
    observer: ClassVar[Observer] = "expiry"
    wants_history: ClassVar[bool] = True
    source: ClassVar[str] = "Uptane 2.1.0, 4.3.3; 5.4.4.4 step 3, 5.4.4.6 step 4"

    def apply(self, offer: Offer, scene: Scene) -> Offer:
        """Serve what there was in the beginning."""
        first = scene.repositories.trusted
        if scene.roles_of("director"):
            director = Forger("director", offer.director, scene).forged(listed(_metadata(first.director)))
            return replace(offer, release=0, director=director, images=scene.repositories.images_of(first))
        director, image = _metadata(first.director), _metadata(first.image)
        return replace(offer, release=0, director=director, image=image, images=scene.repositories.images_of(first))


def _metadata(files: Files) -> Metadata:
    return Metadata((files.root,), files.timestamp, files.snapshot, files.targets)
