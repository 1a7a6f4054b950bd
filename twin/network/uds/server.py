"""The UDS server of an ECU: bytes and an instant in, bytes and instants out.

Rules (ISO 14229-1:2020; the numbers of its clauses in parentheses)
- A request is refused for the first of these that holds (8.7): unknown service, wrong session, locked, too short,
  unknown sub-function; then for what its service finds.
- Erasing, writing and checking take the time that the ``Flash`` states. An answer that takes longer than P2 is
  announced at once by *response pending*, and again every half P2*. Meanwhile other requests are refused as *busy*.
- Every change of session locks, and ends a download (10.2). A session other than the default one ends ``s3_ns`` after
  the last answer, unless the client has asked for anything (ISO 14229-2, S3).
- Too many wrong keys, and no seed is given for ``delay_ns`` (10.4); neither a session nor a restart shortens that.
- The counter of blocks begins at 1 and goes on from 0xFF to 0x00. A block that comes a second time in a row is answered
  and not written again, because its first answer may have been lost (15.3).

Not modelled: other groups of faults than all, other routines, upload, compression, encryption, functional addressing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from twin.network.uds.services import (
    ALL_FAULTS,
    CHECK_PROGRAMMING_DEPENDENCIES,
    ERASE_MEMORY,
    POSITIVE,
    START_ROUTINE,
    SUPPRESS_POSITIVE_RESPONSE,
    ResponseCode,
    Service,
    Session,
    negative,
)

MS = 1_000_000


class Work(NamedTuple):
    """How an operation on a flash memory ends, and when."""

    done: bool
    duration_ns: int


class Flash(Protocol):
    """The memory that an image is written into; the world is changed at once, and the answer tells when it is done."""

    @property
    def capacity_bytes(self) -> int:
        """Addresses are 0 to this, exclusive."""

    def erase(self, address: int, size: int) -> Work:
        """Erase before writing."""

    def write(self, address: int, data: bytes) -> Work:
        """Write a block."""

    def check(self) -> Work:
        """Look at the whole image: whether it may be started."""

    def restart(self) -> int:
        """Start the ECU anew; return for how many ns it does not answer."""

    def interrupt(self, left_ns: int) -> None:
        """Undo what power has failed to do: ``left_ns`` were left of the last operation, 0 if it was done."""


@dataclass(frozen=True)
class ServerRules:
    """What a server promises of its times and sizes; the defaults are those of ISO 14229-2."""

    p2_ns: int = 50 * MS
    p2_star_ns: int = 5_000 * MS
    s3_ns: int = 5_000 * MS
    attempts: int = 3
    """Wrong keys until no more are taken for ``delay_ns``."""
    delay_ns: int = 10_000 * MS
    block_bytes: int = 4095
    """The longest request of TransferData, its service and counter included; up to 65535."""


class Answer(NamedTuple):
    """What a server sends, not before its instant."""

    at_ns: int
    data: bytes


class _Reply(NamedTuple):
    """What comes of a request: the positive response without its service, or why there is none."""

    result: bytes | ResponseCode
    duration_ns: int = 0


@dataclass
class _Download:
    next_address: int
    end_address: int
    counter: int = 0
    """Of the last block that was written."""
    begun: bool = False


@dataclass(frozen=True)
class _Rule:
    """Who may ask for a service."""

    least_bytes: int
    sessions: tuple[Session, ...] = tuple(Session)
    unlocked: bool = False
    sub_functions: tuple[int, ...] = ()
    """Those known; empty: the service has none."""


_PROGRAMMING = (Session.PROGRAMMING,)
_NOT_DEFAULT = (Session.PROGRAMMING, Session.EXTENDED)
_RULES: Mapping[int, _Rule] = {
    Service.DIAGNOSTIC_SESSION_CONTROL: _Rule(2, sub_functions=tuple(Session)),
    Service.ECU_RESET: _Rule(2, sub_functions=(1, 3)),
    Service.CLEAR_DIAGNOSTIC_INFORMATION: _Rule(4),
    Service.READ_DTC_INFORMATION: _Rule(3, sub_functions=(1, 2)),
    Service.READ_DATA_BY_IDENTIFIER: _Rule(3),
    Service.SECURITY_ACCESS: _Rule(2, _NOT_DEFAULT, sub_functions=(1, 2)),
    Service.WRITE_DATA_BY_IDENTIFIER: _Rule(4, _NOT_DEFAULT, unlocked=True),
    Service.ROUTINE_CONTROL: _Rule(4, _PROGRAMMING, unlocked=True, sub_functions=(START_ROUTINE,)),
    Service.REQUEST_DOWNLOAD: _Rule(5, _PROGRAMMING, unlocked=True),
    Service.TRANSFER_DATA: _Rule(3, _PROGRAMMING, unlocked=True),
    Service.REQUEST_TRANSFER_EXIT: _Rule(1, _PROGRAMMING, unlocked=True),
    Service.TESTER_PRESENT: _Rule(2, sub_functions=(0,)),
}


@dataclass
class UdsServer:
    """The server of one ECU.

    ``seed_of(n)`` gives the n-th seed, not all zeros, and ``key_of(seed)`` the key that unlocks; ``identifiers`` are
    what can be read, by number, of which some are ``writable``; ``faults`` are status bytes by 24-bit fault numbers.
    """

    flash: Flash
    seed_of: Callable[[int], bytes]
    key_of: Callable[[bytes], bytes]
    identifiers: MutableMapping[int, bytes] = field(default_factory=dict)
    writable: Collection[int] = ()
    faults: MutableMapping[int, int] = field(default_factory=dict)
    rules: ServerRules = field(default_factory=ServerRules)
    session: Session = field(default=Session.DEFAULT, init=False)
    unlocked: bool = field(default=False, init=False)
    _seed: bytes = field(default=b"", init=False)
    _seeds: int = field(default=0, init=False)
    _wrong_keys: int = field(default=0, init=False)
    _no_seed_until_ns: int = field(default=0, init=False)
    _download: _Download | None = field(default=None, init=False)
    _busy_until_ns: int = field(default=0, init=False)
    _silent_until_ns: int = field(default=0, init=False)
    _session_until_ns: int = field(default=0, init=False)

    def answer(self, request: bytes, now_ns: int) -> list[Answer]:
        """Return the answers to a request that has come by ``now_ns``, in order; none where none is due."""
        if not request or now_ns < self._silent_until_ns:
            return []
        if now_ns < self._busy_until_ns:
            alive = request == bytes([Service.TESTER_PRESENT, SUPPRESS_POSITIVE_RESPONSE])
            return [] if alive else [Answer(now_ns, negative(request[0], ResponseCode.BUSY_REPEAT_REQUEST))]
        if now_ns > self._session_until_ns:
            self._enter(Session.DEFAULT)
        reply = self._reply(request, now_ns)
        answers = self._answers(request, reply, now_ns)
        self._busy_until_ns = now_ns + reply.duration_ns
        self._session_until_ns = self._busy_until_ns + self.rules.s3_ns
        return answers

    def restart(self, now_ns: int) -> None:
        """Begin anew, as after a reset or when power comes back; wrong keys are remembered."""
        self._enter(Session.DEFAULT)
        self._busy_until_ns = now_ns
        self._silent_until_ns = now_ns + self.flash.restart()

    def power_off(self, now_ns: int) -> None:
        """Stop in the middle of what it does; wrong keys are remembered."""
        self.flash.interrupt(self.left_ns(now_ns))
        self._enter(Session.DEFAULT)
        self._busy_until_ns = now_ns

    def left_ns(self, now_ns: int) -> int:
        """Return how long it is still busy with what it was asked for."""
        return max(0, self._busy_until_ns - now_ns)

    def _answers(self, request: bytes, reply: _Reply, now_ns: int) -> list[Answer]:
        service, end_ns = request[0], now_ns + reply.duration_ns
        pending: list[Answer] = []
        if reply.duration_ns > self.rules.p2_ns:
            instants_ns = range(now_ns, end_ns, max(1, self.rules.p2_star_ns // 2))
            pending = [Answer(at_ns, negative(service, ResponseCode.RESPONSE_PENDING)) for at_ns in instants_ns]
        if isinstance(reply.result, ResponseCode):
            return [*pending, Answer(end_ns, negative(service, reply.result))]
        rule = _RULES[service]
        if rule.sub_functions and request[1] & SUPPRESS_POSITIVE_RESPONSE and not pending:
            return []
        return [*pending, Answer(end_ns, bytes([service + POSITIVE]) + reply.result)]

    def _reply(self, request: bytes, now_ns: int) -> _Reply:
        refusal = self._refusal(request)
        if refusal is not None:
            return _Reply(refusal)
        parts: Mapping[int, Callable[[bytes, int], _Reply]] = {
            Service.DIAGNOSTIC_SESSION_CONTROL: self._session_control,
            Service.ECU_RESET: self._reset,
            Service.CLEAR_DIAGNOSTIC_INFORMATION: self._clear_faults,
            Service.READ_DTC_INFORMATION: self._read_faults,
            Service.READ_DATA_BY_IDENTIFIER: self._read,
            Service.SECURITY_ACCESS: self._security_access,
            Service.WRITE_DATA_BY_IDENTIFIER: self._write,
            Service.ROUTINE_CONTROL: self._routine,
            Service.REQUEST_DOWNLOAD: self._request_download,
            Service.TRANSFER_DATA: self._transfer_data,
            Service.REQUEST_TRANSFER_EXIT: self._transfer_exit,
            Service.TESTER_PRESENT: lambda _request, _now_ns: _Reply(b"\0"),
        }
        return parts[request[0]](request, now_ns)

    def _refusal(self, request: bytes) -> ResponseCode | None:
        """Return what stands against a request before its service has looked at it, in the order of the standard."""
        rule = _RULES.get(request[0])
        if rule is None:
            return ResponseCode.SERVICE_NOT_SUPPORTED
        if self.session not in rule.sessions:
            return ResponseCode.SERVICE_NOT_SUPPORTED_IN_ACTIVE_SESSION
        if rule.unlocked and not self.unlocked:
            return ResponseCode.SECURITY_ACCESS_DENIED
        if len(request) < min(rule.least_bytes, 2):
            return ResponseCode.INCORRECT_MESSAGE_LENGTH_OR_INVALID_FORMAT
        if rule.sub_functions and request[1] & ~SUPPRESS_POSITIVE_RESPONSE not in rule.sub_functions:
            return ResponseCode.SUB_FUNCTION_NOT_SUPPORTED
        if len(request) < rule.least_bytes:
            return ResponseCode.INCORRECT_MESSAGE_LENGTH_OR_INVALID_FORMAT
        return None

    def _enter(self, session: Session) -> None:
        self.session, self.unlocked, self._seed, self._download = session, False, b"", None

    def _session_control(self, request: bytes, _now_ns: int) -> _Reply:
        if len(request) != 2:
            return _Reply(ResponseCode.INCORRECT_MESSAGE_LENGTH_OR_INVALID_FORMAT)
        self._enter(Session(_sub_function(request)))
        p2_ms, p2_star_10_ms = self.rules.p2_ns // MS, self.rules.p2_star_ns // (10 * MS)
        return _Reply(bytes([self.session]) + p2_ms.to_bytes(2, "big") + p2_star_10_ms.to_bytes(2, "big"))

    def _reset(self, request: bytes, now_ns: int) -> _Reply:
        if len(request) != 2:
            return _Reply(ResponseCode.INCORRECT_MESSAGE_LENGTH_OR_INVALID_FORMAT)
        self.restart(now_ns)
        return _Reply(bytes([_sub_function(request)]))

    def _security_access(self, request: bytes, now_ns: int) -> _Reply:
        if now_ns < self._no_seed_until_ns:
            return _Reply(ResponseCode.REQUIRED_TIME_DELAY_NOT_EXPIRED)
        if _sub_function(request) == 2:
            return self._key(request, now_ns)
        self._seeds += 1
        seed = self.seed_of(self._seeds)
        self._seed = b"" if self.unlocked else seed
        return _Reply(b"\1" + (bytes(len(seed)) if self.unlocked else seed))

    def _key(self, request: bytes, now_ns: int) -> _Reply:
        if not self._seed:
            return _Reply(ResponseCode.REQUEST_SEQUENCE_ERROR)
        expected, self._seed = self.key_of(self._seed), b""
        if len(request) != 2 + len(expected):
            return _Reply(ResponseCode.INCORRECT_MESSAGE_LENGTH_OR_INVALID_FORMAT)
        if request[2:] == expected:
            self.unlocked, self._wrong_keys = True, 0
            return _Reply(b"\2")
        self._wrong_keys += 1
        if self._wrong_keys < self.rules.attempts:
            return _Reply(ResponseCode.INVALID_KEY)
        self._wrong_keys, self._no_seed_until_ns = 0, now_ns + self.rules.delay_ns
        return _Reply(ResponseCode.EXCEED_NUMBER_OF_ATTEMPTS)

    def _routine(self, request: bytes, _now_ns: int) -> _Reply:
        routine, echo = int.from_bytes(request[2:4], "big"), bytes([START_ROUTINE]) + request[2:4]
        if routine == CHECK_PROGRAMMING_DEPENDENCIES:
            good, duration_ns = self.flash.check()
            return _Reply(echo + bytes([not good]), duration_ns)
        if routine != ERASE_MEMORY:
            return _Reply(ResponseCode.REQUEST_OUT_OF_RANGE)
        area = _area(request[4:]) if request[4:] else (0, self.flash.capacity_bytes)
        if isinstance(area, ResponseCode):
            return _Reply(area)
        if not self._holds(*area):
            return _Reply(ResponseCode.REQUEST_OUT_OF_RANGE)
        self._download = None
        done, duration_ns = self.flash.erase(*area)
        return _Reply(echo + b"\0" if done else ResponseCode.GENERAL_PROGRAMMING_FAILURE, duration_ns)

    def _request_download(self, request: bytes, _now_ns: int) -> _Reply:
        if self._download is not None:
            return _Reply(ResponseCode.CONDITIONS_NOT_CORRECT)
        area = _area(request[2:])
        if isinstance(area, ResponseCode):
            return _Reply(area)
        if request[1] != 0:
            return _Reply(ResponseCode.REQUEST_OUT_OF_RANGE)
        address, size = area
        if not self._holds(address, size):
            return _Reply(ResponseCode.UPLOAD_DOWNLOAD_NOT_ACCEPTED)
        self._download = _Download(address, address + size)
        return _Reply(b"\x20" + self.rules.block_bytes.to_bytes(2, "big"))

    def _transfer_data(self, request: bytes, _now_ns: int) -> _Reply:
        download, counter, data = self._download, request[1], request[2:]
        if download is None:
            return _Reply(ResponseCode.REQUEST_SEQUENCE_ERROR)
        if len(request) > self.rules.block_bytes:
            return _Reply(ResponseCode.INCORRECT_MESSAGE_LENGTH_OR_INVALID_FORMAT)
        if download.begun and counter == download.counter:
            return _Reply(bytes([counter]))
        if download.next_address == download.end_address:
            return _Reply(ResponseCode.REQUEST_SEQUENCE_ERROR)
        if counter != (download.counter + 1) & 0xFF:
            return _Reply(ResponseCode.WRONG_BLOCK_SEQUENCE_COUNTER)
        if download.next_address + len(data) > download.end_address:
            return _Reply(ResponseCode.TRANSFER_DATA_SUSPENDED)
        done, duration_ns = self.flash.write(download.next_address, data)
        if not done:
            return _Reply(ResponseCode.GENERAL_PROGRAMMING_FAILURE, duration_ns)
        download.next_address += len(data)
        download.counter, download.begun = counter, True
        return _Reply(bytes([counter]), duration_ns)

    def _transfer_exit(self, _request: bytes, _now_ns: int) -> _Reply:
        if self._download is None or self._download.next_address < self._download.end_address:
            return _Reply(ResponseCode.REQUEST_SEQUENCE_ERROR)
        self._download = None
        return _Reply(b"")

    def _read(self, request: bytes, _now_ns: int) -> _Reply:
        if len(request) % 2 == 0:
            return _Reply(ResponseCode.INCORRECT_MESSAGE_LENGTH_OR_INVALID_FORMAT)
        wanted = [request[place : place + 2] for place in range(1, len(request), 2)]
        known = [number for number in wanted if int.from_bytes(number, "big") in self.identifiers]
        if not known:
            return _Reply(ResponseCode.REQUEST_OUT_OF_RANGE)
        return _Reply(b"".join(number + self.identifiers[int.from_bytes(number, "big")] for number in known))

    def _write(self, request: bytes, _now_ns: int) -> _Reply:
        number, data = int.from_bytes(request[1:3], "big"), request[3:]
        if number not in self.writable:
            return _Reply(ResponseCode.REQUEST_OUT_OF_RANGE)
        if len(data) != len(self.identifiers[number]):
            return _Reply(ResponseCode.INCORRECT_MESSAGE_LENGTH_OR_INVALID_FORMAT)
        self.identifiers[number] = data
        return _Reply(request[1:3])

    def _clear_faults(self, request: bytes, _now_ns: int) -> _Reply:
        if int.from_bytes(request[1:4], "big") != ALL_FAULTS:
            return _Reply(ResponseCode.REQUEST_OUT_OF_RANGE)
        self.faults.clear()
        return _Reply(b"")

    def _read_faults(self, request: bytes, _now_ns: int) -> _Reply:
        """Report how many faults, or which, have one of the bits of a mask in their status."""
        mask = request[2]
        found = [(number, status) for number, status in sorted(self.faults.items()) if status & mask]
        if _sub_function(request) == 1:
            return _Reply(b"\x01\xff\x01" + len(found).to_bytes(2, "big"))  # numbers as ISO 14229-1 formats them
        return _Reply(b"\x02\xff" + b"".join(number.to_bytes(3, "big") + bytes([status]) for number, status in found))

    def _holds(self, address: int, size: int) -> bool:
        return size > 0 and address + size <= self.flash.capacity_bytes


def _sub_function(request: bytes) -> int:
    return request[1] & ~SUPPRESS_POSITIVE_RESPONSE


def _area(record: bytes) -> tuple[int, int] | ResponseCode:
    """Return address and size, whose lengths come first, that of the size in the high nibble; or what is wrong."""
    size_bytes, address_bytes = record[0] >> 4, record[0] & 0x0F
    if not size_bytes or not address_bytes:
        return ResponseCode.REQUEST_OUT_OF_RANGE
    if len(record) != 1 + address_bytes + size_bytes:
        return ResponseCode.INCORRECT_MESSAGE_LENGTH_OR_INVALID_FORMAT
    return int.from_bytes(record[1 : 1 + address_bytes], "big"), int.from_bytes(record[1 + address_bytes :], "big")
