"""Codes of contactors, pre-charge, insulation and balancing: what was commanded and did not come about."""

from __future__ import annotations

from twin.bms.catalogue.fault_code import FaultCode

PRECHARGE_FAILED = FaultCode(
    11,
    "precharge_failed",
    "DC link did not pre-charge",
    "V",
    "short on the link or open pre-charge path",
    "Inspect the DC link and the pre-charge resistor before trying again",
    "pack",
    "the link stayed at",
)
INSULATION_LOW = FaultCode(
    12,
    "insulation_low",
    "insulation to earth too low",
    "ohm",
    "damaged cable, moisture, or leaked coolant",
    "Do not touch the DC system; switch it off and find the earth fault",
    "site",
)
PACK_WELDED = FaultCode(
    13,
    "main_contactor_welded",
    "main contactor stays closed although it was told to open",
    "V",
    "contacts welded by an inrush or a switched short circuit",
    "Disconnect the pack by hand and replace the contactor",
    "pack",
    "across it",
)
CONTACTOR_WELDED = FaultCode(
    50,
    "contactor_welded",
    "module contactor stays closed although it was told to open",
    "A",
    "contacts welded by an inrush or a switched short circuit",
    "Disconnect the module by hand and replace its contactor",
    value="still flowing",
)
CONTACTOR_STUCK_OPEN = FaultCode(
    51,
    "contactor_stuck_open",
    "module contactor does not close",
    "V",
    "coil without supply, blown fuse or worn contactor",
    "Check the contactor's supply and the module's fuse",
    value="across it",
)
BALANCING_INEFFECTIVE = FaultCode(
    60,
    "balancing_ineffective",
    "cell is balanced without effect",
    "A",
    "open balancing resistor, blown input fuse, or balancing leads that end at another cell",
    "Check the balancing leads and replace the monitor board if they are sound",
    "cell",
    "missing",
)
BALANCING_WRONG_CELL = FaultCode(
    61,
    "balancing_wrong_cell",
    "cell is discharged in place of the one that should be balanced",
    "A",
    "balancing leads swapped, or firmware for another variant of the module",
    "Switch balancing off, then compare wiring and module variant with the settings",
    "cell",
    "with",
)

SWITCHING_CODES = (
    *(PRECHARGE_FAILED, INSULATION_LOW, PACK_WELDED, CONTACTOR_WELDED, CONTACTOR_STUCK_OPEN),
    *(BALANCING_INEFFECTIVE, BALANCING_WRONG_CELL),
)
