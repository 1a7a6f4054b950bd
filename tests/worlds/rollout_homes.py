"""Homes of two modules to which a release is rolled out at once, through every real part, within some 70 seconds.

Images fill a flash of 32 KiB, so that a transfer takes seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from twin import resources
from twin.scenario import Scenario
from twin.scenario.files import from_folder

GOOD = resources.folder("scenarios") / "firmware" / "good"
BAD = resources.folder("scenarios") / "firmware" / "bad"
RELEASE = {
    "pack_controller": str(GOOD / "pack_controller_2_4_0.py"),
    "module_monitor": str(GOOD / "module_monitor_2_4_0.py"),
}
SLOT_BYTES = 32 * 1024


def stated(sites: int = 4, duration_s: float = 80, **sections: Any) -> dict[str, Any]:
    """Return what a scenario says of such homes; ``sections`` add to its own, or replace what is no mapping."""
    said: dict[str, Any] = {
        "name": "Small rollout",
        "seed": 7,
        "start": "2026-06-21T10:00:00+08:00",
        "duration_s": duration_s,
        "fleet": {"sites": sites, "packs": 1, "modules": 2},
        "load": {"kind": "bdew", "annual_kWh": 4000},
        "pv": {"kind": "clear_sky", "peak_W": "6 kW"},
    }
    ota: dict[str, Any] = {
        "release": RELEASE,
        "wan": {"outages_per_day": 400, "outage_s": 10},
        "client": {"poll_s": 15, "check_s": 10, "look_s": 5},
        "flash": {"slot_bytes": SLOT_BYTES},
        "campaign": {"policy": {"kind": "all_at_once"}, "decide_s": 10, "must_finish": False},
    }
    own = sections.pop("ota", {})
    for name, section in sections.items():
        said[name] = {**said.get(name, {}), **section} if isinstance(section, Mapping) else section
    return {**said, "ota": {**ota, **own}}


def homes(**said: Any) -> Scenario:
    """Return the scenario that says so."""
    return Scenario.model_validate(from_folder(stated(**said), Path.cwd()))


def table(folder: Path, name: str) -> dict[str, np.ndarray]:
    """Return a table of a run by column, texts as such."""
    with h5py.File(folder / "run.h5") as file:
        columns = {column: values[()] for column, values in file[name].items()}
    return {
        column: np.char.decode(values) if values.dtype.kind == "S" else values for column, values in columns.items()
    }
