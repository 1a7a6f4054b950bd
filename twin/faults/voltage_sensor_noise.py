"""A cell voltage is noisy: a bad crimp, or the inverter's ripple on the sense wires."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.bms.effects import SensorFault
from twin.faults.fault import CellFault, Effect, Range, TimedFault
from twin.quantity import Volts


class VoltageSensorNoise(TimedFault, CellFault):
    """Gaussian noise of ``noise_V`` (standard deviation) comes beside the sensor's own."""

    expected: ClassVar = ("voltage_noisy", "voltage_implausible")
    source: ClassVar = "foxBMS 2 v1.11, DIAG_ID_AFE_CELL_VOLTAGE_MEAS_ERROR: a warning"
    ranges: ClassVar = {"noise_V": Range(0.01, 0.1, log=True)}

    kind: Literal["voltage_sensor_noise"] = "voltage_sensor_noise"
    noise_V: Volts = 0.02

    def effects(self) -> tuple[Effect, ...]:
        """Return the change of the reading."""
        times = self.start_ns, self.end_ns
        return (SensorFault(*times, self.site, self.module, self.cell, "cell_voltage_V", "noise", self.noise_V),)
