"""The line between the repositories and a site, with whoever sits on it."""

from __future__ import annotations

from dataclasses import replace

from twin.errors import InputError, Problem
from twin.ota import attacks
from twin.ota.attacks.attack import PRIMARY, Attack, Scene
from twin.ota.repository.keys import EVERY_ROLE, KeyRing
from twin.ota.repository.offer import Offer
from twin.ota.repository.repositories import Repositories
from twin.ota.verification.verdict import Trusted
from twin.plugins import discover


class Line:
    """What sites get: genuine offers, or what an attack makes of them; the same object for the same content."""

    def __init__(self, repositories: Repositories) -> None:
        self._repositories = repositories
        self._own = KeyRing.drawn(repositories.keys.options, repositories.seed, "attacker")
        self._attacks = {name: kind() for name, kind in attack_kinds().items()}
        self._attacked: dict[tuple[Offer, Trusted, str, tuple[str, ...]], Offer] = {}

    def offer_for(
        self, release: int, trusted: Trusted, time_ns: int, attack: str | None = None, keys: tuple[str, ...] = ()
    ) -> Offer:
        """Return what a site gets that is to run ``release`` and trusts so much.

        ``keys``: what the attacker has stolen, as ``check_keys`` knows it.
        """
        genuine = self._repositories.offer_for(release, trusted, time_ns)
        if attack is None:
            return genuine
        key = (genuine, trusted, attack, keys)
        if key not in self._attacked:
            stolen = tuple(name for name in keys if name != PRIMARY)
            ring = self._own.with_stolen(stolen, self._repositories.keys)
            scene = Scene(self._repositories, trusted, ring, stolen)
            marked = replace(genuine, attack=attack, inside=PRIMARY in keys)
            self._attacked[key] = self._attacks[attack].apply(marked, scene)
        return self._attacked[key]


def attack_kinds() -> dict[str, type[Attack]]:
    """Return the attacks that there are, by name."""
    return discover(attacks, Attack)  # type: ignore[type-abstract]


def check_keys(keys: tuple[str, ...], path: str) -> None:
    """Check that stolen keys exist: ``director.targets``, ``image.root#1`` (only the first of them), ``primary``.

    Raises InputError with those that do not.
    """
    expected = f"expected {PRIMARY}, or one of {', '.join(EVERY_ROLE)}, with #n for the first n of its keys"
    unknown = [name for name in keys if not _is_known(name)]
    if unknown:
        raise InputError(Problem(f"no such key {name!r}; {expected}", path=path) for name in unknown)


def _is_known(name: str) -> bool:
    place, mark, count = name.partition("#")
    return name == PRIMARY or (place in EVERY_ROLE and (not mark or (count.isdigit() and int(count) > 0)))
