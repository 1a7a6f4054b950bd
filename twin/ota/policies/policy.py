"""What a policy is: from how a campaign stands to how far along the order of sites the release is let out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from twin.options import Options
from twin.ota.campaign.groups import Group
from twin.ota.campaign.outcomes import Tally
from twin.ota.gates.options import GatesOptions
from twin.quantity import Seconds

Verdict = Literal["PASS", "STOP"]


@dataclass(frozen=True, eq=False)
class Seen:
    """What a policy sees of its campaign; sites stand in the order of their turns, groups are stretches of it."""

    time_ns: int
    """Since the campaign began."""
    edges: tuple[int, ...]
    """Where groups begin and end: group g has the turns ``edges[g]`` to ``edges[g + 1]``."""
    released: int
    """How many turns have been let out."""
    tally: Tally
    verdicts: Mapping[int, Verdict]
    """What gates have found of groups for which they have come to an end."""

    @property
    def groups(self) -> int:
        """How many there are."""
        return len(self.edges) - 1


@dataclass(frozen=True)
class Said:
    """Something that a policy decided, for the campaign's log."""

    kind: str
    group: int
    text: str


@dataclass(frozen=True)
class Halt:
    """A policy's wish to pause the campaign, or to stop it for good."""

    kind: Literal["pause", "stop"]
    group: int
    text: str
    roll_back: bool = False
    """Bring the sites that have the release back, also where the campaign's options do not say so."""
    queued_only: bool = False
    """Where it stops: cancel only what has not begun."""


@dataclass(frozen=True)
class Wanted:
    """What a policy wants after a look."""

    released: int
    """How many turns are to be let out by now; never fewer than before."""
    wake_ns: int | None = None
    """Look again at this time of the campaign at the latest, also if nothing is reported."""
    said: tuple[Said, ...] = ()
    halt: Halt | None = None


class SelfTests(Options):
    """Protection is tried at the sites whose behaviour is compared, so that gates see how it works.

    Each test is a fault ``protection_self_test``. All sites are tested within ``within_s``, each at its own instant in
    it, so that a run with a pace takes short steps at all of them together.
    """

    every_s: Annotated[Seconds, Field(ge=60)] = 3600.0
    """At each of the sites."""
    first_s: Annotated[Seconds, Field(ge=0)] = 600.0
    """When the first begins; batteries are in operation by then."""
    within_s: Annotated[Seconds, Field(ge=0)] = 60.0
    """From the first site's test to the last one's."""


class Policy(Options):
    """Base of the policies: pure functions from a state and what is seen to the next state and what is wanted."""

    period_ns: ClassVar[int] = 1
    """Looks fall on multiples of it, counted from the campaign's begin: how often the server evaluates."""

    kind: str
    """Name of the kind; each class states its own."""

    @abstractmethod
    def groups(self, sites: int) -> list[Group]:
        """Return the groups into which ``sites`` are cut when the campaign is created."""

    @abstractmethod
    def initial(self) -> Any:
        """Return the state before the campaign begins."""

    @abstractmethod
    def step(self, state: Any, seen: Seen) -> tuple[Any, Wanted]:
        """Return the state after a look, and what is wanted."""

    def next_group(self, state: Any, seen: Seen) -> tuple[Any, Wanted]:
        """Begin the next group because an operator says so."""
        return state, Wanted(next((edge for edge in seen.edges if edge > seen.released), seen.released))

    def awaited(self, _state: Any) -> int | None:
        """Return the group of which the policy waits for a gate's verdict, or None."""
        return None

    @property
    def by_the_clock(self) -> bool:
        """Whether groups begin at instants that hang on no result, as long as nobody intervenes."""
        return False

    def judged(self, _group: int) -> bool:
        """Return whether gates look at a group."""
        return False

    @property
    def tests(self) -> SelfTests | None:
        """How protection is tried at the sites that gates look at, if it is."""
        return None

    @property
    def judges(self) -> GatesOptions | None:
        """The gates of which ``awaited`` waits for a verdict, if the policy has any."""
        return None

    @property
    def timeout_ns(self) -> int | None:
        """How long an update that has begun may take before the server calls it timed out."""
        return None

    def problems(self, _sites: int) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield what does not fit a campaign of so many sites: field and complaint."""
        yield from ()

    def warnings(self) -> Iterator[str]:
        """Yield what is allowed and probably not meant."""
        yield from ()
