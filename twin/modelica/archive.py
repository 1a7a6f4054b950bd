"""An FMU archive of a model: sources, binary for this machine, description; the same bytes for the same input."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from twin.errors import InputError, Problem, SimulationError
from twin.modelica import description2, description3
from twin.modelica.interface import Interface
from twin.modelica.kernel import kernel

Version = Literal["2.0", "3.0"]

SOURCES = Path(__file__).with_name("c")
FLAGS = ("-std=c11", "-O2", "-fPIC", "-fno-math-errno", "-ffp-contract=off", "-Wall", "-Wno-unused-function")
"""No contraction: a product and a sum round twice on every machine, so that results are the same bits."""
PLATFORMS = {"2.0": "linux64", "3.0": "x86_64-linux"}


def write(interface: Interface, version: Version, path: Path) -> None:
    """Compile a model and write its FMU to ``path``, whole or not at all.

    Raises InputError where there is no C compiler; SimulationError where it refuses what we generated.
    """
    with tempfile.TemporaryDirectory(prefix="fmu-") as folder:
        root = Path(folder)
        texts = _texts(interface, version)
        for name, text in texts.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        binary = root / "binaries" / PLATFORMS[version] / f"{interface.identifier}.so"
        binary.parent.mkdir(parents=True)
        _compile(root / "sources" / f"fmi{version[0]}.c", binary)
        _zip(root, path)


def compiler() -> str:
    """Return the C compiler, ``$CC`` or gcc.

    Raises InputError where there is none, or where this machine is none that FMUs are built for.
    """
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        found = f"{platform.system()} on {platform.machine()}"
        raise InputError(Problem(f"FMUs are built for Linux on x86_64 only; this is {found}"))
    name = os.environ.get("CC", "gcc")
    found_path = shutil.which(name)
    if found_path is None:
        raise InputError(
            Problem(f"the C compiler '{name}' is not installed; FMUs are built with it", suggestion="apt install gcc")
        )
    return found_path


def headers() -> Path:
    """Return the folder of the FMI headers, which FMPy ships."""
    import fmpy

    return Path(fmpy.__file__).parent / "c-code"


def _texts(interface: Interface, version: Version) -> Mapping[str, str]:
    digit = version[0]
    texts = {
        "modelDescription.xml": (description2 if digit == "2" else description3).description(interface),
        "sources/kernel.h": kernel(interface.model, interface.token) + "\n" + _slots(interface),
        **{f"sources/{name}": (SOURCES / name).read_text(encoding="utf-8") for name in ("core.h", f"fmi{digit}.c")},
        **{f"sources/{h.name}": h.read_text(encoding="utf-8") for h in sorted(headers().glob(f"fmi{digit}*.h"))},
    }
    if digit == "3":
        texts["sources/buildDescription.xml"] = description3.build_description(interface)
    return texts


def _slots(interface: Interface) -> str:
    slots = description3.array_slots(interface)
    starts = [0]
    for of_variable in slots:
        starts.append(starts[-1] + len(of_variable))
    flat = [str(slot) for of_variable in slots for slot in of_variable]
    return (
        f"static const unsigned variable_starts[{len(starts)}] = {{{', '.join(map(str, starts))}}};\n"
        f"static const unsigned variable_slots[{len(flat)}] = {{{', '.join(flat)}}};\n"
    )


def _compile(source: Path, binary: Path) -> None:
    command = [compiler(), *FLAGS, "-shared", "-o", str(binary), source.name, "-lm"]
    done = subprocess.run(command, cwd=source.parent, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SimulationError(f"the C compiler refuses a generated FMU:\n{done.stderr[:3000]}")


def _zip(root: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        part = Path(file.name)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for member in sorted(p for p in root.rglob("*") if p.is_file()):
                info = zipfile.ZipInfo(member.relative_to(root).as_posix(), (2026, 1, 1, 0, 0, 0))
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o644 << 16
                archive.writestr(info, member.read_bytes())
    part.chmod(0o644)
    part.replace(path)
