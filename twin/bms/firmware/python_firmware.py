"""A Python file as the firmware of a role: it defines one ``Firmware`` class, made from ``(options, site)``."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from twin.bms.firmware.firmware import Firmware
from twin.bms.messages import type_of
from twin.bms.options import Bms
from twin.bms.site import Site
from twin.errors import InputError, Problem
from twin.network.dbc.codec import MessageLayout


def python_firmware(
    path: Path, own: Firmware[Any], options: Bms, site: Site, layouts: Sequence[MessageLayout]
) -> Firmware[Any]:
    """Return what the file at ``path`` puts in the place of ``own``.

    Raises InputError where the file cannot be run, defines another number of firmware classes than one, or one for
    another role, that knows messages that are not on the buses, or does not tell of a belief that the role has to.
    """
    kind: Any = firmware_class(path)
    try:
        made: Firmware[Any] = kind(options, site)
    except Exception as error:
        raise InputError(_failure(path, error)) from error
    line = inspect.getsourcelines(kind)[1]
    misfits = list(_misfits(made, own, layouts))
    if misfits:
        raise InputError(Problem(text, str(path), line) for text in misfits)
    return made


def firmware_class(path: Path) -> type[Firmware[Any]]:
    """Return the one class of firmware that the Python file at ``path`` defines.

    Raises InputError where the file cannot be run, or defines another number of them.
    """
    module = _imported(path)
    classes: list[type[Firmware[Any]]] = [
        member
        for member in vars(module).values()
        if inspect.isclass(member) and member.__module__ == module.__name__ and issubclass(member, Firmware)
    ]
    if len(classes) != 1 or inspect.isabstract(classes[0]):
        raise InputError(Problem(f"expected one class of Firmware, found {len(classes) or 'none'}", str(path)))
    return classes[0]


def _imported(path: Path) -> ModuleType:
    """Return the file as a module; it is run anew each time, as it may have changed."""
    name = f"twin_firmware_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise InputError(Problem("there is no such Python file", str(path)))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look up the names in their annotations
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(_failure(path, error)) from error
    return module


def _failure(path: Path, error: Exception) -> Problem:
    """Return what a file of the user's raised, at its line."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    return Problem(f"{type(error).__name__}: {error}", str(path), line)


def _misfits(made: Firmware[Any], own: Firmware[Any], layouts: Sequence[MessageLayout]) -> Iterator[str]:
    """Yield what keeps a firmware from taking the place of ``own``."""
    if (made.role, made.scope) != (own.role, own.scope):
        yield f"it is firmware of the {made.scope}'s {made.role!r}; expected the {own.scope}'s {own.role!r}"
    kinds = {type_of(layout.name) for layout in layouts}
    for verb, named in (("reads", made.reads), ("sends", made.sends)):
        for kind in sorted({*named} - kinds):
            yield f"it {verb} {kind!r}; found no such message on the buses of a site"
    for name, reach in own.believes.items():
        if made.believes.get(name) != reach:
            yield f"it does not tell of {name!r}; expected a belief of {reach} for it"
