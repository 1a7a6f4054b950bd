"""Canaries first, the next group only after their behaviour was found no worse than that of sites held back.

What installation reports cannot tell (firmware that installs cleanly and misbehaves under load), gates look for in what
operators see of the sites (``twin.ota.gates``). Baseline sites stay at the old release until no gate needs them any
more, and have their turn last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field

from twin.ota.campaign.groups import Group, Role, shares_of_rest
from twin.ota.campaign.outcomes import ERRORS, Outcome
from twin.ota.gates.options import GatesOptions
from twin.ota.policies.policy import Halt, Policy, Seen, SelfTests, Wanted
from twin.quantity import Seconds

Percent = Annotated[float, Field(ge=0, le=100)]


@dataclass(frozen=True)
class Watching:
    """Which group was begun last (-1: none) and when, and the groups for which an operator has overruled a halt."""

    group: int = -1
    since_ns: int = 0
    overruled: frozenset[int] = frozenset()


class Canary(Policy):
    """A few canaries, then stages, then the rest; baseline sites last."""

    kind: Literal["canary"] = "canary"
    canaries: Annotated[int, Field(ge=1)] = 8
    baseline: Annotated[int, Field(ge=0)] = 32
    """Sites held back to compare with; cheap, and what makes small differences visible."""
    stages_percent: Annotated[list[Annotated[float, Field(gt=0, lt=100)]], Field(default_factory=list)]
    """Stages after the canaries, each a percentage of what is left over; then the rest."""
    gates: GatesOptions | None = GatesOptions()
    """None: the thresholds and the soak alone."""
    self_tests: SelfTests | None = None
    """At canaries and baseline: without them nobody sees whether protection is late."""
    gated: Literal["canaries", "stages"] = "canaries"
    """After which groups behaviour is judged: the canaries alone, or every stage as well."""
    success_threshold: Percent = 90.0
    """Of a group without gates: go on when at least so many percent have the release, or all have ended."""
    error_threshold: Percent = 10.0
    """Of a group without gates: halt when more than so many percent failed."""
    soak_s: Annotated[Seconds, Field(ge=0)] = 0.0
    """Of a group without gates: go on no earlier than so long after it began."""
    on_stop: Literal["roll_back", "stop", "pause"] = "roll_back"
    """When a gate stops it or too many fail: bring those that have it back, leave them, or wait for an operator."""

    def groups(self, sites: int) -> list[Group]:
        """Return canaries, stages, rest and baseline."""
        canaries = min(self.canaries, sites)
        baseline = min(self.baseline, sites - canaries)
        rest = sites - canaries - baseline
        stages = shares_of_rest(rest, self.stages_percent)
        return [
            Group("canaries", canaries, Role.CANARY),
            *(Group(f"stage {number + 1}", size) for number, size in enumerate(stages)),
            Group("rest", rest - sum(stages)),
            Group("baseline", baseline, Role.BASELINE),
        ]

    def initial(self) -> Watching:
        """Return that nothing has begun."""
        return Watching()

    @property
    def tests(self) -> SelfTests | None:
        """How protection is tried."""
        return self.self_tests

    @property
    def judges(self) -> GatesOptions | None:
        """The gates."""
        return self.gates

    def awaited(self, state: Watching) -> int | None:
        """Return the group begun last, if the next waits for its gates."""
        return state.group if self.judged(state.group) and state.group not in state.overruled else None

    def step(self, state: Watching, seen: Seen) -> tuple[Watching, Wanted]:
        """Halt if the last group says so; begin the next if it may."""
        if state.group >= 0 and state.group not in state.overruled:
            if halt := self._halt(state.group, seen):
                return replace(state, overruled=state.overruled | {state.group}), Wanted(seen.released, halt=halt)
            if not self._may_go_on(state, seen):
                return state, Wanted(seen.released, self._soaked_ns(state, seen))
        return self.next_group(state, seen)

    def next_group(self, state: Watching, seen: Seen) -> tuple[Watching, Wanted]:
        """Begin the next group that has anybody in it."""
        following = state.group + 1
        while following < seen.groups and not seen.tally.of(following, Outcome.HELD):
            following += 1
        if following >= seen.groups:
            return state, Wanted(seen.edges[-1])
        begun = replace(state, group=following, since_ns=seen.time_ns)
        return begun, Wanted(seen.edges[following + 1], self._soaked_ns(begun, seen))

    def judged(self, group: int) -> bool:
        """Return whether gates judge a group; the rest and the baseline are last and judged by nobody."""
        last = len(self.stages_percent) if self.gated == "stages" else 0
        return self.gates is not None and 0 <= group <= last

    def _may_go_on(self, state: Watching, seen: Seen) -> bool:
        if self.judged(state.group):
            return seen.verdicts.get(state.group) == "PASS"
        total, finished = seen.tally.total(state.group), seen.tally.of(state.group, Outcome.FINISHED)
        enough = 100 * finished >= Fraction(self.success_threshold) * total or seen.tally.complete(state.group)
        return enough and seen.time_ns >= state.since_ns + round(self.soak_s * 1e9)

    def _soaked_ns(self, state: Watching, seen: Seen) -> int | None:
        """Return when the last group's soak ends, if it is the clock that is waited for."""
        end_ns = state.since_ns + round(self.soak_s * 1e9)
        return end_ns if not self.judged(state.group) and end_ns > seen.time_ns else None

    def _halt(self, group: int, seen: Seen) -> Halt | None:
        """Return why the rollout must not go on, if so; where gates judge, they judge failed installs, too."""
        kind: Literal["pause", "stop"] = "pause" if self.on_stop == "pause" else "stop"
        roll_back = self.on_stop == "roll_back"
        if seen.verdicts.get(group) == "STOP":
            return Halt(kind, group, "the gates stopped it", roll_back)
        errors, total = seen.tally.of(group, *ERRORS), seen.tally.total(group)
        if not self.judged(group) and total and 100 * errors > Fraction(self.error_threshold) * total:
            return Halt(kind, group, f"{errors} of {total} sites failed", roll_back)
        return None

    def problems(self, sites: int) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield groups that nobody is left for, and gates that groups of such sizes cannot satisfy."""
        if self.canaries + self.baseline > sites:
            found = f"{self.canaries} canaries and {self.baseline} baseline sites"
            yield ("canaries",), f"found {found}; the campaign has {sites}"
            return
        for number, group in enumerate(self.groups(sites)[1:-2]):
            if not group.size:
                yield ("stages_percent", number), f"no site is left for this stage; the campaign has {sites}"
        if self.gates is not None:
            for mistake in self.gates.mistakes(self.canaries, self.baseline):
                yield ("gates",), mistake
