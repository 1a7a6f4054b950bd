"""The keys of all roles, made from the seed: good for rehearsals and for nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, Signer

from twin.ota.repository.options import RepositoryOptions, RoleOptions
from twin.streams import stream

RepositoryName = Literal["director", "image"]
RoleName = Literal["root", "timestamp", "snapshot", "targets"]
REPOSITORIES: Final[tuple[RepositoryName, ...]] = ("director", "image")
ROLES: Final[tuple[RoleName, ...]] = ("root", "timestamp", "snapshot", "targets")
EVERY_ROLE: Final = tuple(f"{repository}.{role}" for repository in REPOSITORIES for role in ROLES)
"""How roles are named where keys are stolen: ``director.targets``."""


@dataclass(frozen=True, eq=False)
class KeyRing:
    """The signing keys of the roles of both repositories."""

    options: RepositoryOptions
    held: Mapping[tuple[RepositoryName, RoleName], tuple[Signer, ...]]

    @classmethod
    def drawn(cls, options: RepositoryOptions, seed: int, owner: str = "vendor") -> KeyRing:
        """Return as many keys as the roles have; those of the vendor and of an attacker differ by their ``owner``."""
        held = {
            (repository, role): tuple(
                _signer(seed, owner, repository, role, number)
                for number in range(_options_of(options, repository, role).keys)
            )
            for repository in REPOSITORIES
            for role in ROLES
        }
        return cls(options, held)

    def role(self, repository: RepositoryName, role: RoleName) -> RoleOptions:
        """Return how a role is set up."""
        return _options_of(self.options, repository, role)

    def signers(self, repository: RepositoryName, role: RoleName) -> tuple[Signer, ...]:
        """Return the keys of a role."""
        return self.held[repository, role]

    def with_stolen(self, names: Iterable[str], vendor: KeyRing) -> KeyRing:
        """Return this ring with keys of ``vendor``'s instead: ``director.targets`` all of them, ``...#1`` the first."""
        held = dict(self.held)
        for name in names:
            place, _, count = name.partition("#")
            taken = vendor.held[_place(place)][: int(count) if count else None]
            held[_place(place)] = (*taken, *held[_place(place)][len(taken) :])
        return replace(self, held=held)


def _options_of(options: RepositoryOptions, repository: RepositoryName, role: RoleName) -> RoleOptions:
    found: RoleOptions = getattr(getattr(options, repository), role)
    return found


def _place(name: str) -> tuple[RepositoryName, RoleName]:
    """Return repository and role of a name of ``EVERY_ROLE``."""
    return next((r, role) for r in REPOSITORIES for role in ROLES if f"{r}.{role}" == name)


def _signer(seed: int, owner: str, repository: str, role: str, number: int) -> Signer:
    secret = stream(seed, "ota", "key", owner, repository, role, number).bytes(32)
    return CryptoSigner(Ed25519PrivateKey.from_private_bytes(secret))
