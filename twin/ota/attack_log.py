"""What came of the attacks that sites met: who noticed them, by which check, and whether a foreign image ran."""

from __future__ import annotations

from collections.abc import Sequence, Set
from math import inf

from twin.ota.attacks.outcome import AttackOutcome, Laboratory
from twin.ota.client.incidents import Incidents
from twin.ota.desk import PRIMARY, Desk, Encounter
from twin.ota.effects import Attack
from twin.ota.server import Columns

OUTCOMES = {"no_effect": 0, "detected": 1, "outside_promise": 2, "undetected": 3}
"""As they are recorded (``twin.record.rollout``)."""


class AttackLog:
    """One row an attack at a site and kind of ECU; ``secondaries`` are the roles of a site's other ECUs.

    Whether and when somebody noticed is what happened; what a check is called, and what the standard promises, follows
    from trying the same attack in the laboratory.
    """

    def __init__(self, desk: Desk, laboratory: Laboratory, incidents: Incidents, secondaries: Sequence[str]) -> None:
        self._desk, self._laboratory, self._incidents = desk, laboratory, incidents
        self._secondaries = secondaries
        self._tried: dict[tuple[str, tuple[str, ...], str | None], AttackOutcome] = {}

    def columns(self, site_ids: Sequence[int], foreign: Set[tuple[int, str]]) -> Columns:
        """Return the table; ``foreign`` are the (site, role) at which an image ran that is no release's."""
        rows = [
            (site_ids[attack.site], attack, role, self._desk.encounters.get((attack.site, attack)))
            for attack in self._incidents.every(Attack)
            for role in (PRIMARY, *self._secondaries)
        ]
        tried = [self._outcome(attack, role) for _, attack, role, _ in rows]
        ran = [(attack.site, role) in foreign for _, attack, role, _ in rows]
        refused = [met.refused_ns.get(role) if met else None for _, _, role, met in rows]
        met = [one for _, _, _, one in rows]
        names = [_outcome(*what) for what in zip(tried, met, refused, ran, strict=True)]
        return {
            "site_id": [site for site, _, _, _ in rows],
            "attack": [attack.attack for _, attack, _, _ in rows],
            "keys": [", ".join(attack.keys) for _, attack, _, _ in rows],
            "ecu": [one.ecu for one in tried],
            "verification": [one.verification for one in tried],
            "begin_s": [attack.time_ns * 1e-9 for _, attack, _, _ in rows],
            "outcome": [OUTCOMES[name] for name in names],
            "noticed_s": [_noticed_s(*what) for what in zip(tried, met, refused, strict=True)],
            "check": [one.check if name == "detected" else "" for one, name in zip(tried, names, strict=True)],
            "ran": [int(one) for one in ran],
            "text": [
                one.text if name != "no_effect" else "the site asked for no update meanwhile"
                for one, name in zip(tried, names, strict=True)
            ],
        }

    def _outcome(self, attack: Attack, role: str | None) -> AttackOutcome:
        key = attack.attack, attack.keys, role
        if key not in self._tried:
            self._tried[key] = self._laboratory.outcome(self._desk.line, attack.attack, attack.keys, role)
        return self._tried[key]


def _outcome(tried: AttackOutcome, met: Encounter | None, refused_ns: int | None, ran: bool) -> str:
    """Return in a word what came of it."""
    if met is None:
        return "no_effect"
    if ran:
        return "outside_promise" if tried.outcome == "outside_promise" else "undetected"
    return "detected" if refused_ns is not None else tried.outcome


def _noticed_s(tried: AttackOutcome, met: Encounter | None, refused_ns: int | None) -> float:
    """Return when somebody first noticed: who refused, or what follows from when the site asked."""
    if refused_ns is not None:
        return refused_ns * 1e-9
    if met is None or tried.outcome != "detected" or tried.noticed_by == "nobody":
        return inf
    return met.asked_ns * 1e-9 + (tried.noticed_after_s or 0.0)
