"""A service tool clears: readings that were not true for a while are held against no cell afterwards."""

from __future__ import annotations

import numpy as np

from tests.worlds.watched_module import Readings, Run, World
from twin.bms.codes import Level

ROW, CELL = 1, 5
FIRST_S, SECOND_S = 886.0, 1483.0
"""Two stimuli: the ledger of charge looks every five minutes, from when readings have become quiet, and into both."""
LASTS_S, CLEARED_S = 8.0, 10.0


def reads_low_twice(readings: Readings, since_s: float) -> None:
    if since_s < LASTS_S or 0.0 <= since_s - (SECOND_S - FIRST_S) < LASTS_S:
        readings.voltage_V[ROW, CELL] -= 1.1


def worst_short(*, clears: bool) -> Level:
    """Return the worst that is found of an internal short."""
    run = Run(World(soc=0.3, breaks=reads_low_twice, wrong_s=FIRST_S))
    short = [code.name for code in run.diagnoses.codes].index("internal_short")
    worst = Level.OK
    for time_s, found in run.looks(2000.0):
        worst = max(worst, Level(int(found.level[ROW, short])))
        if clears and time_s in (FIRST_S + CLEARED_S, SECOND_S + CLEARED_S):
            run.watch = run.diagnoses.clear(run.watch, np.ones(2, np.bool_))
    return worst


def test_a_stimulus_at_a_sensor_is_no_internal_short_once_it_is_cleared() -> None:
    assert worst_short(clears=True) == Level.OK


def test_without_clearing_it_would_be() -> None:
    assert worst_short(clears=False) > Level.OK
