"""Codes of what a module's cells, current and temperatures do."""

from __future__ import annotations

from twin.bms.catalogue.fault_code import FaultCode

CELL_OVERVOLTAGE = FaultCode(
    1,
    "cell_overvoltage",
    "cell voltage too high",
    "V",
    "charged beyond full, or a weak cell",
    "Stop charging and let the cells balance",
    "cell",
)
CELL_UNDERVOLTAGE = FaultCode(
    2,
    "cell_undervoltage",
    "cell voltage too low",
    "V",
    "discharged beyond empty, or a weak cell",
    "Stop discharging and charge with a small current",
    "cell",
)
OVERTEMPERATURE = FaultCode(
    3,
    "overtemperature",
    "cell too hot",
    "K",
    "internal short, loose terminal or lost cooling",
    "Isolate the module, let it cool down and inspect it",
    "cell",
)
UNDERTEMPERATURE = FaultCode(
    4,
    "undertemperature",
    "cell too cold",
    "K",
    "ambient below the limits of charging",
    "Do not charge before it is warmer",
    "cell",
)
OVERCURRENT = FaultCode(
    5,
    "overcurrent",
    "module current too high",
    "A",
    "load beyond the limits, or too few modules for it",
    "Reduce the load",
)
DEEP_DISCHARGE = FaultCode(
    6,
    "deep_discharge",
    "cell discharged so deeply that it may be damaged",
    "V",
    "left empty for long, or a load that does not stop at the limit",
    "Replace the module; do not charge a cell that was so low",
    "cell",
)
THERMAL_RUNAWAY = FaultCode(
    7,
    "thermal_runaway",
    "cell heats up faster than its load explains, a sign of coming thermal runaway",
    "K/s",
    "internal short, or abuse",
    "Leave the room, call the fire service and keep the module isolated",
    "cell",
    "rising by",
)
CELL_IMBALANCE = FaultCode(
    8,
    "cell_imbalance",
    "cells of the module too far apart",
    "V",
    "a module assembled from unequal cells, a weak cell, or balancing that never had time",
    "Let the module rest near full until balancing has evened it out",
    "cell",
    "spread",
)
HIGH_RESISTANCE = FaultCode(
    40,
    "high_resistance",
    "voltage of the cell moves too much with the current",
    "ohm",
    "loose or corroded terminal, or a cell at the end of its life",
    "Tighten the busbar of this cell, and replace the module if that does not help",
    "cell",
    "more than its neighbours by",
)
INTERNAL_SHORT = FaultCode(
    41,
    "internal_short",
    "cell loses charge by itself",
    "A",
    "internal short, or a leak on the monitor board",
    "Take the module out of service and have it examined",
    "cell",
    "at least",
)
WEAK_CELL = FaultCode(
    42,
    "weak_cell",
    "cell holds less charge than its neighbours",
    "1",
    "aged or damaged cell",
    "Replace the module at the next service",
    "cell",
    "less by at least this share of the capacity:",
)
COOLING_FAILED = FaultCode(
    43,
    "cooling_failed",
    "module does not get cooler although it is cooled",
    "1",
    "fan or pump stands still, filter clogged, or too little coolant",
    "Check fan, pump, filter and coolant",
    value="share of its heat that stays inside:",
)
CAPACITY_MISMATCH = FaultCode(
    44,
    "capacity_mismatch",
    "counted charge and voltage disagree about the state of charge",
    "1",
    "capacity set wrongly or faded, or a current sensor that drifts",
    "Compare the capacity in the settings with the nameplate, then fully charge once",
    value="by",
)

MODULE_CODES = (
    *(CELL_OVERVOLTAGE, CELL_UNDERVOLTAGE, OVERTEMPERATURE, UNDERTEMPERATURE, OVERCURRENT, DEEP_DISCHARGE),
    *(THERMAL_RUNAWAY, CELL_IMBALANCE, HIGH_RESISTANCE, INTERNAL_SHORT, WEAK_CELL, COOLING_FAILED, CAPACITY_MISMATCH),
)
