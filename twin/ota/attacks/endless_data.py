"""The download has no end."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from twin.ota.attacks.attack import Attack, Observer, Scene
from twin.ota.repository.offer import Offer
from twin.ota.verification.threats import Threat


class EndlessData(Attack):
    """In place of each image a stream that never ends: who did not stop at the stated length would be full."""

    threat: ClassVar[Threat] = Threat.ENDLESS_DATA
    sentence: ClassVar[str] = "sends a stream that never ends in place of each image"
    observer: ClassVar[Observer] = "verification"
    source: ClassVar[str] = "Uptane 2.1.0, 4.3.3; downloads end at the stated number of bytes (5.4.3.3)"

    def apply(self, offer: Offer, scene: Scene) -> Offer:  # noqa: ARG002 - nothing of it is needed
        """Put zeros in the place of images; their length stands for all that is taken of the stream."""
        return replace(offer, images={role: bytes(len(data)) for role, data in offer.images.items()}, endless=True)
