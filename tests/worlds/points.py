"""Folders of points as a study leaves them: a Python function or a scenario each, no study around them."""

from __future__ import annotations

import hashlib
import json
import textwrap
from pathlib import Path
from typing import Any

from twin.scenario import load
from twin.sweep.folder import Result, StudyFolder


class Points:
    """A study's folder with points in it."""

    def __init__(self, path: Path) -> None:
        self.folder = StudyFolder(path)
        (path / "inputs").mkdir(parents=True)

    def python(self, source: str, *, seed: int = 1, **arguments: Any) -> str:
        """Add a point that calls ``respond`` of a Python file, and return its id."""
        name = f"{_hash(source)[:12]}-study.py"
        (self.folder.path / "inputs" / name).write_text(textwrap.dedent(source))
        call = {"file": f"../../../inputs/{name}", "arguments": arguments, "seed": seed}
        return self._add("call.json", json.dumps(call), f"{source}{call}")

    def scenario(self, *overrides: str, changes: dict[str, Any] | None = None) -> str:
        """Add a point that runs one home for a moment, and return its id; ``changes``: of the file, unchecked."""
        scenario = load("one_home", ["duration_s=20", *overrides])
        text = json.dumps({**scenario.model_dump(mode="json"), **(changes or {})})
        return self._add("scenario.json", text, text)

    def result(self, point_id: str) -> Result:
        """Return the result of a point that must have one."""
        found = self.folder.result(point_id)
        assert found is not None, self.files(point_id)
        return found

    def files(self, point_id: str) -> list[str]:
        """Return what is in a point's folder."""
        return sorted(path.name for path in self.folder.of(point_id).iterdir())

    def _add(self, name: str, text: str, content: str) -> str:
        point_id = _hash(content)[:16]
        folder = self.folder.of(point_id)
        folder.mkdir(parents=True)
        (folder / name).write_text(text)
        return point_id


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
