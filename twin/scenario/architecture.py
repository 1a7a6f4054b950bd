"""The architecture of a scenario's BMS, which knows the ECUs and the firmware of every site."""

from __future__ import annotations

import numpy as np

from twin import resources
from twin.bms import architectures
from twin.bms.architectures.architecture import Architecture
from twin.bms.module_data import ModuleData
from twin.bms.ocv import OcvCurve
from twin.bms.site import Site
from twin.plugins import discover
from twin.scenario.models import CELLS, Scenario

_DATABASES = {"parallel": "home_battery", "series": "stack_battery"}


def architecture_of(scenario: Scenario) -> Architecture:
    """Return the architecture, for sites as the scenario says."""
    kind = discover(architectures, Architecture)[scenario.bms.architecture]  # type: ignore[type-abstract]
    knots = np.loadtxt(resources.folder("data") / "cells" / "ocv_lfp_prada2013.csv", delimiter=",", skiprows=1)
    fleet, plant = scenario.fleet, scenario.plant
    module = ModuleData(CELLS, scenario.bms.capacity_Ah, OcvCurve(knots[:, 0], knots[:, 1]))
    series = fleet.connection == "series"
    site = Site(fleet.packs, fleet.modules, series, plant.bypass, module, plant.bleed_ohm)
    return kind(scenario.bms, site)


def own_database(scenario: Scenario) -> str:
    """Return the shipped CAN database that was written for the scenario's architecture and connection."""
    suffix = discover(architectures, Architecture)[scenario.bms.architecture].database_suffix  # type: ignore[type-abstract]
    return _DATABASES[scenario.fleet.connection] + suffix


def database_of(scenario: Scenario) -> str:
    """Return the CAN database that the scenario names, or else its own."""
    return scenario.bus.database or own_database(scenario)
