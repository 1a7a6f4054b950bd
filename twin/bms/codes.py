"""Fault codes in plain language: what a code means, what usually causes it, and what to do.

A number is never given to another code: it travels on the bus and stands in logs.
"""

from __future__ import annotations

from twin.bms.catalogue.controllers import (
    BUS_ERRORS,
    CLOCK_DEVIATES,
    CONTROLLER_CODES,
    ECU_RESTARTED,
    LIMITS_IGNORED,
    MODULE_FATAL,
    MODULE_REPLACED,
    MODULE_SILENT,
    NUMBERING_IMPLAUSIBLE,
    PACK_OVERCURRENT,
    PEERS_DISAGREE,
    PROTOCOL_MISMATCH,
    TASK_LATE,
)
from twin.bms.catalogue.fault_code import FaultCode, Level, Place, Unit, place_name
from twin.bms.catalogue.modules import (
    CAPACITY_MISMATCH,
    CELL_IMBALANCE,
    CELL_OVERVOLTAGE,
    CELL_UNDERVOLTAGE,
    COOLING_FAILED,
    DEEP_DISCHARGE,
    HIGH_RESISTANCE,
    INTERNAL_SHORT,
    MODULE_CODES,
    OVERCURRENT,
    OVERTEMPERATURE,
    THERMAL_RUNAWAY,
    UNDERTEMPERATURE,
    WEAK_CELL,
)
from twin.bms.catalogue.sensors import (
    BALANCING_DISTURBS_MEASUREMENT,
    CURRENT_IMPLAUSIBLE,
    OPEN_SENSE_WIRE,
    READING_STALE,
    SENSOR_CODES,
    TEMPERATURE_IMPLAUSIBLE,
    TEMPERATURE_STUCK,
    VOLTAGE_IMPLAUSIBLE,
    VOLTAGE_NOISY,
    VOLTAGE_STUCK,
)
from twin.bms.catalogue.switching import (
    BALANCING_INEFFECTIVE,
    BALANCING_WRONG_CELL,
    CONTACTOR_STUCK_OPEN,
    CONTACTOR_WELDED,
    INSULATION_LOW,
    PACK_WELDED,
    PRECHARGE_FAILED,
    SWITCHING_CODES,
)

PROTECTION_CODES: tuple[FaultCode, ...] = (
    CELL_OVERVOLTAGE,
    CELL_UNDERVOLTAGE,
    OVERTEMPERATURE,
    UNDERTEMPERATURE,
    OVERCURRENT,
)
"""What protects a module whatever else is watched, in the order in which it is told."""

CATALOGUE: tuple[FaultCode, ...] = tuple(
    sorted((*MODULE_CODES, *SENSOR_CODES, *SWITCHING_CODES, *CONTROLLER_CODES), key=lambda code: code.number)
)
"""All codes, by number."""

__all__ = [
    "BALANCING_DISTURBS_MEASUREMENT",
    "BALANCING_INEFFECTIVE",
    "BALANCING_WRONG_CELL",
    "BUS_ERRORS",
    "CAPACITY_MISMATCH",
    "CATALOGUE",
    "CELL_IMBALANCE",
    "CELL_OVERVOLTAGE",
    "CELL_UNDERVOLTAGE",
    "CLOCK_DEVIATES",
    "CONTACTOR_STUCK_OPEN",
    "CONTACTOR_WELDED",
    "CONTROLLER_CODES",
    "COOLING_FAILED",
    "CURRENT_IMPLAUSIBLE",
    "DEEP_DISCHARGE",
    "ECU_RESTARTED",
    "HIGH_RESISTANCE",
    "INSULATION_LOW",
    "INTERNAL_SHORT",
    "LIMITS_IGNORED",
    "MODULE_CODES",
    "MODULE_FATAL",
    "MODULE_REPLACED",
    "MODULE_SILENT",
    "NUMBERING_IMPLAUSIBLE",
    "OPEN_SENSE_WIRE",
    "OVERCURRENT",
    "OVERTEMPERATURE",
    "PACK_OVERCURRENT",
    "PACK_WELDED",
    "PEERS_DISAGREE",
    "PRECHARGE_FAILED",
    "PROTECTION_CODES",
    "PROTOCOL_MISMATCH",
    "READING_STALE",
    "SENSOR_CODES",
    "SWITCHING_CODES",
    "TASK_LATE",
    "TEMPERATURE_IMPLAUSIBLE",
    "TEMPERATURE_STUCK",
    "THERMAL_RUNAWAY",
    "UNDERTEMPERATURE",
    "VOLTAGE_IMPLAUSIBLE",
    "VOLTAGE_NOISY",
    "VOLTAGE_STUCK",
    "WEAK_CELL",
    "FaultCode",
    "Level",
    "Place",
    "Unit",
    "place_name",
]
