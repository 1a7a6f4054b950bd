"""A site with two kinds of ECU, the release that it is to get, and the repositories that have signed both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from twin.bms.firmware.firmware import Firmware
from twin.bms.firmware.module_monitor import ModuleMonitor
from twin.bms.firmware.pack_controller import PackController
from twin.ota.images.manifest import hardware_id
from twin.ota.images.release import Release
from twin.ota.repository.offer import Offer
from twin.ota.repository.options import RepositoryOptions
from twin.ota.repository.repositories import Repositories
from twin.ota.verification.verdict import Trusted
from twin.ota.verification.verifier import Verifier

START = datetime(2026, 6, 21, tzinfo=UTC)
SECOND = 1_000_000_000
DAY = 86_400 * SECOND
MONITOR, CONTROLLER = "module_monitor", "pack_controller"
OWN: dict[str, type[Firmware[Any]]] = {MONITOR: ModuleMonitor, CONTROLLER: PackController}
INVENTORY = {role: hardware_id(role) for role in OWN}
FACTORY = Release.factory(OWN.values())


def source_of(role: str, folder: Path, *, version: str = "2.4.0", **stated: object) -> Path:
    """Write firmware of a role that is the shipped one under another version, and return its file."""
    own = OWN[role]
    lines = [f"{name} = {value!r}" for name, value in {"version": version, **stated}.items()]
    path = folder / f"{role}_{version.replace('.', '_')}.py"
    body = "\n    ".join(lines)
    path.write_text(
        f'"""A test\'s {role}."""\n\nfrom {own.__module__} import {own.__name__}\n\n\n'
        f"class New({own.__name__}):\n    {body}\n"
    )
    return path


@cache
def release() -> Release:
    """Return 2.4.0 of both roles; the controller needs the monitors' 2.4.0."""
    folder = Path(mkdtemp())
    sources = {
        MONITOR: source_of(MONITOR, folder),
        CONTROLLER: source_of(CONTROLLER, folder, requires={MONITOR: ">=2.4.0"}),
    }
    return Release.of(sources, INVENTORY, FACTORY.running)


def repositories(seed: int = 1, options: RepositoryOptions | None = None, publish_ns: int = 0) -> Repositories:
    """Return repositories of the factory's release and of 2.4.0."""
    return Repositories([FACTORY, release()], options or RepositoryOptions(), seed, START, publish_ns)


@dataclass
class SignedSite:
    """A site that knows what it left the factory with."""

    repositories: Repositories
    verifier: Verifier
    trusted: Trusted

    @classmethod
    def new(cls, options: RepositoryOptions | None = None) -> SignedSite:
        """Return one that never took an update."""
        served = repositories(options=options)
        return cls(served, Verifier(START, INVENTORY), served.trusted)

    def offer(self, release: int = 1, time_ns: int = SECOND) -> Offer:
        """Return the genuine offer."""
        return self.repositories.offer_for(release, self.trusted, time_ns)

    def take(self, release: int, time_ns: int) -> None:
        """Take an update, which has to verify."""
        verdict = self.verifier.verify(self.offer(release, time_ns), self.trusted, time_ns)
        assert verdict.accepted, verdict.refusal
        self.trusted = verdict.trusted
