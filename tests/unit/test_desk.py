"""The desk at which sites ask: one answer for all that are alike, trust that moves only on what reaches an ECU."""

from __future__ import annotations

import numpy as np
import pytest

from tests.worlds.signed_site import CONTROLLER, FACTORY, MONITOR, SignedSite, release
from twin.ota.causes import Cause
from twin.ota.client.desk import Desk
from twin.ota.effects import Attack
from twin.ota.images.image import Image
from twin.ota.images.versions import Versions

SECOND = 1_000_000_000
ECUS = (MONITOR, MONITOR, CONTROLLER)
TARGETS = ("director.targets", "director.snapshot", "director.timestamp")


def _desk(sites: int = 3) -> Desk:
    signed = SignedSite.new()
    versions = Versions([FACTORY, release()], lambda _role, _image: None)
    return Desk(signed.repositories, signed.verifier, versions, ECUS, np.full(sites, 1e6))


def _attack(kind: str, *keys: str) -> list[Attack]:
    return [Attack(0, 10**18, 0, kind, keys)]


def test_sites_that_trust_the_same_share_one_answer() -> None:
    desk = _desk()
    first, second = (desk.offer(site, 1, SECOND, SECOND, []) for site in (0, 1))
    assert first is second
    assert [(image.ecu, image.version, image.refused) for image in first.images] == [
        (0, 1, Cause.NONE),
        (1, 1, Cause.NONE),
        (2, 1, Cause.NONE),
    ], "the monitors first, as the controller needs them"


@pytest.mark.parametrize(("inside", "believed"), [((), True), (("primary",), False)], ids=["outside", "inside"])
def test_secondaries_trust_only_what_reaches_them(inside: tuple[str, ...], believed: bool) -> None:
    desk = _desk()
    forged = desk.offer(0, 1, SECOND, SECOND, _attack("key_compromise", "director.targets", *inside))
    assert (forged.metadata is Cause.NONE) == bool(inside), "a primary that is not the attacker's refuses"
    genuine = desk.offer(1, 1, 2 * SECOND, 2 * SECOND, [])
    after = desk.offer(0, 1, 2 * SECOND, 2 * SECOND, [])
    assert {image.refused for image in genuine.images} == {Cause.NONE}
    assert ({image.refused for image in after.images} == {Cause.NONE}) == believed, "forged counters stay in mind"


def test_an_attack_at_one_site_changes_nothing_at_another() -> None:
    desk, quiet = _desk(), _desk()
    desk.offer(0, 1, SECOND, SECOND, _attack("key_compromise", *TARGETS, "primary"))
    assert desk.offer(1, 1, SECOND, SECOND, []) == quiet.offer(1, 1, SECOND, SECOND, [])


def test_a_slowed_line_is_slow_by_the_site_s_own_bandwidth() -> None:
    desk = _desk()
    assert desk.offer(0, 1, SECOND, SECOND, _attack("slow_retrieval")).rate_bit_s == pytest.approx(1e3)
    assert desk.offer(1, 1, SECOND, SECOND, []).rate_bit_s > 1e6


def test_an_image_that_is_issued_again_is_the_same_version() -> None:
    added: list[str] = []
    versions = Versions([FACTORY, release()], lambda role, _image: added.append(role))
    again = FACTORY.images[MONITOR].reissued(20_500)
    assert again.data != FACTORY.images[MONITOR].data
    assert versions.number(MONITOR, again.data) == 0
    assert versions.number(MONITOR, release().images[MONITOR].data) == 1
    assert added == []


def test_what_no_release_has_is_a_version_of_its_own_once() -> None:
    added: list[str] = []
    versions = Versions([FACTORY, release()], lambda role, _image: added.append(role))
    about = release().images[MONITOR].manifest.model_dump(exclude={"payload_bytes", "payload_sha256"})
    foreign = Image.built(b"not even firmware", **about).data
    assert [versions.number(MONITOR, one) for one in (foreign, b"noise", foreign, b"noise")] == [2, 3, 2, 3]
    assert added == [MONITOR, MONITOR]
    assert versions.image(MONITOR, 2) == foreign
    assert versions.number(CONTROLLER, FACTORY.images[CONTROLLER].data) == 0
