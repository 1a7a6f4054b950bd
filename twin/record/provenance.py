"""What may differ between two equal runs: versions, machine, wall time. It is kept apart from the values."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import sys
from datetime import UTC, datetime
from typing import Any


def packages() -> dict[str, str]:
    """Return the installed version of bms-twin and of everything that it requires."""
    names = ["bms-twin"]
    try:
        required = importlib.metadata.requires("bms-twin") or []
        names += [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in required if "extra ==" not in line]
    except importlib.metadata.PackageNotFoundError:  # run from a checkout that is not installed
        names += ["numpy", "h5py", "simpy", "xarray"]
    return {name: _version(name) for name in names}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def machine() -> dict[str, str | int]:
    """Return what the run is made on."""
    return {
        "node": platform.node(),
        "system": platform.platform(),
        "processor": platform.machine(),
        "cpus": os.cpu_count() or 0,
        "python": sys.version.split()[0],
    }


def at_start() -> dict[str, Any]:
    """Return what is known when a run begins."""
    return {
        "packages": packages(),
        "machine": machine(),
        "command": " ".join(sys.argv),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def at_end(wall_s: float) -> dict[str, Any]:
    """Return what is known when a run has ended."""
    return {"ended": datetime.now(UTC).isoformat(timespec="seconds"), "wall_s": wall_s}
