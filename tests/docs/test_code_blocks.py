"""Every ``sh`` and ``python`` block of README and the how-tos runs, in order, in one folder a page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOW_TOS = sorted((ROOT / "docs" / "how-to").glob("*.md"))
ON_A_CLUSTER = [page for page in HOW_TOS if page.stem == "run-on-a-cluster"]
"""Run by the tests that have a Slurm."""
PAGES = [ROOT / "README.md", *(page for page in HOW_TOS if page not in ON_A_CLUSTER)]


def _blocks(page: Path) -> list[tuple[str, str]]:
    return re.findall(r"^```(sh|python)\n(.*?)^```", page.read_text(), re.S | re.M)


def run_blocks(page: Path, folder: Path) -> None:
    """Run a page's blocks, one after another, in a folder that looks like the checkout to them."""
    blocks = _blocks(page)
    assert blocks, f"{page.name} has no code to run"
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for name in ("scenarios", "fmus", "data"):
        (folder / name).symlink_to(ROOT / name)
    for language, code in blocks:
        command = ["bash", "-euo", "pipefail", "-c", code] if language == "sh" else [sys.executable, "-c", code]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_run(page: Path, tmp_path: Path) -> None:
    run_blocks(page, tmp_path)
