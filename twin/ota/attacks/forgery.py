"""How an attacker with some keys makes metadata of one repository: what it has no key for stays genuine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tuf.api.metadata import Metadata as Envelope
from tuf.api.metadata import Root, Snapshot, TargetFile, Targets, Timestamp

from twin.ota.attacks.attack import Scene
from twin.ota.repository import signing
from twin.ota.repository.keys import RepositoryName
from twin.ota.repository.offer import Metadata
from twin.ota.repository.repositories import DIRECTIVE
from twin.ota.repository.signing import Signing


class Forger:
    """An attacker at work on the metadata of one repository.

    With keys of the root it names its own keys for all roles, whether or not enough of the root's have signed that.
    """

    def __init__(self, name: RepositoryName, genuine: Metadata, scene: Scene) -> None:
        self._name, self._genuine, self._keys = name, genuine, scene.keys
        self._roles = scene.roles_of(name)

    def forged(self, files: Mapping[str, TargetFile]) -> Metadata:
        """Return metadata whose targets list ``files``, by file name, as far as keys for that were stolen."""
        genuine = self._genuine
        roots, targets, snapshot, timestamp = genuine.roots, genuine.targets, genuine.snapshot, genuine.timestamp
        if "root" in self._roles:
            roots = (*roots, signing.root(_next(roots[-1]), self._name, self._keys))
        if self._can("targets"):
            directive = _content(targets).unrecognized_fields.get(DIRECTIVE)
            about = {} if directive is None else {DIRECTIVE: directive}
            targets = signing.targets(_next(targets), files, self._keys.signers(self._name, "targets"), about)
        if self._can("snapshot"):
            signers = self._keys.signers(self._name, "snapshot")
            snapshot = signing.snapshot(_next(snapshot), _at(targets), targets, signers)
        if self._can("timestamp"):
            signers = self._keys.signers(self._name, "timestamp")
            timestamp = signing.timestamp(_next(timestamp), _at(snapshot), snapshot, signers)
        return Metadata(roots, timestamp, snapshot, targets)

    def timestamped(self, newest: bytes) -> Metadata:
        """Return the metadata with a timestamp one version above the ``newest``, that lasts as long as the root."""
        genuine = self._genuine
        at = Signing(_content(newest).version + 1, _content(genuine.roots[0]).expires)
        signers = self._keys.signers(self._name, "timestamp")
        return replace(genuine, timestamp=signing.timestamp(at, _at(genuine.snapshot), genuine.snapshot, signers))

    def _can(self, role: str) -> bool:
        return role in self._roles or "root" in self._roles


def listed(metadata: Metadata) -> dict[str, TargetFile]:
    """Return what the targets of a repository list, by file name."""
    return dict(_content(metadata.targets).targets)


def _next(data: bytes) -> Signing:
    """Return the signing of what takes a file's place: the next version, and as long as it."""
    return Signing(_content(data).version + 1, _content(data).expires)


def _at(data: bytes) -> Signing:
    return Signing(_content(data).version, _content(data).expires)


def _content(data: bytes) -> Any:
    content: Root | Timestamp | Snapshot | Targets = Envelope[Any].from_bytes(data).signed
    return content
