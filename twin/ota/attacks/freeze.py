"""The last metadata come again and again."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from twin.ota.attacks.attack import Attack, Observer, Scene
from twin.ota.attacks.forgery import Forger
from twin.ota.repository.keys import RepositoryName
from twin.ota.repository.offer import Metadata, Offer
from twin.ota.verification.threats import Threat


class Freeze(Attack):
    """The site is shown what it knows, properly signed, until that expires: it never hears of anything new.

    With both timestamp keys, fresh timestamps of old snapshots: until those expire.
    """

    threat: ClassVar[Threat] = Threat.FREEZE
    sentence: ClassVar[str] = "shows the site the metadata that it knows already"
    observer: ClassVar[Observer] = "expiry"
    source: ClassVar[str] = "Uptane 2.1.0, 4.3.2; 5.4.4.4 step 4"

    def apply(self, offer: Offer, scene: Scene) -> Offer:
        """Replay what the site has verified last."""
        old = replace(scene.replayed(offer), attack=offer.attack, inside=offer.inside)
        director = _refreshed("director", old.director, offer.director, scene)
        return replace(old, director=director, image=_refreshed("image", old.image, offer.image, scene))


def _refreshed(name: RepositoryName, old: Metadata, new: Metadata, scene: Scene) -> Metadata:
    """Return old metadata under a fresh timestamp, if its key was stolen."""
    if "timestamp" not in scene.roles_of(name):
        return old
    return Forger(name, old, scene).timestamped(new.timestamp)
