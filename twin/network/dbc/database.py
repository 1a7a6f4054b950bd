"""The messages of a site's bus: DBC files are the only source of layouts."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

from twin import resources
from twin.errors import InputError, Problem
from twin.network.dbc import kept
from twin.network.dbc.codec import MessageLayout

GATEWAY = "Gateway"
"""The node through which the outside learns of faults, asks and updates the others."""

_NUMBERED_NODE = re.compile(r"(Module|Pack)(\d+)")


@dataclass(frozen=True)
class Database:
    """The messages of one DBC file, by identifier."""

    path: Path
    nodes: tuple[str, ...]
    messages: tuple[MessageLayout, ...]

    @classmethod
    def load(cls, path: str | Path) -> Database:
        """Read a DBC file: a path, or the name of a file in data/can without its ending.

        Raises InputError with every mistake in it: unreadable, bad syntax, overlapping or misplaced signals, names or
        identifiers used twice, lengths that no frame has, signals of a kind that no payload carries, nodes and
        multiplexers that there are not.
        """
        file = _find(Path(path))
        return _read(file, file.read_text(encoding="cp1252", errors="replace"))

    def __getitem__(self, name: str) -> MessageLayout:
        if name not in self._by_name:
            close = difflib.get_close_matches(name, self._by_name, 1)
            suggestion = f"did you mean {close[0]}?" if close else None
            raise InputError(Problem(f"no message {name}", file=str(self.path), suggestion=suggestion))
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    @cached_property
    def _by_name(self) -> dict[str, MessageLayout]:
        return {message.name: message for message in self.messages}


def bus_messages(
    database: Database,
    packs: int,
    modules: int,
    *,
    monitors: bool = True,
    controllers: bool = True,
    gateway: bool = False,
) -> tuple[MessageLayout, ...]:
    """Return what is on the bus of a site with ``packs`` packs of ``modules`` modules each.

    Nodes ``ModuleNN`` and ``PackP`` are present up to the site's number of them, NN counting through all packs, where
    it has ``monitors`` and ``controllers``, and ``Gateway`` where it has one; any other node always is. A message is
    there if its sender is; one from the gateway or to it alone (faults, diagnostics), if both ends are. Receivers are
    those that are present; what the database addresses to nobody is for all.
    Raises InputError if the database lacks a node that the site has.
    """
    present = {"Module": packs * modules * monitors, "Pack": packs * controllers}
    known = {match.groups() for match in map(_NUMBERED_NODE.fullmatch, database.nodes) if match}
    problems = []
    for kind, count in present.items():
        found = sum(1 for name, _ in known if name == kind)
        if found < count:
            message = f"the site has {count} nodes {kind}, the database knows {found}"
            problems.append(Problem(message, file=str(database.path), path=f"BU_: {kind}"))
    if problems:
        raise InputError(problems)

    def there(node: str) -> bool:
        match = _NUMBERED_NODE.fullmatch(node)
        return gateway or node != GATEWAY if match is None else int(match[2]) <= present[match[1]]

    def on_bus(message: MessageLayout) -> bool:
        private = message.sender == GATEWAY or message.receivers == (GATEWAY,)
        return all(map(there, (message.sender, *message.receivers) if private else (message.sender,)))

    nodes = tuple(filter(there, database.nodes))

    def heard_by(message: MessageLayout) -> tuple[str, ...]:
        return tuple(node for node in message.receivers or nodes if there(node) and node != message.sender)

    return tuple(replace(one, receivers=heard_by(one)) for one in database.messages if on_bus(one))


@lru_cache(maxsize=32)
def _read(file: Path, text: str) -> Database:
    """Return the database in a file's text: once a process, and from what is kept where any process has read it."""
    content = kept.recall(text)
    if content is None:
        from twin.network.dbc.reading import read  # by cantools, which imports python-can and asammdf: most of a second

        content = read(file, text)
        kept.keep(text, content)
    return Database(file, content.nodes, content.messages)


def _find(path: Path) -> Path:
    shipped = resources.folder("data") / "can"
    file = path if path.suffix or path.exists() else shipped / f"{path}.dbc"
    if file.is_file():
        return file
    names = [known.stem for known in sorted(shipped.glob("*.dbc"))]
    close = difflib.get_close_matches(path.stem, names, 1)
    raise InputError(
        Problem("no such DBC file", file=str(path), suggestion=f"did you mean {close[0]}?" if close else None)
    )
