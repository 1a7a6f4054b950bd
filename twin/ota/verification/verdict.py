"""What comes out of a verification, and what an ECU trusts from one to the next: data, as state machines keep it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from twin.ota.causes import Cause
from twin.ota.verification.threats import Threat


@dataclass(frozen=True)
class Refusal:
    """Why an ECU did not take what it was offered."""

    cause: Cause
    role: str
    """Whose file it was: ``director/timestamp``, or ``image/module_monitor``."""
    step: str
    """Of the Uptane standard 2.1.0 that failed, such as ``5.4.4.4 step 3``."""
    threat: Threat | None
    """The attack that this points to; the standard wants it reported."""
    text: str

    def __str__(self) -> str:
        points = f", which points to {self.threat.value}" if self.threat else ""
        return f"{self.role}: {self.text} (Uptane {self.step}{points})"


class RefusedError(Exception):
    """A check failed; the only way from inside a verification to its verdict."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


@dataclass(frozen=True)
class Files:
    """The newest metadata of one repository that an ECU has verified, as bytes; empty where it has none."""

    root: bytes
    timestamp: bytes = b""
    snapshot: bytes = b""
    targets: bytes = b""


@dataclass(frozen=True)
class Trusted:
    """What an ECU has verified before, and the highest release counter that it was told for each role."""

    director: Files
    image: Files
    counters: tuple[tuple[str, int], ...] = ()

    def __hash__(self) -> int:
        """Return the hash of all of it, found once: a fleet asks for it at every poll."""
        return self._hash

    def __reduce__(self) -> tuple[type[Trusted], tuple[object, ...]]:
        """Leave the hash behind: in another process it is another one."""
        return Trusted, (self.director, self.image, self.counters)

    @cached_property
    def _hash(self) -> int:
        return hash((self.director, self.image, self.counters))

    def counter(self, role: str) -> int:
        """Return the release counter below which images of ``role`` are refused."""
        return dict(self.counters).get(role, 0)

    def counting(self, told: dict[str, int]) -> Trusted:
        """Return this with the release counters of images that were taken."""
        return replace(self, counters=tuple(sorted((dict(self.counters) | told).items())))


@dataclass(frozen=True)
class Verdict:
    """Whether an ECU takes an offer, and if not why; ``trusted`` is what it trusts from now on, either way.

    Metadata are trusted as far as they verified, as TUF's clients keep them; what is refused behind them stays out.
    """

    trusted: Trusted
    refusal: Refusal | None = None

    @property
    def accepted(self) -> bool:
        """Whether the images may be installed."""
        return self.refusal is None
