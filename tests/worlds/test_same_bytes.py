"""The gallery of faults, byte by byte the same with one process or two, one thread or two, in every architecture."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.worlds.run_files import datasets, differing
from twin.cli.execute import execute
from twin.scenario import Scenario, load
from twin.scenario.architecture import architecture_of

FAULTS = {"hybrid": 43, "distributed": 42, "centralized": 40}
"""Of the gallery's 43; a wire, or a controller, that an architecture has not cannot fail."""


def _gallery(architecture: str, *overrides: str) -> Scenario:
    """Return the gallery without the faults of nodes that the architecture has not, for half a minute of faults."""
    scenario = load("fault_gallery", (f"bms.architecture={architecture}", "duration_s=90", *overrides))
    nodes = {ecu.node for ecu in architecture_of(scenario).ecus()}
    faults = [fault for fault in scenario.faults if getattr(fault, "node", None) in (None, *nodes)]
    return scenario.model_copy(update={"faults": faults})


@pytest.mark.parametrize("architecture", FAULTS)
def test_shards_and_threads_change_no_byte(architecture: str, tmp_path: Path) -> None:
    scenario = _gallery(architecture)
    assert len(scenario.faults) == FAULTS[architecture]
    execute(scenario, tmp_path / "one", quiet=True, shards=1)
    two = _gallery(architecture, "plant.threads=2", "bus.threads=2")
    execute(two, tmp_path / "two", quiet=True, shards=2)
    one = datasets(tmp_path / "one")
    assert len(one["truth/kind"]) == len(scenario.faults)
    assert differing(one, datasets(tmp_path / "two")) == []
