"""Plug-ins are found because their file is there: one module a plug-in, in the package of its kind."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import reduce
from operator import or_
from types import ModuleType
from typing import Annotated, Any, TypeVar

from pydantic import Field

T = TypeVar("T")


def discover(package: ModuleType, base: type[T]) -> dict[str, type[T]]:
    """Return the concrete subclasses of ``base`` in the modules of ``package``, by the name of their module."""
    found: dict[str, type[T]] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        for member in vars(module).values():
            local = inspect.isclass(member) and member.__module__ == module.__name__
            if local and issubclass(member, base) and not inspect.isabstract(member):
                found[info.name] = member
    return found


def one_of(package: ModuleType, base: type[Any]) -> Any:
    """Return the type of the plug-ins in ``package`` that are options, told apart by their ``kind``."""
    return Annotated[reduce(or_, discover(package, base).values()), Field(discriminator="kind")]
