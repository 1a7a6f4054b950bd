"""FMUs on demand: a model's folder name in, the path of a built FMU out; built once for the same content."""

from __future__ import annotations

import difflib
import hashlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from twin import resources
from twin.errors import InputError, Problem
from twin.modelica import archive, openmodelica
from twin.modelica.archive import Version
from twin.modelica.frontend import RUMOCA, compile_class
from twin.modelica.interface import interface
from twin.modelica.model import explicit

VERSIONS: tuple[Version, ...] = ("2.0", "3.0")
LIBRARY = "library"


@dataclass(frozen=True)
class Source:
    """A model of the fmus folder: its folder, and the one Modelica file there, named like its class."""

    model: str
    folder: Path
    file: Path

    @property
    def class_name(self) -> str:
        """The Modelica class, ``ModuleElectrical``."""
        return self.file.stem


def models() -> tuple[str, ...]:
    """Return the names of all models that can be built."""
    return tuple(sorted(folder.name for folder in resources.folder("fmus").iterdir() if any(folder.glob("*.mo"))))


def source(model: str) -> Source:
    """Return where a model's Modelica is.

    Raises InputError on a name that is no model, with a suggestion.
    """
    folder = resources.folder("fmus") / model
    files = sorted(folder.glob("*.mo")) if model in models() else []
    if len(files) == 1:
        return Source(model, folder, files[0])
    if files:
        raise InputError(Problem(f"expected one .mo file, found {len(files)}", str(folder)))
    near = difflib.get_close_matches(model, models(), n=1)
    suggestion = f"did you mean '{near[0]}'?" if near else f"one of {', '.join(models())}"
    raise InputError(Problem(f"no model '{model}'", str(folder), suggestion=suggestion))


def build(model: str, fmi: Version) -> Path:
    """Return the path of a model's FMU, building it where nothing was built from the same content.

    Raises InputError, with class and line, where the Modelica cannot be translated, and where there is no C compiler.
    """
    of = source(model)
    content = _content(of)
    path = _path(of, content, f"fmi{fmi[0]}")
    if not path.is_file():
        equations = compile_class(of.class_name, of.file, [resources.folder("fmus") / LIBRARY])
        archive.write(interface(explicit(equations), content), fmi, path)
    return path


def build_with_openmodelica(model: str) -> Path:
    """Return the path of a model's FMI 2.0 FMU as OpenModelica exports it, building it where it is not there.

    Raises InputError where OpenModelica is not installed or refuses the model.
    """
    of = source(model)
    path = _path(of, _content(of), "openmodelica.fmi2")
    if not path.is_file():
        packages = sorted((resources.folder("fmus") / LIBRARY).glob("*/package.mo"))
        openmodelica.export(of.class_name, of.file, packages, path)
    return path


def path_of(model: str, fmi: Version) -> Path:
    """Return where a model's FMU is, or would be built: its folder is named by a hash of all that goes into it."""
    of = source(model)
    return _path(of, _content(of), f"fmi{fmi[0]}")


def _path(of: Source, content: bytes, kind: str) -> Path:
    digest = hashlib.sha256(content).hexdigest()[:16]
    return resources.cache_folder() / f"{of.model}-{digest}" / f"{of.model}.{kind}.fmu"


def _content(of: Source) -> bytes:
    """Return a digest of each file that a build reads, and of the compilers, as text: equal for equal FMUs."""
    folders = (of.folder, resources.folder("fmus") / LIBRARY, Path(__file__).parent, archive.headers())
    patterns = ("*.mo", "*.mo", "*", "fmi*.h")
    digests = [
        (file.relative_to(folder).as_posix(), hashlib.sha256(file.read_bytes()).hexdigest())
        for folder, pattern in zip(folders, patterns, strict=True)
        for file in _files(folder, pattern)
    ]
    content = {"files": digests, "flags": archive.FLAGS, "rumoca": RUMOCA, "compiler": _compiler_version()}
    return json.dumps(content, sort_keys=True).encode()


def _files(folder: Path, pattern: str) -> Iterator[Path]:
    return (p for p in sorted(folder.rglob(pattern)) if p.is_file() and "__pycache__" not in p.parts)


def _compiler_version() -> str:
    run = subprocess.run([archive.compiler(), "--version"], capture_output=True, text=True, check=True)
    return run.stdout.split("\n")[0]
