"""A run through the writer, the file and the readers that an engineer may use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import numpy as np
import pytest
import xarray as xr

import twin
from tests.worlds.runs import HOT_CELL, START, World, open_writer, rows, write_run
from tests.worlds.signals import SIGNALS
from twin.errors import InputError
from twin.record.options import Record
from twin.record.schema import Signal
from twin.record.writer import RunWriter

SMALL = World(sites=3, slots=2, cells=4, duration_s=1500.0, period_s=1.0)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("record") / "run", SMALL)


def test_values_come_back_within_half_a_step(run: Path) -> None:
    tree = twin.open_run(run)
    expected = list(rows(SMALL))
    for signal in SIGNALS:
        values = np.stack([np.asarray(row[signal.name], float) for row in expected], axis=-1)
        rounding = np.spacing(np.abs(values).max().astype(np.float32))
        assert np.abs(tree[signal.name].values - values).max() <= signal.step / 2 + rounding, signal.name


def test_xarray_sees_named_axes_units_and_instants(run: Path) -> None:
    with xr.open_dataset(run / "run.h5", engine="h5netcdf") as dataset:
        voltage = dataset["cell_voltage_V"]
        assert voltage.dims == ("site", "slot", "cell", "time")
        assert voltage.attrs["units"] == "V"
        assert dataset["power_W"].attrs["sign_convention"] == "positive: the battery discharges"
        assert dataset["level"].attrs["flag_meanings"] == "unknown ok info warning fatal"
        assert list(dataset["site"].values) == [100, 101, 102]
        assert list(dataset["module"].values) == [0, 1]
        assert dataset["time"].values[0] == np.datetime64("2026-06-20T22:00:01", "ns")
        assert dataset["time_s"].values[-1] == SMALL.duration_s


def test_h5py_sees_scales_and_steps(run: Path) -> None:
    with h5py.File(run / "run.h5") as file:
        dataset = file["cell_voltage_V"]
        assert [dimension[0].name for dimension in dataset.dims] == ["/site", "/slot", "/cell", "/time"]
        assert dataset.attrs["quantisation_step"] == 2.0**-14
        assert dataset.compression == "gzip"
        assert dataset.shuffle
        assert file["module_state"].dtype == np.int8
        assert list(file["module_state"].attrs["flag_values"]) == [-1, 0, 1, 2]
        assert h5py.check_string_dtype(file["events/message"].dtype).length is not None
        assert file.attrs["start"] == START
        assert file["provenance/hashes"].attrs["scenario"] == "0" * 64


def test_time_is_as_long_as_the_run_for_every_reader(run: Path) -> None:
    """An unlimited dimension would have h5netcdf look at every signal for each signal that it opens."""
    with h5netcdf.File(run / "run.h5", "r") as file:
        assert not file.dimensions["time"].isunlimited()
        assert file.dimensions["time"].size == file["cell_voltage_V"].shape[-1] == SMALL.duration_s
    with h5py.File(run / "run.h5") as file:
        datasets = [item for item in file.values() if isinstance(item, h5py.Dataset) and item.name != "/time"]
        along = [item for item in datasets if item.shape[-1:] == file["time"].shape]
        assert all(item.dims[item.ndim - 1][0] == file["time"] for item in along)
        assert len(file["time"].attrs["REFERENCE_LIST"]) == len(along) > 0


def test_events_keep_their_columns_and_text(tmp_path: Path) -> None:
    world = World(cells=6, duration_s=3.2 * 3600)
    events = (
        twin.open_run(write_run(tmp_path / "run", world)).children["events"].to_dataset(inherit=False).to_dataframe()
    )
    assert list(events["level"]) == [1, 2, 3, 2]
    assert list(events["code"]) == [*["overtemperature"] * 3, "contactor_opened"]
    assert list(events["cell_id"]) == [HOT_CELL, HOT_CELL, HOT_CELL, -1]
    assert set(events["site_id"]) == {101}
    assert events["time_ns"].iloc[3] == events["time_ns"].iloc[2] + 210_000_000
    assert events["message"].iloc[2] == "module 1 cell 6: <hot> & 55.1 °C"
    assert events["cause"].iloc[0] == "internal short, loose terminal or lost cooling"


def test_the_bus_table_has_named_axes(run: Path) -> None:
    bus = twin.open_run(run)["bus"].to_dataset()
    assert bus["frames"].dims == ("site", "message")
    assert bus["frames"].sel(site=101, message="PACK_STATUS").item() == int(bus["latency_histogram"].values[1, 0].sum())


def test_frames_of_a_site_are_kept_in_order(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "run", SMALL)
    for batch in range(3):
        start_ns = np.arange(4) * 1000 + batch * 10_000
        payload = np.full((4, 8), batch, np.uint8)
        writer.frames(101, {"identifier": np.arange(4), "start_ns": start_ns, "payload": payload})
        writer.flush()
    writer.close("complete")
    frames = twin.open_run(tmp_path / "run")["frames"].to_dataset()
    assert frames["payload"].dims == ("frame", "byte")
    assert list(frames["payload"].values[:, 0]) == [0] * 4 + [1] * 4 + [2] * 4
    assert np.all(np.diff(frames["start_ns"].values) > 0)


def _contents(path: Path) -> dict[str, Any]:
    """Every dataset's values, type, attributes and stored chunks, all but the provenance."""
    found: dict[str, Any] = {}

    def visit(name: str, item: h5py.HLObject) -> None:
        if isinstance(item, h5py.Dataset):
            chunks: list[tuple[Any, bytes]] = []
            if item.chunks:
                item.id.chunk_iter(
                    lambda info: chunks.append((info.chunk_offset, item.id.read_direct_chunk(info.chunk_offset)[1]))
                )
            attributes = {key: str(value) for key, value in item.attrs.items() if "LIST" not in key}
            found[name] = (item.dtype, item.shape, item[()].tobytes(), sorted(chunks), attributes)

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


CUTS = {
    "on a chunk boundary": (599,),
    "inside a chunk": (100, 101),
    "boundary and inside": (599, 700, 1199),
    "many": tuple(range(0, 1500, 97)),
    "before the last row": (1498,),
}


@pytest.mark.parametrize("flush_rows", CUTS.values(), ids=CUTS.keys())
def test_segment_cuts_leave_no_trace(run: Path, tmp_path: Path, flush_rows: tuple[int, ...]) -> None:
    cut = write_run(tmp_path / "run", SMALL, flush_rows=flush_rows)
    expected, found = _contents(run / "run.h5"), _contents(cut / "run.h5")
    assert found.keys() == expected.keys()
    for name in expected:
        assert found[name] == expected[name], name


def test_quarantined_sites_stay_nan(tmp_path: Path) -> None:
    signal = Signal("power_W", ("site",), "W", "power", 1.0)
    writer = RunWriter(tmp_path / "run", (signal,), {"site": np.arange(2)}, {}, Record(), START, 10**9)
    writer.append(10**9, {"power_W": np.array([1.0, np.nan])})
    writer.close("complete")
    np.testing.assert_array_equal(twin.open_run(tmp_path / "run")["power_W"].values, [[1.0], [np.nan]])


def test_a_flag_that_is_not_known_is_minus_one(tmp_path: Path) -> None:
    signal = Signal("level", ("site",), "1", "level", flags={"unknown": -1, "ok": 0, "info": 1})
    writer = RunWriter(tmp_path / "run", (signal,), {"site": np.arange(2)}, {}, Record(), START, 10**9)
    writer.append(10**9, {"level": np.array([1.0, np.nan])})
    writer.close("complete")
    np.testing.assert_array_equal(twin.open_run(tmp_path / "run")["level"].values, [[1], [-1]])


def test_a_coarser_detail_logs_fewer_signals(tmp_path: Path) -> None:
    tree = twin.open_run(write_run(tmp_path / "run", World(duration_s=100.0), detail="module"))
    assert "current_A" in tree
    assert "cell_voltage_V" not in tree


def test_a_run_of_no_rows_opens(tmp_path: Path) -> None:
    open_writer(tmp_path / "run", SMALL).close("interrupted")
    tree = twin.open_run(tmp_path / "run")
    assert tree.sizes["time"] == 0
    assert tree.attrs["status"] == "interrupted"
    assert tree["events"].sizes["event"] == 0


@pytest.mark.parametrize(
    ("time_ns", "changed", "error"),
    [(10**9, {}, "after one at"), (3 * 10**9, {"current_A": np.zeros(3)}, "shape")],
    ids=["time stands still", "wrong shape"],
)
def test_a_row_that_does_not_fit_is_refused(tmp_path: Path, time_ns: int, changed: Any, error: str) -> None:
    writer = open_writer(tmp_path / "run", SMALL)
    row = next(rows(SMALL))
    writer.append(10**9, row)
    with pytest.raises(ValueError, match=error):
        writer.append(time_ns, {**row, **changed})


def test_an_existing_folder_is_refused_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    for force in (False, True):
        with pytest.raises(InputError, match="output folder"):
            open_writer(folder, SMALL, force=force)
    assert [path.name for path in folder.iterdir()] == ["thesis.tex"]


def test_force_replaces_a_run(run: Path, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", World(duration_s=100.0))
    with pytest.raises(InputError, match="--force"):
        open_writer(folder, SMALL)
    assert twin.open_run(folder).sizes["time"] == 5
    write_run(folder, World(duration_s=200.0), force=True)
    assert twin.open_run(folder).sizes["time"] == 10


NOT_RUNS = {
    "missing": (None, "no such run folder"),
    "empty": ({}, "not a run folder"),
    "other json": ({"manifest.json": "[]"}, "not the manifest of a run"),
    "broken json": ({"manifest.json": "{"}, "not the manifest of a run"),
    "another version": ({"manifest.json": '{"format": "bms-twin run", "version": 99}'}, "version is 99"),
}


@pytest.mark.parametrize(("files", "message"), NOT_RUNS.values(), ids=NOT_RUNS.keys())
def test_what_is_not_a_run_is_said(tmp_path: Path, files: dict[str, str] | None, message: str) -> None:
    folder = tmp_path / "x"
    if files is not None:
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
    with pytest.raises(InputError, match=message):
        twin.open_run(folder)


def test_the_file_instead_of_its_folder_is_said(run: Path) -> None:
    with pytest.raises(InputError, match="give the folder"):
        twin.open_run(run / "run.h5")


def test_a_lost_file_is_said(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", World(duration_s=100.0))
    (folder / "run.h5").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        twin.open_run(folder)
