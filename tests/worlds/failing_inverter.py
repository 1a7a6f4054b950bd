"""An inverter's firmware as an FMU that fails at its sixth activation after power-on."""

from __future__ import annotations

import shutil
from pathlib import Path

from twin import resources
from twin.modelica import archive
from twin.modelica.frontend import compile_text
from twin.modelica.interface import interface
from twin.modelica.model import explicit

FUSE = """
  Real fuse(start=0, fixed=true) "not a number after the fifth activation";
equation
  der(fuse) = sqrt(5 - activation);
"""


def build(folder: Path) -> Path:
    """Write ``failing.fmu`` and its ports file into ``folder``; return the FMU's path."""
    fmus = resources.folder("fmus")
    source = fmus / "inverter_control" / "InverterControl.mo"
    text = source.read_text().replace("InverterControl", "Failing").replace("\nequation\n", FUSE, 1)
    path = folder / "failing.fmu"
    model = explicit(compile_text("Failing", text, library=[fmus / "library"]))
    archive.write(interface(model, b"failing inverter"), "2.0", path)
    shutil.copyfile(fmus / "inverter_control" / "ports.yaml", folder / "failing.ports.yaml")
    return path
