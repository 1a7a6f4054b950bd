"""Whatever byte of an offer changes on its way, no ECU installs anything but the vendor's images."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worlds.signed_site import MONITOR, SECOND, SignedSite
from twin.ota.repository.offer import Metadata, Offer

SITE = SignedSite.new()
GENUINE = SITE.offer()
FILES = ("roots", "timestamp", "snapshot", "targets")


def flipped(data: bytes, place: float, bit: int) -> bytes:
    at = int(place * len(data))
    return data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]


def with_flip(served: Metadata, file: str, place: float, bit: int) -> Metadata:
    if file == "roots":
        return replace(served, roots=(flipped(served.roots[0], place, bit),))
    change = {file: flipped(getattr(served, file), place, bit)}
    return replace(served, **change)  # type: ignore[arg-type]


PLACES = st.floats(0.0, 1.0, exclude_max=True)
BITS = st.integers(0, 7)


@given(repository=st.sampled_from(["director", "image"]), file=st.sampled_from(FILES), place=PLACES, bit=BITS)
@settings(max_examples=80, deadline=None)
def test_changed_metadata(repository: str, file: str, place: float, bit: int) -> None:
    served = with_flip(getattr(GENUINE, repository), file, place, bit)
    offer: Offer = replace(GENUINE, **{repository: served})  # type: ignore[arg-type]
    for role in (None, MONITOR):
        verdict = SITE.verifier.verify(offer, SITE.trusted, SECOND, role)
        believed = verdict.trusted.director.targets
        assert believed in (SITE.trusted.director.targets, GENUINE.director.targets) or verdict.accepted
        if verdict.accepted:
            honest = SITE.verifier.verify(GENUINE, SITE.trusted, SECOND, role).trusted
            assert verdict.trusted.counters == honest.counters


@given(place=PLACES, bit=BITS)
@settings(max_examples=30, deadline=None)
def test_changed_images(place: float, bit: int) -> None:
    images = {**GENUINE.images, MONITOR: flipped(GENUINE.images[MONITOR], place, bit)}
    for role in (None, MONITOR):
        refusal = SITE.verifier.verify(replace(GENUINE, images=images), SITE.trusted, SECOND, role).refusal
        assert refusal is not None
        assert (refusal.role, refusal.step) == ("image/module_monitor", "5.4.3.4 step 7")
