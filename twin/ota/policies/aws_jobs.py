"""Jobs as AWS IoT runs them: so many things a minute, faster as it goes well, aborted when too many fail.

From the developer guide and API reference of AWS IoT (ExponentialRolloutRate, AbortCriteria, TimeoutConfig):

- With a base rate of 50 a minute, a factor of 2 and an increase at 1000 notified things, rates are 50, 100, 200 and 400
  a minute from minutes 0, 20, 30 and 35: another 1000 raise it again. One that is no whole number is rounded down.
- A thing counts as executed when it has been notified of its execution. The job is aborted once so many have been, and
  the failures of a type are at least the stated percentage of them.
- An abort cancels what is queued; executions in progress go on.
- An execution that is longer in progress than the timeout ends as TIMED_OUT.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from twin.options import Options
from twin.ota.campaign.groups import Group
from twin.ota.campaign.outcomes import ERRORS, Outcome
from twin.ota.policies.policy import Halt, Policy, Said, Seen, Wanted

MINUTE_NS = 60_000_000_000
PerMinute = Annotated[int, Field(ge=1, le=1000)]
FailureType = Literal["FAILED", "REJECTED", "TIMED_OUT", "ALL"]


class ExponentialRate(Options):
    """A rate that grows by a factor with every so many things that were notified, or have succeeded."""

    base_rate_per_minute: PerMinute
    increment_factor: Annotated[float, Field(ge=1.1, le=5)]
    number_of_notified_things: Annotated[int, Field(ge=1)] | None = None
    number_of_succeeded_things: Annotated[int, Field(ge=1)] | None = None

    @field_validator("increment_factor")
    @classmethod
    def _one_decimal(cls, factor: float) -> float:
        if Fraction(str(factor)) * 10 % 1:
            raise ValueError(f"found {factor:g}; AWS takes one digit after the decimal point")
        return factor

    @model_validator(mode="after")
    def _one_criterion(self) -> ExponentialRate:
        if (self.number_of_notified_things is None) == (self.number_of_succeeded_things is None):
            raise ValueError("expected either number_of_notified_things or number_of_succeeded_things")
        return self

    @property
    def step(self) -> int:
        """How many things make the rate grow once."""
        return self.number_of_notified_things or self.number_of_succeeded_things or 0

    def rate(self, increases: int) -> int:
        """Return the things a minute after so many increases."""
        return (self.base_rate_per_minute * Fraction(str(self.increment_factor)) ** increases).__floor__()


class AbortCriterion(Options):
    """When to abort: a percentage of executed things that came to a bad end, once enough have been executed."""

    failure_type: FailureType = "ALL"
    threshold_percentage: Annotated[float, Field(gt=0, le=100)]
    min_number_of_executed_things: Annotated[int, Field(ge=1)] = 1


@dataclass(frozen=True)
class Batches:
    """When the next batch goes out, and how large the last one was allowed to be."""

    due_ns: int = 0
    rate: int = 0


class AwsJobs(Policy):
    """An AWS IoT job with a constant or exponential rate and abort criteria."""

    kind: Literal["aws_jobs"] = "aws_jobs"
    maximum_per_minute: PerMinute = 1000
    exponential_rate: ExponentialRate | None = None
    """None: ``maximum_per_minute`` from the start."""
    abort: Annotated[list[AbortCriterion], Field(default_factory=list)]
    in_progress_timeout_min: Annotated[int, Field(ge=1, le=10_080)] | None = None

    @model_validator(mode="after")
    def _base_below_maximum(self) -> AwsJobs:
        rate = self.exponential_rate
        if rate is not None and rate.base_rate_per_minute > self.maximum_per_minute:
            found = f"base_rate_per_minute is {rate.base_rate_per_minute}"
            raise ValueError(f"{found}, above maximum_per_minute, {self.maximum_per_minute}")
        return self

    @property
    def by_the_clock(self) -> bool:
        """Whether the rates hang on no result."""
        rate = self.exponential_rate
        return not self.abort and (rate is None or rate.number_of_notified_things is not None)

    @property
    def timeout_ns(self) -> int | None:
        """How long an execution may be in progress."""
        return None if self.in_progress_timeout_min is None else self.in_progress_timeout_min * MINUTE_NS

    def groups(self, sites: int) -> list[Group]:
        """Return a group for each rate, as it is where things that were notified raise it and all goes well."""
        rate = self.exponential_rate
        if rate is None:
            return [Group(f"{self.maximum_per_minute} a minute", sites)]
        found: list[Group] = []
        left = sites
        while left and rate.rate(len(found)) < self.maximum_per_minute:
            found.append(Group(f"{rate.rate(len(found))} a minute", min(rate.step, left)))
            left -= found[-1].size
        return [*found, Group(f"{self.maximum_per_minute} a minute", left)] if left or not found else found

    def initial(self) -> Batches:
        """Return that the first batch is due."""
        return Batches()

    def step(self, state: Batches, seen: Seen) -> tuple[Batches, Wanted]:
        """Abort, or notify the next batch when its minute has come."""
        if halt := self._abort(seen):
            return state, Wanted(seen.released, halt=halt)
        if seen.time_ns < state.due_ns or seen.released == seen.edges[-1]:
            return state, Wanted(seen.released, state.due_ns if seen.released < seen.edges[-1] else None)
        rate = self._rate(seen)
        said = (Said("rate", -1, f"{rate} sites a minute"),) if rate != state.rate else ()
        released = min(seen.edges[-1], seen.released + rate)
        due_ns = seen.time_ns + MINUTE_NS
        return Batches(due_ns, rate), Wanted(released, due_ns if released < seen.edges[-1] else None, said)

    def _rate(self, seen: Seen) -> int:
        """Return how many things are to be notified in this minute."""
        rate = self.exponential_rate
        if rate is None:
            return self.maximum_per_minute
        counted = seen.released if rate.number_of_notified_things else seen.tally.fleet(Outcome.FINISHED)
        increases = 0
        while increases < counted // rate.step and rate.rate(increases) < self.maximum_per_minute:
            increases += 1
        return min(self.maximum_per_minute, rate.rate(increases))

    def _abort(self, seen: Seen) -> Halt | None:
        """Return the abort of the first criterion that is met."""
        executed = seen.released
        for criterion in self.abort:
            kinds = ERRORS if criterion.failure_type == "ALL" else (Outcome[criterion.failure_type],)
            failures = seen.tally.fleet(*kinds)
            enough = executed >= criterion.min_number_of_executed_things
            if enough and 100 * failures >= Fraction(str(criterion.threshold_percentage)) * executed:
                text = f"{failures} of {executed} executions ended as {criterion.failure_type}"
                return Halt("stop", -1, text, queued_only=True)
        return None

    def problems(self, sites: int) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield criteria that can never be met."""
        for number, criterion in enumerate(self.abort):
            least = criterion.min_number_of_executed_things
            if least > sites:
                path = ("abort", number, "min_number_of_executed_things")
                yield path, f"found {least}; the campaign has {sites} sites, so it can never abort"
            if criterion.failure_type == "TIMED_OUT" and self.in_progress_timeout_min is None:
                yield ("abort", number, "failure_type"), "nothing times out without in_progress_timeout_min"
