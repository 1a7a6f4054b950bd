"""The tables of a rollout on disk: units, words for numbers, readable without our code."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.worlds.rollouts import attacked, fleet_rollout
from twin.analysis.view import RunView
from twin.ota.causes import Cause
from twin.ota.states import UpdateState
from twin.record.rollout import CAUSES, STATES, TABLES, rollout_table

PROJECT = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())
SUFFIXES = PROJECT["tool"]["twin"]["suffixes"]
OUTAGE: dict[str, list[Any]] = {"site_id": [3], "begin_s": [60.0], "end_s": [np.inf]}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fleet_rollout(40, hours=6.0).write(tmp_path_factory.mktemp("rollout") / "run") / "run.h5"


@pytest.mark.parametrize("name", TABLES)
def test_columns_say_what_they_are(name: str) -> None:
    for column, facts in TABLES[name].columns.items():
        assert facts.long_name, column
        if facts.unit == "s":
            assert column.endswith("_s"), column
        if facts.unit == "1":
            assert not any(column.endswith(f"_{suffix}") for suffix in SUFFIXES), column


def test_rows_have_dimensions_of_their_own() -> None:
    rows = [facts.row for facts in TABLES.values()]
    assert len(set(rows)) == len(rows)
    assert not {"site", "slot", "cell", "time"} & set(rows)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"end_s": None}, "missing or unknown: .*end_s"),
        ({"reason": ["x"]}, "missing or unknown: .*reason"),
        ({"end_s": [1.0, 2.0]}, "different lengths"),
    ],
    ids=["missing", "unknown", "too long"],
)
def test_a_wrong_table_is_refused(change: dict[str, list[Any] | None], why: str) -> None:
    columns = {name: values for name, values in {**OUTAGE, **change}.items() if values is not None}
    with pytest.raises(ValueError, match=why):
        rollout_table("ota_outages", columns)


def test_the_file_says_what_its_numbers_mean(file: Path) -> None:
    with h5py.File(file) as run:
        state = run["ota_transitions/state"]
        words = dict(zip(state.attrs["flag_meanings"].split(), state.attrs["flag_values"].tolist(), strict=True))
        assert words == {one.name.lower(): int(one) for one in UpdateState} == STATES
        cause = run["ota_transitions/cause"]
        assert cause.attrs["flag_meanings"].split() == [one.name.lower() for one in Cause] == list(CAUSES)
        assert run["ota_transfers/bytes"].attrs["units"] == "byte"
        assert run["ota_versions/version"].asstr()[0] == "2.3.0"
        assert state.dims[0].keys() == ["ota_transition"]
        assert "coordinates" not in state.attrs


def test_tables_are_read_as_they_were_written(tmp_path: Path) -> None:
    view = RunView(attacked().write(tmp_path / "run"))
    assert view.rollout is not None
    found = view.rollout.table("ota_attacks")
    wanted = attacked().tables["ota_attacks"]
    assert list(found[list(TABLES["ota_attacks"].columns)].itertuples(index=False, name=None)) == wanted
