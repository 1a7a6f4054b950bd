"""The table of a study: a line a point, types that files hold, units, opened by what engineers use."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
import xarray as xr

from tests.worlds.study_folders import study_folder
from twin.errors import InputError
from twin.sweep.folder import StudyFolder
from twin.sweep.results.table import lacking_responses, save_table, table_of, title_of, unit_of, write_table
from twin.sweep.study.columns import FIXED
from twin.sweep.study.study import Response

STUDY: dict[str, Any] = {
    "factors": {
        "modules": {"kind": "values", "values": [4, 8, 16]},
        "gain": {"kind": "values", "values": [0.5, 1]},
        "quick": {"kind": "values", "values": [True, False]},
        "policy": {"kind": "values", "values": ["phased", None]},
    },
    "design": {"kind": "grid"},
    "replications": 2,
    "responses": {
        "time_to_isolate": {"objective": "minimize"},
        "slowest": {"metric": "time_to_isolate", "statistic": "p95"},
        "unserved_energy": {},
        "rule_speed": {},
    },
    "constraints": ["modules * gain <= 8", "time_to_isolate <= 40"],
}


def _respond(factors: Mapping[str, Any], seed: int) -> dict[str, float]:
    if factors["modules"] == 16 and factors["policy"] is None:
        raise ValueError("diverged")
    return {"time_to_isolate": 3.0 * factors["modules"] + factors["gain"] + seed, "rule_speed": 1.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    made = study_folder(tmp_path_factory.mktemp("study") / "studied", STUDY, _respond)
    first = made.design()[0]
    (made.of(first.id) / "done.json").unlink()
    write_table(made)
    return made


@pytest.fixture(scope="module")
def table(folder: StudyFolder) -> pd.DataFrame:
    return table_of(folder)


def test_a_line_a_point_in_the_order_of_the_design(folder: StudyFolder, table: pd.DataFrame) -> None:
    points = folder.design()
    assert list(table["id"]) == [point.id for point in points]
    assert list(table["row"]) == [point.row for point in points] == sorted(table["row"])
    assert list(table["seed"][:4]) == [0, 1, 0, 1]


def test_a_response_that_no_point_has_is_named(folder: StudyFolder) -> None:
    assert lacking_responses(folder, folder.path / "table.parquet") == ("slowest", "unserved_energy")


def test_columns_and_their_order(table: pd.DataFrame) -> None:
    assert list(table.columns[:4]) == ["row", "replication", "seed", "id"]
    assert list(table.columns[4:12]) == [*STUDY["factors"], *STUDY["responses"]]
    assert set(table.columns) - FIXED == {*STUDY["factors"], *STUDY["responses"]}


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("modules", "int64"),
        ("gain", "float64"),
        ("quick", "bool"),
        ("policy", "str"),
        ("time_to_isolate", "float64"),
        ("feasible", "bool"),
    ],
)
def test_a_column_has_one_type(table: pd.DataFrame, column: str, kind: str) -> None:
    assert str(table[column].dtype) == kind


def test_nothing_is_spelled_null_in_text(table: pd.DataFrame) -> None:
    assert set(table["policy"]) == {"phased", "null"}


def test_open_failed_and_done(table: pd.DataFrame) -> None:
    assert table["status"][0] == "open"
    assert table["attempts"][0] == 0
    assert math.isnan(table["seconds"][0])
    failed = table[(table["modules"] == 16) & (table["policy"] == "null")]
    assert set(failed["status"]) == {"failed"}
    assert set(failed["error"]) == {"diverged"}
    assert failed["time_to_isolate"].isna().all()
    assert (table["status"] == "done").sum() == len(table) - 1 - len(failed)


def test_feasible_is_what_keeps_every_constraint(table: pd.DataFrame) -> None:
    kept = (table["modules"] * table["gain"] <= 8) & (table["time_to_isolate"] <= 40) & (table["status"] == "done")
    assert list(table["feasible"]) == list(kept)
    assert 0 < kept.sum() < len(table)


def test_what_no_point_gave_is_not_a_number(table: pd.DataFrame) -> None:
    assert table["slowest"].isna().all()  # the points tell means only
    assert table["unserved_energy"].isna().all()


def test_parquet_opens_in_pandas(folder: StudyFolder, table: pd.DataFrame) -> None:
    found = pd.read_parquet(folder.path / "table.parquet")
    pd.testing.assert_frame_equal(found, table)
    assert found.attrs["units"]["time_to_isolate"] == "s"


def test_parquet_opens_in_polars(folder: StudyFolder, table: pd.DataFrame) -> None:
    found = pl.read_parquet(folder.path / "table.parquet")
    assert found.columns == list(table.columns)
    assert found.filter(pl.col("feasible")).height == table["feasible"].sum()


def test_netcdf_opens_in_xarray(folder: StudyFolder, table: pd.DataFrame) -> None:
    with xr.open_dataset(folder.path / "table.h5", engine="h5netcdf") as found:
        assert found.sizes == {"point": len(table)}
        assert list(found["policy"].values) == list(table["policy"])
        np.testing.assert_array_equal(found["time_to_isolate"].values, table["time_to_isolate"])
        assert found["feasible"].dtype == bool


@pytest.mark.parametrize(
    ("column", "unit", "title"),
    [
        ("time_to_isolate", "s", "Time to isolate"),
        ("slowest", "s", "Time to isolate, 95th percentile"),
        ("unserved_energy", "kWh", "Energy not served"),
        ("rule_speed", "1", "Rule kept: speed"),
        ("memory_MB", "MB", "peak of the process's resident memory"),
    ],
)
def test_columns_tell_their_units(folder: StudyFolder, column: str, unit: str, title: str) -> None:
    field = pq.read_schema(folder.path / "table.parquet").field(column)
    assert field.metadata == {b"units": unit.encode(), b"long_name": title.encode()}
    with xr.open_dataset(folder.path / "table.h5", engine="h5netcdf") as found:
        assert found[column].attrs == {"units": unit, "long_name": title}


def test_another_kind_of_file_is_refused(table: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected one of \.parquet, \.h5"):
        save_table(table, tmp_path / "table.xlsx")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_missing_is_told(table: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write the table"):
        save_table(table, tmp_path / "nowhere" / "table.csv")


def test_csv_for_spreadsheets(table: pd.DataFrame, tmp_path: Path) -> None:
    found = pd.read_csv(save_table(table, tmp_path / "table.csv"), keep_default_na=False)
    assert list(found["policy"]) == list(table["policy"])


def test_a_folder_without_a_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"study\.yaml"):
        table_of(StudyFolder(tmp_path))


def test_values_too_large_for_int64_do_not_stop_the_table(tmp_path: Path) -> None:
    study = {
        "factors": {"far": {"kind": "values", "values": [2**70, 1]}},
        "design": {"kind": "grid"},
        "responses": {"y": {}},
    }
    found = table_of(study_folder(tmp_path / "far", study, lambda factors, seed: {"y": 1.0}))
    assert list(found["far"]) == [float(2**70), 1.0]


def test_memory_is_bounded_by_the_table(tmp_path: Path) -> None:
    study = {
        "factors": {"x": {"kind": "values", "values": list(range(400))}},
        "design": {"kind": "grid"},
        "responses": {"y": {}},
    }
    made = study_folder(tmp_path / "many", study, lambda factors, seed: dict.fromkeys(["y", *_names(300)], 1.0))
    size = sum(file.stat().st_size for file in made.path.rglob("done.json"))
    tracemalloc.start()
    table_of(made)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < size / 4, "what is not asked of a point must not stay in memory"


def _names(count: int) -> list[str]:
    return [f"metric_{place:03d}" for place in range(count)]


def test_a_broken_result_names_its_file(tmp_path: Path) -> None:
    made = study_folder(tmp_path / "broken", {**STUDY, "replications": 1}, _respond)
    file = made.of(made.design()[0].id) / "done.json"
    file.write_text(json.dumps({"state": "done"}))
    with pytest.raises(InputError, match=r"done\.json"):
        table_of(made)


@pytest.mark.parametrize(
    ("name", "title", "unit"),
    [
        ("price_EUR", "Price", "EUR"),
        ("bought_kWh", "Bought", "kWh"),
        ("bitrate_bit_s", "Bitrate", "bit/s"),
        ("grid_share", "Grid share", ""),
        ("rule_telemetry_share", "Rule kept: telemetry share", "1"),
        ("y", "y", ""),
        ("A", "A", ""),
    ],
)
def test_names_of_a_function_tell_titles_and_units(name: str, title: str, unit: str) -> None:
    assert (title_of(name, Response()), unit_of(name, Response())) == (title, unit)
