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


@pytest.mark.parametrize(("clears", "accused"), [(True, False), (False, True)])
def test_a_stimulus_at_a_sensor_is_no_internal_short_once_it_is_cleared(clears: bool, accused: bool) -> None:
    run = Run(World(soc=0.3, breaks=reads_low_for_8_s, wrong_s=EXAMINED_S - 4.0))
    short = [code.name for code in run.diagnoses.codes].index("internal_short")
    worst = Level.OK
    for time_s, found in run.looks(1300.0):
        worst = max(worst, Level(int(found.level[ROW, short])))
        if clears and time_s == EXAMINED_S + 6.0:
            run.watch = run.diagnoses.clear(run.watch, np.ones(2, np.bool_))
    assert (worst > Level.OK) == accused
