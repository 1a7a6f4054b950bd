"""The repositories: the same bytes everywhere, signed anew in time, a way back, and what is refused before a run."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.worlds.signed_site import (
    CONTROLLER,
    DAY,
    FACTORY,
    INVENTORY,
    MONITOR,
    SECOND,
    START,
    SignedSite,
    release,
    repositories,
    source_of,
)
from twin.errors import InputError
from twin.ota.images.release import Release
from twin.ota.repository.layout import write
from twin.ota.repository.manifests import (
    PRIMARY,
    EcuKeys,
    EcuReport,
    Inventory,
    Reporter,
    VehicleManifest,
)
from twin.ota.repository.options import RepositoryOptions, RoleOptions
from twin.ota.repository.repositories import Repositories
from twin.ota.verification.threats import Threat
from twin.ota.verification.verifier import Verifier


def version(data: bytes) -> int:
    return int(json.loads(data)["signed"]["version"])


def test_two_processes_serve_the_same_bytes() -> None:
    one, other = repositories(), repositories()
    for time_ns in (0, 2 * DAY):
        ours, theirs = one.offer_for(1, one.trusted, time_ns), other.offer_for(1, other.trusted, time_ns)
        assert (ours.director, ours.image, ours.images) == (theirs.director, theirs.image, theirs.images)
    assert one.trusted == other.trusted
    assert repositories(seed=2).trusted.director.root != one.trusted.director.root


def test_the_same_content_is_the_same_object() -> None:
    site = SignedSite.new()
    assert site.offer(1, SECOND) is site.offer(1, 2 * SECOND)
    assert site.offer(1, SECOND) is not site.offer(1, DAY)


def test_what_was_served_before_does_not_change_what_is_served_now() -> None:
    used = repositories(publish_ns=DAY // 3)
    times_ns = [
        quarter * DAY // 4 + offset for quarter in (0, 9, 1, 2, 3, 30, 2) for offset in (0, DAY // 12, DAY // 4 - 1)
    ]
    for time_ns in times_ns:
        fresh = repositories(publish_ns=DAY // 3)
        ours, theirs = used.offer_for(1, used.trusted, time_ns), fresh.offer_for(1, fresh.trusted, time_ns)
        assert (ours.director, ours.image) == (theirs.director, theirs.image), time_ns


def test_what_a_site_trusts_can_go_to_another_process() -> None:
    trusted = repositories().trusted
    copy = pickle.loads(pickle.dumps(trusted))
    assert copy == trusted
    assert hash(copy) == hash(trusted)
    assert "_hash" in vars(trusted)
    assert "_hash" not in vars(pickle.loads(pickle.dumps(trusted)))


def test_every_role_signs_anew_at_half_of_its_expiry() -> None:
    site = SignedSite.new()
    before, after = site.offer(1, DAY // 2 - 1), site.offer(1, DAY // 2)
    assert version(after.director.timestamp) == version(before.director.timestamp) + 1
    assert after.director.snapshot == before.director.snapshot
    later = site.offer(1, 200 * DAY)
    assert [version(root) for root in later.director.roots] == [1, 2]
    assert site.verifier.verify(later, site.trusted, 200 * DAY).accepted


def test_an_offer_never_expires_while_it_is_served() -> None:
    site = SignedSite.new()
    for half_days in range(40):
        time_ns = half_days * DAY // 2 + DAY // 3
        assert site.verifier.verify(site.offer(1, time_ns), site.trusted, time_ns).accepted, half_days


def test_a_site_can_go_forth_and_back_and_forth() -> None:
    site = SignedSite.new()
    site.take(1, SECOND)
    assert dict(site.trusted.counters)[MONITOR] == 20400
    for number, wanted in enumerate((0, 1, 0, 1), start=2):
        site.take(wanted, number * SECOND)
        assert site.repositories.release_of(site.trusted) == wanted
        assert dict(site.trusted.counters)[MONITOR] == 20401
    assert version(site.trusted.director.targets) == 6


def test_the_way_back_concerns_what_was_changed_only(tmp_path: Path) -> None:
    new = Release.of({MONITOR: source_of(MONITOR, tmp_path)}, INVENTORY, FACTORY.running)
    served = Repositories([FACTORY, new], RepositoryOptions(), 1, START)
    forth = served.offer_for(1, served.trusted, 0)
    trusted = Verifier(START, INVENTORY).verify(forth, served.trusted, 0).trusted
    assert list(served.offer_for(0, trusted, 0).images) == [MONITOR]


def test_before_the_publication_the_image_repository_lists_the_factory_only() -> None:
    served = repositories(publish_ns=10 * SECOND)
    listed = [
        json.loads(served.metadata("image", 2, second * SECOND).targets)["signed"]["targets"] for second in (9, 10)
    ]
    assert [len(files) for files in listed] == [2, 8]


def test_a_falling_release_counter_is_refused_before_the_run(tmp_path: Path) -> None:
    older = Release.of({MONITOR: source_of(MONITOR, tmp_path, version="0.9.0")}, INVENTORY, FACTORY.running)
    with pytest.raises(InputError, match=r"ota\.release\.module_monitor: release counter 900 is below 10000"):
        Repositories([FACTORY, older], RepositoryOptions(), 1, START)


def test_a_threshold_that_cannot_be_met_is_refused() -> None:
    with pytest.raises(ValidationError, match="threshold 3 can never be met with 2 keys"):
        RoleOptions(keys=2, threshold=3)


def test_repositories_as_folders(tmp_path: Path) -> None:
    served = repositories()
    files = {str(path.relative_to(tmp_path / "served")) for path in write(served, tmp_path / "served", 1, 0)}
    assert {name for name in files if "/metadata/" in name} == {
        *("director/metadata/1.root.json", "director/metadata/2.snapshot.json", "director/metadata/2.targets.json"),
        *("image/metadata/1.root.json", "image/metadata/2.snapshot.json", "image/metadata/2.targets.json"),
        *("director/metadata/timestamp.json", "image/metadata/timestamp.json"),
    }
    monitor = release().images[MONITOR]
    path = tmp_path / "served" / "image" / "targets" / f"{monitor.sha256}.{monitor.file_name}"
    assert path.read_bytes() == monitor.data
    with pytest.raises(InputError, match="is not an empty folder"):
        write(served, tmp_path / "served", 1, 0)


KEYS = EcuKeys(1)
ECUS = (MONITOR, CONTROLLER)


def manifest(reporter: Reporter | None = None) -> VehicleManifest:
    made = (reporter or Reporter(KEYS)).manifest(7, release().images, SECOND)
    assert made is not None
    return made


def with_report(change: Callable[[EcuReport], EcuReport], *, signed: bool) -> VehicleManifest:
    """Return a manifest whose first report is changed, signed by its ECU or not, and by the primary."""
    genuine = manifest()
    report = replace(change(genuine.reports[0]), signature=genuine.reports[0].signature)
    if signed:
        report = replace(report, signature=KEYS.signature(7, report.ecu, report))
    changed = replace(genuine, reports=(report, *genuine.reports[1:]))
    return replace(changed, signature=KEYS.signature(7, PRIMARY, changed))


def test_a_true_manifest_is_taken() -> None:
    inventory = Inventory(KEYS, ECUS)
    assert inventory.receive(manifest(), SECOND, release().images) == ()
    assert inventory.running[7, MONITOR] == release().images[MONITOR].sha256


def test_what_has_not_changed_is_not_signed_again() -> None:
    reporter, inventory = Reporter(KEYS), Inventory(KEYS, ECUS)
    assert inventory.receive(manifest(reporter), SECOND) == ()
    assert reporter.manifest(7, release().images, 2 * SECOND) is None
    changed = reporter.manifest(7, release().images, 3 * SECOND, {MONITOR: Threat.ROLLBACK})
    assert changed is not None
    (found,) = inventory.receive(changed, 3 * SECOND)
    assert (found.kind, found.ecu, found.threat) == ("attack", MONITOR, Threat.ROLLBACK)


REPORTS: dict[str, tuple[VehicleManifest, list[tuple[str, str]]]] = {
    "version of an ECU changed by the primary": (
        with_report(lambda report: replace(report, sha256="0" * 64), signed=False),
        [("signature", MONITOR)],
    ),
    "from the future": (
        with_report(lambda report: replace(report, time_ns=2 * SECOND), signed=True),
        [("time", MONITOR)],
    ),
    "an ECU left out": (
        replace(
            left := replace(manifest(), reports=manifest().reports[1:]), signature=KEYS.signature(7, PRIMARY, left)
        ),
        [("missing", MONITOR)],
    ),
    "of another site": (
        replace(manifest(), site=8),
        [("signature", PRIMARY), ("signature", MONITOR), ("signature", CONTROLLER)],
    ),
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_false_manifest_is_dropped(name: str) -> None:
    false, expected = REPORTS[name]
    inventory = Inventory(KEYS, (MONITOR, CONTROLLER))
    found = inventory.receive(false, SECOND)
    assert sorted((one.kind, one.ecu) for one in found) == sorted(expected)
    assert not inventory.running


def test_a_manifest_is_taken_once() -> None:
    inventory, handed_in = Inventory(KEYS, ECUS), manifest()
    assert inventory.receive(handed_in, SECOND) == ()
    assert {one.kind for one in inventory.receive(handed_in, SECOND)} == {"replay"}


def test_the_director_sees_a_bundle_that_is_not_whole() -> None:
    running = {**release().images, MONITOR: FACTORY.images[MONITOR]}
    made = Reporter(KEYS).manifest(7, running, SECOND)
    assert made is not None
    (found,) = Inventory(KEYS, ECUS).receive(made, SECOND, release().images)
    assert (found.kind, found.ecu, found.threat) == ("version", MONITOR, Threat.PARTIAL_BUNDLE)
