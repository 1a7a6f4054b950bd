"""Protection limits in three levels, as a scenario states them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from twin.options import Options
from twin.quantity import Amperes, Kelvin, KelvinDifference, Ohms, Seconds, Volts


class Levels(Options):
    """One limit in up to three levels, with the time for which it must be violated before the level counts.

    A level that is left out does not exist: a finding without ``fatal`` never isolates.
    """

    falling: ClassVar[bool] = False
    """Whether less is worse."""
    info: float | None = None
    warning: float | None = None
    fatal: float | None = None
    debounce_s: Annotated[Seconds, Field(ge=0)] = 0.0
    hysteresis: Annotated[float, Field(ge=0)] = 0.0
    """How far back inside the limit the value must be before info and warning clear, and fatal may be cleared."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        stated = {name: limit for name, limit in self.limits().items() if limit is not None}
        if not stated:
            raise ValueError("found no level; expected info, warning or fatal")
        if list(stated.values()) != sorted(stated.values(), reverse=self.falling):
            order = "falling" if self.falling else "rising"
            found = ", ".join(f"{name} {limit:g}" for name, limit in stated.items())
            raise ValueError(f"found {found}; expected {order}")
        return self

    def limits(self) -> dict[str, float | None]:
        """Return the limits by level, the least severe first."""
        return {"info": self.info, "warning": self.warning, "fatal": self.fatal}


class VoltageLevels(Levels):
    """Limits of a cell's voltage."""

    info: Annotated[Volts, Field(gt=0, lt=10)]
    warning: Annotated[Volts, Field(gt=0, lt=10)]
    fatal: Annotated[Volts, Field(gt=0, lt=10)]
    debounce_s: Annotated[Seconds, Field(ge=0)]
    hysteresis: Annotated[float, Field(ge=0)]


class LowVoltageLevels(VoltageLevels):
    """Lower limits of a cell's voltage."""

    falling: ClassVar[bool] = True


class TemperatureLevels(Levels):
    """Limits of a cell's temperature."""

    info: Annotated[Kelvin, Field(gt=200, lt=500)]
    warning: Annotated[Kelvin, Field(gt=200, lt=500)]
    fatal: Annotated[Kelvin, Field(gt=200, lt=500)]
    debounce_s: Annotated[Seconds, Field(ge=0)]
    hysteresis: Annotated[float, Field(ge=0)]


class LowTemperatureLevels(TemperatureLevels):
    """Lower limits of a cell's temperature."""

    falling: ClassVar[bool] = True


class CurrentLevels(Levels):
    """Limits of a module's current, in either direction."""

    info: Annotated[Amperes, Field(gt=0)]
    warning: Annotated[Amperes, Field(gt=0)]
    fatal: Annotated[Amperes, Field(gt=0)]
    debounce_s: Annotated[Seconds, Field(ge=0)]
    hysteresis: Annotated[float, Field(ge=0)]


class AnyVoltageLevels(Levels):
    """Limits of a voltage, of whatever size; a level may be left out."""

    info: Annotated[Volts, Field(gt=0)] | None = None
    warning: Annotated[Volts, Field(gt=0)] | None = None
    fatal: Annotated[Volts, Field(gt=0)] | None = None


class AnyLowVoltageLevels(AnyVoltageLevels):
    """Lower limits of a voltage; a level may be left out."""

    falling: ClassVar[bool] = True


class AnyCurrentLevels(Levels):
    """Limits of a current, of whatever size; a level may be left out."""

    info: Annotated[Amperes, Field(gt=0)] | None = None
    warning: Annotated[Amperes, Field(gt=0)] | None = None
    fatal: Annotated[Amperes, Field(gt=0)] | None = None


class DifferenceLevels(Levels):
    """Limits of a difference of two temperatures; a level may be left out."""

    info: Annotated[KelvinDifference, Field(gt=0)] | None = None
    warning: Annotated[KelvinDifference, Field(gt=0)] | None = None
    fatal: Annotated[KelvinDifference, Field(gt=0)] | None = None


class ResistanceLevels(Levels):
    """Limits of a resistance; a level may be left out."""

    info: Annotated[Ohms, Field(gt=0)] | None = None
    warning: Annotated[Ohms, Field(gt=0)] | None = None
    fatal: Annotated[Ohms, Field(gt=0)] | None = None


class TimeLevels(Levels):
    """Limits of a time; a level may be left out."""

    info: Annotated[Seconds, Field(gt=0)] | None = None
    warning: Annotated[Seconds, Field(gt=0)] | None = None
    fatal: Annotated[Seconds, Field(gt=0)] | None = None


class Limits(Options):
    """Limits of everything that a module is watched for.

    Debounce times: foxBMS 2 v1.11, time from fault to error state, where it has such a diagnosis. The rest is chosen so
    that sensors of the default noise and resolution stay silent: ``docs/decisions/0030-diagnosis.md``.
    """

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
    deep_discharge_V: AnyLowVoltageLevels = AnyLowVoltageLevels(fatal=2.0, debounce_s=0.11, hysteresis=0.5)
    """Below, the copper of the anode dissolves: a cell that was so low is not charged again."""
    thermal_runaway_K_s: Levels = Levels(info=0.10, warning=0.20, fatal=0.25, debounce_s=3.0, hysteresis=0.05)
    """A cell whose whole energy becomes heat within an hour warms by some 0.3 K/s; 3 s as in UN GTR 20."""
    cell_imbalance_V: AnyVoltageLevels = AnyVoltageLevels(info=0.10, warning=0.20, debounce_s=10.0, hysteresis=0.05)
    high_resistance_ohm: ResistanceLevels = ResistanceLevels(info=3.0e-4, warning=6.0e-4, hysteresis=1.0e-4)
    internal_short_A: AnyCurrentLevels = AnyCurrentLevels(
        info=0.1, warning=0.5, fatal=15.0, debounce_s=300.0, hysteresis=0.05
    )
    weak_cell: Levels = Levels(info=0.05, warning=0.15, hysteresis=0.02)
    """Share of the capacity that a cell has less than the others."""
    cooling_failed: Levels = Levels(info=0.5, warning=0.8, hysteresis=0.2)
    """Share of the heat that stays inside."""
    capacity_mismatch: Levels = Levels(info=0.10, warning=0.20, hysteresis=0.02)
    """By how much voltage corrects the counted state of charge."""
    voltage_implausible_V: AnyVoltageLevels = AnyVoltageLevels(info=0.05, warning=0.10, debounce_s=0.2, hysteresis=0.02)
    open_sense_wire_V: AnyVoltageLevels = AnyVoltageLevels(warning=0.20, debounce_s=0.01, hysteresis=0.05)
    voltage_stuck_V: AnyVoltageLevels = AnyVoltageLevels(warning=0.01)
    voltage_noisy_V: AnyVoltageLevels = AnyVoltageLevels(info=0.003, warning=0.004, hysteresis=0.001)
    temperature_implausible_K: DifferenceLevels = DifferenceLevels(warning=4.0, debounce_s=0.01, hysteresis=1.0)
    temperature_stuck_K: DifferenceLevels = DifferenceLevels(warning=4.0)
    current_implausible_A: AnyCurrentLevels = AnyCurrentLevels(info=1.0, warning=3.0, debounce_s=1.2, hysteresis=0.5)
    reading_stale_s: TimeLevels = TimeLevels(info=3.0, warning=10.0, fatal=30.0, hysteresis=1.0)
    """A slow scan needs longer ones."""
    balancing_disturbs_measurement_V: AnyVoltageLevels = AnyVoltageLevels(info=0.003, warning=0.005, hysteresis=0.001)
    contactor_welded_A: AnyCurrentLevels = AnyCurrentLevels(fatal=2.0, debounce_s=0.2, hysteresis=0.5)
    contactor_stuck_open_V: AnyVoltageLevels = AnyVoltageLevels(fatal=1.0, debounce_s=0.3, hysteresis=0.3)
    balancing_ineffective_A: AnyCurrentLevels = AnyCurrentLevels(info=0.02, warning=0.05, hysteresis=0.01)
    balancing_wrong_cell_A: AnyCurrentLevels = AnyCurrentLevels(info=0.02, warning=0.05, hysteresis=0.01)
