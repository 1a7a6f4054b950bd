"""The scenario of a run as its folder keeps it: every default written out, every file beside it."""

from __future__ import annotations

import io
from pathlib import Path

from ruamel.yaml import YAML

from twin.scenario import files
from twin.scenario.models import Scenario


def resolved(scenario: Scenario) -> str:
    """Return YAML text that reproduces the run from a folder that also holds ``companions(scenario)``."""
    data, _ = files.companions(scenario.model_dump(mode="json"))
    yaml = YAML(pure=True)
    yaml.width = 120
    text = io.StringIO()
    yaml.dump(data, text)
    return text.getvalue()


def companions(scenario: Scenario) -> dict[str, Path]:
    """Return the files to copy beside the resolved scenario: their names there, and where they come from."""
    return files.companions(scenario.model_dump(mode="json"))[1]
