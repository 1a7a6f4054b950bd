"""What a scenario says of the sensors of a BMS."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from twin.options import Options


class Sensor(Options):
    """One kind of sensor: Gaussian noise first, then rounding to the resolution."""

    noise: Annotated[float, Field(ge=0)]
    """Standard deviation, in the unit of what is sensed."""
    resolution: Annotated[float, Field(ge=0)]
    """Quantisation step in the same unit; 0 for none."""


class Sensors(Options):
    """What a BMS measures with."""

    cell_voltage_V: Sensor = Sensor(noise=0.0005, resolution=0.001)
    temperature_K: Sensor = Sensor(noise=0.1, resolution=0.5)
    current_A: Sensor = Sensor(noise=0.05, resolution=0.1)
    module_V: Sensor = Sensor(noise=0.005, resolution=0.01)
    """Of a module's terminals."""
    link_V: Sensor = Sensor(noise=0.05, resolution=0.1)
    """Of the DC link."""
    insulation_ohm: Sensor = Sensor(noise=0.0, resolution=100.0)
    """Of the insulation monitor: between the DC system and earth."""
