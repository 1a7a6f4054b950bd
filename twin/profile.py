"""Wall time by part: ``twin run --profile``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from time import perf_counter
from typing import Any


class Profile:
    """Exclusive wall time of each part: what a part spends in another part is the other's."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._stack: list[str] = []
        self._since = perf_counter()

    def watch(self, owner: Any, method: str, part: str) -> None:
        """Count the time in one method of one object as ``part``'s."""
        setattr(owner, method, self._timed(part, getattr(owner, method)))

    def _timed(self, part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            self._switch(part)
            try:
                return call(*arguments, **options)
            finally:
                self._switch(None)

        return timed

    def _switch(self, part: str | None) -> None:
        now = perf_counter()
        if self._stack:
            self.seconds[self._stack[-1]] += now - self._since
        self._since = now
        if part is None:
            self._stack.pop()
        else:
            self._stack.append(part)
