"""Services, sessions and response codes of UDS (ISO 14229-1:2020), as far as an update needs them."""

from __future__ import annotations

from enum import IntEnum

POSITIVE = 0x40
"""Added to a service's number in its positive response."""
NEGATIVE = 0x7F
"""First byte of a negative response; the service and the code follow."""
SUPPRESS_POSITIVE_RESPONSE = 0x80
"""Bit of a sub-function: only a negative response is wanted."""
START_ROUTINE = 0x01
ERASE_MEMORY = 0xFF00
CHECK_PROGRAMMING_DEPENDENCIES = 0xFF01
"""Routines whose numbers ISO 14229-1 gives (annex F)."""
ALL_FAULTS = 0xFFFFFF
"""Group of ClearDiagnosticInformation that holds every fault."""


class Service(IntEnum):
    """What a client may ask for."""

    DIAGNOSTIC_SESSION_CONTROL = 0x10
    ECU_RESET = 0x11
    CLEAR_DIAGNOSTIC_INFORMATION = 0x14
    READ_DTC_INFORMATION = 0x19
    READ_DATA_BY_IDENTIFIER = 0x22
    SECURITY_ACCESS = 0x27
    WRITE_DATA_BY_IDENTIFIER = 0x2E
    ROUTINE_CONTROL = 0x31
    REQUEST_DOWNLOAD = 0x34
    TRANSFER_DATA = 0x36
    REQUEST_TRANSFER_EXIT = 0x37
    TESTER_PRESENT = 0x3E


class Session(IntEnum):
    """What a server is ready for."""

    DEFAULT = 1
    PROGRAMMING = 2
    EXTENDED = 3


class ResponseCode(IntEnum):
    """Why a server refuses, or that it is not done yet."""

    SERVICE_NOT_SUPPORTED = 0x11
    SUB_FUNCTION_NOT_SUPPORTED = 0x12
    INCORRECT_MESSAGE_LENGTH_OR_INVALID_FORMAT = 0x13
    BUSY_REPEAT_REQUEST = 0x21
    CONDITIONS_NOT_CORRECT = 0x22
    REQUEST_SEQUENCE_ERROR = 0x24
    REQUEST_OUT_OF_RANGE = 0x31
    SECURITY_ACCESS_DENIED = 0x33
    INVALID_KEY = 0x35
    EXCEED_NUMBER_OF_ATTEMPTS = 0x36
    REQUIRED_TIME_DELAY_NOT_EXPIRED = 0x37
    UPLOAD_DOWNLOAD_NOT_ACCEPTED = 0x70
    TRANSFER_DATA_SUSPENDED = 0x71
    GENERAL_PROGRAMMING_FAILURE = 0x72
    WRONG_BLOCK_SEQUENCE_COUNTER = 0x73
    RESPONSE_PENDING = 0x78
    SERVICE_NOT_SUPPORTED_IN_ACTIVE_SESSION = 0x7F


def negative(service: int, code: ResponseCode) -> bytes:
    """Return a negative response."""
    return bytes([NEGATIVE, service, code])
