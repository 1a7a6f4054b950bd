"""The README's map names every folder, and every make target that it names exists."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def _folders() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    top = {f"{path.split('/')[0]}/" for path in listed if "/" in path and not path.startswith(".")}
    parts = {f"{path.split('/')[1]}/" for path in listed if re.fullmatch(r"twin/[a-z_]+/.*", path)}
    return sorted(top | parts)


def _map() -> str:
    match = re.search(r"## The tree\n+```text\n(.*?)```", README, re.S)
    assert match, "README.md has no map under '## The tree'"
    return match[1]


def test_map_is_complete() -> None:
    missing = [folder for folder in _folders() if not re.search(rf"(^|\s){re.escape(folder)}", _map(), re.M)]
    assert not missing, f"folders that the map leaves out: {missing}"


def test_map_names_nothing_that_is_gone() -> None:
    named = re.findall(r"^\s*([a-z_]+/)", _map(), re.M)
    assert set(named) <= set(_folders()), set(named) - set(_folders())


def test_links_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text())]
    assert links
    dead = [f"{page.relative_to(ROOT)}: {link}" for page, link in links if not (page.parent / link).exists()]
    assert not dead, dead


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"make ([a-z]+)", README)):
        assert re.search(rf"^{target}:", makefile, re.M), target
