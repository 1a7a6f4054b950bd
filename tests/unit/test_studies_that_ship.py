"""The studies in ``scenarios/studies/`` are as large as their heads say, and every level of every factor can be run."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from twin.bms.firmware.pack_controller import PackController
from twin.bms.firmware.python_firmware import firmware_class
from twin.scenario import load
from twin.scenario.architecture import architecture_of
from twin.sweep.points import points_of
from twin.sweep.study.load import load_study

STUDIES = Path(__file__).resolve().parents[2] / "scenarios" / "studies"
FILES = sorted(STUDIES.glob("*.yaml"))
REDUCED = [path for path in FILES if "The reduced form" in path.read_text()]


def _points(path: Path, overrides: tuple[str, ...] = ()) -> int:
    loaded = load_study(path, overrides)
    return loaded.study.design.count(loaded.space) * loaded.study.replications


def _commands(path: Path) -> list[list[str]]:
    """Return the arguments of each ``twin sweep`` of a head; the last one is the reduced form."""
    return [shlex.split(told) for told in re.findall(r"^#     twin sweep (.*)$", path.read_text(), re.M)]


def _changes(command: list[str]) -> tuple[str, ...]:
    return tuple(value for option, value in pairwise(command) if option == "--set")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_head_says_how_many_points(path: Path) -> None:
    said = re.search(r"^# Run time: (\d+) points", path.read_text(), re.M)
    assert said, "the head's run time does not begin with the number of points"
    assert _points(path) == int(said[1])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_commands_of_the_head_are_right(path: Path) -> None:
    commands = _commands(path)
    assert commands
    for command in commands:
        assert STUDIES.parent / f"{command[0]}.yaml" == path
        assert 1 < _points(path, _changes(command)) <= _points(path)


@pytest.mark.parametrize("path", REDUCED, ids=lambda path: path.stem)
def test_what_the_head_found_rests_on_the_reduced_form(path: Path) -> None:
    said = re.search(r"the (\d+) rows of the reduced form", path.read_text())
    assert said, "the head does not say on how many rows its findings rest"
    loaded = load_study(path, _changes(_commands(path)[-1]))
    assert len(loaded.study.design.next(loaded.space, [])) == int(said[1])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_level_can_be_run(path: Path) -> None:
    loaded = load_study(path, ["design={kind: one_at_a_time, steps: 2}", "replications=1"])
    rows = loaded.study.design.next(loaded.space, [])
    prepared = points_of(loaded, rows)
    assert len({one.content.id for one in prepared}) == len(rows), "levels that change nothing"


@pytest.mark.parametrize("path", sorted((STUDIES / "firmware").glob("*.py")), ids=lambda path: path.stem)
def test_so_many_homes_fail(path: Path) -> None:
    scenario = load(STUDIES / "bases" / "rollout.yaml")
    firmware = firmware_class(path)(scenario.bms, architecture_of(scenario).site)
    assert isinstance(firmware, PackController)
    phases_ns = np.arange(100, dtype=np.int64) * 10_000_000
    state = firmware.initial(100, {"soc": np.full(100, 0.5)})
    state = replace(state, decided=replace(state.decided, begun_ns=5_000_000_000 + phases_ns))
    said = re.search(r"\d+", path.stem)
    assert said
    assert np.count_nonzero(~firmware.healthy(state)) == int(said[0])
