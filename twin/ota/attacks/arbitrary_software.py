"""Other images than the metadata list."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from twin.ota.attacks.attack import Attack, Observer, Scene
from twin.ota.attacks.implant import implant
from twin.ota.repository.offer import Offer
from twin.ota.verification.threats import Threat


class ArbitrarySoftware(Attack):
    """An attacker without keys puts its own images in the place of those that the genuine metadata list."""

    threat: ClassVar[Threat] = Threat.ARBITRARY_SOFTWARE
    sentence: ClassVar[str] = "puts its own images in the place of the genuine ones"
    observer: ClassVar[Observer] = "verification"
    source: ClassVar[str] = "Uptane 2.1.0, 4.3.4; 5.4.3.4 step 7"

    def apply(self, offer: Offer, scene: Scene) -> Offer:  # noqa: ARG002 - nothing of it is needed
        """Exchange the images."""
        return replace(offer, images={role: implant(data).data for role, data in offer.images.items()})
