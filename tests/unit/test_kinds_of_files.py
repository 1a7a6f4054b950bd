"""A file that is given to the command for another kind is called what it is, and nothing else is said of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from twin import resources
from twin.analysis.plan import load_plan
from twin.errors import InputError
from twin.scenario import load
from twin.sweep.study.load import load_study

SHIPPED = {
    "a scenario": ("home_fleet.yaml", "twin run runs scenarios"),
    "a study": ("studies/rollouts.yaml", "twin sweep runs studies"),
    "a plan of a comparison": ("compare_architectures.yaml", "twin compare runs plans"),
}
LOADERS: dict[str, Callable[[Path], object]] = {
    "a scenario": load,
    "a study": load_study,
    "a plan of a comparison": load_plan,
}


@pytest.mark.parametrize("meant", LOADERS)
@pytest.mark.parametrize("given", SHIPPED)
def test_a_file_of_another_kind(given: str, meant: str) -> None:
    name, command = SHIPPED[given]
    path = resources.folder("scenarios") / name
    if given == meant:
        LOADERS[meant](path)
        return
    with pytest.raises(InputError) as error:
        LOADERS[meant](path)
    assert [str(one) for one in error.value.problems] == [f"{path}: is {given}; expected {meant} ({command})"]


def test_a_file_of_no_clear_kind_has_its_mistakes_listed(tmp_path: Path) -> None:
    path = tmp_path / "unfinished.yaml"
    path.write_text("name: x\nbase: home.yaml\n")
    with pytest.raises(InputError) as error:
        load(path)
    assert len(error.value.problems) > 1
