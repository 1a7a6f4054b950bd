"""Names carry their unit: the suffixes of pyproject.toml, in the log and in the ports of the FMUs."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

import pint
import pytest
from ruamel.yaml import YAML

from twin.log import SIGNALS

ROOT = Path(__file__).resolve().parents[2]
SUFFIXES: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["twin"]["suffixes"]
UNITS: Any = pint.UnitRegistry()
UNITS.define("ampere_hour = ampere * hour = Ah")
PORTS = sorted((ROOT / "fmus").glob("*/ports.yaml"))


def _suffix(name: str) -> str | None:
    """Return the longest suffix of the list that the name ends in."""
    fitting = [suffix for suffix in SUFFIXES if name.endswith(f"_{suffix}")]
    return max(fitting, key=len, default=None)


def _mistake(name: str, unit: str) -> str | None:
    suffix = _suffix(name)
    if unit in ("1", ""):
        return f"{name} ends in {suffix} and has no unit" if suffix else None
    if suffix is None:
        return f"{name} has the unit {unit} and no suffix"
    # Units such as "V/(A.s)" write products with a dot, as Modelica does.
    stated = UNITS.Quantity(1.0, unit.replace(".", "*").replace("Ohm", "ohm"))
    meant = UNITS.Quantity(1.0, SUFFIXES[suffix])
    same = stated.dimensionality == meant.dimensionality and math.isclose(stated.to(meant.units).magnitude, 1.0)
    return None if same else f"{name} ends in {suffix} and has the unit {unit}"


def test_logged_signals() -> None:
    assert not [mistake for signal in SIGNALS if (mistake := _mistake(signal.name, signal.unit))]


@pytest.mark.parametrize("path", PORTS, ids=lambda path: path.parent.name)
def test_ports(path: Path) -> None:
    ports: dict[str, list[dict[str, Any]]] = YAML(typ="safe").load(path.read_text())
    rows = [row for direction in ("inputs", "outputs", "parameters") for row in ports.get(direction, [])]
    assert rows
    own = [row for row in rows if "." not in row["signal"]]  # others are called as in a CAN database
    assert not [mistake for row in own if (mistake := _mistake(row["signal"], row["unit"]))]


@pytest.mark.parametrize(
    ("name", "unit", "wrong"),
    [("current_A", "A", False), ("current", "A", True), ("current_V", "A", True), ("soc", "1", False)],
)
def test_a_wrong_name_is_found(name: str, unit: str, wrong: bool) -> None:
    assert bool(_mistake(name, unit)) == wrong
