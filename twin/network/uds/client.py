"""What a client asks of UDS servers, as generators: they yield requests and are sent the answers to them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from twin.network.uds.services import (
    CHECK_PROGRAMMING_DEPENDENCIES,
    ERASE_MEMORY,
    NEGATIVE,
    POSITIVE,
    START_ROUTINE,
    ResponseCode,
    Service,
    Session,
)

ADDRESS_AND_SIZE = 0x44
"""Address and size take four bytes each."""


@dataclass(frozen=True)
class Refusal:
    """Why a sequence ended before its end."""

    request: bytes
    """The one that was not answered as it should be."""
    code: ResponseCode | None
    """What the server said; None: it said something else, or nothing."""
    answer: bytes = b""
    """All that it said."""

    @property
    def silent(self) -> bool:
        """Whether nothing was said."""
        return not self.answer

    def __str__(self) -> str:
        service = Service(self.request[0]).name
        if self.code is not None:
            return f"{service}: {self.code.name} (0x{self.code:02X})"
        return f"{service}: {self.answer.hex(' ') or 'no answer'}"


Sequence = Generator[bytes, bytes, Refusal | None]
"""Yields requests, is sent the final answer to each (empty: none came), and returns why it ended early, if it did."""


class _RefusalError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


def flash_sequence(
    image: bytes,
    *,
    key_of: Callable[[bytes], bytes],
    address: int = 0,
    attempts: int = 1,
    reset: bool = True,
) -> Sequence:
    """Write an image into a server's memory and start it: 10 02, 27, 31 FF00, 34, 36 for every block, 37, 31 FF01, 11.

    ``key_of(seed)`` gives the key that unlocks the server. A block that is not answered, or that the server is too busy
    for, is sent again, ``attempts`` times in all; servers do not write it twice. Not ``reset``: the 11 is left out.
    """
    area = bytes([ADDRESS_AND_SIZE]) + address.to_bytes(4, "big") + len(image).to_bytes(4, "big")
    try:
        yield from _asked(Service.DIAGNOSTIC_SESSION_CONTROL, bytes([Session.PROGRAMMING]), echo=1)
        yield from _unlock(key_of)
        yield from _routine(ERASE_MEMORY, area)
        accepted = yield from _asked(Service.REQUEST_DOWNLOAD, b"\0" + area)
        yield from _transfer(image, _block_bytes(area, accepted), attempts)
        yield from _asked(Service.REQUEST_TRANSFER_EXIT)
        yield from _routine(CHECK_PROGRAMMING_DEPENDENCIES)
        if reset:
            yield from _asked(Service.ECU_RESET, b"\x01", echo=1)
    except _RefusalError as refused:
        return refused.refusal
    return None


def read_sequence(identifier: int) -> Generator[bytes, bytes, bytes | Refusal]:
    """Read what a server has of one identifier."""
    try:
        answer = yield from _asked(Service.READ_DATA_BY_IDENTIFIER, identifier.to_bytes(2, "big"), echo=2)
    except _RefusalError as refused:
        return refused.refusal
    return answer[2:]


def _unlock(key_of: Callable[[bytes], bytes]) -> Generator[bytes, bytes, None]:
    """Send the key to the server's seed, unless all zeros say that it is unlocked."""
    seed = (yield from _asked(Service.SECURITY_ACCESS, b"\x01", echo=1))[1:]
    if any(seed):
        yield from _asked(Service.SECURITY_ACCESS, b"\x02" + key_of(seed), echo=1)


def _routine(routine: int, options: bytes = b"") -> Generator[bytes, bytes, None]:
    """Run a routine, whose answer ends with 0 if it did well."""
    parameters = bytes([START_ROUTINE]) + routine.to_bytes(2, "big") + options
    answer = yield from _asked(Service.ROUTINE_CONTROL, parameters, echo=3)
    if any(answer[3:]):
        request = bytes([Service.ROUTINE_CONTROL]) + parameters
        raise _RefusalError(Refusal(request, None, bytes([Service.ROUTINE_CONTROL + POSITIVE]) + answer))


def _transfer(image: bytes, block_bytes: int, attempts: int) -> Generator[bytes, bytes, None]:
    """Send the blocks, counted from 1, with 0 after 255."""
    for number, start in enumerate(range(0, len(image), block_bytes), 1):
        parameters = bytes([number & 0xFF]) + image[start : start + block_bytes]
        yield from _block(parameters, attempts)


def _block(parameters: bytes, attempts: int) -> Generator[bytes, bytes, None]:
    """Send a block until it is answered."""
    for left in reversed(range(attempts)):
        try:
            yield from _asked(Service.TRANSFER_DATA, parameters, echo=1)
        except _RefusalError as refused:
            again = refused.refusal.silent or refused.refusal.code == ResponseCode.BUSY_REPEAT_REQUEST
            if not again or not left:
                raise
        else:
            return


def _block_bytes(area: bytes, accepted: bytes) -> int:
    """Return how much data a block takes: what the server said, without service and counter."""
    size_bytes = accepted[0] >> 4 if accepted else 0
    longest = int.from_bytes(accepted[1 : 1 + size_bytes], "big")
    if longest < 3 or len(accepted) != 1 + size_bytes:
        request = bytes([Service.REQUEST_DOWNLOAD, 0]) + area
        raise _RefusalError(Refusal(request, None, bytes([Service.REQUEST_DOWNLOAD + POSITIVE]) + accepted))
    return longest - 2


def _asked(service: Service, parameters: bytes = b"", *, echo: int = 0) -> Generator[bytes, bytes, bytes]:
    """Ask, and return the positive answer without its service; ``echo`` parameters must come back."""
    request = bytes([service]) + parameters
    answer = yield request
    if answer[:2] == bytes([NEGATIVE, service]) and len(answer) == 3:
        raise _RefusalError(Refusal(request, _code(answer[2]), answer))
    if answer[: 1 + echo] != bytes([service + POSITIVE]) + parameters[:echo]:
        raise _RefusalError(Refusal(request, None, answer))
    return answer[1:]


def _code(code: int) -> ResponseCode | None:
    return ResponseCode(code) if code in tuple(ResponseCode) else None
