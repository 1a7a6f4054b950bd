"""Codes of controllers: what they find of each other, of the bus, of the inverter and of themselves."""

from __future__ import annotations

from twin.bms.catalogue.fault_code import FaultCode

MODULE_SILENT = FaultCode(
    10,
    "module_silent",
    "module not heard on the bus",
    "s",
    "wiring, power or firmware of its monitor",
    "Check the bus cable and the supply of this module",
    value="for",
)
PROTOCOL_MISMATCH = FaultCode(
    14,
    "protocol_mismatch",
    "module speaks another version of the protocol",
    "1",
    "one of the two was updated and the other was not",
    "Update the firmware of module and controller to versions that belong together",
    value="version",
)
ECU_RESTARTED = FaultCode(
    15,
    "ecu_restarted",
    "controller has restarted by itself",
    "1",
    "supply dipped, or its watchdog bit",
    "Check its supply, and report it if it comes again",
    "ECU",
    "times since it was switched on:",
)
BUS_ERRORS = FaultCode(
    16,
    "bus_errors",
    "too many errors on the CAN bus",
    "1",
    "missing terminator, loose connector, or a node that disturbs the others",
    "Check terminators and connectors of the bus",
    "ECU",
    "error counter",
)
LIMITS_IGNORED = FaultCode(
    17,
    "limits_ignored",
    "inverter exceeds the current that it was allowed",
    "A",
    "wrong battery protocol chosen in the inverter, or its bus cable unplugged",
    "Set the inverter to this battery's protocol and check its bus cable",
    "pack",
    "beyond the limit by",
)
MODULE_REPLACED = FaultCode(
    18,
    "module_replaced",
    "another module has come in this place",
    "1",
    "module exchanged while the battery was running",
    "Confirm the exchange in the settings, so that its history starts anew",
    value="its state of charge differs by",
)
MODULE_FATAL = FaultCode(
    19,
    "module_fatal",
    "isolated because of a fatal finding in the module",
    "1",
    "see the module's own finding",
    "Follow what that finding says, then clear it",
    "module",
    "its fault code:",
)
PACK_OVERCURRENT = FaultCode(
    20,
    "pack_overcurrent",
    "pack current too high",
    "A",
    "load or charger beyond the limits",
    "Reduce the load or the charging power",
    "pack",
)
PEERS_DISAGREE = FaultCode(
    21,
    "peers_disagree",
    "modules tell each other different states of the same battery",
    "1",
    "a module that the others do not hear, or a faulty monitor",
    "Check the bus cable of this module",
    value="how many others disagree with it:",
)
NUMBERING_IMPLAUSIBLE = FaultCode(
    22,
    "numbering_implausible",
    "module does not answer to commands that carry its number",
    "1",
    "two modules have each other's number",
    "Compare the numbers on the modules with those in the settings",
    value="commands without effect:",
)
TASK_LATE = FaultCode(
    23,
    "task_late",
    "controller runs its control task too late",
    "s",
    "processor overloaded, or firmware that blocks",
    "Report it with the firmware's version; restart the controller if it goes on",
    "ECU",
    "since the run before",
)
CLOCK_DEVIATES = FaultCode(
    24,
    "clock_deviates",
    "clock of the controller runs at another speed than those of the others",
    "1",
    "defective crystal",
    "Replace the controller",
    "ECU",
    "relative error",
)

CONTROLLER_CODES = (
    *(MODULE_SILENT, PROTOCOL_MISMATCH, ECU_RESTARTED, BUS_ERRORS, LIMITS_IGNORED, MODULE_REPLACED, MODULE_FATAL),
    *(PACK_OVERCURRENT, PEERS_DISAGREE, NUMBERING_IMPLAUSIBLE, TASK_LATE, CLOCK_DEVIATES),
)
