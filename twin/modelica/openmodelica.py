"""The second exporter: OpenModelica, wherever its compiler ``omc`` is on the PATH.

It translates what ours refuses (events, initial equations, index reduction), in FMI 2.0, and its trajectories judge
ours. Names of variables are the same; descriptions and value references are not.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from twin.errors import InputError, Problem

SOLVER = "cvode"
"""Of co-simulation: the default, one Euler step a communication step, errs a millivolt at 2 s on an RC pair."""


def compiler() -> str:
    """Return the path of ``omc``.

    Raises InputError where OpenModelica is not installed.
    """
    path = shutil.which("omc")
    if path is None:
        raise InputError(
            Problem(
                "OpenModelica's compiler 'omc' is not on the PATH", suggestion="see https://openmodelica.org/download"
            )
        )
    return path


def export(class_name: str, file: Path, packages: Sequence[Path], path: Path) -> None:
    """Write the FMI 2.0 FMU (ME and CS) of a class to ``path``, whole or not at all; ``packages`` are package.mo files.

    Raises InputError with the compiler's own words where it refuses the class.
    """
    omc = compiler()
    with tempfile.TemporaryDirectory(prefix="omc-") as folder:
        script = Path(folder) / "export.mos"
        script.write_text(_script(class_name, [*packages, file]), encoding="utf-8")
        command = [omc, f"--fmiFlags=s:{SOLVER}", script.name]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        built = Path(folder) / f"{class_name}.fmu"
        if not built.is_file():
            raise InputError(Problem(_reason(done.stdout + done.stderr), str(file), path=class_name))
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        shutil.copyfile(built, part)
        part.replace(path)


def _script(class_name: str, files: Sequence[Path]) -> str:
    loads = "".join(f'if not loadFile("{file}") then print(getErrorString()); exit(1); end if;\n' for file in files)
    options = 'version="2.0", fmuType="me_cs", platforms={"static"}'
    return f"{loads}buildModelFMU({class_name}, {options});\nprint(getErrorString());\n"


def _reason(printed: str) -> str:
    errors = [line for line in printed.splitlines() if "Error:" in line]
    return "OpenModelica refuses it: " + ("; ".join(errors) or printed.strip()[-500:] or "it says nothing")
