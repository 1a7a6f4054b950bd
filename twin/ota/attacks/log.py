"""What came of the attacks that sites met: who noticed them, by which check, and whether a foreign image ran."""

from __future__ import annotations

from collections.abc import Sequence, Set
from math import inf

from twin.ota.attacks.outcome import AttackOutcome, Laboratory
from twin.ota.client.desk import PRIMARY, Desk, Encounter
from twin.ota.client.incidents import Incidents
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

    def columns(self, site_ids: Sequence[int], foreign: Set[tuple[int, str]], until_ns: int) -> Columns:
        """Return the table; ``foreign`` are the (site, role) at which an image ran that is no release's.

        What would show only after the attack, or after ``until_ns``, has come to nothing.
        """
        rows = [
            (site_ids[attack.site], attack, role, self._desk.encounters.get((attack.site, attack)))
            for attack in self._incidents.every(Attack)
            for role in (PRIMARY, *self._secondaries)
        ]
        tried = [self._outcome(attack, role) for _, attack, role, _ in rows]
        met = [one for _, _, _, one in rows]
        refused = [met.refused_ns.get(role) if met else None for _, _, role, met in rows]
        sites = {site for site, _ in foreign}
        ran = [
            (attack.site, role) in foreign or (role is PRIMARY and refusal is None and attack.site in sites)
            for (_, attack, role, _), refusal in zip(rows, refused, strict=True)
        ]
        noticed_s = [_noticed_s(*what) for what in zip(tried, met, refused, strict=True)]
        ends_s = [min(attack.end_ns, until_ns) * 1e-9 for _, attack, _, _ in rows]
        late = [end_s < when < inf for when, end_s in zip(noticed_s, ends_s, strict=True)]
        names = [_outcome(*what) for what in zip(tried, met, refused, ran, late, strict=True)]
        return {
            "site_id": [site for site, _, _, _ in rows],
            "attack": [attack.attack for _, attack, _, _ in rows],
            "keys": [", ".join(attack.keys) for _, attack, _, _ in rows],
            "ecu": [one.ecu for one in tried],
            "verification": [one.verification for one in tried],
            "begin_s": [attack.time_ns * 1e-9 for _, attack, _, _ in rows],
            "outcome": [OUTCOMES[name] for name in names],
            "noticed_s": [inf if too_late else when for when, too_late in zip(noticed_s, late, strict=True)],
            "check": [one.check if name == "detected" else "" for one, name in zip(tried, names, strict=True)],
            "ran": [int(one) for one in ran],
            "text": [_text(*what) for what in zip(tried, met, ran, late, strict=True)],
        }

    def _outcome(self, attack: Attack, role: str | None) -> AttackOutcome:
        key = attack.attack, attack.keys, role
        if key not in self._tried:
            self._tried[key] = self._laboratory.outcome(self._desk.line, attack.attack, attack.keys, role)
        return self._tried[key]


def _text(tried: AttackOutcome, met: Encounter | None, ran: bool, late: bool) -> str:
    """Return the same in words."""
    if met is None:
        return "the site asked for no update meanwhile"
    if late:
        return f"over before it could be noticed, which takes {(tried.noticed_after_s or 0.0) / 3600.0:.0f} h"
    if tried.ran and not ran:
        return "no check of its own would keep the attacker's image from it; here it never got there"
    return tried.text


def _outcome(tried: AttackOutcome, met: Encounter | None, refused_ns: int | None, ran: bool, late: bool) -> str:
    """Return in a word what came of it."""
    if met is None or late:
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
