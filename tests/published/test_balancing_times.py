"""How long 1 % of 314 Ah takes at rest: charge over current, 31.4 h at 100 mA, 12.6 h at 250 mA, 38 min at 5 A.

Real cells; the strategy says when it is done, with its defaults.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.worlds.balanced_modules import CAPACITY_AH, CELLS, Balanced, FloatArray
from twin.bms.balancing.active_cell_to_cell import ActiveCellToCell
from twin.bms.balancing.active_cell_to_module import ActiveCellToModule
from twin.bms.balancing.passive_history import PassiveHistory
from twin.bms.balancing.passive_soc import PassiveSoc
from twin.bms.balancing.passive_voltage import PassiveVoltage
from twin.bms.balancing.strategy import Strategy

ONE_PERCENT_AH = 0.01 * CAPACITY_AH


def _module(soc: float, **apart: float) -> FloatArray:
    """Return 16 cells at ``soc``, but for some: ``c3=0.01``."""
    cells = np.full(CELLS, soc)
    for name, more in apart.items():
        cells[int(name[1:])] += more
    return cells


@pytest.mark.parametrize(
    ("strategy", "soc_start", "bleed_ohm", "step_s", "expected_h"),
    [
        pytest.param(PassiveSoc(), _module(0.6, c6=0.01), 33.0, 60.0, 31.4, id="passive, 100 mA"),
        pytest.param(PassiveSoc(), _module(0.6, c6=0.01), 13.2, 60.0, 12.56, id="passive, 250 mA"),
        pytest.param(ActiveCellToModule(), _module(0.6, c6=0.01), 33.0, 1.0, 0.628, id="cell to module, 5 A"),
        pytest.param(ActiveCellToModule(), _module(0.6, c6=-0.01), 33.0, 1.0, 0.628, id="module to cell, 5 A"),
        pytest.param(
            ActiveCellToCell(efficiency=1.0), _module(0.6, c6=0.01, c9=-0.01), 33.0, 1.0, 0.628, id="cell to cell, 5 A"
        ),
    ],
)
def test_one_percent_takes_charge_over_current(
    strategy: Strategy, soc_start: FloatArray, bleed_ohm: float, step_s: float, expected_h: float
) -> None:
    module = Balanced(strategy, soc_start, bleed_ohm, step_s)
    module.rest()
    assert module.time_s / 3600.0 == pytest.approx(expected_h, rel=0.02)
    assert np.ptp(module.soc) < 2e-4


def test_history_is_worked_off_on_the_plateau() -> None:
    module = Balanced(PassiveHistory(), _module(0.98, c6=0.01))
    while not module.busy:
        module.step()
    assert module.time_s == pytest.approx(1800.0, abs=module.step_s)  # at rest near full: voltage tells
    for _ in range(90):
        module.step(current_A=100.0)
    assert module.soc.mean() == pytest.approx(0.50, abs=0.01)
    module.rest()
    assert module.active_s / 3600.0 == pytest.approx(31.4, rel=0.02)
    assert np.ptp(module.soc) < 2e-4


def test_voltage_tells_nothing_on_the_plateau() -> None:
    module = Balanced(PassiveVoltage(), _module(0.6, c6=0.01))
    module.rest()
    assert module.active_s == 0.0


def test_a_converters_loss_is_missing_in_the_cells() -> None:
    efficiency = 0.8
    module = Balanced(ActiveCellToCell(efficiency=efficiency), _module(0.6, c6=0.01, c9=-0.02), step_s=1.0)
    for _ in range(1200):
        module.step()
    gone_Ah = CAPACITY_AH * (_module(0.6, c6=0.01, c9=-0.02) - module.soc)
    others_Ah = gone_Ah[0]  # what every cell loses by itself
    given_Ah, received_Ah = gone_Ah[6] - others_Ah, others_Ah - gone_Ah[9]
    assert given_Ah == pytest.approx(5.0 * 1200 / 3600, rel=1e-9)
    assert received_Ah / given_Ah == pytest.approx(efficiency, rel=0.01)  # voltages differ by some mV
