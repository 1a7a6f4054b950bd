"""Signed metadata files of one repository, made with python-tuf; the same bytes for the same content and keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from securesystemslib.signer import Signer
from tuf.api.metadata import Metadata as Envelope
from tuf.api.metadata import MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from twin.ota.images.image import Image
from twin.ota.repository.keys import ROLES, KeyRing, RepositoryName


@dataclass(frozen=True)
class Signing:
    """One signing of one role: with which version, and when it expires."""

    version: int
    expires: datetime


Content = TypeVar("Content", Root, Timestamp, Snapshot, Targets)


def signed(content: Content, signers: Iterable[Signer]) -> bytes:
    """Return ``content`` as the bytes of a file that all ``signers`` have signed."""
    envelope = Envelope[Content](content)
    for signer in signers:
        envelope.sign(signer, append=True)
    return envelope.to_bytes(JSONSerializer(compact=True))


def root(at: Signing, repository: RepositoryName, keys: KeyRing, signers: Sequence[Signer] | None = None) -> bytes:
    """Return the root metadata that names the keys of all roles; ``signers``: others than the root's own."""
    content = Root(version=at.version, expires=at.expires, consistent_snapshot=True)
    for role in ROLES:
        for signer in keys.signers(repository, role):
            content.add_key(signer.public_key, role)
        content.roles[role].threshold = keys.role(repository, role).threshold
    return signed(content, keys.signers(repository, "root") if signers is None else signers)


def targets(
    at: Signing, files: Mapping[str, TargetFile], signers: Sequence[Signer], about: Mapping[str, Any] | None = None
) -> bytes:
    """Return targets metadata that lists ``files``; ``about``: fields of one's own."""
    content = Targets(
        version=at.version, expires=at.expires, targets=dict(files), unrecognized_fields=dict(about or {})
    )
    return signed(content, signers)


def snapshot(at: Signing, listed: Signing, targets_file: bytes, signers: Sequence[Signer]) -> bytes:
    """Return snapshot metadata of one targets file."""
    meta = MetaFile.from_data(listed.version, targets_file, ["sha256"])
    return signed(Snapshot(version=at.version, expires=at.expires, meta={"targets.json": meta}), signers)


def timestamp(at: Signing, listed: Signing, snapshot_file: bytes, signers: Sequence[Signer]) -> bytes:
    """Return timestamp metadata of one snapshot file."""
    meta = MetaFile.from_data(listed.version, snapshot_file, ["sha256"])
    return signed(Timestamp(version=at.version, expires=at.expires, snapshot_meta=meta), signers)


def target_of(image: Image, ecu: str | None = None) -> TargetFile:
    """Return what metadata says of an image; the Director's names the ECUs that are to install it.

    ``shall_match`` is what the two repositories have to agree on beside length and hash (Uptane 2.1.0, 5.2.3.1.1).
    """
    about = image.manifest
    custom: dict[str, Any] = {
        "shall_match": {"hardware_id": about.hardware_id, "release_counter": about.release_counter}
    }
    if ecu is not None:
        custom["ecu_identifier"] = ecu
    return TargetFile(len(image.data), {"sha256": image.sha256}, image.file_name, {"custom": custom})


def instant(start: datetime, time_ns: int) -> datetime:
    """Return an instant of simulated time in whole seconds, as metadata states it."""
    return start + timedelta(seconds=time_ns // 1_000_000_000)
