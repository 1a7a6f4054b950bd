"""Just enough comes through that nothing times out."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from twin.ota.attacks.attack import Attack, Observer, Scene
from twin.ota.repository.offer import Offer
from twin.ota.verification.threats import Threat

LEFT = 1e-3
"""Of the bandwidth."""


class SlowRetrieval(Attack):
    """A thousandth of the bandwidth is left, and the content is genuine."""

    threat: ClassVar[Threat] = Threat.SLOW_RETRIEVAL
    sentence: ClassVar[str] = "slows the download down to a thousandth"
    observer: ClassVar[Observer] = "rate"
    source: ClassVar[str] = "Uptane 2.1.0, 4.3.2; all ECUs shall monitor the download speed (5.4)"

    def apply(self, offer: Offer, scene: Scene) -> Offer:  # noqa: ARG002 - nothing of it is needed
        """Slow it down."""
        return replace(offer, rate_factor=LEFT)
