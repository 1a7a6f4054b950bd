"""Full and partial verification (Uptane 2.1.0, 5.4.4.1 and 5.4.4.2), then of images (5.4.3.4).

The same offer, made to ECUs that trust the same and at a time on the same side of every expiry, gets the same verdict:
it is found once, and the fleet shares it. Nothing here reads a clock; the time is what the ECU believes.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from tuf.api.metadata import TargetFile, Targets

from twin.errors import InputError
from twin.ota.causes import Cause
from twin.ota.images.image import Image
from twin.ota.images.release import Release
from twin.ota.repository.offer import MISSING, Offer
from twin.ota.verification.metadata_checks import CheckedRepository, custom
from twin.ota.verification.threats import Threat
from twin.ota.verification.verdict import Refusal, RefusedError, Trusted, Verdict

_NS = 1_000_000_000


class Verifier:
    """The update client's verification at every site of a fleet.

    ``start``: the instant at which simulated time is 0; ``inventory``: by the roles of a site their hardware id.
    """

    def __init__(self, start: datetime, inventory: Mapping[str, str]) -> None:
        self.start = start
        self.inventory = dict(inventory)
        self.asked, self.verified = 0, 0
        self._verdicts: dict[tuple[Offer, Trusted, str | None, int], Verdict] = {}
        self._expiries: dict[tuple[Offer, Trusted], list[int]] = {}

    def verify(self, offer: Offer, trusted: Trusted, time_ns: int, role: str | None = None) -> Verdict:
        """Return the verdict of the primary, which verifies all fully, or of a secondary of ``role``, partially."""
        self.asked += 1
        key = (offer, trusted, role, bisect_right(self._expiries_of(offer, trusted), time_ns))
        if key not in self._verdicts:
            self.verified += 1
            now = self.start + timedelta(microseconds=time_ns // 1000)
            self._verdicts[key] = (
                self._full(offer, trusted, now) if role is None else self._partial(offer, trusted, now, role)
            )
        return self._verdicts[key]

    def refused_from(
        self, offer: Offer, trusted: Trusted, time_ns: int, role: str | None = None
    ) -> tuple[int, Refusal] | None:
        """Return when an ECU first refuses an offer that it accepts at ``time_ns``, as something expires, and why."""
        for expiry_ns in self._expiries_of(offer, trusted):
            refusal = self.verify(offer, trusted, expiry_ns, role).refusal if expiry_ns > time_ns else None
            if refusal is not None:
                return expiry_ns, refusal
        return None

    def _expiries_of(self, offer: Offer, trusted: Trusted) -> list[int]:
        place = (offer, trusted)
        if place not in self._expiries:
            self._expiries[place] = _expiries_ns(offer, trusted, self.start)
        return self._expiries[place]

    def _full(self, offer: Offer, trusted: Trusted, now: datetime) -> Verdict:
        """Verify as a primary; the numbers are the steps of 5.4.4.2."""
        director = CheckedRepository("director", trusted.director, offer.director, now)  # 1
        image = CheckedRepository("image", trusted.image, offer.image, now)
        told: dict[str, int] = {}
        refusal = None
        try:
            _check_that_it_came(offer)
            director.check_root()  # 2
            director.check_timestamp()  # 3
            director.check_snapshot()  # 4
            directed = self._checked_targets(director, director.check_targets())  # 5
            image.check_root()  # 6
            image.check_timestamp()  # 7
            image.check_snapshot()  # 8
            listed = image.check_targets()  # 9
            for target in directed.values():
                _check_match(target, listed)  # 10
            told = {role: self._check_image(offer, role, target, trusted) for role, target in directed.items()}
            _check_dependencies(offer, directed)
        except RefusedError as refused:
            refusal = refused.refusal
        kept = replace(trusted, director=director.files, image=image.files)
        return Verdict(kept if refusal else kept.counting(told), refusal)

    def _partial(self, offer: Offer, trusted: Trusted, now: datetime, role: str) -> Verdict:
        """Verify as a secondary: the Director's targets by the root it trusts (5.4.4.1), and its own image.

        It also takes the Director's root, so that a rotation of keys reaches it, as the standard suggests.
        """
        director = CheckedRepository("director", trusted.director, offer.director, now)
        told: dict[str, int] = {}
        refusal = None
        try:
            _check_that_it_came(offer)
            director.check_root()
            directed = self._checked_targets(director, director.check_targets_alone(), everywhere=False)
            if role not in directed:
                text = f"lists no image for {role}"
                director.refuse("targets", "step 1", Threat.PARTIAL_BUNDLE, text)
            told = {role: self._check_image(offer, role, directed[role], trusted)}
        except RefusedError as refused:
            refusal = refused.refusal
        kept = replace(trusted, director=director.files)
        return Verdict(kept if refusal else kept.counting(told), refusal)

    def _checked_targets(
        self, director: CheckedRepository, targets: Targets, *, everywhere: bool = True
    ) -> dict[str, TargetFile]:
        """Return the Director's targets by the ECU that each is for (5.4.4.6, steps 6 to 8)."""
        if targets.delegations is not None:
            director.refuse("targets", "step 6", Threat.ARBITRARY_SOFTWARE, "the Director must not delegate")
        directed: dict[str, TargetFile] = {}
        for target in targets.targets.values():
            ecu = str(custom(target).get("ecu_identifier"))
            if ecu in directed:
                director.refuse("targets", "step 7", Threat.MIX_AND_MATCH, f"names {ecu} more than once")
            if everywhere and ecu not in self.inventory:
                director.refuse("targets", "step 8", Threat.ARBITRARY_SOFTWARE, f"names {ecu}, which is not here")
            directed[ecu] = target
        return directed

    def _check_image(self, offer: Offer, role: str, target: TargetFile, trusted: Trusted) -> int:
        """Check an image against its metadata (5.4.3.4), and return its release counter."""
        must = custom(target).get("shall_match", {})
        if must.get("hardware_id") != self.inventory.get(role):
            text = f"it is for hardware {must.get('hardware_id')!r}; this is a {self.inventory.get(role)!r}"
            raise _refused(role, "step 3", Threat.ARBITRARY_SOFTWARE, text)
        counter = int(must.get("release_counter", 0))
        if counter < trusted.counter(role):
            text = f"its release counter {counter} is below {trusted.counter(role)}"
            raise _refused(role, "step 5", Threat.ROLLBACK, text)
        data = offer.images.get(role, MISSING)
        if data == MISSING:
            raise _refused(role, "step 1", Threat.PARTIAL_BUNDLE, "it did not come", Cause.DOWNLOAD_FAILED)
        if len(data) < target.length:
            raise _refused(role, "step 7", None, f"ends after {len(data)} bytes; expected {target.length}")
        if sha256(data[: target.length]).hexdigest() != target.hashes["sha256"]:
            threat = Threat.ENDLESS_DATA if offer.endless else Threat.ARBITRARY_SOFTWARE
            raise _refused(role, "step 7", threat, "its hash is not that of the metadata")
        return counter


def too_slow(rate_bit_s: float, minimum_bit_s: float) -> Refusal | None:
    """Return what a client says of a download that is slower than it allows (Uptane 2.1.0, 5.4)."""
    if rate_bit_s >= minimum_bit_s:
        return None
    text = f"came at {rate_bit_s:.0f} bit/s; expected at least {minimum_bit_s:.0f} bit/s"
    return Refusal(Cause.DOWNLOAD_FAILED, "download", "5.4", Threat.SLOW_RETRIEVAL, text)


def _refused(
    role: str, step: str, threat: Threat | None, text: str, cause: Cause = Cause.IMAGE_REFUSED
) -> RefusedError:
    return RefusedError(Refusal(cause, f"image/{role}", f"5.4.3.4 {step}", threat, text))


def _check_that_it_came(offer: Offer) -> None:
    if offer.dropped:
        refusal = Refusal(Cause.DOWNLOAD_FAILED, "poll", "5.4.2.3", Threat.DROP_REQUEST, "no answer came")
        raise RefusedError(refusal)


def _check_match(target: TargetFile, listed: Targets) -> None:
    """Check that the Image repository vouches for what the Director wants (5.4.4.2 step 10)."""
    vouched = listed.targets.get(target.path)
    if vouched is None:
        text, step = f"the Image repository does not list {target.path}, which the Director wants", "step 10.1"
    elif (vouched.length, vouched.hashes) != (target.length, target.hashes):
        text, step = f"length or hash of {target.path} differ between Director and Image repository", "step 10.2.1"
    elif custom(vouched).get("shall_match") != custom(target).get("shall_match"):
        text, step = f"hardware id or release counter of {target.path} differ between the repositories", "step 10.2.2"
    else:
        return
    place = f"5.4.4.2 {step}"
    raise RefusedError(Refusal(Cause.METADATA_REFUSED, "director/targets", place, Threat.ARBITRARY_SOFTWARE, text))


def _check_dependencies(offer: Offer, directed: Mapping[str, TargetFile]) -> None:
    """Check that the images of a bundle can work with each other: what the standard asks of the Director only."""
    try:
        images = {role: Image.parse(offer.images[role][: target.length]) for role, target in directed.items()}
    except InputError:
        return  # verified, and still no image of ours: nothing is known of what it needs
    others = {role for image in images.values() for role in image.manifest.dependencies} - images.keys()
    unmet = [str(problem) for problem in Release(images).unmet(others)]
    if unmet:
        text = "; ".join(unmet)
        refusal = Refusal(Cause.DEPENDENCY_UNMET, "bundle", "5.3.2.1 step 5", Threat.MIX_AND_MATCH, text)
        raise RefusedError(refusal)


def _expiries_ns(offer: Offer, trusted: Trusted, start: datetime) -> list[int]:
    """Return when metadata of an offer, or what is trusted already, expire; sorted."""
    files = [trusted.director.root, trusted.director.timestamp, trusted.director.snapshot]
    files += [trusted.image.root, trusted.image.timestamp, trusted.image.snapshot]
    for served in (offer.director, offer.image):
        files += [*served.roots, served.timestamp, served.snapshot, served.targets]
    found = {expiry for data in files if (expiry := _expires(data)) is not None}
    return sorted((expiry - start) // timedelta(microseconds=1) * 1000 for expiry in found)


@lru_cache(maxsize=4096)
def _expires(data: bytes) -> datetime | None:
    """Return when a metadata file expires, whoever has signed it; None where it is not one."""
    try:
        return datetime.strptime(json.loads(data)["signed"]["expires"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except (ValueError, KeyError, TypeError):
        return None
