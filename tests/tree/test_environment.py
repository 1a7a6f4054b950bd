"""environment.yml and pyproject.toml ask for the same packages in the same versions."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
CONDA_NAMES = {"pvlib-python": "pvlib"}
CONDA_ONLY = {"python", "pip", "c-compiler", "cxx-compiler", "make", "cmake", "ninja", "pyfmi"}
"""What pip users have from elsewhere, or cannot have."""


def _requirement(text: str) -> tuple[str, str]:
    match = re.fullmatch(r"([A-Za-z0-9_.-]+)(.*)", text.replace(" ", ""))
    assert match, text
    return CONDA_NAMES.get(match[1].lower(), match[1].lower()), match[2]


def _conda() -> dict[str, str]:
    entries: list[Any] = YAML(typ="safe").load((ROOT / "environment.yml").read_text())["dependencies"]
    flat = [item for entry in entries for item in (entry["pip"] if isinstance(entry, dict) else [entry])]
    return dict(_requirement(entry) for entry in flat)


def _pyproject() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["test"],
    ]
    return dict(_requirement(entry) for entry in listed)


def test_same_packages_and_versions() -> None:
    conda = {name: version for name, version in _conda().items() if name not in CONDA_ONLY}
    assert conda == _pyproject()


def test_pyfmi_comes_with_conda() -> None:
    assert "pyfmi" in _conda()


def test_python_version_agrees() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert _conda()["python"] == project["requires-python"]


def test_front_end_is_pinned_by_hash() -> None:
    text = (ROOT / "requirements-rumoca.txt").read_text()
    assert _pyproject()["rumoca"] == re.search(r"rumoca(==\S+)", text)[1]  # type: ignore[index]
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) >= 1
