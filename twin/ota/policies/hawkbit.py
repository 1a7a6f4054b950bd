"""Rollouts of groups as Eclipse hawkBit runs them.

From hawkBit's repository module (JpaRolloutExecutor, the threshold conditions, StartNextGroupRolloutGroupSuccessAction,
PauseRolloutGroupAction):

- Groups are filled when the rollout is created: each takes its percentage of what is left over, a half rounded up.
- Every 2 s each running group is evaluated: first its error condition, errors / total > threshold. If it holds, the
  group is in error and the rollout pauses.
- Else, if finished / total >= threshold, the success action runs: the next group begins (empty ones are passed over),
  or the rollout pauses. The group itself runs on until all its actions have ended.
- Where no group runs, because the last one has ended or an operator has resumed after an error, the success action of
  the latest group runs.
- Cancelled actions are neither finished nor errors, and stay in the total; deleted ones leave it. A total of 0 is a
  success and no error. A threshold that is no whole number makes its condition false.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from twin.options import Options
from twin.ota.campaign.groups import Group, equal_shares, shares_of_rest
from twin.ota.campaign.outcomes import ERRORS, Outcome
from twin.ota.policies.policy import Halt, Policy, Said, Seen, Wanted

EVALUATION_NS = 2_000_000_000
"""hawkBit's ``hawkbit.rollout.executor.scheduler`` default."""


def parsed(threshold: str | int) -> int | None:
    """Return a threshold as Java's ``Integer.valueOf`` reads it, or None where it would raise."""
    text = str(threshold)
    return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else None


def error_condition(errors: int, total: int, threshold: str | int) -> bool:
    """Return whether a group's errors are more than the threshold, in percent."""
    percent = parsed(threshold)
    return percent is not None and total > 0 and 100 * errors > percent * total


def success_condition(finished: int, total: int, threshold: str | int) -> bool:
    """Return whether as many of a group have finished as the threshold asks for, in percent."""
    percent = parsed(threshold)
    return total == 0 or (percent is not None and 100 * finished >= percent * total)


def _within_hundred(threshold: str | int) -> str | int:
    percent = parsed(threshold)
    if percent is not None and not 0 <= percent <= 100:
        raise ValueError(f"found {percent}; expected a percentage from 0 to 100")
    return threshold


Threshold = Annotated[int | str, AfterValidator(_within_hundred)]
"""hawkBit keeps thresholds as text, and so does a scenario that rehearses a mistaken one."""


class HawkbitGroup(Options):
    """One group: its percentage of the sites that the groups before it have left over, and its own conditions."""

    percent: Annotated[float, Field(gt=0, le=100)]
    success_threshold: Threshold | None = None
    error_threshold: Threshold | None = None


class Status(IntEnum):
    """Of a group; the words are hawkBit's."""

    SCHEDULED = 0
    RUNNING = 1
    FINISHED = 2
    ERROR = 3


@dataclass(frozen=True)
class Rollout:
    """A rollout's groups, and the group after which it has paused as its success action."""

    status: tuple[Status, ...]
    paused_after: int = -1


class Hawkbit(Policy):
    """hawkBit's groups with thresholds; defaults are those of its rollout groups."""

    period_ns: ClassVar[int] = EVALUATION_NS

    kind: Literal["hawkbit"] = "hawkbit"
    number_of_groups: Annotated[int, Field(ge=1, le=500)] | None = None
    """Equal ones; 500 is hawkBit's quota. Or ``groups_of``: a slow start, for instance."""
    groups_of: Annotated[list[HawkbitGroup], Field(min_length=1, max_length=500)] | None = None
    success_threshold: Threshold = "50"
    error_threshold: Threshold = "50"
    success_action: Literal["next_group", "pause"] = "next_group"
    error_action: Literal["pause", "stop"] = "pause"
    """hawkBit pauses; ``stop`` is what its users ask for: begin nothing new and cancel what is under way."""

    def groups(self, sites: int) -> list[Group]:
        """Return the groups as hawkBit fills them."""
        if self.groups_of:
            sizes = shares_of_rest(sites, [group.percent for group in self.groups_of])
        else:
            sizes = equal_shares(sites, self.number_of_groups or 1)
        return [Group(f"group-{number + 1}", size) for number, size in enumerate(sizes)]

    def initial(self) -> Rollout:
        """Return that all groups are scheduled."""
        return Rollout((Status.SCHEDULED,) * (len(self.groups_of or ()) or self.number_of_groups or 1))

    def step(self, state: Rollout, seen: Seen) -> tuple[Rollout, Wanted]:
        """Evaluate the running groups once."""
        rollout, said, halt = state, list[Said](), None
        running = [group for group, status in enumerate(state.status) if status is Status.RUNNING]
        for group in running:
            if self._in_error(group, seen):
                halt = self._error(group, seen)
                rollout = _with(rollout, group, Status.ERROR)
                continue
            if self._has_succeeded(group, seen):
                rollout, wish = self._success_action(rollout, group, seen)
                halt = halt or wish
            if seen.tally.complete(group):
                said.append(Said("group_finished", group, self._count(group, seen)))
                rollout = _with(rollout, group, Status.FINISHED)
        if not running:
            rollout, halt = self._latest(rollout, seen)
        again = seen.time_ns + EVALUATION_NS if rollout != state else None
        return rollout, Wanted(_released(rollout, seen), again, tuple(said), halt)

    def next_group(self, state: Rollout, seen: Seen) -> tuple[Rollout, Wanted]:
        """Begin the next group, whatever the conditions say; the running ones run on."""
        begun = [group for group, status in enumerate(state.status) if status is not Status.SCHEDULED]
        rollout = _next_begun(state, begun[-1] if begun else -1, seen)
        return rollout, Wanted(_released(rollout, seen), seen.time_ns + EVALUATION_NS)

    def problems(self, sites: int) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield what leaves sites or groups over."""
        if (self.number_of_groups is None) == (self.groups_of is None):
            yield ("number_of_groups",), "expected either number_of_groups or groups_of"
            return
        sizes = [group.size for group in self.groups(sites)]
        if sum(sizes) < sites:
            yield ("groups_of",), f"the groups leave {sites - sum(sizes)} sites over; expected the last to take 100 %"
        if self.groups_of:
            for number, size in enumerate(sizes):
                if size == 0:
                    yield ("groups_of", number), f"no site is left for this group; the campaign has {sites}"
        elif self.number_of_groups and self.number_of_groups > sites:
            yield ("number_of_groups",), f"found {self.number_of_groups} groups for {sites} sites: some are empty"

    def warnings(self) -> Iterator[str]:
        """Yield thresholds that switch their condition off."""
        stated: list[tuple[str, str | int | None]] = [("success_threshold", self.success_threshold)]
        stated.append(("error_threshold", self.error_threshold))
        for number, group in enumerate(self.groups_of or ()):
            stated.append((f"groups_of[{number}].success_threshold", group.success_threshold))
            stated.append((f"groups_of[{number}].error_threshold", group.error_threshold))
        for name, threshold in stated:
            if threshold is not None and parsed(threshold) is None:
                yield f"{name} {threshold!r} is no whole number: hawkBit takes its condition as never true"

    def _in_error(self, group: int, seen: Seen) -> bool:
        own = self.groups_of[group].error_threshold if self.groups_of else None
        threshold = self.error_threshold if own is None else own
        return error_condition(seen.tally.of(group, *ERRORS), seen.tally.total(group), threshold)

    def _has_succeeded(self, group: int, seen: Seen) -> bool:
        own = self.groups_of[group].success_threshold if self.groups_of else None
        threshold = self.success_threshold if own is None else own
        return success_condition(seen.tally.of(group, Outcome.FINISHED), seen.tally.total(group), threshold)

    def _error(self, group: int, seen: Seen) -> Halt:
        errors, total = seen.tally.of(group, *ERRORS), seen.tally.total(group)
        return Halt(self.error_action, group, f"{errors} of {total} sites of group-{group + 1} failed")

    def _count(self, group: int, seen: Seen) -> str:
        finished, total = seen.tally.of(group, Outcome.FINISHED), seen.tally.total(group)
        return f"all of group-{group + 1} have ended, {finished} of {total} with success"

    def _latest(self, rollout: Rollout, seen: Seen) -> tuple[Rollout, Halt | None]:
        """Run the success action of the latest group, for none runs; or begin the first."""
        begun = [group for group, status in enumerate(rollout.status) if status is not Status.SCHEDULED]
        if not begun:
            return _with(rollout, 0, Status.RUNNING), None
        return self._success_action(rollout, begun[-1], seen)

    def _success_action(self, rollout: Rollout, group: int, seen: Seen) -> tuple[Rollout, Halt | None]:
        last = group + 1 == len(rollout.status) or rollout.status[group + 1] is not Status.SCHEDULED
        if self.success_action == "pause" and not last and rollout.paused_after < group:
            halt = Halt("pause", group, f"group-{group + 1} has succeeded, and the next waits for an operator")
            return replace(rollout, paused_after=group), halt
        return _next_begun(rollout, group, seen), None


def _with(rollout: Rollout, group: int, status: Status) -> Rollout:
    return replace(rollout, status=(*rollout.status[:group], status, *rollout.status[group + 1 :]))


def _next_begun(rollout: Rollout, group: int, seen: Seen) -> Rollout:
    """Begin the group after ``group``; groups with nothing to do have ended before they begin."""
    for following in range(group + 1, len(rollout.status)):
        if rollout.status[following] is not Status.SCHEDULED:
            return rollout
        if seen.tally.of(following, Outcome.HELD):
            return _with(rollout, following, Status.RUNNING)
        rollout = _with(rollout, following, Status.FINISHED)
    return rollout


def _released(rollout: Rollout, seen: Seen) -> int:
    begun = [group for group, status in enumerate(rollout.status) if status is not Status.SCHEDULED]
    return max(seen.released, seen.edges[begun[-1] + 1]) if begun else seen.released
