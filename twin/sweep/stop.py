"""How a sweep is asked to stop: Ctrl-C, SIGTERM, or a file ``cancel`` in its folder, from any host that sees it.

Asked once, what runs ends first and nothing new is begun; asked twice, all ends at once. Nothing that is done is lost.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from twin.errors import TwinError

NOW = "now"


class StoppedError(TwinError):
    """Asked twice to stop."""


def ask(study: Path) -> bool:
    """Ask whoever runs a study to stop, and return whether at once: it had been asked before."""
    path = study / "cancel"
    at_once = path.exists()
    path.write_text(NOW if at_once else "", encoding="utf-8")
    return at_once


class Stop:
    """Whether a sweep was asked to stop."""

    def __init__(self, study: Path) -> None:
        self._study = study

    @property
    def asked(self) -> bool:
        """Whether nothing new shall be begun. Raises StoppedError when all shall end at once."""
        try:
            text = (self._study / "cancel").read_text(encoding="utf-8")
        except FileNotFoundError:
            return False
        if text.strip() == NOW:
            raise StoppedError("stopped at once")
        return True

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take signals for questions meanwhile; what was asked before is forgotten, before and afterwards."""
        (self._study / "cancel").unlink(missing_ok=True)
        before = {number: signal.signal(number, self._signalled) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            (self._study / "cancel").unlink(missing_ok=True)

    def _signalled(self, _number: int, _frame: FrameType | None) -> None:
        if ask(self._study):
            raise StoppedError("stopped at once")  # wherever the process is: it may wait for something that hangs
