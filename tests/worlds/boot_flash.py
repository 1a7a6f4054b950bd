"""An ECU's flash byte by byte: two slots, two copies of its boot flags, and a bootloader that knows only them."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field, replace

A, B = 0, 1
FORM = "<IBBBB"
"""Sequence number, first slot, attempts left, marks of A and B."""
SIZE = struct.calcsize(FORM) + 4
BOOT_ATTEMPTS = 3


@dataclass(frozen=True)
class Flags:
    sequence: int = 1
    first: int = A
    attempts: int = 0
    good: tuple[bool, bool] = (True, False)

    def packed(self) -> bytes:
        body = struct.pack(FORM, self.sequence, self.first, self.attempts, *self.good)
        return body + struct.pack("<I", zlib.crc32(body))

    @classmethod
    def unpacked(cls, copy: bytes) -> Flags | None:
        if zlib.crc32(copy[:-4]) != struct.unpack("<I", copy[-4:])[0]:
            return None
        sequence, first, attempts, *good = struct.unpack(FORM, copy[:-4])
        return cls(sequence, first, attempts, (bool(good[A]), bool(good[B])))


def image(version: int, size_bytes: int) -> bytes:
    """Return size, version, content, and the CRC of all."""
    body = struct.pack("<IB", size_bytes, version) + bytes((version * 31 + n) % 256 for n in range(size_bytes - 9))
    return body + struct.pack("<I", zlib.crc32(body))


@dataclass
class BootFlash:
    slots: list[bytearray] = field(default_factory=lambda: [bytearray(), bytearray()])
    copies: list[bytearray] = field(default_factory=lambda: [bytearray(SIZE), bytearray(SIZE)])

    def __post_init__(self) -> None:
        self.slots[A][:] = image(0, 64)
        self.copies[0][:] = Flags().packed()

    def flags(self) -> Flags:
        """Return what the bootloader reads: the newest copy that is whole."""
        read = [one for copy in self.copies if (one := Flags.unpacked(bytes(copy)))]
        return max(read, key=lambda one: one.sequence)

    def change(self, wanted: Flags, torn_after: int = SIZE) -> None:
        """Overwrite the older copy; the power fails after ``torn_after`` bytes of it, first of which is the erase."""
        now = self.flags()
        older = next(copy for copy in self.copies if Flags.unpacked(bytes(copy)) != now)
        packed = replace(wanted, sequence=now.sequence + 1).packed()
        older[:] = b"\xff" * SIZE
        older[:torn_after] = packed[:torn_after]

    def write(self, slot: int, content: bytes, torn_after: int) -> None:
        """Erase a slot and write into it, up to a byte."""
        self.slots[slot][:] = content[:torn_after] + b"\xff" * (len(content) - torn_after)

    def version(self, slot: int) -> int:
        """Return the version in a slot, -1 if what is in it does not verify."""
        content = bytes(self.slots[slot])
        if len(content) < 9 or struct.unpack("<I", content[:4])[0] != len(content):
            return -1
        return content[4] if zlib.crc32(content[:-4]) == struct.unpack("<I", content[-4:])[0] else -1

    def boot(self) -> int:
        """Return the slot that the bootloader starts, -1 for none, having written what it must."""
        flags = self.flags()
        first, other = flags.first, 1 - flags.first
        if self.version(first) >= 0:
            if flags.good[first]:
                return first
            if flags.attempts:
                self.change(replace(flags, attempts=flags.attempts - 1))
                return first
        if self.version(other) >= 0:
            self.change(replace(flags, first=other, attempts=0))
            return other
        return first if self.version(first) >= 0 else -1
