"""Columns that the table of every study has, beside those of its factors and responses."""

from __future__ import annotations

from typing import Final

BEFORE: Final = {
    "row": "place of the design, from 0",
    "replication": "repetition of the row, each with a seed of its own",
    "seed": "seed of the point's random streams",
    "id": "hash of all that the point's result depends on: its folder's name",
}
AFTER: Final = {
    "feasible": "done, and no constraint is broken",
    "status": "done, failed, or open while there is no result",
    "seconds": "time on the wall of the attempt that ended the point",
    "memory_MB": "peak of the process's resident memory",
    "attempts": "how often the point was tried",
    "version": "of bms-twin",
    "host": "where the point ran",
    "error": "why the point failed",
}
FIXED: Final = frozenset(BEFORE) | frozenset(AFTER)
"""No factor or response may be called so."""
