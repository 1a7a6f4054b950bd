"""Many ``twin`` commands in one process, one after the other: the same ``main``, without the price of many starts.

``python -m tests.worlds.commands`` reads a list of ``{"arguments": [...], "folder": "..."}`` as JSON and prints what
came of each: exit code, output, errors, and the files that are other ones than before.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.worlds.command import ROOT


@dataclass(frozen=True)
class Done:
    """What came of one command."""

    code: int
    output: str
    errors: list[str]
    changed: list[str]
    """Files and folders that were made, changed or removed."""


def run_all(commands: Sequence[tuple[Sequence[str], Path]]) -> list[Done]:
    """Run commands, arguments and working folder each, in one other process."""
    request = json.dumps([{"arguments": list(arguments), "folder": str(folder)} for arguments, folder in commands])
    done = subprocess.run(
        [sys.executable, "-m", "tests.worlds.commands"],
        input=request,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    return [Done(**one) for one in json.loads(done.stdout)]


def files(folder: Path) -> dict[str, str]:
    """Return what is in a folder: a hash by name."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in folder.rglob("*")
    }


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Return the names that ``files`` tells otherwise."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _run(arguments: list[str], folder: str) -> dict[str, Any]:
    from twin.cli import main

    before = files(Path(folder))
    output, errors = io.StringIO(), io.StringIO()
    os.chdir(folder)
    sys.argv = ["twin", *arguments]
    code: Any = 0
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            main()
        except SystemExit as end:
            code = end.code
        except BaseException:
            traceback.print_exc()
            code = 1
    return {
        "code": int(code or 0),
        "output": output.getvalue(),
        "errors": errors.getvalue().splitlines(),
        "changed": changed(before, files(Path(folder))),
    }


if __name__ == "__main__":
    json.dump([_run(**one) for one in json.load(sys.stdin)], sys.stdout)
