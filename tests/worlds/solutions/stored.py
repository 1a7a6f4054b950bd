"""The trajectories that are stored beside the models, ``fmus/<model>/expected.csv``: inputs, and what SciPy says.

``python -m tests.worlds.solutions.stored`` writes them. Every row holds the inputs from its time on, until the next
row, and the outputs at its time under the inputs of the row before, just before the inputs change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from tests.worlds.solutions import electrical_module as electrical
from tests.worlds.solutions import inverter_ramp as inverter
from tests.worlds.solutions import thermal_module as thermal
from tests.worlds.solutions import verification_cell as cell
from twin import resources
from twin.streams import stream

STEP_S = 60.0
ROWS = 61
PARAMETERS_SEED = 7

Row = dict[str, float]


def electrical_parameters() -> electrical.Parameters:
    """Return a module of unequal cells, from empty to full: they use the tables to both ends and beyond."""
    draw = stream(PARAMETERS_SEED, "electrical")
    return electrical.Parameters(
        capacity_Ah=314 * draw.uniform(0.95, 1.02, 16),
        resistance_factor=draw.uniform(0.9, 1.3, 16),
        soc_start=draw.permutation(np.linspace(0.005, 1.005, 16)),
        self_discharge_A=draw.uniform(0.002, 0.02, 16),
        bleed_ohm=33.0,
    )


def electrical_inputs(number: int) -> electrical.Inputs:
    """Return the inputs of step ``number``: every one moves, faults come and go."""
    draw = stream(PARAMETERS_SEED, "electrical", number)
    cells = np.arange(16)
    return electrical.Inputs(
        current_A=float(180 * np.sin(number / 9) + draw.uniform(-40, 40)),
        temperature_K=298 + 8 * np.sin(number / 50 + cells / 5) + draw.uniform(-0.5, 0.5, 16),
        bleed=draw.uniform(0, 1, 16) * (cells % 3 == number // 10 % 3),
        balancing_current_A=draw.uniform(-2, 2, 16),
        short_S=np.where(cells == 4, draw.uniform(0, 2), 0.0),
        contact_ohm=np.where(cells == 11, draw.uniform(0, 3e-4), 0.0),
        capacity_factor=1 - 0.04 * draw.uniform(0, 1, 16),
        resistance_growth=1 + 0.3 * draw.uniform(0, 1, 16),
    )


def thermal_inputs(number: int) -> thermal.Inputs:
    """Return the inputs of step ``number``: every one moves."""
    draw = stream(PARAMETERS_SEED, "thermal", number)
    return thermal.Inputs(
        heat_W=draw.uniform(0, 60, 16),
        board_heat_W=float(draw.uniform(0, 12)),
        ambient_K=float(293 + 6 * np.sin(number / 40) + draw.uniform(-1, 1)),
        cooling=float(draw.uniform(0, 1)),
    )


def cell_inputs(number: int) -> tuple[float, float]:
    """Return current_A and ambient_K of step ``number``."""
    draw = stream(PARAMETERS_SEED, "cell", number)
    return float(100 + 150 * np.sin(number / 7) + draw.uniform(-30, 30)), float(298.15 + 5 * np.sin(number / 20))


def inverter_inputs(number: int) -> inverter.Inputs:
    """Return the inputs of step ``number``: limits that the ramp has long reached a minute later, or is far from."""
    draw = stream(PARAMETERS_SEED, "inverter", number)
    return inverter.Inputs(
        charge_A=float(draw.choice([draw.uniform(0, 450), 3000])),
        discharge_A=float(draw.choice([draw.uniform(0, 450), 3000])),
        voltage_V=float(draw.uniform(44, 58)),
        age_s=float(draw.choice([0.1, 9.9, 10.0, 1e9], p=[0.6, 0.2, 0.1, 0.1])),
        activation=float(60 * number + 1),
    )


def electrical_rows() -> Iterator[Row]:
    """Yield the rows of the electrical module; parameters stand in every row, inputs too."""
    parameters, state = electrical_parameters(), electrical.start(electrical_parameters())
    for number in range(ROWS):
        before, now = electrical_inputs(max(number - 1, 0)), electrical_inputs(number)
        if number:
            state = electrical.step(parameters, before, state, STEP_S)
        row = {"time_s": number * STEP_S}
        for part in (parameters, now):
            row |= _columns(vars(part))
        yield row | _columns(electrical.outputs(parameters, before, state))


def thermal_rows() -> Iterator[Row]:
    """Yield the rows of the thermal module."""
    state = np.full(17, 298.15)
    for number in range(ROWS):
        if number:
            state = thermal.step(thermal_inputs(number - 1), state, STEP_S)
        outputs = {"temperature_K": state[:16], "housing_K": state[16:]}
        yield {"time_s": number * STEP_S} | _columns(vars(thermal_inputs(number))) | _columns(outputs)


def cell_rows() -> Iterator[Row]:
    """Yield the rows of the verification cell."""
    state = cell.start()
    for number in range(ROWS):
        before, now = cell_inputs(max(number - 1, 0)), cell_inputs(number)
        if number:
            state = cell.step(*before, state, STEP_S)
        inputs = dict(zip(("current_A", "ambient_K"), now, strict=True))
        yield {"time_s": number * STEP_S, **inputs, **cell.outputs(before[0], state)}


def inverter_rows() -> Iterator[Row]:
    """Yield the rows of the inverter: limits that a ramp of a minute does and does not reach, some of them too old."""
    ramp_W = np.zeros(2)
    for number in range(ROWS):
        before, now = inverter_inputs(max(number - 1, 0)), inverter_inputs(number)
        if number:
            ramp_W = inverter.step(ramp_W, inverter.allowed_W(before), STEP_S)
        yield {"time_s": number * STEP_S} | _columns(vars(now)) | _columns(inverter.outputs(before, ramp_W))


SOURCES: dict[str, Callable[[], Iterator[Row]]] = {
    "inverter_control": inverter_rows,
    "module_electrical": electrical_rows,
    "module_thermal": thermal_rows,
    "verification_cell": cell_rows,
}


def text(model: str) -> str:
    """Return the stored trajectory of a model as CSV."""
    rows = list(SOURCES[model]())
    lines = [",".join(rows[0])] + [",".join(f"{value:.13g}" for value in row.values()) for row in rows]
    return "\n".join(lines) + "\n"


def path(model: str) -> Path:
    """Return where a model's trajectory is stored."""
    return resources.folder("fmus") / model / "expected.csv"


def _columns(values: Mapping[str, object]) -> Row:
    """Return arrays as one column an element, named as FMI names it."""
    row: Row = {}
    for name, value in values.items():
        array = np.atleast_1d(np.asarray(value, dtype=np.float64))
        is_array = isinstance(value, np.ndarray) and len(array) > 1
        row |= {f"{name}[{i + 1}]" if is_array else name: float(v) for i, v in enumerate(array)}
    return row


if __name__ == "__main__":
    for name in SOURCES:
        path(name).write_text(text(name), encoding="utf-8")
