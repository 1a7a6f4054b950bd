"""Somebody reads along."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from twin.ota.attacks.attack import Attack, Observer, Scene
from twin.ota.repository.offer import Offer
from twin.ota.verification.threats import Threat


class Eavesdrop(Attack):
    """Images are read on their way: signed, they are not encrypted."""

    threat: ClassVar[Threat] = Threat.EAVESDROP
    sentence: ClassVar[str] = "reads the images on their way"
    observer: ClassVar[Observer] = "nobody"
    source: ClassVar[str] = "Uptane 2.1.0, 4.3.1: not all implementations protect information in this way"

    def apply(self, offer: Offer, scene: Scene) -> Offer:  # noqa: ARG002 - nothing of it is needed
        """Leave it as it is."""
        return replace(offer, overheard=True)
