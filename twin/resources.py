"""Where the files that ship with the package are: beside it in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

PACKAGE = Path(__file__).resolve().parent


def folder(name: Literal["fmus", "data", "scenarios"]) -> Path:
    """Return the folder of shipped files of that name."""
    shipped = PACKAGE / "share" / name
    return shipped if shipped.is_dir() else PACKAGE.parent / name
