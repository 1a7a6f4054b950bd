"""Codes of readings that cannot be true, or do not come."""

from __future__ import annotations

from twin.bms.catalogue.fault_code import FaultCode

VOLTAGE_IMPLAUSIBLE = FaultCode(
    30,
    "voltage_implausible",
    "cell voltages do not add up to the voltage of the module",
    "V",
    "a cell's voltage input that is off, or a loose sense wire",
    "Check the sense wires of this module and replace its monitor board if they are sound",
    "cell",
    "difference",
)
OPEN_SENSE_WIRE = FaultCode(
    31,
    "open_sense_wire",
    "sense wire between this cell and the next is open",
    "V",
    "broken or unplugged sense wire",
    "Check the sense wires and their connector",
    "cell",
    "reading off by",
)
VOLTAGE_STUCK = FaultCode(
    32,
    "voltage_stuck",
    "voltage reading of the cell does not move while those of its neighbours do",
    "V",
    "defective input of the monitor board",
    "Replace the monitor board",
    "cell",
    "the others moved by",
)
VOLTAGE_NOISY = FaultCode(
    33,
    "voltage_noisy",
    "voltage reading of the cell jitters",
    "V",
    "loose sense wire, or interference from the inverter",
    "Check connector and routing of the sense wires",
    "cell",
    "by",
)
TEMPERATURE_IMPLAUSIBLE = FaultCode(
    34,
    "temperature_implausible",
    "temperature reading cannot be true",
    "delta_K",
    "temperature sensor open, shorted or detached",
    "Replace the temperature sensor",
    "cell",
    "off by",
)
TEMPERATURE_STUCK = FaultCode(
    35,
    "temperature_stuck",
    "temperature reading of the cell does not move while those of its neighbours do",
    "delta_K",
    "defective temperature sensor or input",
    "Replace the temperature sensor",
    "cell",
    "the others moved by",
)
CURRENT_IMPLAUSIBLE = FaultCode(
    36,
    "current_implausible",
    "current reading cannot be true",
    "A",
    "current sensor that drifts or is defective",
    "Calibrate or replace the current sensor",
    value="off by",
)
READING_STALE = FaultCode(
    37,
    "reading_stale",
    "readings of the module do not come any more",
    "s",
    "sense wires unplugged, or a measuring board without power",
    "Check the harness of this module",
    value="for",
)
BALANCING_DISTURBS_MEASUREMENT = FaultCode(
    38,
    "balancing_disturbs_measurement",
    "balancing this cell moves the readings of its neighbours",
    "V",
    "balancing current flows through the sense wires, or one of them has become resistive",
    "Measure only while balancing pauses, and check the sense wires",
    "cell",
    "by",
)

SENSOR_CODES = (
    *(VOLTAGE_IMPLAUSIBLE, OPEN_SENSE_WIRE, VOLTAGE_STUCK, VOLTAGE_NOISY, TEMPERATURE_IMPLAUSIBLE, TEMPERATURE_STUCK),
    *(CURRENT_IMPLAUSIBLE, READING_STALE, BALANCING_DISTURBS_MEASUREMENT),
)
