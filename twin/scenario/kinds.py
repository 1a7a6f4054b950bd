"""Which of the project's files a document is: in one of another kind every single key would be a mistake."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from twin.errors import InputError
from twin.scenario.document import Document


@dataclass(frozen=True)
class Kind:
    """A kind of file."""

    name: str
    keys: frozenset[str]
    """Of which a file of this kind has two at least, and no other kind any."""
    runs: str
    """The command for it."""


SCENARIO: Final = Kind("a scenario", frozenset({"start", "duration_s", "step_s", "fleet"}), "twin run runs scenarios")
STUDY: Final = Kind("a study", frozenset({"base", "factors", "design", "responses"}), "twin sweep runs studies")
PLAN: Final = Kind("a plan of a comparison", frozenset({"variants", "cases"}), "twin compare runs plans")


def expect(kind: Kind, document: Document) -> None:
    """Raise InputError for a document that is clearly of another kind."""
    keys = set(document.data) if isinstance(document.data, dict) else set()
    if keys & kind.keys:
        return
    for other in (SCENARIO, STUDY, PLAN):
        if len(keys & other.keys) > 1:
            problem = document.problem((), f"is {other.name}; expected {kind.name}", other.runs)
            raise InputError(replace(problem, line=None))
