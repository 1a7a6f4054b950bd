"""No answer comes through."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from twin.ota.attacks.attack import Attack, Observer, Scene
from twin.ota.repository.offer import Offer
from twin.ota.verification.threats import Threat


class DropRequest(Attack):
    """Requests, or their answers, are dropped."""

    threat: ClassVar[Threat] = Threat.DROP_REQUEST
    sentence: ClassVar[str] = "drops the site's requests"
    observer: ClassVar[Observer] = "verification"
    source: ClassVar[str] = "Uptane 2.1.0, 4.3.2"

    def apply(self, offer: Offer, scene: Scene) -> Offer:  # noqa: ARG002 - nothing of it is needed
        """Drop it."""
        return replace(offer, dropped=True)
