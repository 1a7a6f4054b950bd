"""UDS: what a server answers, byte by byte, and how a client flashes it, with and without a bus between them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.worlds.flash_memory import MS, FlashMemory, image_of, key_of, server_of
from twin.errors import SimulationError
from twin.network.engines.engine import Engine
from twin.network.engines.registry import ENGINES
from twin.network.network import Channel, Message, Network, Node, Segment
from twin.network.uds.client import Refusal, Sequence, flash_sequence, read_sequence
from twin.network.uds.diagnostics import ClientRules, Diagnostics, Finished
from twin.network.uds.server import Answer, ServerRules, UdsServer
from twin.network.uds.services import ResponseCode, Service

EACH_ENGINE = pytest.mark.parametrize("kind", ENGINES.values(), ids=ENGINES)
S = 1_000 * MS
ERASE = "31 01 FF 00 44 00 00 00 00 00 00 01 00"
DOWNLOAD = "34 00 44 00 00 00 00 00 00 01 00"


def ask(server: UdsServer, request: str, now_ns: int = 0) -> str:
    """Return the last answer to a request, in hexadecimal."""
    answers = server.answer(bytes.fromhex(request), now_ns)
    return answers[-1].data.hex(" ").upper() if answers else ""


def unlock(server: UdsServer, now_ns: int = 0) -> None:
    assert ask(server, "10 02", now_ns).startswith("50 02")
    seed = bytes.fromhex(ask(server, "27 01", now_ns))[2:]
    assert ask(server, "27 02" + key_of(seed).hex(), now_ns) == "67 02"


def unlocked_server(flash: FlashMemory | None = None, rules: ServerRules | None = None) -> UdsServer:
    server = server_of(flash or FlashMemory(), rules)
    unlock(server)
    return server


def converse(sequence: Sequence, server: UdsServer) -> tuple[Refusal | None, list[bytes]]:
    """Let a client and a server talk without a bus; return how it ended, and all requests."""
    requests, now_ns = [next(sequence)], 0
    while True:
        answers = server.answer(requests[-1], now_ns)
        now_ns = answers[-1].at_ns if answers else now_ns
        try:
            requests.append(sequence.send(answers[-1].data if answers else b""))
        except StopIteration as end:
            return end.value, requests


# (requests, the answer to the last one): the first that holds of all that can be wrong.
ANSWERS = {
    "unknown service": (["83 00"], "7F 83 11"),
    "session": (["10 03"], "50 03 00 32 01 F4"),
    "no such session": (["10 07"], "7F 10 12"),
    "session too short": (["10"], "7F 10 13"),
    "session too long": (["10 02 00"], "7F 10 13"),
    "suppressed": (["10 83"], ""),
    "suppressed, but refused": (["10 87"], "7F 10 12"),
    "tester present": (["3E 00"], "7E 00"),
    "tester present, suppressed": (["3E 80"], ""),
    "tester present, unknown": (["3E 01"], "7F 3E 12"),
    "reset": (["11 01"], "51 01"),
    "no such reset": (["11 7E"], "7F 11 12"),
    "read": (["22 F1 89"], "62 F1 89 31 2E 34 2E 32"),
    "read two": (["22 F1 89 F1 5A"], "62 F1 89 31 2E 34 2E 32 F1 5A 00 00 00 00"),
    "read one of two": (["22 F1 89 00 00"], "62 F1 89 31 2E 34 2E 32"),
    "read unknown": (["22 00 00"], "7F 22 31"),
    "read half an identifier": (["22 F1 89 F1"], "7F 22 13"),
    "write in the default session": (["2E F1 5A 01 02 03 04"], "7F 2E 7F"),
    "write while locked": (["10 03", "2E F1 5A 01 02 03 04"], "7F 2E 33"),
    "seed in the default session": (["27 01"], "7F 27 7F"),
    "seed": (["10 02", "27 01"], "67 01 12 34 56 71"),
    "key without a seed": (["10 02", "27 02 00"], "7F 27 24"),
    "wrong key": (["10 02", "27 01", "27 02 00 00 00 00"], "7F 27 35"),
    "key too short": (["10 02", "27 01", "27 02 00"], "7F 27 13"),
    "key twice for one seed": (["10 02", "27 01", "27 02 00 00 00 00", "27 02 00 00 00 00"], "7F 27 24"),
    "no such level": (["10 02", "27 05"], "7F 27 12"),
    "erase in the wrong session": (["10 03", ERASE], "7F 31 7F"),
    "erase while locked": (["10 02", ERASE], "7F 31 33"),
    "download while locked": (["10 02", DOWNLOAD], "7F 34 33"),
    "block while locked": (["10 02", "36 01 00"], "7F 36 33"),
    "count faults": (["19 01 08"], "59 01 FF 01 00 02"),
    "list faults": (["19 02 01"], "59 02 FF 01 02 03 09"),
    "clear faults": (["14 FF FF FF", "19 02 FF"], "59 02 FF"),
    "clear other faults": (["14 00 00 01"], "7F 14 31"),
}
UNLOCKED_ANSWERS = {
    "write": (["2E F1 5A 01 02 03 04", "22 F1 5A"], "62 F1 5A 01 02 03 04"),
    "write what is fixed": (["2E F1 89 00"], "7F 2E 31"),
    "write another length": (["2E F1 5A 01"], "7F 2E 13"),
    "seed when unlocked": (["27 01"], "67 01 00 00 00 00"),
    "another session locks": (["10 02", ERASE], "7F 31 33"),
    "erase": ([ERASE], "71 01 FF 00 00"),
    "erase all": (["31 01 FF 00"], "71 01 FF 00 00"),
    "erase too much": (["31 01 FF 00 44 00 00 00 01 00 01 00 00"], "7F 31 31"),
    "erase, shorter than its format byte says": (["31 01 FF 00 44 00"], "7F 31 13"),
    "stop a routine": (["31 02 FF 00"], "7F 31 12"),
    "unknown routine": (["31 01 02 03"], "7F 31 31"),
    "check what is bad": (["31 01 FF 01"], "71 01 FF 01 01"),
    "download": ([DOWNLOAD], "74 20 0F FF"),
    "compressed": (["34 10" + DOWNLOAD[5:]], "7F 34 31"),
    "shorter than its format byte says": (["34 00 44 00 00"], "7F 34 13"),
    "longer than its format byte says": ([DOWNLOAD + "00"], "7F 34 13"),
    "address of no bytes": (["34 00 40 00 00 01 00"], "7F 34 31"),
    "too large": (["34 00 44 00 00 00 00 00 02 00 00"], "7F 34 70"),
    "download in a download": ([DOWNLOAD, DOWNLOAD], "7F 34 22"),
    "block without a download": (["36 01 00"], "7F 36 24"),
    "block": ([DOWNLOAD, "36 01 AA"], "76 01"),
    "block 0 first": ([DOWNLOAD, "36 00 AA"], "7F 36 73"),
    "block left out": ([DOWNLOAD, "36 01 AA", "36 03 AA"], "7F 36 73"),
    "block again": ([DOWNLOAD, "36 01 AA", "36 01 AA"], "76 01"),
    "more than was said": ([DOWNLOAD, "36 01" + "00" * 257], "7F 36 71"),
    "more after all of it": ([ERASE, DOWNLOAD, "36 01" + "00" * 256, "36 02 AA"], "7F 36 24"),
    "last block once more": ([ERASE, DOWNLOAD, "36 01" + "00" * 256, "36 01" + "00" * 256], "76 01"),
    "block too long": ([DOWNLOAD, "36 01" + "00" * 4094], "7F 36 13"),
    "exit without a download": (["37"], "7F 37 24"),
    "exit too early": ([DOWNLOAD, "36 01 AA", "37"], "7F 37 24"),
    "exit": ([DOWNLOAD, "36 01" + "AA" * 256, "37"], "77"),
}


@pytest.mark.parametrize(("requests", "answer"), ANSWERS.values(), ids=ANSWERS)
def test_answers(requests: list[str], answer: str) -> None:
    server = server_of(FlashMemory())
    assert [ask(server, request) for request in requests][-1] == answer


@pytest.mark.parametrize(("requests", "answer"), UNLOCKED_ANSWERS.values(), ids=UNLOCKED_ANSWERS)
def test_answers_when_unlocked(requests: list[str], answer: str) -> None:
    server = unlocked_server()
    assert [ask(server, request) for request in requests][-1] == answer


def test_a_block_that_comes_again_is_written_once() -> None:
    flash = FlashMemory()
    server = unlocked_server(flash)
    for request in (ERASE, DOWNLOAD, "36 01 AA", "36 01 AA", "36 02 BB"):
        ask(server, request)
    assert (flash.writes, bytes(flash.content[:3])) == (2, b"\xaa\xbb\xff")


def test_a_session_ends_when_nothing_was_asked_for_its_time() -> None:
    server = unlocked_server()
    assert ask(server, "3E 80", 4 * S) == ""
    assert ask(server, ERASE, 9 * S) == "71 01 FF 00 00"
    assert ask(server, ERASE, 14 * S + 1) == "7F 31 7F"


def test_three_wrong_keys_and_no_seed_for_ten_seconds() -> None:
    server = server_of(FlashMemory())
    ask(server, "10 02")
    for code in ("35", "35", "36"):
        ask(server, "27 01")
        assert ask(server, "27 02 00 00 00 00") == f"7F 27 {code}"
    server.restart(0)  # a restart does not help
    ask(server, "10 02")
    assert ask(server, "27 01", 1 * S) == "7F 27 37"
    unlock(server, 10 * S)


def test_what_takes_long_is_announced_again_and_again() -> None:
    server = unlocked_server(FlashMemory(erase_ns=6 * S))
    pending, done = b"\x7f\x31\x78", b"\x71\x01\xff\x00\x00"
    instants_ns = [0, 5 * S // 2, 5 * S]
    assert server.answer(bytes.fromhex(ERASE), 0) == [*(Answer(at, pending) for at in instants_ns), Answer(6 * S, done)]
    assert ask(server, "22 F1 89", 3 * S) == "7F 22 21"
    assert ask(server, "3E 80", 3 * S) == ""
    assert ask(server, "22 F1 89", 6 * S).startswith("62")


def test_an_answer_within_p2_is_not_announced() -> None:
    server = unlocked_server(FlashMemory(erase_ns=50 * MS))
    assert server.answer(bytes.fromhex(ERASE), 7) == [Answer(7 + 50 * MS, b"\x71\x01\xff\x00\x00")]


def test_a_server_that_starts_is_silent() -> None:
    server = unlocked_server(FlashMemory(boot_ns=2 * S))
    assert ask(server, "11 01") == "51 01"
    assert ask(server, "3E 00", 2 * S - 1) == ""
    assert ask(server, ERASE, 2 * S) == "7F 31 7F"


@pytest.mark.parametrize("size", [5, 62, 2 * 4093, 40_000])
def test_flashing(size: int) -> None:
    flash, image = FlashMemory(), image_of(size)
    ended, requests = converse(flash_sequence(image, key_of=key_of), server_of(flash))
    assert ended is None
    assert bytes(flash.content[:size]) == image
    assert flash.restarts == 1
    blocks = -(-size // 4093)
    assert [request[0] for request in requests] == [0x10, 0x27, 0x27, 0x31, 0x34, *[0x36] * blocks, 0x37, 0x31, 0x11]


def test_block_counters_wrap_to_zero() -> None:
    rules = ServerRules(block_bytes=10)
    _, requests = converse(flash_sequence(image_of(8 * 258), key_of=key_of), server_of(FlashMemory(), rules))
    counters = [request[1] for request in requests if request[0] == Service.TRANSFER_DATA]
    assert counters == [*range(1, 256), 0, 1, 2]


FAILURES = {
    "wrong key": (FlashMemory(), bytes(4), ResponseCode.INVALID_KEY, "SECURITY_ACCESS: INVALID_KEY (0x35)"),
    "too large": (
        FlashMemory(capacity_bytes=99),
        None,
        ResponseCode.REQUEST_OUT_OF_RANGE,
        "ROUTINE_CONTROL: REQUEST_OUT_OF_RANGE (0x31)",
    ),
    "worn": (
        FlashMemory(worn=True),
        None,
        ResponseCode.GENERAL_PROGRAMMING_FAILURE,
        "TRANSFER_DATA: GENERAL_PROGRAMMING_FAILURE (0x72)",
    ),
}


@pytest.mark.parametrize(("flash", "key", "code", "text"), FAILURES.values(), ids=FAILURES)
def test_a_sequence_ends_with_the_code_that_the_server_gave(
    flash: FlashMemory, key: bytes | None, code: ResponseCode, text: str
) -> None:
    sequence = flash_sequence(image_of(100), key_of=lambda seed: key or key_of(seed))
    refusal, _ = converse(sequence, server_of(flash))
    assert refusal is not None
    assert (refusal.code, str(refusal)) == (code, text)


def test_an_image_that_is_not_good_is_not_started() -> None:
    flash = FlashMemory()
    refusal, requests = converse(flash_sequence(b"no image at all", key_of=key_of), server_of(flash))
    assert str(refusal) == "ROUTINE_CONTROL: 71 01 ff 01 01"
    assert requests[-1][0] == Service.ROUTINE_CONTROL
    assert flash.restarts == 0


def test_no_answer_ends_a_sequence() -> None:
    sequence = read_sequence(0xF189)
    assert next(sequence) == b"\x22\xf1\x89"
    with pytest.raises(StopIteration) as end:
        sequence.send(b"")
    assert str(end.value.value) == "READ_DATA_BY_IDENTIFIER: no answer"


CLIENT, SERVER = 0, 1


def buses(kind: type[Engine], count: int) -> Engine:
    """Return sites with a client and a server on a bus with other traffic."""
    messages = [Message("Request", 0x7E0, 8, CLIENT, depth=4, varying=True)]
    messages += [Message("Response", 0x7E8, 8, SERVER, depth=4, varying=True), Message("Other", 0x100, 8, 2)]
    nodes = tuple(Node(name) for name in ("client", "server", "other"))
    network = Network((Segment(),), nodes, tuple(messages), channels=(Channel(0, 1, block_size=8),))
    engine, everywhere = kind(network, count), np.arange(count)
    engine.cycle(2, everywhere, everywhere * 1_000, np.full(count, MS), np.zeros((count, 8), np.uint8))
    return engine


def ended(diagnostics: Diagnostics, until_ns: int, sites: int, pieces: int = 1) -> dict[int, Finished]:
    """Return the ends of sequences by site, after so many equal pieces of time."""
    for piece in range(1, pieces + 1):
        diagnostics.advance(np.full(sites, until_ns * piece // pieces))
    return {one.site: one for one in diagnostics.take_finished()}


@EACH_ENGINE
def test_flashing_over_a_bus(kind: type[Engine]) -> None:
    """Site 1 has a worn memory, site 2 no server; the others are flashed, the later one as quickly as the first."""
    flashes = {0: FlashMemory(erase_ns=300 * MS, boot_ns=S), 1: FlashMemory(worn=True), 3: FlashMemory()}
    engine, image = buses(kind, 4), image_of(6_000)
    servers = {(site, 0): server_of(flash) for site, flash in flashes.items()}
    diagnostics = Diagnostics(engine, servers, task_period_ns=MS)
    for site in range(4):
        diagnostics.start(site, 0, flash_sequence(image, key_of=key_of), site * 5 * MS)
    assert diagnostics.busy.all()
    finished = ended(diagnostics, 4 * S, 4)
    assert (finished[0].result, finished[3].result) == (None, None)
    assert str(finished[1].result) == "TRANSFER_DATA: GENERAL_PROGRAMMING_FAILURE (0x72)"
    assert str(finished[2].result) == "DIAGNOSTIC_SESSION_CONTROL: no answer"
    assert bytes(flashes[0].content[:6_000]) == bytes(flashes[3].content[:6_000]) == image
    assert finished[0].time_ns - 310 * MS < finished[3].time_ns - 15 * MS < finished[0].time_ns - 290 * MS
    assert not diagnostics.busy.any()


@EACH_ENGINE
@pytest.mark.parametrize("period_ns", [MS, 10 * MS])
def test_tasks_answer_in_their_own_time(kind: type[Engine], period_ns: int) -> None:
    """A request is released at one activation, answered at the next and heard at the one after that."""
    diagnostics = Diagnostics(buses(kind, 1), {(0, 0): server_of(FlashMemory())}, task_period_ns=period_ns)
    diagnostics.start(0, 0, read_sequence(0xF15A), 0)
    finished = ended(diagnostics, S, 1)
    assert (finished[0].time_ns, finished[0].result) == (2 * period_ns, bytes(4))


@EACH_ENGINE
@pytest.mark.parametrize("power", ["off", "on again"])
def test_a_block_that_is_not_answered_is_sent_again(kind: type[Engine], power: str) -> None:
    """The first block, which begins at 80 ms, is lost with the power of the server; it is written once."""
    engine, flash, off_ns = buses(kind, 1), FlashMemory(), 100 * MS
    diagnostics = Diagnostics(engine, {(0, 0): server_of(flash)}, ClientRules(p2_ns=200 * MS))
    diagnostics.start(0, 0, flash_sequence(image_of(4_093), key_of=key_of, attempts=3), 0)
    engine.power(SERVER, np.array([0]), np.array([off_ns]), on=False)
    if power == "on again":
        engine.power(SERVER, np.array([0]), np.array([off_ns + MS]), on=True)
    finished = ended(diagnostics, 9 * S, 1)[0]
    if power == "off":
        assert str(finished.result) == "TRANSFER_DATA: no answer"
        assert 3 * S < finished.time_ns < 3.5 * S  # three times N_Bs, which passes before a client's P2 begins
    else:
        assert finished.result is None
        assert 1 * S < finished.time_ns < 2 * S
        assert flash.writes == 1


@EACH_ENGINE
def test_pieces_change_nothing(kind: type[Engine]) -> None:
    def run(pieces: int) -> tuple[int, list[int]]:
        engine = buses(kind, 2)
        flash = FlashMemory(write_ns=33 * MS)
        diagnostics = Diagnostics(engine, {(1, 0): server_of(flash)})
        diagnostics.start(1, 0, flash_sequence(image_of(9_000), key_of=key_of), 3 * MS)
        return ended(diagnostics, 2 * S, 2, pieces)[1].time_ns, engine.statistics.frames.tolist()

    assert run(1) == run(7) == run(997)


@EACH_ENGINE
def test_what_is_stopped_is_over_once_the_bus_is_done_with_it(kind: type[Engine]) -> None:
    """A second sequence over the same channel is not disturbed by answers to the first one."""
    flash = FlashMemory()
    diagnostics = Diagnostics(buses(kind, 1), {(0, 0): server_of(flash)})
    diagnostics.start(0, 0, flash_sequence(image_of(9_000), key_of=key_of), 0)
    assert not ended(diagnostics, 200 * MS, 1)
    diagnostics.stop(0)
    assert not diagnostics.busy.any()
    diagnostics.start(0, 0, flash_sequence(image_of(5_000), key_of=key_of), 210 * MS)
    assert ended(diagnostics, 2 * S, 1)[0].result is None
    assert bytes(flash.content[:5_000]) == image_of(5_000)


@EACH_ENGINE
def test_power_ends_all_at_its_instant(kind: type[Engine]) -> None:
    """It was told before; the sequence ends without a result, in the middle of a write."""
    flash = FlashMemory(write_ns=500 * MS)
    diagnostics = Diagnostics(buses(kind, 1), {(0, 0): server_of(flash)})
    diagnostics.start(0, 0, flash_sequence(image_of(5_000), key_of=key_of), 0)
    diagnostics.cut(0, 500 * MS)
    assert not ended(diagnostics, 499 * MS, 1)
    assert diagnostics.busy.all()
    assert not ended(diagnostics, 5 * S, 1)
    assert not diagnostics.busy.any()
    assert (flash.writes, flash.torn, flash.restarts) == (1, True, 0)


def test_nothing_begins_in_the_past() -> None:
    diagnostics = Diagnostics(buses(ENGINES["native"], 1), {})
    diagnostics.advance(np.array([10 * MS]))
    with pytest.raises(SimulationError, match="a sequence"):
        diagnostics.start(0, 0, read_sequence(0xF15A), 10 * MS - 1)
    with pytest.raises(SimulationError, match="power"):
        diagnostics.cut(0, 10 * MS - 1)
