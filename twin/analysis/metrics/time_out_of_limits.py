"""How long cells are where they must not be."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Part, Sample
from twin.analysis.thinning import Floats


class TimeOutOfLimits(Metric):
    """Time for which any of a site's cells was truly beyond a fatal limit.

    Formula: sum of the times of the rows in which a cell's true voltage or temperature, or a module's true current,
    lies beyond the fatal limit of ``bms.limits``; beside it each of the three alone.

    Source: own definition; the limits are those that the protection was given.
    """

    title = "Time out of limits"
    unit = "s"
    group = "operation"
    order = 41
    better = "lower"
    floor = 1.0
    needs = ("cell_voltage_V", "temperature_K", "current_A", "scenario")
    parts: ClassVar = {
        "voltage": Part("Voltage", "s"),
        "temperature": Part("Temperature", "s"),
        "current": Part("Current", "s"),
    }

    def measure(self, run: Evidence) -> Sample:
        """Return the time of each site; a quarantined one counts as long as it has values."""
        limits = run.known_scenario.bms.limits
        found: dict[str, Floats] = {name: np.zeros(len(run.sites)) for name in ("any", *self.parts)}
        for block in run.blocks("cell_voltage_V", "temperature_K", "current_A"):
            voltage_V, temperature_K, current_A = block.values
            beyond = {
                "voltage": (voltage_V > limits.cell_overvoltage_V.fatal)
                | (voltage_V < limits.cell_undervoltage_V.fatal),
                "temperature": (temperature_K > limits.overtemperature_K.fatal)
                | (temperature_K < limits.undertemperature_K.fatal),
                "current": np.abs(current_A) > limits.overcurrent_A.fatal,
            }
            rows = {name: one.any(axis=tuple(range(1, one.ndim - 1))) for name, one in beyond.items()}
            rows["any"] = rows["voltage"] | rows["temperature"] | rows["current"]
            for name, one in rows.items():
                found[name][block.rows] = (one * run.row_s).sum(axis=-1)
        keys = tuple(Key(site) for site in run.sites)
        return Sample(keys, found["any"], {name: found[name] for name in self.parts})
