"""What a scenario says of the BMS and its sensors."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from twin.options import Options
from twin.quantity import AmpereHours, Amperes, Kelvin, Seconds, Volts


class _Levels(Options):
    """One limit in three levels, with the time for which it must be violated before the level counts."""

    falling: ClassVar[bool] = False
    """Whether less is worse."""
    info: float
    warning: float
    fatal: float
    debounce_s: Annotated[Seconds, Field(ge=0)]
    hysteresis: Annotated[float, Field(ge=0)]
    """How far back inside the limit the value must be before info and warning clear."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        levels = [self.info, self.warning, self.fatal]
        if levels != sorted(levels, reverse=self.falling):
            order = "falling" if self.falling else "rising"
            raise ValueError(
                f"found info {self.info:g}, warning {self.warning:g}, fatal {self.fatal:g}; expected {order}"
            )
        return self


class VoltageLevels(_Levels):
    """Limits of a cell's voltage."""

    info: Annotated[Volts, Field(gt=0, lt=10)]
    warning: Annotated[Volts, Field(gt=0, lt=10)]
    fatal: Annotated[Volts, Field(gt=0, lt=10)]


class LowVoltageLevels(VoltageLevels):
    """Lower limits of a cell's voltage."""

    falling: ClassVar[bool] = True


class TemperatureLevels(_Levels):
    """Limits of a cell's temperature."""

    info: Annotated[Kelvin, Field(gt=200, lt=500)]
    warning: Annotated[Kelvin, Field(gt=200, lt=500)]
    fatal: Annotated[Kelvin, Field(gt=200, lt=500)]


class LowTemperatureLevels(TemperatureLevels):
    """Lower limits of a cell's temperature."""

    falling: ClassVar[bool] = True


class CurrentLevels(_Levels):
    """Limits of a module's current, in either direction."""

    info: Annotated[Amperes, Field(gt=0)]
    warning: Annotated[Amperes, Field(gt=0)]
    fatal: Annotated[Amperes, Field(gt=0)]


class Limits(Options):
    """Protection limits. Debounce times: foxBMS 2 v1.11, time from fault to error state."""

    cell_overvoltage_V: VoltageLevels = VoltageLevels(
        info=3.55, warning=3.60, fatal=3.65, debounce_s=0.7, hysteresis=0.05
    )
    cell_undervoltage_V: LowVoltageLevels = LowVoltageLevels(
        info=2.90, warning=2.70, fatal=2.50, debounce_s=0.7, hysteresis=0.10
    )
    overtemperature_K: TemperatureLevels = TemperatureLevels(
        info=318.15, warning=323.15, fatal=328.15, debounce_s=6.0, hysteresis=2.0
    )
    undertemperature_K: LowTemperatureLevels = LowTemperatureLevels(
        info=278.15, warning=273.15, fatal=263.15, debounce_s=6.0, hysteresis=2.0
    )
    overcurrent_A: CurrentLevels = CurrentLevels(
        info=180.0, warning=200.0, fatal=220.0, debounce_s=0.2, hysteresis=10.0
    )


class Balancing(Options):
    """Passive balancing by cell voltage."""

    threshold_V: Annotated[Volts, Field(gt=0)] = 0.010
    """Balance cells that lie further above the lowest cell."""
    minimum_V: Annotated[Volts, Field(gt=0)] = 3.40
    """Balance no cell below this voltage: on the flat part of the LFP curve, voltage says little of charge."""
    maximum_temperature_K: Annotated[Kelvin, Field(gt=0)] = 343.15
    """Stop above this cell temperature (foxBMS: 70 degC)."""


class Sensor(Options):
    """One kind of sensor: Gaussian noise first, then rounding to the resolution."""

    noise: Annotated[float, Field(ge=0)]
    """Standard deviation, in the unit of what is sensed."""
    resolution: Annotated[float, Field(ge=0)]
    """Quantisation step in the same unit; 0 for none."""


class Sensors(Options):
    """What the module monitors measure with."""

    cell_voltage_V: Sensor = Sensor(noise=0.0005, resolution=0.001)
    temperature_K: Sensor = Sensor(noise=0.1, resolution=0.5)
    current_A: Sensor = Sensor(noise=0.05, resolution=0.1)


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
