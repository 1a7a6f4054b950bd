"""One of the images of a bundle does not get to its ECUs."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from twin.ota.attacks.attack import Attack, Observer, Scene
from twin.ota.repository.offer import Offer
from twin.ota.verification.threats import Threat


class PartialBundle(Attack):
    """On the site's bus, transfers to the ECUs of one role are blocked: of the one that others depend on."""

    threat: ClassVar[Threat] = Threat.PARTIAL_BUNDLE
    sentence: ClassVar[str] = "blocks one image of the bundle inside the site"
    observer: ClassVar[Observer] = "version report"
    source: ClassVar[str] = "Uptane 2.1.0, 4.3.2; the Director compares the version manifest (5.3.2.1 step 3)"

    def apply(self, offer: Offer, scene: Scene) -> Offer:
        """Block the role that is installed first."""
        order = scene.repositories.releases[offer.release].order
        return replace(offer, blocked=frozenset([role for role in order if role in offer.images][:1]))
