"""Each numbered check of the Uptane standard 2.1.0, 5.4.4.3 to 5.4.4.6 and 5.4.3.4, fails alone, and is named.

The vendor's own keys sign what is wrong here, so that nothing but the check in question can find it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tuf.api.metadata import Delegations, MetaFile, Root, TargetFile
from tuf.api.metadata import Metadata as Envelope

from tests.worlds.signed_site import CONTROLLER, MONITOR, SECOND, START, SignedSite
from twin.ota.causes import Cause
from twin.ota.repository import signing
from twin.ota.repository.keys import KeyRing, RepositoryName, RoleName
from twin.ota.repository.offer import Metadata, Offer
from twin.ota.verification.threats import Threat

Change = Callable[[Any], None]


def resigned(site: SignedSite, name: RepositoryName, served: Metadata, changes: dict[RoleName, Change]) -> Metadata:
    """Return metadata with changed contents, signed by the vendor, each listing what is new below it."""
    keys = site.repositories.keys
    contents = {
        role: Envelope[Any].from_bytes(getattr(served, role)).signed for role in ("targets", "snapshot", "timestamp")
    }
    changes.get("targets", _nothing)(contents["targets"])
    targets = signing.signed(contents["targets"], keys.signers(name, "targets"))
    contents["snapshot"].meta["targets.json"] = MetaFile.from_data(contents["targets"].version, targets, ["sha256"])
    changes.get("snapshot", _nothing)(contents["snapshot"])
    snapshot = signing.signed(contents["snapshot"], keys.signers(name, "snapshot"))
    contents["timestamp"].snapshot_meta = MetaFile.from_data(contents["snapshot"].version, snapshot, ["sha256"])
    contents["timestamp"].version += 1
    changes.get("timestamp", _nothing)(contents["timestamp"])
    timestamp = signing.signed(contents["timestamp"], keys.signers(name, "timestamp"))
    return Metadata(served.roots, timestamp, snapshot, targets)


def _nothing(content: Any) -> None:
    return None


def next_root(site: SignedSite, change: Change, signers: KeyRing | None = None) -> bytes:
    """Return the Director's next root after a change."""
    content = Envelope[Root].from_bytes(site.offer().director.roots[-1]).signed
    content.version += 1
    change(content)
    return signing.signed(content, (signers or site.repositories.keys).signers("director", "root"))


def expired(content: Any) -> None:
    content.expires = START


def version(number: int) -> Change:
    def change(content: Any) -> None:
        content.version = number

    return change


def listing(number: int) -> Change:
    def change(content: Any) -> None:
        content.meta["targets.json"].version = number

    return change


def unlisted(content: Any) -> None:
    content.meta = {}


def delegating(content: Any) -> None:
    content.delegations = Delegations({}, {})


def target(content: Any, role: str) -> TargetFile:
    found: TargetFile = next(one for one in content.targets.values() if one.custom["ecu_identifier"] == role)
    return found


def named_twice(content: Any) -> None:
    target(content, CONTROLLER).custom["ecu_identifier"] = MONITOR


def not_here(content: Any) -> None:
    target(content, CONTROLLER).custom["ecu_identifier"] = "toaster"


def renamed(content: Any) -> None:
    one = target(content, MONITOR)
    content.targets["other.img"] = content.targets.pop(one.path)
    one.path = "other.img"


def other_length(content: Any) -> None:
    target(content, MONITOR).length -= 1


def other_counter(content: Any) -> None:
    target(content, MONITOR).custom["shall_match"]["release_counter"] += 1


def lower_counters(content: Any) -> None:
    for one in content.targets.values():
        one.custom["shall_match"]["release_counter"] = 5


def other_hardware(content: Any) -> None:
    for one in content.targets.values():
        one.custom["shall_match"]["hardware_id"] = "toaster-r9"


def roots(*more: bytes) -> Callable[[Metadata], Metadata]:
    return lambda served: replace(served, roots=(*served.roots, *more))


S = SignedSite.new()
FOREIGN = KeyRing.drawn(S.repositories.keys.options, 9)
REPOSITORY: dict[str, tuple[RepositoryName, Callable[[Metadata], Metadata], str, Threat | None]] = {
    "root of strangers": (
        *("director", roots(next_root(S, lambda content: None, FOREIGN))),
        *("director/root 5.4.4.3 step 2.3", Threat.ARBITRARY_SOFTWARE),
    ),
    "root that skips a version": (
        *("director", roots(next_root(S, version(3)))),
        *("director/root 5.4.4.3 step 2.4", Threat.ROLLBACK),
    ),
    "expired root": ("director", roots(next_root(S, expired)), "director/root 5.4.4.3 step 3", Threat.FREEZE),
    "no timestamp": (
        *("director", lambda served: replace(served, timestamp=b"")),
        *("director/timestamp 5.4.4.4 step 1", Threat.DROP_REQUEST),
    ),
    "not even metadata": (
        *("director", lambda served: replace(served, timestamp=b"?")),
        *("director/timestamp 5.4.4.4 step 2", None),
    ),
    "timestamp that a snapshot key signed": (
        *("director", lambda served: replace(served, timestamp=_foreign_timestamp(served))),
        *("director/timestamp 5.4.4.4 step 2", Threat.ARBITRARY_SOFTWARE),
    ),
    "expired timestamp": (
        *("image", lambda served: resigned(S, "image", served, {"timestamp": expired})),
        *("image/timestamp 5.4.4.4 step 4", Threat.FREEZE),
    ),
    "another snapshot": (
        *("director", lambda served: replace(served, snapshot=S.trusted.director.snapshot)),
        *("director/snapshot 5.4.4.5 step 2", Threat.MIX_AND_MATCH),
    ),
    "snapshot that lists no targets": (
        *("director", lambda served: resigned(S, "director", served, {"snapshot": unlisted})),
        *("director/snapshot 5.4.4.5 step 6", Threat.ROLLBACK),
    ),
    "expired snapshot": (
        *("director", lambda served: resigned(S, "director", served, {"snapshot": expired})),
        *("director/snapshot 5.4.4.5 step 7", Threat.FREEZE),
    ),
    "other targets": (
        *("director", lambda served: replace(served, targets=S.trusted.director.targets)),
        *("director/targets 5.4.4.6 step 2", Threat.MIX_AND_MATCH),
    ),
    "targets of another version than listed": (
        *("director", lambda served: resigned(S, "director", served, {"snapshot": listing(9)})),
        *("director/targets 5.4.4.6 step 2", Threat.MIX_AND_MATCH),
    ),
    "expired targets": (
        *("image", lambda served: resigned(S, "image", served, {"targets": expired})),
        *("image/targets 5.4.4.6 step 5", Threat.FREEZE),
    ),
    "a Director that delegates": (
        *("director", lambda served: resigned(S, "director", served, {"targets": delegating})),
        *("director/targets 5.4.4.6 step 6", Threat.ARBITRARY_SOFTWARE),
    ),
    "an ECU named twice": (
        *("director", lambda served: resigned(S, "director", served, {"targets": named_twice})),
        *("director/targets 5.4.4.6 step 7", Threat.MIX_AND_MATCH),
    ),
    "an ECU that is not here": (
        *("director", lambda served: resigned(S, "director", served, {"targets": not_here})),
        *("director/targets 5.4.4.6 step 8", Threat.ARBITRARY_SOFTWARE),
    ),
    "a file that the Image repository does not list": (
        *("director", lambda served: resigned(S, "director", served, {"targets": renamed})),
        *("director/targets 5.4.4.2 step 10.1", Threat.ARBITRARY_SOFTWARE),
    ),
    "another length": (
        *("director", lambda served: resigned(S, "director", served, {"targets": other_length})),
        *("director/targets 5.4.4.2 step 10.2.1", Threat.ARBITRARY_SOFTWARE),
    ),
    "another release counter": (
        *("director", lambda served: resigned(S, "director", served, {"targets": other_counter})),
        *("director/targets 5.4.4.2 step 10.2.2", Threat.ARBITRARY_SOFTWARE),
    ),
}


def _foreign_timestamp(served: Metadata) -> bytes:
    content = Envelope[Any].from_bytes(served.timestamp).signed
    content.version += 1
    return signing.signed(content, S.repositories.keys.signers("director", "snapshot"))


def changed(name: RepositoryName, change: Callable[[Metadata], Metadata]) -> Offer:
    offer = S.offer()
    return (
        replace(offer, director=change(offer.director))
        if name == "director"
        else replace(offer, image=change(offer.image))
    )


@pytest.mark.parametrize("name", REPOSITORY)
def test_full_verification(name: str) -> None:
    repository, change, expected, threat = REPOSITORY[name]
    refusal = S.verifier.verify(changed(repository, change), S.trusted, SECOND).refusal
    assert refusal is not None
    assert (f"{refusal.role} {refusal.step}", refusal.threat) == (expected, threat)
    assert refusal.text


def of_director(change: Change) -> Callable[[Metadata], Metadata]:
    return lambda served: resigned(S, "director", served, {"targets": change})


def of_strangers(served: Metadata) -> Metadata:
    content = Envelope[Any].from_bytes(served.targets).signed
    return replace(served, targets=signing.signed(content, FOREIGN.signers("director", "targets")))


def without_monitors(content: Any) -> None:
    content.targets = {path: one for path, one in content.targets.items() if one is not target(content, MONITOR)}


PARTIAL: dict[str, tuple[Callable[[Metadata], Metadata], str, Threat | None]] = {
    "targets of strangers": (of_strangers, "director/targets 5.4.4.6 step 3", Threat.ARBITRARY_SOFTWARE),
    "targets that are a snapshot": (
        lambda served: replace(served, targets=served.snapshot),
        *("director/targets 5.4.4.6 step 3", Threat.ARBITRARY_SOFTWARE),
    ),
    "expired targets": (of_director(expired), "director/targets 5.4.4.6 step 5", Threat.FREEZE),
    "a Director that delegates": (
        *(of_director(delegating), "director/targets 5.4.4.6 step 6", Threat.ARBITRARY_SOFTWARE),
    ),
    "an ECU named twice": (of_director(named_twice), "director/targets 5.4.4.6 step 7", Threat.MIX_AND_MATCH),
    "nothing for this ECU": (of_director(without_monitors), "director/targets 5.4.4.6 step 1", Threat.PARTIAL_BUNDLE),
    "other hardware": (of_director(other_hardware), "image/module_monitor 5.4.3.4 step 3", Threat.ARBITRARY_SOFTWARE),
    "a falling counter": (of_director(lower_counters), "image/module_monitor 5.4.3.4 step 5", Threat.ROLLBACK),
    "another length": (of_director(other_length), "image/module_monitor 5.4.3.4 step 7", Threat.ARBITRARY_SOFTWARE),
}


@pytest.mark.parametrize("name", PARTIAL)
def test_partial_verification(name: str) -> None:
    change, expected, threat = PARTIAL[name]
    verdict = S.verifier.verify(changed("director", change), S.trusted, SECOND, MONITOR)
    assert verdict.refusal is not None
    assert (f"{verdict.refusal.role} {verdict.refusal.step}", verdict.refusal.threat) == (expected, threat)
    assert verdict.trusted.counters == S.trusted.counters


def test_partial_verification_looks_at_nothing_else() -> None:
    offer = S.offer()
    blind = replace(
        offer, director=replace(offer.director, timestamp=b"", snapshot=b""), image=Metadata((b"",), b"", b"", b"")
    )
    verdict = S.verifier.verify(blind, S.trusted, SECOND, MONITOR)
    assert verdict.accepted, verdict.refusal
    assert not S.verifier.verify(blind, S.trusted, SECOND).accepted


@pytest.mark.parametrize(
    ("images", "step", "threat", "cause"),
    [
        ({}, "step 1", Threat.PARTIAL_BUNDLE, Cause.DOWNLOAD_FAILED),
        ({MONITOR: S.offer().images[MONITOR][:1000]}, "step 7", None, Cause.IMAGE_REFUSED),
        ({MONITOR: bytes(262_144)}, "step 7", Threat.ARBITRARY_SOFTWARE, Cause.IMAGE_REFUSED),
    ],
    ids=["missing", "truncated", "another"],
)
@pytest.mark.parametrize("role", [None, MONITOR], ids=["full", "partial"])
def test_images(images: dict[str, bytes], step: str, threat: Threat | None, cause: Cause, role: str | None) -> None:
    offer = replace(S.offer(), images={CONTROLLER: S.offer().images[CONTROLLER], **images})
    refusal = S.verifier.verify(offer, S.trusted, SECOND, role).refusal
    assert refusal is not None
    assert (refusal.role, refusal.step) == ("image/module_monitor", f"5.4.3.4 {step}")
    assert (refusal.threat, refusal.cause) == (threat, cause)


def test_more_than_the_stated_bytes_are_not_read() -> None:
    offer = replace(S.offer(), images={role: data + b"more" for role, data in S.offer().images.items()}, endless=True)
    assert S.verifier.verify(offer, S.trusted, SECOND).accepted


def updated() -> SignedSite:
    site = SignedSite.new()
    site.take(1, SECOND)
    return site


HISTORY: dict[str, tuple[Callable[[Metadata], Metadata], str]] = {
    "an older timestamp": (
        lambda served: replace(served, timestamp=S.trusted.director.timestamp),
        "director/timestamp 5.4.4.4 step 3",
    ),
    "a snapshot that lists older targets": (
        lambda served: resigned(S, "director", served, {"targets": version(1), "snapshot": version(3)}),
        "director/snapshot 5.4.4.5 step 5",
    ),
}


@pytest.mark.parametrize("name", HISTORY)
def test_what_is_older_than_what_was_seen_is_a_rollback(name: str) -> None:
    site = updated()
    change, expected = HISTORY[name]
    offer = replace(site.offer(), director=change(site.offer().director))
    refusal = site.verifier.verify(offer, site.trusted, SECOND).refusal
    assert refusal is not None
    assert (f"{refusal.role} {refusal.step}", refusal.threat) == (expected, Threat.ROLLBACK)


def test_older_targets_are_a_rollback_to_a_secondary_too() -> None:
    site = updated()
    old = replace(site.offer(), director=replace(site.offer().director, targets=S.trusted.director.targets))
    refusal = site.verifier.verify(old, site.trusted, SECOND, MONITOR).refusal
    assert refusal is not None
    assert (refusal.step, refusal.threat) == ("5.4.4.6 step 4", Threat.ROLLBACK)


def rotated(site: SignedSite, targets: bytes, *, targets_too: bool = True) -> Offer:
    """Return an offer of the Director's after its keys were rotated, those of targets or not, with these targets."""
    new = KeyRing.drawn(S.repositories.keys.options, 77)
    if not targets_too:
        new = new.with_stolen(["director.targets"], S.repositories.keys)
    served = site.offer().director
    at = signing.Signing(2, Envelope[Root].from_bytes(served.roots[-1]).signed.expires)
    signers = [*S.repositories.keys.signers("director", "root"), *new.signers("director", "root")]
    content = Envelope[Any].from_bytes(targets).signed
    listed = signing.Signing(content.version, content.expires)
    targets = signing.signed(content, new.signers("director", "targets"))
    snapshot = signing.snapshot(at, listed, targets, new.signers("director", "snapshot"))
    timestamp = signing.timestamp(at, at, snapshot, new.signers("director", "timestamp"))
    roots_ = (*served.roots, signing.root(at, "director", new, signers))
    return replace(site.offer(), director=Metadata(roots_, timestamp, snapshot, targets))


def test_a_rotation_of_keys_is_followed() -> None:
    offer = rotated(S, S.offer().director.targets)
    for role in (None, MONITOR):
        verdict = S.verifier.verify(offer, S.trusted, SECOND, role)
        assert verdict.accepted, verdict.refusal
        assert verdict.trusted.director.root == offer.director.roots[1]


def test_old_keys_are_worth_nothing_after_a_rotation() -> None:
    roots_ = rotated(S, S.offer().director.targets).director.roots
    offer = replace(S.offer(), director=replace(S.offer().director, roots=roots_))
    refusal = S.verifier.verify(offer, S.trusted, SECOND).refusal
    assert refusal is not None
    assert (refusal.role, refusal.step) == ("director/timestamp", "5.4.4.4 step 2")


def test_a_rotation_makes_timestamps_forgotten_and_targets_not() -> None:
    site = updated()
    old = rotated(site, S.trusted.director.targets, targets_too=False)
    refusal = site.verifier.verify(old, site.trusted, SECOND).refusal
    assert refusal is not None
    assert (refusal.role, refusal.step, refusal.threat) == ("director/targets", "5.4.4.6 step 4", Threat.ROLLBACK)


def test_the_same_question_is_answered_once() -> None:
    site = SignedSite.new()
    for second in range(1000):
        assert site.verifier.verify(site.offer(1, second * SECOND), site.trusted, second * SECOND).accepted
    assert (site.verifier.asked, site.verifier.verified) == (1000, 1)
