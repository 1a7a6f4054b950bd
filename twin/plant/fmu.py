"""An FMU as a file: its description, its binary for this platform, and every mistake in either, named.

The description is read through FMPy. The archive is extracted once a content, into a cache folder that many processes
may share.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, cast

import fmpy
from fmpy.model_description import ModelDescription, ModelVariable

from twin.errors import InputError, Problem

Version = Literal["2.0", "3.0"]

_STATE = ("Get{0}", "Set{0}", "Free{0}")
_SERIAL = ("Serialized{0}Size", "Serialize{0}")
_COMMON = ("SetDebugLogging", "FreeInstance", "EnterInitializationMode", "ExitInitializationMode", "Reset", "DoStep")
REQUIRED: Mapping[Version, tuple[str, ...]] = {
    "2.0": tuple(f"fmi2{name}" for name in ("Instantiate", "SetupExperiment", "SetReal", "GetReal", *_COMMON)),
    "3.0": tuple(f"fmi3{name}" for name in ("InstantiateCoSimulation", "SetFloat64", "GetFloat64", *_COMMON)),
}
"""The functions that a pool calls on every FMU."""
STATES: Mapping[Version, tuple[str, ...]] = {
    "2.0": tuple("fmi2" + name.format("FMUstate") for name in _STATE),
    "3.0": tuple("fmi3" + name.format("FMUState") for name in _STATE),
}
"""Called on FMUs that say canGetAndSetFMUstate."""
SERIALS: Mapping[Version, tuple[str, ...]] = {
    "2.0": (*("fmi2" + name.format("FMUstate") for name in _SERIAL), "fmi2DeSerializeFMUstate"),
    "3.0": (*("fmi3" + name.format("FMUState") for name in _SERIAL), "fmi3DeserializeFMUState"),
}
"""Called on FMUs that say canSerializeFMUstate."""
_ERROR_CATEGORIES = ("logStatusWarning", "logStatusDiscard", "logStatusError", "logStatusFatal")


@dataclass(frozen=True)
class Variable:
    """One variable of an FMU; ``shape`` is empty for a scalar, ``start`` has one number an element, or is None."""

    name: str
    reference: int
    kind: str
    shape: tuple[int, ...]
    causality: str
    variability: str
    initial: str | None
    unit: str | None
    start: tuple[float, ...] | None

    @property
    def size(self) -> int:
        """Number of elements."""
        size = 1
        for extent in self.shape:
            size *= extent
        return size

    @property
    def real(self) -> bool:
        """Whether a column of a pool can hold it."""
        return self.kind in ("Real", "Float64")


@dataclass(frozen=True)
class Fmu:
    """An FMU for co-simulation, checked and extracted to ``folder``."""

    path: Path
    folder: Path
    version: Version
    identifier: str
    token: str
    library: Path
    tolerance: float | None
    keeps_state: bool
    serializes_state: bool
    only_once: bool
    log_categories: tuple[str, ...]
    variables: Mapping[str, Variable]


def read(path: Path) -> Fmu:
    """Read, check and extract the FMU at ``path``.

    Raises InputError if it is missing or no FMU, is no FMI 2.0 or 3.0 co-simulation FMU, or has no binary for this
    platform or one that lacks a function.
    """
    if not path.is_file():
        raise InputError(Problem("no such file; expected an FMU", file=str(path)))
    try:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror}", file=str(path))) from None
    return _read(path, content)


@lru_cache(maxsize=64)
def _read(path: Path, content: str) -> Fmu:
    description = _describe(path)
    folder = _extract(path, content)
    version = cast(Version, description.fmiVersion[:3])
    library = _library(path, folder, version, description.coSimulation.modelIdentifier)
    interface = description.coSimulation
    fmu = Fmu(
        path=path,
        folder=folder,
        version=version,
        identifier=interface.modelIdentifier,
        token=description.guid,
        library=library,
        tolerance=_tolerance(description),
        keeps_state=interface.canGetAndSetFMUstate,
        serializes_state=interface.canGetAndSetFMUstate and interface.canSerializeFMUstate,
        only_once=interface.canBeInstantiatedOnlyOncePerProcess,
        log_categories=tuple(c.name for c in description.logCategories if c.name in _ERROR_CATEGORIES),
        variables={variable.name: _variable(variable) for variable in description.modelVariables},
    )
    _check_symbols(fmu)
    return fmu


def _describe(path: Path) -> ModelDescription:
    """Return FMPy's description of a valid co-simulation FMU."""
    try:
        with zipfile.ZipFile(path) as archive:
            if "modelDescription.xml" not in archive.namelist():
                raise InputError(Problem("no FMU: there is no modelDescription.xml in it", file=str(path)))
        description = fmpy.read_model_description(path)
    except zipfile.BadZipFile:
        raise InputError(Problem("no FMU: it is no ZIP archive", file=str(path))) from None
    except InputError:
        raise
    except Exception as error:  # FMPy raises bare Exceptions beside its own and lxml's
        found = getattr(error, "problems", [str(error)])
        place = f"{path}/modelDescription.xml"
        raise InputError(Problem(str(problem), file=place) for problem in found) from None
    if description.fmiVersion[:2] not in ("2.", "3."):
        raise InputError(Problem(f"FMI {description.fmiVersion} found; expected FMI 2.0 or 3.0", file=str(path)))
    if description.coSimulation is None:
        kinds = {"ModelExchange": description.modelExchange, "ScheduledExecution": description.scheduledExecution}
        offered = ", ".join(name for name, interface in kinds.items() if interface) or "nothing"
        raise InputError(Problem(f"offers {offered}; expected CoSimulation", file=str(path)))
    return description


def _tolerance(description: ModelDescription) -> float | None:
    experiment = description.defaultExperiment
    return None if experiment is None or experiment.tolerance is None else float(experiment.tolerance)


def _variable(found: ModelVariable) -> Variable:
    variable = Variable(
        name=found.name,
        reference=found.valueReference,
        kind=found.type,
        shape=tuple(found.shape or ()),
        causality=found.causality,
        variability=found.variability,
        initial=found.initial,
        unit=found.unit or (found.declaredType.unit if found.declaredType else None),
        start=None,
    )
    if found.start is None or not variable.real:
        return variable
    numbers = tuple(float(number) for number in found.start.split())
    start = numbers * variable.size if len(numbers) == 1 else numbers
    return Variable(**{**vars(variable), "start": start})


def cache_folder() -> Path:
    """Return the folder that holds extracted FMUs: of the user's cache, or a temporary one where that is read-only."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    for folder in (base / "bms-twin" / "fmus", Path(tempfile.gettempdir()) / f"bms-twin-{os.getuid()}" / "fmus"):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.mkdtemp(prefix="bms-twin-"))


def _extract(path: Path, content: str) -> Path:
    """Return the folder of the FMU's content; it appears by one rename, so that nobody ever sees half of it."""
    folder = cache_folder() / content[:32]
    if folder.is_dir():
        return folder
    part = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        fmpy.extract(path, part)
        part.rename(folder)
    except OSError as error:
        if not folder.is_dir():  # else another process was faster, and its folder is as good
            raise InputError(Problem(f"cannot be extracted to {part}: {error}", file=str(path))) from None
    except Exception as error:  # FMPy refuses paths that leave the folder with a bare Exception
        raise InputError(Problem(f"cannot be extracted: {error}", file=str(path))) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _library(path: Path, folder: Path, version: Version, identifier: str) -> Path:
    platform = fmpy.platform if version == "2.0" else fmpy.platform_tuple
    library = folder / "binaries" / platform / f"{identifier}{fmpy.sharedLibraryExtension}"
    if library.is_file():
        return library
    found = sorted(part.name for part in (folder / "binaries").glob("*") if part.is_dir())
    message = (
        f"no binary for this platform: found {', '.join(found) or 'none'}; expected binaries/{platform}/{library.name}"
    )
    sources = (folder / "sources").is_dir()
    raise InputError(Problem(message, str(path), suggestion=f"fmpy compile {path.name}" if sources else None))


def _check_symbols(fmu: Fmu) -> None:
    """Raise InputError if the library cannot be loaded, or lacks a function that a pool will call."""
    names = list(REQUIRED[fmu.version])
    names += STATES[fmu.version] if fmu.keeps_state else ()
    names += SERIALS[fmu.version] if fmu.serializes_state else ()
    try:
        library = ctypes.CDLL(str(fmu.library), mode=os.RTLD_NOW | os.RTLD_LOCAL)
    except OSError as error:
        raise InputError(Problem(f"its binary cannot be loaded: {error}", file=str(fmu.path))) from None
    missing = [name for name in names if not hasattr(library, name)]
    fmpy.freeLibrary(library._handle)
    if missing:
        raise InputError(Problem(f"missing symbol {name} in {fmu.library.name}", str(fmu.path)) for name in missing)
