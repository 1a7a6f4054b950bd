"""Where the files that ship are, beside the package in a checkout, inside it in a wheel; and where work is kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

PACKAGE = Path(__file__).resolve().parent


def folder(name: Literal["fmus", "data", "scenarios"]) -> Path:
    """Return the folder of shipped files of that name."""
    shipped = PACKAGE / "share" / name
    return shipped if shipped.is_dir() else PACKAGE.parent / name


def cache_folder() -> Path:
    """Return the folder of what was built or read before: ``$TWIN_CACHE``, else bms-twin in the user's cache folder."""
    if "TWIN_CACHE" in os.environ:
        return Path(os.environ["TWIN_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bms-twin"
