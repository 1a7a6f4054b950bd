"""The flash memory of an ECU: two slots, of which one is written while programs run from the other.

Nothing is known of a slot but how much of which image it holds: what a fleet is told to write is one image, and a copy
of it in each ECU would fill the machine. So every block is compared with the image that was announced; where one
differs, the slot holds no image that can be good.

A sector is erased, and a page written, as a whole. When power fails, the pages that are done stay; the one under way,
and what was still to come, count as erased. A slot whose erase has begun holds nothing of what it held before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from twin.network.uds.server import Work
from twin.ota.distribution.options import FlashOptions

SLOTS = 2
NOT_ERASED = -1
_NOTHING_LEFT = Work(True, 0)


@dataclass(frozen=True)
class Content:
    """What is in a slot."""

    image: bytes | None = None
    """What it is being filled with; None: nothing has been written there since the ECU was made."""
    written_bytes: int = NOT_ERASED
    """From its begin; ``NOT_ERASED`` until the first erase has begun."""
    checked: bool = False
    """Whether the ECU found the whole image good."""
    differs: bool = False
    """Whether something else was written."""

    @property
    def complete(self) -> bool:
        """Whether all of the image is there."""
        return self.image is not None and self.written_bytes == len(self.image) and not self.differs


class EcuFlash:
    """The memory behind an ECU's UDS server; slot n begins at address ``n * slot_bytes``.

    ``good(image)`` is what the ECU finds of an image that is complete. It gets the image that ``expect`` announced.
    """

    def __init__(self, options: FlashOptions, good: Callable[[bytes], bool]) -> None:
        self._options = options
        self._good = good
        self._slot, self._image = 0, b""
        self._slots = [Content()] * SLOTS
        self.begun = False
        """Whether the erase for what was announced last has begun."""
        self._before = self._slots[0]
        """What the slot held before the last operation."""
        self._work = _NOTHING_LEFT
        self._pages = 0
        """That the last operation writes."""
        self.silent_ns = 0
        """How long the ECU takes to start, as whoever boots it says."""

    @property
    def capacity_bytes(self) -> int:
        """Of all slots."""
        return SLOTS * self._options.slot_bytes

    def expect(self, slot: int, image: bytes) -> None:
        """Announce what will be written next, and where."""
        self._slot, self._image, self.begun = slot, image, False
        self._work = _NOTHING_LEFT

    def erase(self, address: int, size: int) -> Work:
        """Erase the sectors of an image, one after the other."""
        if address != self._slot * self._options.slot_bytes or size > self._options.slot_bytes:
            return Work(False, 0)
        self.begun = True
        sectors = -(-size // self._options.sector_bytes)
        return self._does(Content(self._image, 0), Work(True, sectors * round(self._options.erase_s * 1e9)))

    def write(self, address: int, data: bytes) -> Work:
        """Write a block, page by page; it has to begin where the last one ended."""
        now, start = self._slots[self._slot], address - self._slot * self._options.slot_bytes
        if now.image is None or start != now.written_bytes:
            return Work(False, 0)
        differs = now.differs or now.image[start : start + len(data)] != data
        pages = -(-len(data) // self._options.page_bytes)
        after = replace(now, written_bytes=start + len(data), differs=differs)
        return self._does(after, Work(True, pages * round(self._options.write_s * 1e9)), pages)

    def check(self) -> Work:
        """Look at the image: whether it is complete, and good."""
        now = self._slots[self._slot]
        good = now.complete and now.image is not None and self._good(now.image)
        sectors = -(-max(0, now.written_bytes) // self._options.sector_bytes)
        return self._does(replace(now, checked=good), Work(good, sectors * round(self._options.check_s * 1e9)))

    def restart(self) -> int:
        """Start anew; return ``silent_ns``."""
        return self.silent_ns

    def interrupt(self, left_ns: int) -> None:
        """Undo what power has failed to do: ``left_ns`` were left of the last operation."""
        self._slots[self._slot] = self._interrupted(left_ns)
        self._work = _NOTHING_LEFT

    def content(self, slot: int, left_ns: int) -> Content:
        """Return what is in a slot when ``left_ns`` are left of the last operation."""
        return self._interrupted(left_ns) if slot == self._slot else self._slots[slot]

    def _does(self, after: Content, work: Work, pages: int = 0) -> Work:
        self._before, self._slots[self._slot] = self._slots[self._slot], after
        self._work, self._pages = work, pages
        return work

    def _interrupted(self, left_ns: int) -> Content:
        after = self._slots[self._slot]
        if left_ns <= 0 or self._work.duration_ns == 0:
            return after
        done = self._pages * (self._work.duration_ns - left_ns) // self._work.duration_ns
        written_bytes = min(after.written_bytes, max(0, self._before.written_bytes) + done * self._options.page_bytes)
        return replace(after, written_bytes=written_bytes, checked=False)
