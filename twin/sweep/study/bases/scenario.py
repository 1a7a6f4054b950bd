"""A scenario as the base of a study."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from twin.analysis.golden_rules import CHECKS
from twin.analysis.judgement import all_metrics
from twin.errors import InputError, Problem
from twin.scenario import Scenario, files
from twin.scenario.document import Document, Place, read
from twin.scenario.load import checked, located, validated
from twin.scenario.overrides import apply, change
from twin.scenario.size import size_of
from twin.sweep.study.base import FROM_POINT, Base, Change, Content, Inputs, id_of
from twin.sweep.study.factor import spelled

LABELS = ("name", "description")
"""Fields that change nothing in a result."""


class ScenarioBase(Base):
    """A scenario's file, or one that ships."""

    suffixes = (".yaml", ".yml", ".json", "")

    def __init__(self, path: Path, overrides: Sequence[str]) -> None:
        path = located(path)
        self._document, self._folder, self._inputs = read(path), path.parent, Inputs()
        self._scenario = checked(self._document, path.parent, apply(self._document, overrides))
        self.seed = self._scenario.seed

    def content(self, changes: Sequence[Change], seed: int, inputs: str = FROM_POINT) -> Content:
        """Return the scenario with these changes, every default written out, and the files that it names."""
        document, problems = self._changed([*changes, ("seed", seed)])
        names = [name for _, name in files.named(document.data) if not Path(name).is_absolute()]
        content = self._content(checked(document, self._folder, problems), inputs)
        return replace(content, named={name: self._folder / name for name in names}) if names else content

    def mistakes(self, changes: Sequence[Change]) -> tuple[Problem, ...]:
        """Return paths that no scenario has, and values that they never have."""
        document, problems = self._changed(changes)
        own = {spelled(*one) for one in changes}
        wrong = [problem for problem in (*problems, *validated(document)[1]) if problem.file in own]
        seeds = (spelled(*one) for one in changes if one[0] == "seed")
        return (*wrong, *(Problem("replications set it", text, None, "seed") for text in seeds))

    def metrics(self) -> Collection[str]:
        """Return the metrics of runs, and the golden rules, which are 1 where they are kept."""
        return [*all_metrics(), *(f"rule_{rule}" for rule in CHECKS)]

    def kept(self) -> tuple[Content, Mapping[str, Any]]:
        """Return the scenario with the study's own changes in it."""
        return self._content(self._scenario, "inputs"), {"base": "base.json", "set": []}

    def _changed(self, changes: Sequence[Change]) -> tuple[Document, list[Problem]]:
        document = replace(self._document, places=dict(self._document.places))
        problems: list[Problem] = []
        for path, value in changes:
            try:
                change(document, path, value, Place(spelled(path, value)))
            except InputError as error:
                problems += error.problems
        return document, problems

    def _content(self, scenario: Scenario, inputs: str) -> Content:
        sources: dict[str, Path] = {}

        def renamed(name: str) -> str:
            path = Path(name)
            ports = path.with_suffix(".ports.yaml")
            beside = (ports,) if path.suffix.lower() == ".fmu" and ports.is_file() else ()
            new = self._inputs.name(path, *beside)
            sources[new] = path
            sources.update({Path(new).with_suffix(".ports.yaml").name: one for one in beside})
            return f"{inputs}/{new}"

        data = files.renamed(scenario.model_dump(mode="json"), renamed)
        told = {key: value for key, value in data.items() if key not in LABELS}
        contents = {name: self._inputs.hash(path) for name, path in sources.items()}
        return Content("scenario.json", f"{json.dumps(data)}\n", sources, id_of([told, contents]), size_of(scenario))
