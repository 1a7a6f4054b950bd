"""An electrical module whose integration fails as soon as its fifth cell is warmer than 45 degC."""

from __future__ import annotations

import shutil
from pathlib import Path

from twin import resources
from twin.modelica import archive
from twin.modelica.frontend import compile_text
from twin.modelica.interface import interface
from twin.modelica.model import explicit

FUSE = """
  Real fuse(start=0, fixed=true) "not a number once the cell is too warm";
equation
  der(fuse) = sqrt(318.15 - temperature_K[5]);
"""


def build(folder: Path) -> Path:
    """Write ``failing.fmu`` and its ports file into ``folder``; return the FMU's path."""
    fmus = resources.folder("fmus")
    source = fmus / "module_electrical" / "ModuleElectrical.mo"
    text = source.read_text().replace("ModuleElectrical", "Failing").replace("\nequation\n", FUSE, 1)
    path = folder / "failing.fmu"
    archive.write(
        interface(explicit(compile_text("Failing", text, library=[fmus / "library"])), b"failing"), "2.0", path
    )
    shutil.copyfile(fmus / "module_electrical" / "ports.yaml", folder / "failing.ports.yaml")
    return path
