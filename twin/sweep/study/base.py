"""What a base of a study is: one file in ``twin.sweep.study.bases``, found because it is there.

A base knows what it becomes when factors change it: a file that is all a point needs, and the files beside it.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

from twin.errors import InputError, Problem

Change: TypeAlias = tuple[str, Any]
"""A path of the base, and what it becomes."""

FROM_POINT = "../../../inputs"
"""Where a point's folder finds the files that it names."""


@dataclass(frozen=True)
class Content:
    """All that a point's result depends on."""

    file: Literal["scenario.json", "call.json"]
    text: str
    inputs: Mapping[str, Path]
    """Files to copy, by their name among the study's inputs."""
    id: str
    """Hash of what the text says and of the contents of the inputs, 16 hexadecimal digits."""
    size: float
    """How much there is to compute, beside other points of the study."""
    named: Mapping[str, Path] = field(default_factory=dict)
    """Files by the relative names that factors have for them: with these the study's folder stands for itself."""


class Base(ABC):
    """What the points of a study are made of."""

    suffixes: ClassVar[tuple[str, ...]]
    """Of the files that are such a base."""
    seed: int | None = None
    """Of the first replication; the study's where there is none."""

    @abstractmethod
    def __init__(self, path: Path, overrides: Sequence[str]) -> None:
        """Read the base in a file and change it. Raises InputError with every mistake; of a change as ``--set ...``."""

    @abstractmethod
    def content(self, changes: Sequence[Change], seed: int, inputs: str = FROM_POINT) -> Content:
        """Return what the base becomes with these changes; ``inputs``: where the text says that its files are.

        Raises InputError with every mistake; the file of those that a change makes is its text, ``spelled(*change)``.
        """

    @abstractmethod
    def mistakes(self, changes: Sequence[Change]) -> tuple[Problem, ...]:
        """Return what is wrong with each change in itself, whatever it disagrees with; placed as by ``content``."""

    @abstractmethod
    def metrics(self) -> Collection[str] | None:
        """Return what may be asked of a point; None where only its result tells."""

    @abstractmethod
    def kept(self) -> tuple[Content, Mapping[str, Any]]:
        """Return the base as a study's folder keeps it, and which fields of the study then stand for it there."""


@dataclass
class Inputs:
    """The files that points name, each read once."""

    _hashes: dict[Path, str] = field(default_factory=dict)

    def hash(self, path: Path) -> str:
        """Return the hash of a file's contents. Raises InputError if it cannot be read."""
        if path not in self._hashes:
            try:
                self._hashes[path] = hashlib.sha256(path.read_bytes()).hexdigest()
            except OSError as error:
                raise InputError(Problem(f"cannot be read: {error.strerror}", str(path))) from None
        return self._hashes[path]

    def name(self, path: Path, *beside: Path) -> str:
        """Return what a file is called among the inputs: by its contents, and those of files that belong to it."""
        digest = self.hash(path)
        if beside:
            digest = hashlib.sha256("".join(map(self.hash, (path, *beside))).encode()).hexdigest()
        return f"{digest[:12]}-{path.name.removeprefix(digest[:12] + '-')}"


def id_of(content: Any) -> str:
    """Return the id of a point whose result depends on ``content``."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
