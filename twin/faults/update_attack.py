"""Somebody attacks the updates of a site."""

from __future__ import annotations

import difflib
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator

from twin.errors import InputError
from twin.faults.fault import Effect
from twin.faults.update_fault import UpdateFault
from twin.ota import effects


def _known(attack: str) -> str:
    from twin.ota.attacks.line import attack_kinds  # cryptography: only where somebody attacks

    kinds = attack_kinds()
    if attack not in kinds:
        close = difflib.get_close_matches(attack, kinds, 1)
        hint = f"did you mean {close[0]}?" if close else f"expected one of {', '.join(kinds)}"
        raise ValueError(f"{attack!r} is no attack: {hint}")
    return attack


def _existing(keys: tuple[str, ...]) -> tuple[str, ...]:
    if keys:
        from twin.ota.attacks.line import check_keys

        try:
            check_keys(keys, "keys")
        except InputError as wrong:
            raise ValueError("; ".join(problem.message for problem in wrong.problems)) from None
    return keys


class UpdateAttack(UpdateFault):
    """Between server and site, or with stolen ``keys`` in the server, somebody does what ``attack`` says."""

    source: ClassVar = "Uptane 2.1.0, threat model"

    kind: Literal["update_attack"] = "update_attack"
    attack: Annotated[str, AfterValidator(_known)]
    """A file of ``twin/ota/attacks/``, such as ``freeze`` or ``arbitrary_software``."""
    keys: Annotated[tuple[str, ...], AfterValidator(_existing)] = ()
    """Keys that the attacker has: ``director.targets``, ``image.root#1`` for the first of several, ``primary``."""

    def effects(self) -> tuple[Effect, ...]:
        """Return the attack."""
        return (effects.Attack(self.start_ns, self.end_ns, self.site, self.attack, self.keys),)
