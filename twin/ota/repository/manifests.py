"""What sites report to the Director: signed version reports of ECUs, in a signed manifest (Uptane 2.1.0, 5.4.2.1).

ECU keys are symmetric, as the standard allows: HMAC-SHA-256, as hardware security modules of small controllers have it.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Literal

from twin.ota.images.image import Image
from twin.ota.verification.threats import Threat
from twin.streams import stream

PRIMARY = "primary"
"""The identifier of the ECU that runs the update client."""


@dataclass(frozen=True)
class EcuReport:
    """What one ECU says that it runs."""

    ecu: str
    file_name: str
    length: int
    sha256: str
    threat: Threat | None
    """The attack that it has detected."""
    time_ns: int
    """The latest time that it could verify."""
    nonce: int
    """Grows from report to report."""
    signature: str = ""

    def said(self) -> str:
        """Return what is signed."""
        threat = self.threat.value if self.threat else ""
        fields = (self.ecu, self.file_name, self.length, self.sha256, threat, self.time_ns, self.nonce)
        return "\n".join(map(str, fields))


@dataclass(frozen=True)
class VehicleManifest:
    """The reports of all ECUs of a site, as its primary hands them in."""

    site: int
    reports: tuple[EcuReport, ...]
    signature: str = ""

    def said(self) -> str:
        """Return what is signed."""
        return "\n".join([str(self.site), *(f"{report.said()}\n{report.signature}" for report in self.reports)])


@dataclass(frozen=True)
class Finding:
    """What the Director finds wrong with a manifest; all but ``attack`` and ``version`` make it drop it."""

    kind: Literal["signature", "missing", "replay", "time", "attack", "version"]
    ecu: str
    threat: Threat | None
    text: str


class EcuKeys:
    """The keys of every ECU of a fleet, from the seed."""

    def __init__(self, seed: int) -> None:
        self._secret = stream(seed, "ota", "ecu keys").bytes(32)

    def signature(self, site: int, ecu: str, content: EcuReport | VehicleManifest) -> str:
        """Return an ECU's signature of what it says."""
        key = hmac.digest(self._secret, f"{site}/{ecu}".encode(), "sha256")
        return hmac.digest(key, sha256(content.said().encode()).digest(), "sha256").hex()


class Reporter:
    """The ECUs of all sites, as they report; what has not changed since is not signed and sent again."""

    def __init__(self, keys: EcuKeys) -> None:
        self._keys = keys
        self._last: dict[int, tuple[Any, int]] = {}

    def manifest(
        self, site: int, running: Mapping[str, Image], time_ns: int, threats: Mapping[str, Threat] | None = None
    ) -> VehicleManifest | None:
        """Return the manifest of a site whose ECUs run these images and have detected threats; None: nothing new."""
        content = [(ecu, image.sha256, (threats or {}).get(ecu)) for ecu, image in sorted(running.items())]
        last, nonce = self._last.get(site, (None, 0))
        if content == last:
            return None
        self._last[site] = (content, nonce + 1)
        reports = tuple(
            EcuReport(ecu, running[ecu].file_name, len(running[ecu].data), digest, threat, time_ns, nonce + 1)
            for ecu, digest, threat in content
        )
        signed = tuple(replace(one, signature=self._keys.signature(site, one.ecu, one)) for one in reports)
        manifest = VehicleManifest(site, signed)
        return replace(manifest, signature=self._keys.signature(site, PRIMARY, manifest))


class Inventory:
    """The Director's inventory database: which ECUs every site has, and what they have reported (5.3.2.1, 5.3.2.2)."""

    def __init__(self, keys: EcuKeys, ecus: Sequence[str]) -> None:
        self._keys, self._ecus = keys, tuple(ecus)
        self._nonces: dict[tuple[int, str], int] = {}
        self.running: dict[tuple[int, str], str] = {}
        """By site and ECU the hash of the image that was last reported."""

    def receive(
        self, manifest: VehicleManifest, time_ns: int, directed: Mapping[str, Image] | None = None
    ) -> tuple[Finding, ...]:
        """Return what is wrong with a manifest, and what runs that was not ``directed``; remember it if it is valid.

        Steps 3 and 4 of 5.3.2.1.
        """
        wrong = tuple(self._invalid(manifest, time_ns))
        if wrong:
            return wrong
        for report in manifest.reports:
            self._nonces[manifest.site, report.ecu] = report.nonce
            self.running[manifest.site, report.ecu] = report.sha256
        detected = [
            Finding("attack", report.ecu, report.threat, f"has detected a {report.threat.value} attack")
            for report in manifest.reports
            if report.threat is not None
        ]
        return (*detected, *self._differing(manifest, directed or {}))

    def _invalid(self, manifest: VehicleManifest, time_ns: int) -> Iterator[Finding]:
        if not self._is_signed(manifest.site, PRIMARY, manifest):
            yield Finding("signature", PRIMARY, None, "the manifest is not signed by the site's primary")
        reports = {report.ecu: report for report in manifest.reports}
        for ecu in self._ecus:
            if ecu not in reports:
                yield Finding("missing", ecu, None, "is in the inventory and not in the manifest")
        for ecu, report in reports.items():
            if not self._is_signed(manifest.site, ecu, report):
                yield Finding("signature", ecu, None, "its report is not signed by it")
            if report.nonce <= self._nonces.get((manifest.site, ecu), 0):
                yield Finding("replay", ecu, None, f"its report {report.nonce} was handed in before")
            if report.time_ns > time_ns:
                yield Finding("time", ecu, None, "its report comes from the future")

    def _is_signed(self, site: int, ecu: str, content: EcuReport | VehicleManifest) -> bool:
        return hmac.compare_digest(content.signature, self._keys.signature(site, ecu, content))

    @staticmethod
    def _differing(manifest: VehicleManifest, directed: Mapping[str, Image]) -> Iterator[Finding]:
        """Yield the ECUs that do not run what they were directed to, and whether it is the whole bundle."""
        told = [report for report in manifest.reports if report.ecu in directed]
        late = [report for report in told if report.sha256 != directed[report.ecu].sha256]
        threat = Threat.PARTIAL_BUNDLE if len(late) < len(told) else Threat.FREEZE
        for report in late:
            text = f"runs {report.file_name}; it was directed to run {directed[report.ecu].file_name}"
            yield Finding("version", report.ecu, threat, text)
