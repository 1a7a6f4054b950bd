"""Metadata that stolen keys have signed."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from twin.ota.attacks.attack import Attack, Observer, Scene
from twin.ota.attacks.forgery import Forger, listed
from twin.ota.attacks.implant import implant
from twin.ota.repository.offer import Offer
from twin.ota.repository.signing import target_of
from twin.ota.verification.threats import Threat


class KeyCompromise(Attack):
    """An attacker signs metadata of its own images with every key that it has stolen."""

    threat: ClassVar[Threat] = Threat.ARBITRARY_SOFTWARE
    sentence: ClassVar[str] = "signs metadata of its own images with stolen keys"
    observer: ClassVar[Observer] = "verification"
    source: ClassVar[str] = "Uptane 2.1.0, 4.2 and 5.4.4.2: resilient unless both repositories are compromised"

    def apply(self, offer: Offer, scene: Scene) -> Offer:
        """List the attacker's images under the names of the genuine ones."""
        genuine = scene.directed(offer.release)
        implants = {role: implant(genuine[role].data) for role in offer.images}
        named = {genuine[role].file_name: (role, image) for role, image in implants.items()}
        wanted = {name: target_of(image, role) for name, (role, image) in named.items()}
        vouched = listed(offer.image) | {name: target_of(image) for name, (_, image) in named.items()}
        director = Forger("director", offer.director, scene).forged(wanted)
        image = Forger("image", offer.image, scene).forged(vouched)
        return replace(offer, director=director, image=image, images={role: one.data for role, one in implants.items()})
