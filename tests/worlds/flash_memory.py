"""A flash memory in RAM, and what else a UDS server of an ECU needs."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

from twin.network.uds.server import ServerRules, UdsServer, Work

MS = 1_000_000
ERASED = 0xFF


@dataclass
class FlashMemory:
    """Writing only clears bits, as in real memories. What was erased last is good if it ends with its own CRC-32."""

    capacity_bytes: int = 1 << 16
    erase_ns: int = 0
    write_ns: int = 0
    """Of a block."""
    check_ns: int = 0
    boot_ns: int = 0
    worn: bool = False
    """Nothing can be written any more."""
    content: bytearray = field(init=False)
    image: slice = field(default_factory=lambda: slice(0), init=False)
    writes: int = 0
    restarts: int = 0
    torn: bool = False

    def __post_init__(self) -> None:
        self.content = bytearray([0]) * self.capacity_bytes

    def erase(self, address: int, size: int) -> Work:
        self.image = slice(address, address + size)
        self.content[self.image] = bytes([ERASED]) * size
        return Work(True, self.erase_ns)

    def write(self, address: int, data: bytes) -> Work:
        self.writes += 1
        if self.worn:
            return Work(False, self.write_ns)
        for place, byte in enumerate(data, address):
            self.content[place] &= byte
        return Work(True, self.write_ns)

    def check(self) -> Work:
        image = bytes(self.content[self.image])
        good = len(image) > 4 and zlib.crc32(image[:-4]) == int.from_bytes(image[-4:], "big")
        return Work(good, self.check_ns)

    def restart(self) -> int:
        self.restarts += 1
        return self.boot_ns

    def interrupt(self, left_ns: int) -> None:
        self.torn = left_ns > 0


def image_of(size: int) -> bytes:
    """Return an image that a FlashMemory finds good."""
    body = bytes(place * 7 % 251 for place in range(size - 4))
    return body + zlib.crc32(body).to_bytes(4, "big")


def seed_of(number: int) -> bytes:
    return (0x1234_5670 + number).to_bytes(4, "big")


def key_of(seed: bytes) -> bytes:
    return bytes(byte ^ 0xA5 for byte in seed)


def server_of(flash: FlashMemory, rules: ServerRules | None = None) -> UdsServer:
    return UdsServer(
        flash,
        seed_of,
        key_of,
        identifiers={0xF189: b"1.4.2", 0xF18C: b"SN000017", 0xF15A: bytes(4)},
        writable={0xF15A},
        faults={0x010203: 0x09, 0x0A0B0C: 0x08, 0x112233: 0x50},
        rules=rules or ServerRules(),
    )
