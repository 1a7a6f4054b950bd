"""What comes of an attack at one kind of ECU: who notices it, by which check, and whether an attacker's image runs.

Everything is tried, nothing is looked up: offers are forged, verified, and reported upon.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal

from twin.ota.attacks.attack import Observer
from twin.ota.attacks.line import Line, attack_kinds
from twin.ota.images.image import Image
from twin.ota.repository.keys import EVERY_ROLE, REPOSITORIES, ROLES, KeyRing
from twin.ota.repository.manifests import PRIMARY, EcuKeys, Finding, Inventory, Reporter
from twin.ota.repository.offer import Offer
from twin.ota.repository.repositories import Repositories
from twin.ota.verification.verdict import Refusal, Trusted
from twin.ota.verification.verifier import Verifier, too_slow

Outcome = Literal["detected", "outside_promise", "undetected"]
"""``outside_promise``: the standard does not claim to notice or prevent it; ``undetected``: it does, and it has not."""
DIRECTOR_ONLINE = ("director.targets", "director.snapshot", "director.timestamp")
IMAGE_ONLINE = ("image.targets", "image.snapshot", "image.timestamp")
COMPROMISES: tuple[tuple[str, tuple[str, ...]], ...] = (
    *(("key_compromise", (role,)) for role in EVERY_ROLE),
    ("key_compromise", ("director.root#1",)),
    ("key_compromise", ("director.timestamp", "director.snapshot", "image.timestamp", "image.snapshot")),
    ("key_compromise", DIRECTOR_ONLINE),
    ("key_compromise", IMAGE_ONLINE),
    ("key_compromise", (*DIRECTOR_ONLINE, "image.timestamp", "image.snapshot")),
    ("key_compromise", (*DIRECTOR_ONLINE, "image.targets#1", "image.timestamp", "image.snapshot")),
    ("key_compromise", (*DIRECTOR_ONLINE, *IMAGE_ONLINE)),
    ("key_compromise", ("director.root", "image.root")),
    ("freeze", ("director.timestamp", "image.timestamp")),
    ("rollback", DIRECTOR_ONLINE),
    ("mix_and_match", DIRECTOR_ONLINE),
)
"""Attacks with stolen keys: each alone, fewer than a threshold, the online ones, whole repositories, and both."""


@dataclass(frozen=True)
class AttackOutcome:
    """One row of the table attack x kind of ECU."""

    attack: str
    keys: tuple[str, ...]
    ecu: str
    """``primary``, or the role of a secondary."""
    verification: Literal["full", "partial"]
    outcome: Outcome
    noticed_by: Observer
    noticed_after_s: float | None
    """From when the attack began; None: at once, or never."""
    check: str
    """The check that noticed it, in the words of the standard's sections."""
    ran: bool
    """Whether an image runs that is not one of the vendor's."""
    text: str


@dataclass(frozen=True)
class Notice:
    """How an attack that no ECU refuses comes to light."""

    outcome: Outcome
    by: Observer
    check: str
    text: str
    after_s: float | None = None


@dataclass(frozen=True)
class Laboratory:
    """One site under attack: what it trusts, which release its campaign wants of it, and how fast its line is."""

    repositories: Repositories
    verifier: Verifier
    release: int = 1
    time_ns: int = 1_000_000_000
    bandwidth_bit_s: float = 1e6
    minimum_bit_s: float = 1e4
    """Below which the client gives a download up."""

    def table(self) -> Iterator[AttackOutcome]:
        """Yield what comes of attacks without keys and of all ``COMPROMISES``: at the primary, and at a secondary."""
        line = Line(self.repositories)
        plain = [(name, ()) for name in attack_kinds() if name != "key_compromise"]
        secondary = self.repositories.releases[self.release].order[0]
        for (attack, keys), role in product([*plain, *COMPROMISES], (None, secondary)):
            yield self.outcome(line, attack, keys, role)

    def outcome(self, line: Line, attack: str, keys: tuple[str, ...], role: str | None) -> AttackOutcome:
        """Return what comes of one attack at the primary (None), or at a secondary that the attacker reaches itself."""
        trusted = self._trusted(attack)
        offer = line.offer_for(self.release, trusted, self.time_ns, attack, keys)
        refusal = self.verifier.verify(offer, trusted, self.time_ns, role).refusal
        ran = refusal is None and self._is_foreign(offer, role)
        if refusal is not None:
            notice = Notice("detected", "verification", _check(refusal), str(refusal))
        elif ran:
            beyond = is_beyond_promise(self.repositories.keys, keys, role)
            outcome: Outcome = "outside_promise" if beyond else "undetected"
            notice = Notice(outcome, "nobody", "", "every check passes, and the attacker's image runs")
        else:
            notice = self._noticed_later(attack, offer, trusted, role)
        kind: Literal["full", "partial"] = "full" if role is None else "partial"
        place = (attack, keys, role or PRIMARY, kind)
        return AttackOutcome(*place, notice.outcome, notice.by, notice.after_s, notice.check, ran, notice.text)

    def _trusted(self, attack: str) -> Trusted:
        """Return what the site trusts: what it left the factory with, or, where there is to be a past, the release."""
        first = self.repositories.trusted
        if not attack_kinds()[attack].wants_history:
            return first
        return self.verifier.verify(self.repositories.offer_for(self.release, first, 0), first, 0).trusted

    def _noticed_later(self, attack: str, offer: Offer, trusted: Trusted, role: str | None) -> Notice:
        """Return who notices an attack of which the ECU itself sees nothing yet."""
        observer = attack_kinds()[attack].observer
        slow = too_slow(self.bandwidth_bit_s * offer.rate_factor, self.minimum_bit_s)
        if observer == "rate" and slow is not None:
            return Notice("detected", "rate", _check(slow), str(slow))
        findings = self._reported(offer, role) if observer == "version report" else ()
        if findings:
            return Notice("detected", "version report", "5.3.2.1 step 5", f"{findings[0].ecu} {findings[0].text}")
        late = self.verifier.refused_from(offer, trusted, self.time_ns, role) if observer == "expiry" else None
        if late is not None:
            after_s = (late[0] - self.time_ns) * 1e-9
            return Notice("detected", "expiry", _check(late[1]), str(late[1]), after_s)
        if observer == "nobody":
            return Notice("outside_promise", "nobody", "", "only genuine images run, and nothing shows it")
        return Notice("undetected", "nobody", "", f"it was to be noticed by {observer}, and was not")

    def _reported(self, offer: Offer, role: str | None) -> tuple[Finding, ...]:
        """Return what the Director finds in the version manifest that follows an attack upon one role, or upon all."""
        directed = self.repositories.releases[self.release].images
        running = dict(self.repositories.releases[0].images) | dict(directed)
        reached = offer.images.keys() if role is None else {role}
        running |= {one: Image.parse(offer.images[one]) for one in reached if one in offer.images}
        running |= {one: self.repositories.releases[0].images[one] for one in offer.blocked}
        keys = EcuKeys(self.repositories.seed)
        manifest = Reporter(keys).manifest(0, running, self.time_ns)
        assert manifest is not None  # it is the first
        return Inventory(keys, tuple(running)).receive(manifest, self.time_ns, directed)

    def _is_foreign(self, offer: Offer, role: str | None) -> bool:
        """Return whether any image that is to be installed is not one of the vendor's."""
        vendors = {image.data for image in self.repositories.images()}
        return any(data not in vendors for one, data in offer.images.items() if role in (None, one))


def is_beyond_promise(vendor: KeyRing, keys: Iterable[str], role: str | None) -> bool:
    """Return whether so many keys are stolen that the standard promises nothing any more.

    Of a primary: both repositories' (4.2: "but not both the Director and Image repositories"). Of a secondary that
    verifies partially: those of the Director's root or targets, all that it checks (5.4.4.1).
    """
    held = _stolen_roles(vendor, keys)
    if role is not None:
        return not held.isdisjoint({"director.root", "director.targets"})
    return all(
        f"{name}.root" in held or {f"{name}.{one}" for one in ("targets", "snapshot", "timestamp")} <= held
        for name in REPOSITORIES
    )


def _stolen_roles(vendor: KeyRing, keys: Iterable[str]) -> set[str]:
    """Return the roles of which enough keys are stolen to sign."""
    counts = {name.partition("#")[0]: name.partition("#")[2] for name in keys}
    return {
        f"{repository}.{role}"
        for repository, role in product(REPOSITORIES, ROLES)
        if f"{repository}.{role}" in counts
        and int(counts[f"{repository}.{role}"] or 99) >= vendor.role(repository, role).threshold
    }


def _check(refusal: Refusal) -> str:
    return f"{refusal.role}, {refusal.step}"
