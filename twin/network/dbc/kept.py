"""What DBC files say, kept in the user's cache folder: so that of all processes only the first needs cantools.

To import cantools and read a file of 200 messages takes a second of every process; to read this, a fiftieth of it.
Why no other way is shorter: docs/decisions/0050-what-a-process-start-costs.md.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from pydantic import TypeAdapter

from twin import resources
from twin.network.dbc.codec import MessageLayout


@dataclass(frozen=True)
class Content:
    """Nodes in the order of the file, and messages by identifier."""

    nodes: tuple[str, ...]
    messages: tuple[MessageLayout, ...]


def recall(text: str) -> Content | None:
    """Return what a DBC file of this text says, None if that is not kept, or not as it was written."""
    try:
        return _content().validate_json(_place(text).read_bytes())
    except (OSError, ValueError):
        return None


def keep(text: str, content: Content) -> None:
    """Keep what a DBC file of this text says, for processes to come; nothing is kept where nothing can be written."""
    place = _place(text)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as own:
            part = Path(own) / place.name
            part.write_text(json.dumps(_content().dump_python(content)))  # pydantic's own JSON has no infinity
            part.replace(place)  # at once, so that no process finds a part of it
    except OSError:
        return


@cache
def _content() -> TypeAdapter[Content]:
    return TypeAdapter(Content)


def _place(text: str) -> Path:
    """Return the file whose name says all that its content follows from: the text, and what reads it."""
    digest = hashlib.sha256(_readers())
    digest.update(text.encode())
    return resources.cache_folder() / "can" / f"{digest.hexdigest()[:32]}.json"


@cache
def _readers() -> bytes:
    digests = [hashlib.sha256(file.read_bytes()).digest() for file in sorted(Path(__file__).parent.glob("*.py"))]
    return b"".join((version("cantools").encode(), *digests))
