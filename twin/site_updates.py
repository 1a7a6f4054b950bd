"""The updates of a scenario's sites: the releases, the firmware in them, and what brings one to the ECUs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.bms.architectures.architecture import Architecture
from twin.bms.controllers import Controllers
from twin.bms.firmware.firmware import Firmware
from twin.bms.firmware.unstartable import Unstartable
from twin.errors import InputError, Problem, attempt
from twin.faults.update_attack import UpdateAttack
from twin.network.dbc.codec import MessageLayout
from twin.network.engines.engine import Engine
from twin.network.site import SiteNetwork
from twin.ota.attacks.log import AttackLog
from twin.ota.attacks.outcome import Laboratory
from twin.ota.behaviour.observation import Size
from twin.ota.behaviour.watch import Watch
from twin.ota.campaign.campaign import Campaign
from twin.ota.campaign.windows import Windows
from twin.ota.client.client import Clients
from twin.ota.client.desk import Desk
from twin.ota.client.incidents import Incidents
from twin.ota.client.machine import Surroundings
from twin.ota.client.wan import Lines
from twin.ota.client.workshop import Workshop
from twin.ota.distribution.distribution import Distribution
from twin.ota.effects import WanLoss
from twin.ota.images.image import Image
from twin.ota.images.manifest import hardware_id
from twin.ota.images.release import Release
from twin.ota.images.versions import Versions
from twin.ota.options import Ota
from twin.ota.repository.repositories import Repositories
from twin.ota.repository.version_reports import ReportDesk, SiteReports
from twin.ota.rollout import Member, Rollout
from twin.ota.server import CampaignServer
from twin.ota.verification.verifier import Verifier
from twin.scenario import Fleet, Scenario
from twin.scenario.architecture import architecture_of, bus_layouts, database_of, firmware_at
from twin.scenario.checks import nanoseconds
from twin.scenario.releases import releases_of

FACTORY, NEW = 0, 1
"""Numbers of releases: what the fleet runs at first, and what is rolled out."""


@dataclass(frozen=True)
class Updates:
    """What is the same at every site: the releases, and by role the firmware of each of them."""

    ota: Ota
    releases: tuple[Release, Release]
    versions: Mapping[str, Sequence[Firmware[Any]]]

    def texts(self, role: str) -> list[str]:
        """Return the version texts of a role's images by release."""
        factory, release = self.releases
        own = factory.images[role]
        return [one.images.get(role, own).manifest.version for one in (factory, release)]

    @classmethod
    def of(cls, scenario: Scenario) -> Updates | None:
        """Return the updates that a scenario states, None if it states none.

        Raises InputError with everything that is wrong with its images, and how they fit each other and the sites.
        """
        if scenario.ota is None:
            return None
        ota, architecture = scenario.ota, architecture_of(scenario)
        problems: list[Problem] = []
        releases = attempt(problems, lambda: releases_of(scenario, ota))
        versions = releases and attempt(problems, lambda: dict(_versions(scenario, ota, architecture, releases[NEW])))
        if releases is None or versions is None or problems:
            raise InputError(problems)
        return cls(ota, releases, versions)


def _versions(
    scenario: Scenario, ota: Ota, architecture: Architecture, release: Release
) -> Iterator[tuple[str, Sequence[Firmware[Any]]]]:
    """Yield the firmware of every role by release; mistakes in it are those of the file that the scenario names."""
    problems: list[Problem] = []
    layouts = bus_layouts(scenario, architecture, database_of(scenario))
    with tempfile.TemporaryDirectory(prefix="bms-twin-") as folder:
        for own in architecture.firmware():
            role, new = own.role, own
            if image := release.images.get(role):
                payload = image.unpack(Path(folder))
                try:
                    new = firmware_at(str(payload), scenario, architecture, own, layouts)
                except InputError as error:
                    file, path = ota.release[role], f"ota.release.{role}"
                    problems += [replace(problem, file=file, path=path) for problem in error.problems]
            yield role, (own, new)
    if problems:
        raise InputError(problems)


def update_server(scenario: Scenario) -> CampaignServer | None:
    """Return the update server of the whole fleet, None where nothing is rolled out."""
    if scenario.ota is None:
        return None
    architecture = architecture_of(scenario)
    releases = releases_of(scenario, scenario.ota)
    ecus = {ecu.node: ecu.role for ecu in architecture.ecus()}
    directed = {
        number: {node: release.images[role] for node, role in ecus.items() if role in release.images}
        for number, release in enumerate(releases)
        if number != FACTORY  # what is brought back is issued again, under another counter
    }
    known = {image.sha256 for release in releases for image in release.images.values()}
    reports = ReportDesk(scenario.seed, list(ecus), directed, known)
    fleet = scenario.fleet.sites
    return CampaignServer(scenario.ota, releases, reports, sites=fleet, seed=scenario.seed, start=scenario.start)


def open_rollout(
    scenario: Scenario, fleet: Fleet, updates: Updates, controllers: Controllers, buses: Engine, wires: SiteNetwork
) -> Rollout:
    """Return the updates of these sites; from now on their buses advance by way of the transfers on them."""
    ota, sites = updates.ota, fleet.site_ids
    ecus = controllers.ecus
    roles = [ecu.role for ecu in ecus]
    campaign = Campaign(ota.campaign, scenario.fleet.sites, scenario.seed, scenario.start)
    repositories = Repositories(updates.releases, ota.repository, scenario.seed, scenario.start, campaign.begin_ns)
    inventory = {role: hardware_id(role) for role in roles}
    versions = Versions(updates.releases, partial(_add, scenario, controllers, wires.layouts))
    nodes = [ecu.node for ecu in ecus]
    distribution = Distribution(
        buses, wires, nodes, ota.flash, lambda ecu, version: versions.image(roles[ecu], version)
    )
    controllers.advance = distribution.advance
    lines = Lines(ota.wan, scenario.seed, sites.tolist(), fleet.duration_ns, _losses(fleet))
    verifier = Verifier(repositories.start, inventory)
    desk = Desk(repositories, verifier, versions, roles, lines.rate_bit_s)
    incidents = Incidents(len(sites), fleet.incidents)
    asked_ns = campaign.begin_ns + 1
    rates_bit_s = ota.wan.bandwidth_bit_s, ota.client.least_rate_bit_s
    laboratory = Laboratory(repositories, verifier, NEW, asked_ns, *rates_bit_s)
    around = Surroundings(
        desk,
        distribution,
        Workshop(controllers, distribution),
        _Windows(campaign.windows, sites),
        lines,
        incidents,
    )
    wiring = fleet.wiring
    watched = np.flatnonzero(np.isin(sites, campaign.watched))
    return Rollout(
        sites,
        Clients(ota.client, scenario.seed, sites, len(ecus), around),
        Watch(watched.tolist(), Size(len(watched), wiring.packs, wiring.slots, wiring.cells)),
        [Member(ecu.node, ecu.role, updates.texts(ecu.role)) for ecu in ecus],
        SiteReports(scenario.seed, [(ecu.node, ecu.role) for ecu in ecus], versions),
        lines,
        decide_ns=nanoseconds(ota.campaign.decide_s),
        boot_ns=nanoseconds(ota.client.boot_s),
        attacks=AttackLog(desk, laboratory, incidents, updates.releases[NEW].order) if _is_attacked(scenario) else None,
    )


def _is_attacked(scenario: Scenario) -> bool:
    return any(isinstance(fault, UpdateAttack) for fault in scenario.faults)


def _losses(fleet: Fleet) -> list[WanLoss]:
    return [one for one in fleet.incidents if isinstance(one, WanLoss)]


def _add(
    scenario: Scenario, controllers: Controllers, layouts: Sequence[MessageLayout], role: str, image: bytes
) -> None:
    """Let the ECUs of a role be able to run what is in an image that is no release's."""
    architecture = architecture_of(scenario)
    own = next(one for one in architecture.firmware() if one.role == role)
    try:
        with tempfile.TemporaryDirectory(prefix="bms-twin-") as folder:
            payload = Image.parse(image).unpack(Path(folder))
            controllers.add_version(role, firmware_at(str(payload), scenario, architecture, own, layouts))
    except InputError:  # an attacker may send anything: it is data
        controllers.add_version(role, Unstartable.of(own))


class _Windows:
    """The maintenance windows of a shard's rows."""

    def __init__(self, windows: Windows, site_ids: NDArray[np.int64]) -> None:
        self._windows, self._site_ids = windows, site_ids.tolist()

    def opens_ns(self, site: int, clock_ns: int) -> int:
        """Return when the window of a row is next open."""
        return self._windows.opens_ns(self._site_ids[site], clock_ns)
