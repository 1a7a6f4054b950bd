"""udsoncan, which others wrote, finds in our requests what we mean, and in our server what it expects of one."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, cast

import pytest
import udsoncan
from udsoncan.client import Client
from udsoncan.connections import BaseConnection
from udsoncan.exceptions import NegativeResponseException, TimeoutException
from udsoncan.Request import Request
from udsoncan.Response import Response
from udsoncan.ResponseCode import ResponseCode as TheirCode
from udsoncan.services.DiagnosticSessionControl import DiagnosticSessionControl
from udsoncan.services.ECUReset import ECUReset

from tests.worlds.flash_memory import MS, FlashMemory, image_of, key_of, server_of
from twin.network.uds.client import Refusal, Sequence, flash_sequence
from twin.network.uds.server import ServerRules, UdsServer
from twin.network.uds.services import ResponseCode, Service

CONFIG = {
    "security_algo": lambda level, seed, params: key_of(seed),
    "data_identifiers": {0xF189: udsoncan.AsciiCodec(5), 0xF15A: "4s"},
    "server_address_format": 32,
    "server_memorysize_format": 32,
}


class Wire(BaseConnection):
    """The server at the other end, on simulated time: waiting for an answer takes as long as it takes."""

    def __init__(self, server: UdsServer) -> None:
        super().__init__()
        self.server, self.now_ns = server, 0
        self.waiting: list[tuple[int, bytes]] = []

    def specific_send(self, payload: bytes, timeout: float | None = None) -> None:
        self.waiting += self.server.answer(payload, self.now_ns)

    def specific_wait_frame(self, timeout: float | None = None) -> bytes | None:
        if not self.waiting or timeout is None or self.waiting[0][0] > self.now_ns + timeout * 1e9:
            raise TimeoutException
        self.now_ns, answer = self.waiting.pop(0)
        return answer

    def open(self) -> BaseConnection:
        return self

    def close(self) -> None:
        self.waiting.clear()

    def empty_rxqueue(self) -> None:
        self.waiting.clear()

    def is_open(self) -> bool:
        return True


@pytest.fixture
def flash() -> FlashMemory:
    return FlashMemory(erase_ns=12_000 * MS, write_ns=20 * MS, check_ns=300 * MS)


@pytest.fixture
def client(flash: FlashMemory) -> Iterator[Any]:
    with Client(Wire(server_of(flash, ServerRules(block_bytes=1026))), config=cast(Any, CONFIG)) as client:
        yield client


def test_its_client_flashes_our_server(client: Any, flash: FlashMemory) -> None:
    image = image_of(300 * 1024 // 8)
    place = udsoncan.MemoryLocation(0x100, len(image), 32, 32)
    timing = client.change_session(DiagnosticSessionControl.Session.programmingSession).service_data
    assert (timing.p2_server_max, timing.p2_star_server_max) == (0.05, 5.0)
    client.unlock_security_access(1)
    client.start_routine(0xFF00, b"\x44" + struct.pack(">II", 0x100, len(image)))
    block_bytes = client.request_download(place).service_data.max_length - 2
    assert block_bytes == 1024
    for number, start in enumerate(range(0, len(image), block_bytes), 1):
        written = client.transfer_data(number & 0xFF, image[start : start + block_bytes])
        assert written.service_data.sequence_number_echo == number & 0xFF
    client.request_transfer_exit()
    assert client.start_routine(0xFF01).service_data.routine_status_record == b"\0"
    client.ecu_reset(ECUReset.ResetType.hardReset)
    assert bytes(flash.content[0x100 : 0x100 + len(image)]) == image
    assert flash.restarts == 1


def test_its_client_reads_and_writes_our_server(client: Any) -> None:
    assert client.read_data_by_identifier([0xF189]).service_data.values == {0xF189: "1.4.2"}
    client.tester_present()
    with client.suppress_positive_response:
        assert client.tester_present() is None
    client.change_session(3)
    client.unlock_security_access(1)
    client.write_data_by_identifier(0xF15A, (b"2611",))
    assert client.read_data_by_identifier([0xF15A]).service_data.values == {0xF15A: (b"2611",)}


def test_its_client_reads_our_faults(client: Any) -> None:
    assert client.get_number_of_dtc_by_status_mask(0x08).service_data.dtc_count == 2
    found = client.get_dtc_by_status_mask(0x01).service_data.dtcs
    assert [(dtc.id, dtc.status.get_byte_as_int()) for dtc in found] == [(0x010203, 0x09)]
    client.clear_dtc()
    assert client.get_dtc_by_status_mask(0xFF).service_data.dtc_count == 0


@pytest.mark.parametrize(
    ("session", "method", "arguments", "code"),
    [
        (1, "start_routine", [0xFF00], "ServiceNotSupportedInActiveSession"),
        (2, "start_routine", [0xFF00], "SecurityAccessDenied"),
        (2, "send_key", [1, bytes(4)], "RequestSequenceError"),
        (1, "change_session", [0x60], "SubFunctionNotSupported"),
        (3, "transfer_data", [1, b"x"], "ServiceNotSupportedInActiveSession"),
        (1, "read_memory_by_address", [udsoncan.MemoryLocation(0, 1, 32, 32)], "ServiceNotSupported"),
    ],
)
def test_its_client_knows_why_our_server_refuses(
    client: Any, session: int, method: str, arguments: list[Any], code: str
) -> None:
    client.change_session(session)
    with pytest.raises(NegativeResponseException) as caught:
        getattr(client, method)(*arguments)
    assert caught.value.response.code_name == code


def test_its_names_of_codes_and_services_are_ours() -> None:
    for code in ResponseCode:
        assert TheirCode.get_name(code).lower().endswith(code.name.replace("_", "").lower())
    for service in Service:
        theirs = Request.from_payload(bytes([service, 0])).service
        assert theirs is not None
        assert theirs.get_name().lower() == service.name.replace("_", "").lower()


def test_it_finds_in_our_requests_what_they_mean() -> None:
    """Our client talks to a server made of udsoncan's parsers and responses alone."""
    image, heard = image_of(100), bytearray()
    refusal, seen = converse(flash_sequence(image, key_of=key_of, address=0x8000), heard)
    assert refusal is None
    assert [name for name, _ in seen] == [
        *("DiagnosticSessionControl", "SecurityAccess", "SecurityAccess", "RoutineControl", "RequestDownload"),
        *["TransferData"] * 4,
        *("RequestTransferExit", "RoutineControl", "ECUReset"),
    ]
    assert [sub for _, sub in seen] == [2, 1, 2, 1, None, None, None, None, None, None, 1, 1]
    assert bytes(heard) == image


def converse(sequence: Sequence, heard: bytearray) -> tuple[Refusal | None, list[tuple[str, int | None]]]:
    """Return how the sequence ended, and service and sub-function of each of its requests."""
    seen, payload = [], next(sequence)
    while True:
        name, subfunction, answer = respond(Request.from_payload(payload), heard)
        seen.append((name, subfunction))
        try:
            payload = sequence.send(answer)
        except StopIteration as end:
            return end.value, seen


def respond(request: Request, heard: bytearray) -> tuple[str, int | None, bytes]:
    """Return service, sub-function and an answer as udsoncan writes responses; keep what blocks bring."""
    assert request.service is not None
    name, data = request.service.get_name(), request.data or b""
    echo = b"" if request.subfunction is None else bytes([request.subfunction])
    content = {
        "DiagnosticSessionControl": echo + bytes(4),
        "SecurityAccess": echo + (b"\1\2\3\4" if echo == b"\1" else b""),
        "RoutineControl": echo + data[:2],
        "RequestDownload": b"\x20" + (32).to_bytes(2, "big"),
        "TransferData": data[:1],
        "RequestTransferExit": b"",
        "ECUReset": echo,
    }[name]
    if name == "SecurityAccess" and echo == b"\2":
        assert data == key_of(b"\1\2\3\4")
    if name == "RequestDownload":
        assert data == bytes([0, 0x44]) + struct.pack(">II", 0x8000, 100)
    heard += data[1:] if name == "TransferData" else b""
    return name, request.subfunction, Response(request.service, TheirCode.PositiveResponse, content).get_payload()
