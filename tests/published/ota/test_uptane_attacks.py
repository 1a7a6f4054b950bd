"""Every threat of the Uptane standard 2.1.0, and key compromise at each role, at ECUs that verify fully and partially.

Sections are those of the standard: https://uptane.org/docs/2.1.0/standard/uptane-standard. A primary is attacked from
outside the site, a secondary by somebody inside, who has got past the primary.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pytest

from tests.worlds.signed_site import MONITOR, SECOND, SignedSite
from twin.ota.attacks.attack import Observer
from twin.ota.attacks.line import Line, attack_kinds, check_keys
from twin.ota.attacks.outcome import COMPROMISES, AttackOutcome, Laboratory, Outcome
from twin.ota.repository.keys import EVERY_ROLE
from twin.ota.verification.threats import Threat
from twin.ota.verification.verifier import too_slow

D = "director"
ONLINE = tuple(f"director.{role}" for role in ("targets", "snapshot", "timestamp"))
VOUCHING = tuple(f"image.{role}" for role in ("targets", "snapshot", "timestamp"))


@dataclass(frozen=True)
class Row:
    """What the standard promises of one attack, at one kind of ECU."""

    attack: str
    keys: tuple[str, ...]
    ecu: str
    outcome: Outcome
    by: Observer
    check: str
    source: str
    ran: bool = False

    def __str__(self) -> str:
        return " ".join((self.attack, *self.keys, self.ecu))


def both(attack: str, outcome: Outcome, by: Observer, check: str, source: str, keys: tuple[str, ...] = ()) -> list[Row]:
    """Return the rows of an attack that meets the same fate at primary and secondary."""
    return [Row(attack, keys, ecu, outcome, by, check, source) for ecu in ("primary", MONITOR)]


def stolen(keys: tuple[str, ...], full: str, partial: str | None, why: str) -> list[Row]:
    """Return the rows of stolen keys: by which check each kind of ECU refuses the attacker's image (None: does not)."""
    primary = Row("key_compromise", keys, "primary", "detected", "verification", full, why)
    if partial is not None:
        return [primary, Row("key_compromise", keys, MONITOR, "detected", "verification", partial, why)]
    fooled = "5.4.4.1: a secondary that verifies partially checks the Director's targets only"
    return [primary, Row("key_compromise", keys, MONITOR, "outside_promise", "nobody", "", fooled, ran=True)]


HASH = "image/module_monitor, 5.4.3.4 step 7"
DIFFER = "director/targets, 5.4.4.2 step 10.2.1"
BOTH = "4.2: attackers are assumed to have keys of the Director or of the Image repository, not of both"
ROWS: list[Row] = [
    # 4.3.1 to 4.3.4: the nine threats, without keys.
    *both("eavesdrop", "outside_promise", "nobody", "", "4.3.1: not all need to protect information in this way"),
    *both("drop_request", "detected", "verification", "poll, 5.4.2.3", "4.3.2"),
    *both(
        "slow_retrieval", "detected", "rate", "download, 5.4", "4.3.2; 5.4: all ECUs shall monitor the download speed"
    ),
    Row("freeze", (), "primary", "detected", "expiry", "director/timestamp, 5.4.4.4 step 4", "4.3.2"),
    Row("freeze", (), MONITOR, "detected", "expiry", "director/targets, 5.4.4.6 step 5", "4.3.2; 5.4.4.1"),
    *both("partial_bundle", "detected", "version report", "5.3.2.1 step 5", "4.3.2; 5.4.2.1"),
    Row("rollback", (), "primary", "detected", "verification", "director/timestamp, 5.4.4.4 step 3", "4.3.3"),
    Row("rollback", (), MONITOR, "detected", "verification", "director/targets, 5.4.4.6 step 4", "4.3.3"),
    *both("endless_data", "detected", "verification", HASH, "4.3.3; 5.4.3.3: up to the number of bytes specified"),
    Row("mix_and_match", (), "primary", "detected", "verification", "director/snapshot, 5.4.4.5 step 2", "4.3.3"),
    Row(
        "mix_and_match", (), MONITOR, "detected", "version report", "5.3.2.1 step 5", "4.3.3; 5.4.4.6 step 2 is skipped"
    ),
    *both("arbitrary_software", "detected", "verification", HASH, "4.3.4"),
    # Each role's keys alone.
    *stolen(("director.root",), DIFFER, None, BOTH),
    *stolen(("director.timestamp",), HASH, HASH, "5.4.4.2"),
    *stolen(("director.snapshot",), "director/snapshot, 5.4.4.5 step 2", HASH, "5.4.4.5"),
    *stolen(("director.targets",), "director/targets, 5.4.4.6 step 2", None, BOTH),
    *stolen(("image.root",), DIFFER, HASH, BOTH),
    *stolen(("image.timestamp",), HASH, HASH, "5.4.4.2"),
    *stolen(("image.snapshot",), "image/snapshot, 5.4.4.5 step 2", HASH, "5.4.4.5"),
    *stolen(("image.targets",), "image/targets, 5.4.4.6 step 2", HASH, BOTH),
    # Fewer keys than the threshold are worth nothing.
    *stolen(("director.root#1",), "director/root, 5.4.4.3 step 2.3", "director/root, 5.4.4.3 step 2.3", "5.2.2"),
    # What lies online, one repository, and nearly both.
    *stolen(("director.timestamp", "director.snapshot", "image.timestamp", "image.snapshot"), HASH, HASH, "5.4.4.6"),
    *stolen(ONLINE, DIFFER, None, BOTH),
    *stolen(VOUCHING, DIFFER, HASH, BOTH),
    *stolen((*ONLINE, "image.timestamp", "image.snapshot"), DIFFER, None, BOTH),
    *stolen(
        (*ONLINE, "image.targets#1", "image.timestamp", "image.snapshot"), "image/targets, 5.4.4.6 step 3", None, BOTH
    ),
    # Both: what the standard does not promise.
    *(
        Row("key_compromise", keys, ecu, "outside_promise", "nobody", "", BOTH, ran=True)
        for keys in ((*ONLINE, *VOUCHING), ("director.root", "image.root"))
        for ecu in ("primary", MONITOR)
    ),
    # Stolen keys for another end than code of one's own.
    Row(
        *("freeze", ("director.timestamp", "image.timestamp"), "primary", "detected", "expiry"),
        *("director/snapshot, 5.4.4.5 step 7", "5.4.4.5 step 7: the timestamp is fresh, and the snapshot is not"),
    ),
    Row(
        *("freeze", ("director.timestamp", "image.timestamp"), MONITOR, "detected", "expiry"),
        *("director/targets, 5.4.4.6 step 5", "5.4.4.1"),
    ),
    *both(
        *("rollback", "detected", "verification", "image/module_monitor, 5.4.3.4 step 5"),
        *("5.2.3.1.1: release counters prevent rollback even where the Director is compromised", ONLINE),
    ),
    Row(
        *("mix_and_match", ONLINE, "primary", "detected", "verification", "bundle, 5.3.2.1 step 5"),
        "beyond the standard, which asks only the Director to look at dependencies",
    ),
    Row(
        *("mix_and_match", ONLINE, MONITOR, "detected", "version report", "5.3.2.1 step 5"),
        "5.4.2.1: the manifest tells what really runs; the image is one of the vendor's",
    ),
]


@cache
def outcomes() -> dict[tuple[str, tuple[str, ...], str], AttackOutcome]:
    site = SignedSite.new()
    table = Laboratory(site.repositories, site.verifier).table()
    return {(row.attack, row.keys, row.ecu): row for row in table}


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_comes_of_an_attack(row: Row) -> None:
    found = outcomes()[row.attack, row.keys, row.ecu]
    assert (found.outcome, found.noticed_by, found.check, found.ran) == (row.outcome, row.by, row.check, row.ran)
    assert found.verification == ("full" if row.ecu == "primary" else "partial")
    assert row.source


def test_the_table_is_whole() -> None:
    assert outcomes().keys() == {(row.attack, row.keys, row.ecu) for row in ROWS}
    assert {attack_kinds()[row.attack].threat for row in ROWS} == set(Threat)
    assert {keys for _, keys in COMPROMISES if len(keys) == 1} >= {(role,) for role in EVERY_ROLE}


def test_no_image_runs_that_no_vendor_signed_within_the_promise() -> None:
    assert not [row for row in outcomes().values() if row.ran and row.outcome != "outside_promise"]
    fooled = {row.keys for row in outcomes().values() if row.ran and row.ecu == "primary"}
    assert fooled == {(*ONLINE, *VOUCHING), ("director.root", "image.root")}


@pytest.mark.parametrize(
    ("ecu", "keys", "days"),
    [("primary", (), 1), (MONITOR, (), 7), ("primary", ("director.timestamp", "image.timestamp"), 7)],
)
def test_a_freeze_lasts_until_something_expires(ecu: str, keys: tuple[str, ...], days: int) -> None:
    assert outcomes()["freeze", keys, ecu].noticed_after_s == days * 86_400 - 1


def test_metadata_are_not_read_without_end() -> None:
    site = SignedSite.new()
    offer = site.offer()
    for name in ("timestamp", "snapshot", "targets"):
        huge = type(offer)(
            offer.release,
            type(offer.director)(**{**vars(offer.director), name: bytes(65_537)}),
            offer.image,
            offer.images,
        )
        refusal = site.verifier.verify(huge, site.trusted, SECOND).refusal
        assert refusal is not None
        assert (refusal.role, refusal.threat) == (f"director/{name}", Threat.ENDLESS_DATA)


def test_a_download_that_is_fast_enough_is_no_attack() -> None:
    assert too_slow(1e4, 1e4) is None
    assert too_slow(9_999, 1e4) is not None


def test_an_attacked_offer_is_the_same_object_for_the_whole_fleet() -> None:
    site = SignedSite.new()
    line = Line(site.repositories)
    once, again = (line.offer_for(1, site.trusted, SECOND, "key_compromise", ("director.root",)) for _ in range(2))
    assert once is again
    check_keys(("director.root#1", "primary"), "faults")
