"""A scenario: all that a run depends on, composed of the options of the parts and the plug-ins that exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AwareDatetime, Field

from twin import dispatch as dispatch_kinds
from twin import faults as fault_kinds
from twin.bms.options import Bms
from twin.dispatch.dispatch import Dispatch
from twin.dispatch.self_consumption import SelfConsumption
from twin.faults.drawn import Drawn
from twin.faults.fault import Fault
from twin.network.options import Bus
from twin.options import Options
from twin.ota.options import Ota
from twin.plant.options import Plant
from twin.plant.packs import Connection
from twin.plugins import one_of
from twin.quantity import Seconds
from twin.record.options import Record
from twin.scenario.pace import Pace
from twin.scenario.profiles import ambient as ambient_profiles
from twin.scenario.profiles import frequency as frequency_profiles
from twin.scenario.profiles import load as load_profiles
from twin.scenario.profiles import pv as pv_profiles
from twin.scenario.profiles import schedule as schedule_profiles
from twin.scenario.profiles import tariff as tariff_profiles
from twin.scenario.profiles.ambient.daily import Daily
from twin.scenario.profiles.frequency.nominal import Nominal
from twin.scenario.profiles.load.bdew import Bdew
from twin.scenario.profiles.profile import Profile
from twin.scenario.profiles.pv.clear_sky import ClearSky
from twin.scenario.profiles.schedule.none import NoSchedule
from twin.scenario.profiles.tariff.none import NoTariff
from twin.scenario.rules import Rules, UseCase
from twin.scenario.spread import Capacity, ResistanceFactor, StateOfCharge, StateOfHealth, Temperature

CELLS = 16
"""Cells of a module, in series: what the FMUs and the module's CAN messages have."""
MOST_PACKS = 4
MOST_SLOTS = 16
"""Packs and modules of a site: for so many the DBC has messages."""
PROFILES = ("load", "pv", "ambient", "tariff", "frequency", "schedule")
"""Fields of a scenario that are quantities over time."""


if TYPE_CHECKING:
    AnyFault = Fault
    AnyLoad = Profile
    AnyPv = Profile
    AnyAmbient = Profile
    AnyTariff = Profile
    AnyFrequency = Profile
    AnySchedule = Profile
    AnyDispatch = Dispatch
else:
    AnyFault = one_of(fault_kinds, Fault)
    AnyLoad = one_of(load_profiles, Profile)
    AnyPv = one_of(pv_profiles, Profile)
    AnyAmbient = one_of(ambient_profiles, Profile)
    AnyTariff = one_of(tariff_profiles, Profile)
    AnyFrequency = one_of(frequency_profiles, Profile)
    AnySchedule = one_of(schedule_profiles, Profile)
    AnyDispatch = one_of(dispatch_kinds, Dispatch)


class FleetSpread(Options):
    """What the batteries of a fleet are like and how they differ; each may be a number, or a mean and its spread."""

    capacity_Ah: Capacity = Capacity()
    resistance_factor: ResistanceFactor = ResistanceFactor()
    soc: StateOfCharge = StateOfCharge()
    soh: StateOfHealth = StateOfHealth()
    """State of health: 0.9 has lost a tenth of the new cell's capacity, and its resistance has grown."""
    temperature_start_K: Temperature = Temperature()


class FleetOptions(Options):
    """The sites and what each consists of."""

    sites: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    packs: Annotated[int, Field(ge=1, le=MOST_PACKS)] = 1
    """Of a site, in parallel."""
    modules: Annotated[int, Field(ge=1, le=MOST_SLOTS)] = 2
    """Of a pack."""
    connection: Connection = "parallel"
    """Of the modules of a pack: in parallel on a bus bar, or in series as a stack."""
    spread: FleetSpread = FleetSpread()


class Scenario(Options):
    """A scenario of bms-twin: physics, network, BMS, fleet, faults and log of one run."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: str = ""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Of every random draw; another seed is another fleet of the same kind."""
    start: AwareDatetime
    """When the run begins, with the homes' time zone: 2026-06-21T06:00:00+08:00."""
    duration_s: Annotated[Seconds, Field(gt=0, le=1e9)]
    """Simulated time; a multiple of the step."""
    step_s: Annotated[Seconds, Field(ge=1e-3, le=3600)] = 1.0
    """The plant's step."""
    pace: Pace | None = None
    """Longer steps for sites in which nothing happens; none: every step of every site is ``step_s``."""
    fleet: FleetOptions = FleetOptions()
    load: AnyLoad = Bdew()
    """What the homes draw."""
    pv: AnyPv = ClearSky()
    """What the homes' roofs give."""
    ambient: AnyAmbient = Daily()
    """The air around the batteries."""
    tariff: AnyTariff = NoTariff()
    """What energy costs, by the hour."""
    frequency: AnyFrequency = Nominal()
    """The grid's."""
    schedule: AnySchedule = NoSchedule()
    """What somebody has planned for the batteries."""
    dispatch: AnyDispatch = SelfConsumption()
    """What the sites' energy management asks of the batteries."""
    plant: Plant = Plant()
    bus: Bus = Bus()
    bms: Bms = Bms()
    faults: Annotated[list[AnyFault], Field(default_factory=list)]
    drawn: Drawn | None = None
    """Faults that every site gets by chance."""
    ota: Ota | None = None
    """A release that is rolled out to the sites over the air."""
    record: Record = Record()
    use_case: UseCase | None = None
    """What the batteries are for; reports say how well it went."""
    rules: Rules = Rules()
    """Limits that the run is to keep: pass or fail."""
