"""What ECUs say that they run: signed at every site whose update has come to an end, and checked by the Director."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set

from twin.bms.codes import Level
from twin.bms.events import Event
from twin.ota.images.image import Image
from twin.ota.images.versions import Versions
from twin.ota.repository.manifests import EcuKeys, Inventory, Reporter, VehicleManifest
from twin.ota.verification.threats import Threat


class SiteReports:
    """Signs the version reports of a shard's sites; ``ecus`` are (node, role) of a site's ECUs."""

    def __init__(self, seed: int, ecus: Sequence[tuple[str, str]], versions: Versions) -> None:
        self._reporter = Reporter(EcuKeys(seed))
        self._ecus, self._versions = tuple(ecus), versions
        self._images: dict[tuple[str, int], Image] = {}

    def manifest(self, site: int, running: Sequence[int], time_ns: int) -> VehicleManifest | None:
        """Return the manifest of a site whose ECUs run these versions, -1 none; None where nothing has changed."""
        images = {
            node: self._image(role, version)
            for (node, role), version in zip(self._ecus, running, strict=True)
            if version >= 0
        }
        return self._reporter.manifest(site, images, time_ns)

    def _image(self, role: str, version: int) -> Image:
        if (role, version) not in self._images:
            self._images[role, version] = Image.parse(self._versions.image(role, version))
        return self._images[role, version]


class ReportDesk:
    """The Director's side: ``directed`` is by release what each node is to run, ``known`` the hashes of all images."""

    def __init__(
        self, seed: int, nodes: Sequence[str], directed: Mapping[int, Mapping[str, Image]], known: Set[str]
    ) -> None:
        self._inventory = Inventory(EcuKeys(seed), nodes)
        self._directed, self._known = directed, known

    def receive(self, manifest: VehicleManifest, time_ns: int, release: int | None) -> Iterator[Event]:
        """Yield an event for everything that is wrong with a manifest; ``release``: what the site says to have."""
        directed = None if release is None else self._directed.get(release)
        for finding in self._inventory.receive(manifest, time_ns, directed):
            runs = self._inventory.running.get((manifest.site, finding.ecu))
            foreign = finding.kind == "version" and runs not in self._known
            threat = Threat.ARBITRARY_SOFTWARE if foreign else finding.threat
            points = f", which points to {threat.value}" if threat else ""
            text = f"version report: {finding.ecu} {finding.text}{points}"
            yield Event(time_ns, manifest.site, -1, -1, Level.WARNING, f"report_{finding.kind}", "ota", text)
