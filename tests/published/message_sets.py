"""Published message sets that several tests look at."""

from __future__ import annotations

import csv
from pathlib import Path

with (Path(__file__).parent / "can" / "sae_17_messages.csv").open(encoding="ascii", newline="") as _file:
    SAE = [(int(row["bytes"]), int(row["period_ms"]), float(row["worst_response_ms"])) for row in csv.DictReader(_file)]
"""The SAE benchmark at 125 kbit/s as Davis, Burns, Bril, Lukkien 2007 have it: bytes, period and worst response in ms,
in the order of priority; a frame takes (55 + 10 bytes) bits."""
