"""What firmware needs of a CAN database: messages and signals by name, as in the database that it was written for.

Another database may lay them out otherwise, give them other identifiers, scales and cycle times, and add what it likes.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Sequence

from twin.bms.messages import FRAME_BYTES, type_of
from twin.errors import Problem
from twin.network.dbc.codec import MessageLayout


def unmet(
    given: Sequence[MessageLayout], known: Sequence[MessageLayout], kinds: Collection[str], file: str
) -> Iterator[Problem]:
    """Yield what makes ``given``, read from ``file``, unfit for firmware that uses the ``kinds`` of ``known``."""
    by_name = {layout.name: layout for layout in given}
    first: dict[str, MessageLayout] = {}
    for wanted in known:
        kind, found = type_of(wanted.name), by_name.get(wanted.name)
        if kind not in kinds:
            continue
        if found is None:
            yield Problem("no such message, which the BMS needs", file, None, wanted.name, _near(wanted.name, by_name))
            continue
        if found.length > FRAME_BYTES:
            yield Problem(f"{found.length} bytes; expected at most {FRAME_BYTES}", file, path=found.name)
        alike = first.setdefault(kind, found)
        if (found.length, found.signals) != (alike.length, alike.signals):
            yield Problem(f"its layout is not that of {alike.name}; expected the same", file, path=found.name)
            continue
        names = [signal.name for signal in found.signals] if found is alike else []
        for signal in wanted.signals if found is alike else ():
            if signal.name not in names:
                path = f"{found.name}.{signal.name}"
                yield Problem("no such signal, which the BMS needs", file, None, path, _near(signal.name, names))


def _near(word: str, known: Collection[str]) -> str | None:
    close = difflib.get_close_matches(word, known, 1)
    return f"did you mean {close[0]}?" if close else None
