"""A service tool clears: readings that were not true for a while are held against no cell afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from tests.worlds.watched_module import Readings, Run, World
from twin.bms.codes import Level

ROW, CELL = 1, 5
EXAMINED_S = 330.0
"""The ledger of charge looks when thirty readings are at rest, and five minutes later."""


def reads_low_for_8_s(readings: Readings, broken_s: float) -> None:
    if broken_s < 8.0:
        readings.voltage_V[ROW, CELL] -= 1.1


@pytest.mark.parametrize("begins_s", [EXAMINED_S - 4.0, 2 * EXAMINED_S - 30.0, 3930.0, 3930.0 - 4.0])
def test_a_stimulus_at_a_sensor_is_no_internal_short_once_it_is_cleared(begins_s: float) -> None:
    """Whether the ledger examines in the stimulus or after it, and whether it has a past already."""
    assert accused(begins_s, clears=True) == Level.OK


def test_without_clearing_it_would_be() -> None:
    assert accused(EXAMINED_S - 4.0, clears=False) > Level.OK


def accused(begins_s: float, *, clears: bool) -> Level:
    """Return the worst that is found of an internal short, some seconds after a stimulus and later."""
    run = Run(World(soc=0.3, breaks=reads_low_for_8_s, wrong_s=begins_s))
    short = [code.name for code in run.diagnoses.codes].index("internal_short")
    worst = Level.OK
    for time_s, found in run.looks(begins_s + 1000.0):
        if clears and time_s == begins_s + 10.0:
            run.watch = run.diagnoses.clear(run.watch, np.ones(2, np.bool_))
        if time_s > begins_s + 10.0:
            worst = max(worst, Level(int(found.level[ROW, short])))
    return worst
