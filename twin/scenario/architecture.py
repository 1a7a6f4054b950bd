"""The architecture of a scenario's BMS, which knows the ECUs and the firmware of every site."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from twin import resources
from twin.bms import architectures
from twin.bms.architectures.architecture import Architecture, Ecu
from twin.bms.firmware.firmware import Firmware
from twin.bms.firmware.fmu_firmware import FmuFirmware
from twin.bms.firmware.fmu_signals import Place
from twin.bms.firmware.python_firmware import python_firmware
from twin.bms.module_data import ModuleData
from twin.bms.ocv import OcvCurve
from twin.bms.site import Site
from twin.errors import InputError, Problem
from twin.network.dbc.codec import MessageLayout
from twin.network.dbc.database import Database, bus_messages
from twin.network.site import Transport
from twin.plugins import discover
from twin.scenario.complaints import suggestion
from twin.scenario.models import CELLS, Scenario

_DATABASES = {"parallel": "home_battery", "series": "stack_battery"}


def architecture_of(scenario: Scenario) -> Architecture:
    """Return the architecture, for sites as the scenario says."""
    instead = dict.fromkeys(scenario.bms.firmware, partial(_instead, scenario))
    architecture = _kind(scenario)(scenario.bms, _site(scenario), instead)
    roles = list(dict.fromkeys(ecu.role for ecu in architecture.ecus()))
    unknown = [role for role in scenario.bms.firmware if role not in roles]
    if unknown:
        raise InputError(_no_role(role, roles) for role in unknown)
    return architecture


def ecus_of(scenario: Scenario) -> tuple[Ecu, ...]:
    """Return the ECUs of a site."""
    return _kind(scenario)(scenario.bms, _site(scenario)).ecus()


def _kind(scenario: Scenario) -> type[Architecture]:
    return discover(architectures, Architecture)[scenario.bms.architecture]  # type: ignore[type-abstract]


def _site(scenario: Scenario) -> Site:
    fleet, plant = scenario.fleet, scenario.plant
    module = ModuleData(CELLS, scenario.bms.capacity_Ah, _ocv())
    return Site(fleet.packs, fleet.modules, fleet.connection == "series", plant.bypass, module, plant.bleed_ohm)


@cache
def _ocv() -> OcvCurve:
    knots = np.loadtxt(resources.folder("data") / "cells" / "ocv_lfp_prada2013.csv", delimiter=",", skiprows=1)
    return OcvCurve(knots[:, 0], knots[:, 1])


def _no_role(role: str, roles: Sequence[str]) -> Problem:
    close = suggestion(role, roles)
    return Problem(f"no such role; expected one of {', '.join(roles)}", path=f"bms.firmware.{role}", suggestion=close)


def _instead(scenario: Scenario, architecture: Architecture, own: Firmware[Any]) -> Firmware[Any]:
    """Return the firmware that the scenario names for the role of ``own``."""
    return firmware_at(scenario.bms.firmware[own.role], scenario, architecture, own)


def firmware_at(
    name: str,
    scenario: Scenario,
    architecture: Architecture,
    own: Firmware[Any],
    layouts: Sequence[MessageLayout] | None = None,
) -> Firmware[Any]:
    """Return what takes the place of ``own``: a model of fmus/, an FMU or a Python file.

    ``layouts``: the messages on the buses; those of the scenario's database unless given.

    Raises InputError where it does not fit the role or the buses.
    """
    if layouts is None:
        layouts = bus_layouts(scenario, architecture, database_of(scenario))
    if name.endswith(".py"):
        return python_firmware(Path(name), own, architecture.options, architecture.site, layouts)
    nodes = frozenset(ecu.node for ecu in architecture.ecus() if ecu.role == own.role)
    place = Place(nodes, layouts, architecture.site, architecture.scans)
    return FmuFirmware(name, own, place, scenario.bms, scenario.plant)


def bus_layouts(scenario: Scenario, architecture: Architecture, database: str) -> tuple[MessageLayout, ...]:
    """Return the messages of a database that are on the buses of a site; with a gateway where it can be updated.

    Raises InputError where it is wrong, or lacks an ECU of the site.
    """
    scopes = {ecu.scope for ecu in architecture.ecus()}
    fleet = scenario.fleet
    return bus_messages(
        Database.load(database),
        fleet.packs,
        fleet.modules,
        monitors="module" in scopes,
        controllers="pack" in scopes,
        gateway=transport_of(scenario) is not None,
    )


def transport_of(scenario: Scenario) -> Transport | None:
    """Return how images travel on the buses of a site; None where it is never updated."""
    return None if scenario.ota is None else scenario.ota.flash.transport


def own_database(scenario: Scenario) -> str:
    """Return the shipped CAN database that was written for the scenario's architecture and connection."""
    return _DATABASES[scenario.fleet.connection] + _kind(scenario).database_suffix


def database_of(scenario: Scenario) -> str:
    """Return the CAN database that the scenario names, or else its own."""
    return scenario.bus.database or own_database(scenario)
