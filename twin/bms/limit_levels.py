"""Protection limits in three levels, as a scenario states them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from twin.options import Options
from twin.quantity import Amperes, Kelvin, Seconds, Volts


class Levels(Options):
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


class VoltageLevels(Levels):
    """Limits of a cell's voltage."""

    info: Annotated[Volts, Field(gt=0, lt=10)]
    warning: Annotated[Volts, Field(gt=0, lt=10)]
    fatal: Annotated[Volts, Field(gt=0, lt=10)]


class LowVoltageLevels(VoltageLevels):
    """Lower limits of a cell's voltage."""

    falling: ClassVar[bool] = True


class TemperatureLevels(Levels):
    """Limits of a cell's temperature."""

    info: Annotated[Kelvin, Field(gt=200, lt=500)]
    warning: Annotated[Kelvin, Field(gt=200, lt=500)]
    fatal: Annotated[Kelvin, Field(gt=200, lt=500)]


class LowTemperatureLevels(TemperatureLevels):
    """Lower limits of a cell's temperature."""

    falling: ClassVar[bool] = True


class CurrentLevels(Levels):
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
