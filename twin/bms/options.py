"""What a scenario says of the BMS and its sensors: the plug-ins that it chooses, and what all architectures share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from twin.bms import balancing as strategies
from twin.bms import cooling as coolings
from twin.bms import estimators
from twin.bms import power_limits as power_limit_kinds
from twin.bms.balancing.passive_voltage import PassiveVoltage
from twin.bms.balancing.strategy import Strategy
from twin.bms.cooling.cooling import Cooling
from twin.bms.cooling.none import NoCooling
from twin.bms.estimators.coulomb_counting import CoulombCounter
from twin.bms.estimators.estimator import Estimator
from twin.bms.estimators.health import HealthOptions
from twin.bms.insulation import InsulationOptions
from twin.bms.limit_levels import Limits
from twin.bms.power_limits.power_limits import PowerLimits
from twin.bms.power_limits.taper import Taper
from twin.bms.sensors import Sensors
from twin.options import Options
from twin.plugins import one_of
from twin.quantity import AmpereHours, Amperes, Seconds

if TYPE_CHECKING:
    AnyEstimator = Estimator[Any]
    AnyStrategy = Strategy
    AnyCooling = Cooling
    AnyPowerLimits = PowerLimits
else:
    AnyEstimator = one_of(estimators, Estimator)
    AnyStrategy = one_of(strategies, Strategy)
    AnyCooling = one_of(coolings, Cooling)
    AnyPowerLimits = one_of(power_limit_kinds, PowerLimits)


class Bms(Options):
    """The battery management of every site."""

    architecture: Literal["centralized", "distributed", "hybrid"] = "hybrid"
    """Where measuring, deciding and switching sit."""
    capacity_Ah: Annotated[AmpereHours, Field(gt=0)] = 314.0
    """Nominal capacity of a module, with which its monitor counts."""
    period_s: Annotated[Seconds, Field(gt=0)] = 1.0
    """Period of every ECU's control task; each ECU has a phase of its own."""
    clock_drift_ppm: Annotated[float, Field(ge=0, le=10_000)] = 20.0
    """Standard deviation of the frequency error of an ECU's crystal; 20 ppm is a common crystal's tolerance."""
    execution_s: Annotated[Seconds, Field(ge=0)] = 0.002
    """From an activation to its outputs."""
    scan_s: Annotated[Seconds, Field(gt=0)] = 0.85
    """How long a centralized BMS takes to read all modules of a site, one after the other. Sixteen diyBMS modules on a
    daisy chain take 0.9 s, thirty-two 1.7 s; an analogue front end for each module takes 128 us (TI BQ79616)."""
    charge_limit_A: Annotated[Amperes, Field(gt=0)] = 100.0
    """Recommended highest charging current of a module."""
    discharge_limit_A: Annotated[Amperes, Field(gt=0)] = 100.0
    """Recommended highest discharging current of a module."""
    limits: Limits = Limits()
    estimator: AnyEstimator = CoulombCounter()
    health: HealthOptions = HealthOptions()
    power_limits: AnyPowerLimits = Taper()
    balancing: AnyStrategy = PassiveVoltage()
    cooling: AnyCooling = NoCooling()
    insulation: InsulationOptions = InsulationOptions()
    firmware: dict[str, str] = Field(default_factory=dict)
    """By role what runs on its ECUs in place of the architecture's own firmware: a model of fmus/, or the path of an
    FMU with a ports file beside it, or of a Python file."""
    sensors: Sensors = Sensors()
