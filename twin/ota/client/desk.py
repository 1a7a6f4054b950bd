"""Where a site asks for a release: what the repositories, or an attacker before them, give it, and what it makes of it.

The primary ECU verifies fully, every other ECU partially; what each of them trusts is kept here, a site and an ECU.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from twin.ota.attacks.line import Line
from twin.ota.causes import Cause
from twin.ota.client import ports
from twin.ota.effects import Attack
from twin.ota.images.versions import Versions
from twin.ota.repository.offer import Offer
from twin.ota.repository.repositories import Repositories
from twin.ota.verification.verdict import Trusted, Verdict
from twin.ota.verification.verifier import Verifier

FloatArray = NDArray[np.float64]
PRIMARY = None
"""In place of a secondary's role."""
WITHOUT_END = 2**62
"""Bytes of a stream that does not end."""
NOTHING_NEW = "the metadata verify, and show nothing to install"


@dataclass(frozen=True)
class Encounter:
    """A site's updates under an attack: when it first asked, and when each kind of its ECUs first refused."""

    asked_ns: int
    refused_ns: dict[str | None, int] = field(default_factory=dict)


class Desk:
    """Answers the sites of a shard; ``ecus`` are the roles of a site's ECUs, ``rate_bit_s[site]`` its bandwidth.

    Sites that trust the same and are offered the same share one verdict, and one answer.
    """

    def __init__(
        self,
        repositories: Repositories,
        verifier: Verifier,
        versions: Versions,
        ecus: Sequence[str],
        rate_bit_s: FloatArray,
    ) -> None:
        self._repositories, self._verifier, self._versions = repositories, verifier, versions
        self._rate_bit_s = rate_bit_s
        self.line = Line(repositories)
        self.encounters: dict[tuple[int, Attack], Encounter] = {}
        self._ecus = tuple(ecus)
        self._trusted: dict[tuple[int, str | None], Trusted] = {}
        self._answers: dict[tuple[object, ...], ports.Offer] = {}

    def offer(self, site: int, release: int, time_ns: int, clock_ns: int, attacks: Sequence[Attack]) -> ports.Offer:
        """Return what ``site`` gets, when its own clock says ``clock_ns`` and ``attacks`` are on."""
        attack = (attacks[0].attack, attacks[0].keys) if attacks else (None, ())
        offer = self.line.offer_for(release, self._trusts(site, PRIMARY), time_ns, *attack)
        for one in attacks:
            self.encounters.setdefault((site, one), Encounter(time_ns))
        if offer.dropped:
            return ports.Offer(release, news=False, text="nobody answers")
        verdict = self._verifier.verify(offer, self._trusts(site, PRIMARY), clock_ns)
        self._trusted[site, PRIMARY] = verdict.trusted
        self._note(site, attacks, PRIMARY, verdict, time_ns)
        if verdict.accepted and self._repositories.release_of(verdict.trusted) != release:
            return ports.Offer(release, news=False, text=NOTHING_NEW)
        reaches = offer.inside or verdict.accepted
        partial = {role: self._partial(site, role, offer, clock_ns, reaches=reaches) for role in offer.images}
        for role, found in partial.items() if reaches else ():
            self._note(site, attacks, role, found, time_ns)
        key = offer, verdict, *partial.values()
        if key not in self._answers:
            self._answers[key] = self._answer(offer, verdict, partial)
        answer = self._answers[key]
        if offer.rate_factor == 1.0:
            return answer
        return replace(answer, rate_bit_s=float(self._rate_bit_s[site]) * offer.rate_factor)

    def _note(self, site: int, attacks: Sequence[Attack], role: str | None, verdict: Verdict, time_ns: int) -> None:
        """Note who refused first what an attacker made of an offer."""
        for one in attacks if verdict.refusal else ():
            self.encounters[site, one].refused_ns.setdefault(role, time_ns)

    def _trusts(self, site: int, role: str | None) -> Trusted:
        return self._trusted.get((site, role), self._repositories.trusted)

    def _partial(self, site: int, role: str, offer: Offer, clock_ns: int, *, reaches: bool) -> Verdict:
        """Return what ECUs of a role find once they have the image; what never ``reaches`` them, they never trust."""
        verdict = self._verifier.verify(offer, self._trusts(site, role), clock_ns, role)
        if reaches:
            self._trusted[site, role] = verdict.trusted
        return verdict

    def _answer(self, offer: Offer, verdict: Verdict, partial: Mapping[str, Verdict]) -> ports.Offer:
        refusal = verdict.refusal
        cause = refusal.cause if refusal and not offer.inside else Cause.NONE
        of_content = cause is Cause.IMAGE_REFUSED
        return ports.Offer(
            offer.release,
            tuple(self._images(offer, partial)),
            download_bytes=sum(map(offer.size_bytes, offer.images)),
            sent_bytes=WITHOUT_END if offer.endless else None,
            metadata=Cause.NONE if of_content else cause,
            content=cause if of_content else Cause.NONE,
            text=str(refusal) if refusal else "",
        )

    def _images(self, offer: Offer, partial: Mapping[str, Verdict]) -> Iterator[ports.EcuImage]:
        """Yield the image of every ECU, in the order of installation."""
        order = self._repositories.releases[offer.release].order
        for role in sorted(offer.images, key=lambda one: order.index(one) if one in order else len(order)):
            refusal = partial[role].refusal
            refused = Cause.TRANSFER_TIMEOUT if role in offer.blocked else refusal.cause if refusal else Cause.NONE
            version = self._versions.number(role, offer.images[role])
            for ecu, of_role in enumerate(self._ecus):
                if of_role == role:
                    yield ports.EcuImage(ecu, version, offer.size_bytes(role), refused)
