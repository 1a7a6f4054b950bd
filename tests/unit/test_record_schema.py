"""Signals: what is stored of a value."""

from __future__ import annotations

import numpy as np
import pytest

from tests.worlds.signals import SIGNALS
from twin.record.schema import CHUNK_ROWS, Signal, chunk_shape, of_detail


@pytest.mark.parametrize(
    ("resolution", "step"), [(1e-3, 2.0**-10), (0.5, 0.5), (1.0, 1.0), (0.3, 0.25), (0.0, 0.0)], ids=str
)
def test_the_step_is_the_largest_power_of_two_within_the_resolution(resolution: float, step: float) -> None:
    assert Signal("v_V", ("site",), "V", "v", resolution).step == step


def test_stored_values_are_multiples_of_the_step_and_within_half_of_it() -> None:
    signal = Signal("v_V", ("site",), "V", "v", 1e-3)
    rows = np.random.default_rng(1).uniform(2.5, 3.65, (50, 3))
    stored = signal.stored(rows.astype(np.float32))
    assert stored.shape == (3, 50)
    assert stored.dtype == np.float32
    np.testing.assert_array_equal(stored / signal.step, np.rint(stored / signal.step))
    assert np.abs(stored - rows.T).max() <= signal.step / 2 + 1e-6


def test_nan_and_infinity_are_kept() -> None:
    stored = Signal("v_V", ("site",), "V", "v", 1e-3).stored(np.array([[np.nan], [np.inf], [-np.inf]], np.float32))
    np.testing.assert_array_equal(stored, [[np.nan, np.inf, -np.inf]])


def test_resolution_zero_stores_float64_as_it_is() -> None:
    rows = np.array([[np.pi]])
    assert Signal("x", ("site",), "1", "x").stored(rows)[0, 0] == np.pi


@pytest.mark.parametrize("dims", [(), ("slot",), ("site", "cell"), ("site", "slot", "cell", "time")], ids=str)
def test_dims_that_are_not_the_first_ones_are_refused(dims: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="are not the first of"):
        Signal("x", dims, "1", "x")


@pytest.mark.parametrize(
    ("sizes", "chunk"),
    [
        ((1000,), (16,)),
        ((3,), (3,)),
        ((20, 2), (8, 2)),
        ((9, 40), (1, 16)),
        ((20, 2, 16), (1, 1, 16)),
        ((5, 4, 3), (1, 4, 3)),
    ],
    ids=str,
)
def test_a_chunk_holds_about_sixteen_series(sizes: tuple[int, ...], chunk: tuple[int, ...]) -> None:
    assert chunk_shape(sizes) == (*chunk, CHUNK_ROWS)


def test_detail_leaves_out_the_finer_signals() -> None:
    assert {signal.dims for signal in of_detail(SIGNALS, "module")} == {("site",), ("site", "slot")}
    assert of_detail(SIGNALS, "cell") == SIGNALS
