"""The native engine beyond what all engines promise: no argument reaches memory outside, and threads share work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from twin.errors import InputError
from twin.native import _native
from twin.network.engines.native import NativeEngine
from twin.network.engines.records import Instruction
from twin.network.network import Channel, Filter, Message, Network, Node, Route, Segment

SITES = 3
EVERYTHING = Network(
    (Segment("a"), Segment("b", data_bitrate_bit_s=2e6)),
    (Node("A"), Node("B", accepts=(Filter(0, mask=0),)), Node("C", segment=1, queue="fifo"), Node("D", segment=1)),
    (
        Message("one", 0x100, 8, 0, varying=True, depth=4),
        Message("two", 0x101, 8, 1, varying=True, depth=4),
        Message("three", 0x102, 64, 2, fd=True, bit_rate_switch=True, varying=True),
        Message("ask", 0x102, 8, 0, remote=True),
    ),
    (Route(0, 1, 2),),
    (Channel(0, 1),),
)


@pytest.mark.parametrize("bits", [-1, 0, 11, (1 << 20) + 1])
def test_frames_of_impossible_lengths_are_refused_by_name(bits: int) -> None:
    with pytest.raises(InputError, match=f"one: found frame_bits of {bits}; expected 12"):
        Network((Segment(),), (Node("A"),), (Message("one", 0x100, 8, 0, frame_bits=bits),))


Wrong = Callable[[dict[str, Any]], object]


def arguments(network: Network, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the engine gives to the native networks."""
    given: dict[str, Any] = {}

    class Listener:
        def __init__(self, **what: Any) -> None:
            given.update(what)

    with monkeypatch.context() as patch:
        patch.setattr(_native, "Network", Listener)
        NativeEngine(network, SITES)
    return given


def changed(name: str, place: Any, value: int) -> Wrong:
    def change(given: dict[str, Any]) -> None:
        given[name] = np.array(given[name])
        given[name][place] = value

    return change


def replaced(name: str, value: Any) -> Wrong:
    return lambda given: given.update({name: value})


def shorter(name: str, axis: int = 0) -> Wrong:
    def cut(array: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(np.delete(array, 0, axis))

    def change(given: dict[str, Any]) -> None:
        whole = given[name]
        given[name] = [*whole[:-1], cut(whole[-1])] if isinstance(whole, list) else cut(whole)

    return change


WRONG: dict[str, Wrong] = {
    "node on no segment": changed("nodes", (0, 0), 2),
    "node on a segment below 0": changed("nodes", (0, 0), -1),
    "message of no node": changed("messages", (0, 0), 4),
    "frame_bits without an ACK slot": changed("messages", (0, 3), 11),
    "order lacks a message": replaced("order", [0, 1, 2]),
    "order has a message twice": replaced("order", [0, 1, 2, 2]),
    "order has a message that is not": replaced("order", [0, 1, 2, 4]),
    "box of no node": replaced("boxes", np.array([[4, 0]])),
    "box of no message": replaced("boxes", np.array([[0, 4]])),
    "more boxes than mailboxes": replaced("boxes", np.zeros((9, 2), np.int64)),
    "route of no message": changed("routes", (0, 0), 4),
    "route over no node": changed("routes", (0, 1), 4),
    "route to no message": changed("routes", (0, 2), 4),
    "route back in time": changed("routes", (0, 3), -1),
    "link of no message": changed("links", (0, 0), 4),
    "link of a message that does not vary": changed("links", (0, 0), 3),
    "link of frames too long": changed("links", (0, 2), 64),
    "link with a time below 0": changed("links", (0, 8), -1),
    "buffers of too few links": replaced("buffer_bytes", [1]),
    "format of no message": changed("formats", (0, 0), 4),
    "format of another message": changed("formats", (0, 0), 1),
    "format of another length": changed("formats", (0, 2), 1),
    "format that is not": changed("format_of", (0, 0), 99),
    "message without a format": changed("format_of", (3, slice(None)), -1),
    "header of a longer frame": changed("headers", (0, 0), 8),
    "header of no state": changed("headers", (0, 1), 8),
    "header of a long CRC": changed("headers", (0, 2), 1 << 15),
    "header of no bits": changed("headers", (0, 3), 0),
    "CRC table of long CRCs": changed("crc", (0, 0), 1 << 15),
    "CRC table too small": shorter("crc"),
    "stuffing table too small": shorter("stuffing", 1),
    "two tables of stuffing": lambda given: given["stuffing"].pop(),
    "keys of fewer sites": shorter("keys"),
    "mailbox times of fewer sites": shorter("mailbox_time_ns"),
    "mailboxes of fewer sites": shorter("mailbox_payload"),
    "mailboxes of fewer bytes": shorter("mailbox_payload", 2),
    "counts of fewer messages": shorter("counts", 1),
    "six counts": lambda given: given["counts"].pop(),
    "histogram of fewer messages": shorter("latency_histogram", 1),
    "histogram without bins": replaced("latency_histogram", np.zeros((SITES, 4, 0), np.uint32)),
    "busy times of fewer segments": shorter("busy_ns", 1),
    "counters of fewer nodes": shorter("counters", 1),
    "states of fewer nodes": shorter("state", 1),
    "log of no site": replaced("logged", [SITES]),
    "no thread": replaced("threads", 0),
    "bit rate of 0": replaced("segments", np.zeros((2, 2))),
    "bit rate without end": replaced("segments", np.full((2, 2), np.inf)),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_networks_that_point_outside_are_refused(wrong: Wrong, monkeypatch: pytest.MonkeyPatch) -> None:
    given = arguments(EVERYTHING, monkeypatch)
    _native.Network(**given)  # as it is, it is right
    wrong(given)
    with pytest.raises(ValueError):
        _native.Network(**given)


RIGHT_SEND = {"message": 0, "row": 0, "time_ns": 0, "format": 0}


@pytest.mark.parametrize(
    "wrong",
    [{"message": 4}, {"message": -1}, {"row": SITES}, {"row": -1}, {"time_ns": -1}, {"format": 99}, {"format": 9}],
    ids=str,
)
def test_frames_that_point_outside_are_refused(wrong: dict[str, int]) -> None:
    native = NativeEngine(EVERYTHING, SITES)._native

    def send(one: dict[str, int]) -> None:
        message, row, time_ns, frame_format = (np.array([value], np.int64) for value in one.values())
        native.send(message, row, time_ns, np.zeros((1, EVERYTHING.payload_bytes), np.uint8), frame_format)

    send(RIGHT_SEND)
    with pytest.raises(ValueError):
        send({**RIGHT_SEND, **wrong})


def test_columns_of_different_lengths_are_refused() -> None:
    native = NativeEngine(EVERYTHING, SITES)._native
    one, two, payload = np.zeros(1, np.int64), np.zeros(2, np.int64), np.zeros((1, 64), np.uint8)
    calls: list[Callable[[], object]] = [
        lambda: native.send(one, two, one, payload, one),
        lambda: native.send(one, one, two, payload, one),
        lambda: native.send(one, one, one, np.zeros((1, 63), np.uint8), one),
        lambda: native.send(two, two, two, payload, two),
        lambda: native.instruct(0, 0, two, one, np.zeros((2, 4), np.int64), np.zeros((2, 64), np.uint8)),
        lambda: native.instruct(0, 0, one, one, np.zeros((1, 3), np.int64), payload),
        lambda: native.transfer(0, one, one, []),
        lambda: native.advance(one),
        lambda: native.add_thresholds(np.zeros(0, np.uint64)),
        lambda: native.take_log(SITES),
    ]
    for call in calls:
        with pytest.raises(ValueError):
            call()


@pytest.mark.parametrize(
    ("kind", "target", "values"),
    [
        (Instruction.NOISE, 2, (0, 0, 0)),
        (Instruction.NOISE, 0, (1, 0, 0)),
        (Instruction.NOISE, 0, (-1, 0, 0)),
        (Instruction.INVERT, -1, (0, 1, 0)),
        (Instruction.GLITCH, 2, (0, 0, 0)),
        (Instruction.CONNECT, 4, (0, 0, 0)),
        (Instruction.POWER, 4, (0, 0, 0)),
        (Instruction.BUS_OFF, -1, (0, 0, 0)),
        (Instruction.CYCLE, 4, (1, 0, 0)),
        (Instruction.CYCLE, 0, (1, 0, 9)),
        (Instruction.CYCLE, 0, (-1, 0, 0)),
        (Instruction.CYCLE, 0, (1, -1, 0)),
        (7, 0, (0, 0, 0)),
    ],
)
def test_instructions_that_point_outside_are_refused(kind: int, target: int, values: tuple[int, ...]) -> None:
    native = NativeEngine(EVERYTHING, SITES)._native
    row, payload = np.zeros(1, np.int64), np.zeros((1, EVERYTHING.payload_bytes), np.uint8)
    with pytest.raises(ValueError):
        native.instruct(int(kind), target, row, row, np.array([[*values, 0]], np.int64), payload)


@pytest.mark.parametrize(("link", "row", "data"), [(2, 0, b"x"), (-1, 0, b"x"), (0, SITES, b"x"), (0, 0, b"")])
def test_transfers_that_point_outside_are_refused(link: int, row: int, data: bytes) -> None:
    native = NativeEngine(EVERYTHING, SITES)._native
    with pytest.raises(ValueError):
        native.transfer(link, np.array([row], np.int64), np.zeros(1, np.int64), [data])


def test_arrays_outlive_the_engine_that_writes_them() -> None:
    engine = NativeEngine(EVERYTHING, SITES)
    native, frames = engine._native, engine.statistics.frames
    row, payload = np.zeros(1, np.int64), np.zeros((1, EVERYTHING.payload_bytes), np.uint8)
    native.send(row, row, row, payload, row)
    del engine
    native.advance(np.full(SITES, 1_000_000, np.int64))
    assert frames[0].tolist() == [1, 0, 1, 0]  # it was sent, and passed on


def test_work_that_is_worth_it_goes_to_more_threads_and_gives_the_same() -> None:
    sites, rows, tasks = 400, np.arange(400), Path("/proc/self/task")
    engines = [NativeEngine(EVERYTHING, sites, keys=rows.astype(np.uint64), threads=threads) for threads in (1, 3)]
    before = len(list(tasks.iterdir())) if tasks.exists() else 0
    for engine in engines:
        engine.noise(0, rows, rows, 1e-3)
        engine.cycle(0, rows, rows, np.full(sites, 500_000), np.zeros((sites, 8), np.uint8), length=4)
        engine.transfer(1, rows, rows, [bytes(range(200))] * sites)
        for until_ns in range(0, 100_000_000, 10_000_000):
            engine.advance(np.full(sites, until_ns))
    if tasks.exists():
        assert len(list(tasks.iterdir())) >= before + 2
    one, three = engines
    for part, other in ((one.statistics, three.statistics), (one.nodes, three.nodes)):
        for name, column in vars(part).items():
            np.testing.assert_array_equal(column, vars(other)[name], name)
    np.testing.assert_array_equal(one.mailbox_payload, three.mailbox_payload)
    assert one.take_transfers() == three.take_transfers()
    assert one.take_changes() == three.take_changes()
