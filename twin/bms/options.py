"""What a scenario says of the BMS and its sensors."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from twin.bms.limit_levels import Limits
from twin.bms.sensors import Sensors
from twin.options import Options
from twin.quantity import AmpereHours, Amperes, Kelvin, Seconds, Volts


class Balancing(Options):
    """Passive balancing by cell voltage."""

    threshold_V: Annotated[Volts, Field(gt=0)] = 0.010
    """Balance cells that lie further above the lowest cell."""
    minimum_V: Annotated[Volts, Field(gt=0)] = 3.40
    """Balance no cell below this voltage: on the flat part of the LFP curve, voltage says little of charge."""
    maximum_temperature_K: Annotated[Kelvin, Field(gt=0)] = 343.15
    """Stop above this cell temperature (foxBMS: 70 degC)."""


class Bms(Options):
    """The battery management of every site."""

    architecture: Literal["hybrid"] = "hybrid"
    capacity_Ah: Annotated[AmpereHours, Field(gt=0)] = 314.0
    """Nominal capacity of a module, with which its monitor counts."""
    period_s: Annotated[Seconds, Field(gt=0)] = 1.0
    """Period of every ECU's control task; each ECU has a phase of its own."""
    clock_drift_ppm: Annotated[float, Field(ge=0, le=10_000)] = 20.0
    """Standard deviation of the frequency error of an ECU's crystal; 20 ppm is a common crystal's tolerance."""
    execution_s: Annotated[Seconds, Field(ge=0)] = 0.002
    """From an activation to its outputs."""
    charge_limit_A: Annotated[Amperes, Field(gt=0)] = 100.0
    """Recommended highest charging current of a module."""
    discharge_limit_A: Annotated[Amperes, Field(gt=0)] = 100.0
    """Recommended highest discharging current of a module."""
    limits: Limits = Limits()
    balancing: Balancing = Balancing()
    sensors: Sensors = Sensors()
