"""Every attack keeps what attacks promise: it says what it does, leaves genuine offers alone, and shows."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from tests.worlds.signed_site import MONITOR, SECOND, SignedSite
from twin.errors import InputError
from twin.ota.attacks.line import Line, attack_kinds, check_keys
from twin.ota.attacks.outcome import Laboratory
from twin.ota.repository.keys import EVERY_ROLE
from twin.ota.verification.threats import Threat

KINDS = attack_kinds()
KEYS = {"key_compromise": ("director.targets", "director.snapshot", "director.timestamp")}


def test_there_is_an_attack_for_every_threat() -> None:
    assert {kind.threat for kind in KINDS.values()} == set(Threat)


@pytest.mark.parametrize("name", KINDS)
def test_an_attack_says_what_it_does(name: str) -> None:
    kind = KINDS[name]
    assert kind.sentence
    assert kind.source.startswith("Uptane 2.1.0, 4.")
    assert name == kind.__module__.rpartition(".")[2]


@pytest.mark.parametrize("name", KINDS)
def test_an_attack_changes_what_a_site_gets_and_nothing_else(name: str) -> None:
    site = SignedSite.new()
    site.take(1, SECOND)
    genuine = site.offer(1)
    before = {field: value for field, value in vars(genuine).items() if field != "images"} | {
        "images": dict(genuine.images)
    }
    line = Line(site.repositories)
    attacked = line.offer_for(1, site.trusted, SECOND, name, KEYS.get(name, ()))
    assert attacked.attack == name
    assert attacked is not genuine
    after = {field: value for field, value in vars(genuine).items() if field != "images"} | {
        "images": dict(genuine.images)
    }
    assert before == after
    assert line.offer_for(1, site.trusted, SECOND) is genuine


@pytest.mark.parametrize("name", KINDS)
def test_an_attack_is_the_same_in_every_process(name: str) -> None:
    made = []
    for _ in range(2):
        site = SignedSite.new()
        offer = Line(site.repositories).offer_for(1, site.trusted, SECOND, name, KEYS.get(name, ()))
        made.append({**vars(offer), "images": dict(offer.images)})
    assert made[0] == made[1]


@pytest.mark.parametrize("role", [None, MONITOR], ids=["full", "partial"])
@pytest.mark.parametrize("name", KINDS)
def test_no_attack_goes_unnoticed_of_which_the_standard_says_that_it_must_not(name: str, role: str | None) -> None:
    site = SignedSite.new()
    laboratory = Laboratory(site.repositories, site.verifier)
    row = laboratory.outcome(Line(site.repositories), name, (), role)
    assert row.outcome != "undetected", row.text
    assert not row.ran
    assert asdict(row)["text"]


def test_a_refused_site_takes_the_genuine_offer_afterwards() -> None:
    for name in KINDS:
        site = SignedSite.new()
        attacked = Line(site.repositories).offer_for(1, site.trusted, SECOND, name)
        site.trusted = site.verifier.verify(attacked, site.trusted, SECOND).trusted
        site.take(1, 2 * SECOND)


@pytest.mark.parametrize(
    "key", ["director.target", "images.root", "root", "image.root#", "image.root#0", "image.root#x"]
)
def test_keys_that_there_are_not(key: str) -> None:
    with pytest.raises(InputError, match=r"faults\[0\]\.keys: no such key"):
        check_keys((key,), "faults[0].keys")


def test_keys_that_there_are() -> None:
    check_keys((*EVERY_ROLE, "image.root#2", "primary"), "faults[0].keys")
