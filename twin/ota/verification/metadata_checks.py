"""How to check root, timestamp, snapshot and targets metadata of one repository: Uptane 2.1.0, 5.4.4.3 to 5.4.4.6.

python-tuf's ``TrustedMetadataSet`` does the checks, as it does TUF's; here is only in which order it is asked, at which
simulated time, and which numbered step of the standard, and so which attack, each of its refusals means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from tuf.api import exceptions
from tuf.api.metadata import Metadata as Envelope
from tuf.api.metadata import Root, Targets
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

from twin.ota.causes import Cause
from twin.ota.repository.offer import Metadata
from twin.ota.verification.threats import Threat
from twin.ota.verification.verdict import Files, Refusal, RefusedError

MOST_BYTES = 64 * 1024
"""Of one metadata file; "tens of kilobytes" in the standard's words."""
_SECTIONS: Final = {"root": "5.4.4.3", "timestamp": "5.4.4.4", "snapshot": "5.4.4.5", "targets": "5.4.4.6"}
_UNSIGNED, _OLDER, _EXPIRED, _OTHER, _ANY = (
    exceptions.UnsignedMetadataError,
    exceptions.BadVersionNumberError,
    exceptions.ExpiredMetadataError,
    exceptions.LengthOrHashMismatchError,
    exceptions.RepositoryError,
)
_MEANINGS: Final[Mapping[str, tuple[tuple[type[Exception], str, Threat | None], ...]]] = {
    "root": (
        (_UNSIGNED, "step 2.3", Threat.ARBITRARY_SOFTWARE),
        (_OLDER, "step 2.4", Threat.ROLLBACK),
        (_EXPIRED, "step 3", Threat.FREEZE),
        (_ANY, "step 2.3", None),
    ),
    "timestamp": (
        (_UNSIGNED, "step 2", Threat.ARBITRARY_SOFTWARE),
        (_OLDER, "step 3", Threat.ROLLBACK),
        (_EXPIRED, "step 4", Threat.FREEZE),
        (_ANY, "step 2", None),
    ),
    "snapshot": (
        (_OTHER, "step 2", Threat.MIX_AND_MATCH),
        (_UNSIGNED, "step 3", Threat.ARBITRARY_SOFTWARE),
        (_OLDER, "step 5", Threat.ROLLBACK),
        (_EXPIRED, "step 7", Threat.FREEZE),
        (_ANY, "step 6", Threat.ROLLBACK),
    ),
    "targets": (
        (_OTHER, "step 2", Threat.MIX_AND_MATCH),
        (_OLDER, "step 2", Threat.MIX_AND_MATCH),
        (_UNSIGNED, "step 3", Threat.ARBITRARY_SOFTWARE),
        (_EXPIRED, "step 5", Threat.FREEZE),
        (_ANY, "step 3", None),
    ),
}
"""By role: what python-tuf raises, the first that fits; the step of the role's section that it is, and its threat."""


class CheckedRepository:
    """One repository in the course of a verification: ``files`` are those that have verified so far."""

    def __init__(self, name: str, files: Files, served: Metadata, now: datetime) -> None:
        self.name, self.files = name, files
        self._served, self._now = served, now
        self._known = files
        self._set = TrustedMetadataSet(files.root, EnvelopeType.METADATA)
        self._set.reference_time = now

    def check_root(self) -> Root:
        """Update to the newest root, version by version (5.4.4.3)."""
        for number, data in enumerate(self._served.roots, start=1):
            if number > self._set.root.version:
                with self.refusing("root", data):
                    self._set.update_root(data)
                self.files = replace(self.files, root=data)
        with self.refusing("root"):
            if self._set.root.is_expired(self._now):
                raise exceptions.ExpiredMetadataError("root.json is expired")
        return self._set.root

    def check_timestamp(self) -> None:
        """Take the new timestamp, unless it is older than the last (5.4.4.4); rotated keys make the last forgotten."""
        with suppress(exceptions.RepositoryError):
            self._set.update_timestamp(self._known.timestamp)
        with self.refusing("timestamp", self._served.timestamp):
            try:
                self._set.update_timestamp(self._served.timestamp)
            except exceptions.EqualVersionNumberError:
                if self._set.timestamp.is_expired(self._now):
                    raise exceptions.ExpiredMetadataError("timestamp.json is expired") from None
                return
        self.files = replace(self.files, timestamp=self._served.timestamp)

    def check_snapshot(self) -> None:
        """Take the snapshot that the timestamp lists (5.4.4.5)."""
        with suppress(exceptions.RepositoryError):
            self._set.update_snapshot(self._known.snapshot, trusted=True)
        with self.refusing("snapshot", self._served.snapshot):
            self._set.update_snapshot(self._served.snapshot)
        self.files = replace(self.files, snapshot=self._served.snapshot)

    def check_targets(self) -> Targets:
        """Take the targets that the snapshot lists (5.4.4.6, steps 1 to 5)."""
        with self.refusing("targets", self._served.targets):
            targets = self._set.update_targets(self._served.targets)
        self._check_not_older(targets)
        self.files = replace(self.files, targets=self._served.targets)
        return targets

    def check_targets_alone(self) -> Targets:
        """Take targets without a snapshot, as partial verification does (5.4.4.6, steps 1, 3 to 5)."""
        data = self._served.targets
        with self.refusing("targets", data):
            envelope = Envelope[Targets].from_bytes(data)
            self._set.root.verify_delegate("targets", envelope.signed_bytes, envelope.signatures)
            targets = envelope.signed
            if not isinstance(targets, Targets):
                raise exceptions.RepositoryError(f"expected targets, found {envelope.signed.type}")
        self._check_not_older(targets)
        with self.refusing("targets"):
            if targets.is_expired(self._now):
                raise exceptions.ExpiredMetadataError("targets.json is expired")
        self.files = replace(self.files, targets=data)
        return targets

    def _check_not_older(self, targets: Targets) -> None:
        """Refuse targets older than the last (5.4.4.6 step 4)."""
        if not self._known.targets:
            return
        last = Envelope[Targets].from_bytes(self._known.targets).signed.version
        if targets.version < last:
            text = f"version {targets.version} is older than {last}, which was taken before"
            self.refuse("targets", "step 4", Threat.ROLLBACK, text)

    def refuse(self, role: str, step: str, threat: Threat | None, text: str) -> None:
        """Raise a refusal of one of the repository's roles."""
        section = _SECTIONS[role]
        raise RefusedError(Refusal(Cause.METADATA_REFUSED, f"{self.name}/{role}", f"{section} {step}", threat, text))

    @contextmanager
    def refusing(self, role: str, data: bytes | None = None) -> Iterator[None]:
        """Turn what python-tuf refuses into the standard's words; ``data``: a file that has come, of so many bytes."""
        if data is not None and len(data) > MOST_BYTES:
            text = f"no end after {MOST_BYTES} bytes"
            self.refuse(role, "step 2.2" if role == "root" else "step 1", Threat.ENDLESS_DATA, text)
        if data == b"":
            self.refuse(role, "step 2.2" if role == "root" else "step 1", Threat.DROP_REQUEST, "it did not come")
        try:
            yield
        except exceptions.RepositoryError as error:
            step, threat = next((step, threat) for kind, step, threat in _MEANINGS[role] if isinstance(error, kind))
            other = isinstance(error, exceptions.LengthOrHashMismatchError)
            text = "it is another file than the one that is listed" if other else str(error)
            self.refuse(role, step, threat, text)


def custom(target: Any) -> Mapping[str, Any]:
    """Return the custom metadata of a target; none where it has none."""
    found = target.custom
    return found if isinstance(found, dict) else {}
