"""What a battery management system of the field puts on its bus: the cyclic messages of foxBMS 2, version 1.11.

Identifiers, periods and phases are read from the published table (``tests/published/can``); payloads are the caller's.
"""

from __future__ import annotations

import csv
from pathlib import Path

from twin.network.message_sets.periodic import PeriodicMessage

TABLE = Path(__file__).parents[1] / "tests/published/can/foxbms2_v1.11_can_tx_cyclic.csv"
NODE = "foxBMS"
MS = 1_000_000


def foxbms_messages() -> dict[str, PeriodicMessage]:
    """Return the 17 messages of one node by name, with payloads of zeros."""
    with TABLE.open(encoding="ascii", newline="") as file:
        return {row["message"]: _message(row) for row in csv.DictReader(file)}


def _message(row: dict[str, str]) -> PeriodicMessage:
    return PeriodicMessage(
        int(row["id"], 16),
        int(row["period_ms"]) * MS,
        offset_ns=int(row["phase_ms"]) * MS,
        data=bytes(int(row["dlc"])),
        node=NODE,
    )
