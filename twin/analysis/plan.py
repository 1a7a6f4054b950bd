"""The plan of a comparison: cases, each a scenario, and the variants in which each of them is run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from twin.analysis.judgement import all_metrics
from twin.errors import InputError, Problem, attempt
from twin.options import Options
from twin.scenario import Scenario, load
from twin.scenario.complaints import complaints, found, suggestion
from twin.scenario.document import Document, KeyPath, read
from twin.scenario.kinds import PLAN, expect

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=60)]
Weight = Annotated[float, Field(ge=0)]


class CaseOptions(Options):
    """One thing that is tried on every variant."""

    name: Name
    """Of its folder."""
    title: Annotated[str, Field(min_length=1, max_length=120)]
    scenario: str
    """A file, relative to the plan's, or the name of a scenario that ships."""
    set: tuple[str, ...] = ()
    """Changes of the scenario, as for ``twin run --set``: ``fleet.sites=3``."""
    quick: tuple[str, ...] = ()
    """Further changes for the short form."""
    weight: Weight = 1.0
    """In the overall ranking, beside the other cases."""
    weights: Mapping[str, Weight] = {}
    """Of metrics within the case; without any, the groups of metrics count alike."""
    matters: str = ""
    """The metric that matters most here; what the scenario's use case says, unless given."""
    because: str = ""
    """Why it does."""


class PlanOptions(Options):
    """What a file such as compare_architectures.yaml says."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: str = ""
    variants: Annotated[Mapping[Name, tuple[str, ...]], Field(min_length=2)]
    """What is compared: changes of the scenarios by name."""
    set: tuple[str, ...] = ()
    """Changes of all scenarios, before those of case and variant."""
    cases: Annotated[list[CaseOptions], Field(min_length=1)]


@dataclass(frozen=True, eq=False)
class Planned:
    """One run of a plan."""

    case: CaseOptions
    variant: str
    source: Path
    """The scenario's file, or the name of one that ships."""
    overrides: tuple[str, ...]
    scenario: Scenario
    """What comes of both."""

    @property
    def folder(self) -> Path:
        """Where it is, within the folder of the comparison."""
        return Path("runs") / self.case.name / self.variant


@dataclass(frozen=True, eq=False)
class Plan:
    """A plan with the scenarios of all its runs."""

    options: PlanOptions
    runs: tuple[Planned, ...]


def load_plan(path: Path, *, quick: bool = False) -> Plan:
    """Return the plan in a file, in its short form where so asked. Raises InputError with every mistake in it."""
    document = read(path)
    expect(PLAN, document)
    options = _options(document)
    problems = list(_mistakes(options, document))
    runs = []
    for case in options.cases:
        for variant, changes in options.variants.items():
            source = _located(path, case.scenario)
            overrides = (*options.set, *case.set, *(case.quick if quick else ()), *changes)
            if scenario := attempt(problems, partial(load, source, overrides)):
                runs.append(Planned(case, variant, source, overrides, scenario))
    if problems:
        raise InputError(dict.fromkeys(problems))
    return Plan(options, tuple(runs))


def _options(document: Document) -> PlanOptions:
    if not isinstance(document.data, dict):
        raise InputError(document.problem((), f"found {found(document.data)}; expected a mapping of keys"))
    try:
        return PlanOptions.model_validate_json(json.dumps(document.data), strict=True)
    except ValidationError as error:
        raise InputError(complaints(PlanOptions, document, error.errors(include_url=False))) from None


def _mistakes(options: PlanOptions, document: Document) -> Iterator[Problem]:
    """Yield metrics that do not exist, and cases of one name."""
    seen: set[str] = set()
    for place, case in enumerate(options.cases):
        above: KeyPath = ("cases", place)
        named = [((*above, "weights", name), name) for name in case.weights]
        named += [((*above, "matters"), case.matters)] if case.matters else []
        for path, name in named:
            if name not in all_metrics():
                yield document.problem(path, f"there is no metric {name}", suggestion(name, list(all_metrics())))
        if case.name in seen:
            yield document.problem((*above, "name"), f"found {case.name!r} again; expected another name for each case")
        seen.add(case.name)


def _located(plan: Path, scenario: str) -> Path:
    """Return a scenario's file beside the plan, or its bare name where there is none: it may ship."""
    beside = plan.parent / scenario
    return beside if beside.is_file() else Path(scenario)
