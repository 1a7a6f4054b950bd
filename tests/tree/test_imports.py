"""Imports point one way: from the run loop down to the parts, never up."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = (
    *("errors", "quantity", "options", "resources", "streams", "plugins", "native", "modelica", "plant", "network"),
    *("bms", "ota", "faults", "record", "dispatch", "scenario", "surroundings", "site_buses", "site_updates"),
    *("build", "log", "telemetry", "profile", "pace", "run", "shards", "analysis", "sweep", "cli", "__main__"),
)
FILES = sorted((ROOT / "twin").rglob("*.py"))


def _part(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def _imported(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "twin":
            modules = [node.module] if "." in node.module else [f"twin.{name.name}" for name in node.names]
            found += [(node.lineno, module) for module in modules]
        elif isinstance(node, ast.Import):
            found += [(node.lineno, name.name) for name in node.names if name.name.startswith("twin.")]
    return found


def test_every_part_has_a_layer() -> None:
    parts = {path.relative_to(ROOT / "twin").parts[0].removesuffix(".py") for path in FILES} - {"__init__"}
    assert parts == set(LAYERS) & parts, f"parts without a layer: {sorted(parts - set(LAYERS))}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    own = path.relative_to(ROOT / "twin").parts[0].removesuffix(".py")
    if own == "__init__":
        return
    upward = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for line, module in _imported(path)
        if _part(module) != own and LAYERS.index(_part(module)) > LAYERS.index(own)
    ]
    assert not upward, "\n".join(upward)


def test_an_upward_import_is_found(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text("from twin import run\nfrom twin.analysis.report import write_report\nimport twin.cli\n")
    assert [module for _, module in _imported(file)] == ["twin.run", "twin.analysis.report", "twin.cli"]
