"""Periodic messages and the bounds on their response times: rules, limits, mistakes."""

from __future__ import annotations

from fractions import Fraction
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from twin.errors import InputError
from twin.network.frames.bits import FD_LENGTHS, frame_bits
from twin.network.message_sets.periodic import PeriodicMessage
from twin.network.message_sets.worst_case import analyse, response_times
from twin.network.network import Node

MS = 1_000_000
BITRATE_BIT_S = 125_000
BIT_NS = 8_000


def message(place: int, period_ms: float, bits: int = 125, **more: Any) -> PeriodicMessage:
    """Return a message of 1 ms, unless told otherwise."""
    return PeriodicMessage(place, round(period_ms * MS), frame_bits=bits, **more)


def bounds_ms(*messages: PeriodicMessage) -> list[float | None]:
    found = response_times(messages, BITRATE_BIT_S).values()
    return [None if response_ns is None else response_ns / MS for response_ns in found]


FIFO = Node("gateway", queue="fifo")

# name, messages of 1 ms (unless told otherwise), their worst responses in ms
CASES: list[tuple[str, list[PeriodicMessage], list[float | None]]] = [
    ("none", [], []),
    ("alone", [message(0, 10)], [1]),
    ("blocked by a longer one", [message(0, 10), message(1, 10, bits=250)], [3, 3]),
    ("order of the list does not matter", [message(1, 10), message(0, 10)], [2, 2]),
    ("own jitter", [message(0, 10, jitter_ns=2 * MS)], [3]),
    ("own jitter beyond the period", [message(0, 2, jitter_ns=5 * MS)], [6]),
    # Two instances of the first, one late and one early, go before the second.
    ("jitter of another", [message(0, 10, jitter_ns=9 * MS), message(1, 20)], [11, 3]),
    ("base wins over extended", [message(1 << 18, 10, extended=True), message(1, 10)], [2, 2]),
    ("a full bus", [message(0, 2), message(1, 2)], [2, 2]),
    ("overload starves the lowest only", [message(0, 2), message(1, 4), message(2, 3)], [2, 4, None]),
    ("more than the bus alone", [message(0, 0.5), message(1, 10)], [None, None]),
    ("a node's priority queue changes nothing", [message(0, 10, node="a"), message(1, 10, node="a")], [2, 2]),
    ("a queue of one message is none", [message(0, 10, node=FIFO), message(1, 10)], [2, 2]),
    # 0 goes behind 3, which was queued just before it, and so behind 1 and 2; seen from 1 and 2, 0 comes once.
    (
        "priority inversion",
        [message(0, 100, node=FIFO), message(1, 100), message(2, 100), message(3, 100, node=FIFO)],
        [4, 3, 4, 4],
    ),
    ("a queue above does not matter", [message(0, 9, node=FIFO), message(1, 9, node=FIFO), message(2, 9)], [3, 3, 3]),
    ("a queue too full", [message(0, 2, node=FIFO), message(1, 9), message(2, 2, node=FIFO)], [None, None, None]),
]


@pytest.mark.parametrize(("messages", "expected_ms"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_response_times(messages: list[PeriodicMessage], expected_ms: list[float | None]) -> None:
    assert bounds_ms(*messages) == expected_ms


def test_dictionary_is_in_the_order_of_the_messages() -> None:
    assert list(response_times([message(7, 10), message(3, 10), message(5, 10)], BITRATE_BIT_S)) == [7, 3, 5]


def test_a_frame_that_is_not_whole_nanoseconds_long_is_rounded_up() -> None:
    bound = analyse([message(0, 10)], 33_333).messages[0]
    assert bound.transmission_ns == 3_750_038  # 3 750 037.5 ns
    assert bound.response_ns == 3_750_038


def test_nearly_full_bus_is_bounded_in_closed_form() -> None:
    """The busy period of this bus lasts for some 1e6 frames; the bound remains one, and a usable one."""
    first, second = bounds_ms(
        PeriodicMessage(0, 2 * MS + 1, frame_bits=125), PeriodicMessage(1, 2 * MS, frame_bits=125, jitter_ns=1)
    )
    assert first == 2
    assert second is not None
    assert 2 <= second <= 4.01


def test_what_a_bound_tells() -> None:
    bounds = analyse([message(0, 2), message(1, 4), message(2, 2.5), message(3, 10)], BITRATE_BIT_S)
    first, second, third, _ = bounds.messages
    assert (first.worst_bits, first.transmission_ns, first.blocking_ns, first.margin_ns) == (125, MS, MS, 0)
    assert (second.deadline_ns, second.response_ns, second.margin_ns) == (4 * MS, 4 * MS, 0)
    assert third.margin_ns is None
    assert bounds.utilisation == pytest.approx(0.5 + 0.25 + 0.4 + 0.1)
    assert [bound.identifier for bound in bounds.starving] == [2, 3]
    assert bounds.late == ()


def test_a_bounded_message_may_be_late() -> None:
    bounds = analyse([message(0, 2.5), message(1, 2.5), message(2, 10, bits=500)], BITRATE_BIT_S)
    assert [(bound.identifier, bound.response_ns) for bound in bounds.late] == [(0, 5 * MS), (1, 8 * MS)]


@pytest.mark.parametrize("extended", [False, True], ids=["base", "extended"])
@pytest.mark.parametrize(("bitrate_bit_s", "data_bitrate_bit_s"), [(500_000, 2_000_000), (500_000, 500_000)])
def test_no_payload_exceeds_the_length_of_an_fd_frame(
    extended: bool, bitrate_bit_s: int, data_bitrate_bit_s: int
) -> None:
    generator = np.random.default_rng(5)
    for length in FD_LENGTHS:
        payloads = [bytes(length), b"\xff" * length, *(generator.bytes(length) for _ in range(4))]
        for identifier in (0, 0x3F, 0x783, 0x1F0F0F0F if extended else 0x70F):
            one = PeriodicMessage(
                identifier, 10 * MS, data=payloads[0], extended=extended, fd=True, bit_rate_switch=True
            )
            worst_ns = analyse([one], bitrate_bit_s, data_bitrate_bit_s=data_bitrate_bit_s).messages[0].transmission_ns
            for payload in payloads:
                bits = frame_bits(identifier, payload, extended=extended, fd=True, bit_rate_switch=True)
                exact_ns = Fraction(bits.nominal_bits * 10**9, bitrate_bit_s)
                exact_ns += Fraction(bits.data_bits * 10**9, data_bitrate_bit_s)
                assert exact_ns <= worst_ns


def test_an_fd_frame_without_switch_is_slow() -> None:
    times_ns = []
    for switch in (False, True):
        one = PeriodicMessage(1, 10 * MS, data=bytes(64), fd=True, bit_rate_switch=switch)
        times_ns.append(analyse([one], 500_000, data_bitrate_bit_s=2_000_000).messages[0].transmission_ns)
    assert times_ns == [712 * 2000, (33 * 4 + 679) * 500]


# what is wrong, the field that is named, what is said
MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    ({"period_ns": 0}, "period_ns", "more than 0"),
    ({"period_ns": 1e6}, "period_ns", "whole number"),
    ({"offset_ns": -1}, "offset_ns", "at least 0"),
    ({"jitter_ns": -1}, "jitter_ns", "at least 0"),
    ({"frame_bits": 0}, "frame_bits", "more than 0"),
    ({"identifier": 0x800}, "identifier", "0x800 does not fit into 11 bits"),
    ({"identifier": -1}, "identifier", "does not fit"),
    ({"identifier": "1"}, "identifier", "whole number"),
    ({"data": bytes(9)}, "data", "0..8 bytes, found 9"),
    ({"data": [1, 2]}, "data", "expected bytes"),
    ({"data": bytes(9), "fd": True}, "data", "found 9"),
    ({"bit_rate_switch": True}, "bit_rate_switch", "classic"),
]


@pytest.mark.parametrize(("values", "path", "text"), MISTAKES, ids=[f"{path} {text}" for _, path, text in MISTAKES])
def test_mistakes_of_a_message(values: dict[str, Any], path: str, text: str) -> None:
    with pytest.raises(InputError) as caught:
        PeriodicMessage(**{"identifier": 1, "period_ns": MS, **values})
    assert [problem.path for problem in caught.value.problems] == [path]
    assert text in str(caught.value)


def test_all_mistakes_of_a_message_at_once() -> None:
    with pytest.raises(InputError) as caught:
        PeriodicMessage(0x800, 0, -1, -1, bytes(9))
    assert {problem.path for problem in caught.value.problems} == {
        *("identifier", "period_ns", "offset_ns", "jitter_ns", "data")
    }


def test_numpy_integers_are_taken_as_integers() -> None:
    one = PeriodicMessage(np.int64(5), np.int32(MS))  # type: ignore[arg-type]
    assert type(one.identifier) is int
    assert type(one.period_ns) is int


def test_disagreements_of_messages() -> None:
    messages = [
        message(1, 10, node=FIFO),
        message(1, 10, node="gateway"),
        message(2, 10, node=Node("far", segment=1)),
    ]
    with pytest.raises(InputError) as caught:
        analyse(messages, 0)
    assert [str(problem) for problem in caught.value.problems] == [
        "0x1: 2 messages of this base identifier; expected one",
        "gateway: 2 different nodes of this name; expected one",
        "messages on 2 segments (analyse each segment by itself)",
        "bitrate_bit_s: found 0 bit/s; expected more than 0",
    ]


@pytest.mark.parametrize(("nominal", "data"), [(-1, None), (nan, None), (inf, None), (500_000, 250_000), (1, inf)])
def test_bit_rates_that_no_bus_has(nominal: float, data: float | None) -> None:
    with pytest.raises(InputError, match="bitrate_bit_s: found"):
        analyse([], nominal, data_bitrate_bit_s=data)


def test_a_number_of_two_messages_is_no_key() -> None:
    messages = [message(1, 10), message(1, 10, extended=True)]
    assert [bound.response_ns for bound in analyse(messages, BITRATE_BIT_S).messages] == [2 * MS, 2 * MS]
    with pytest.raises(InputError, match="0x1: a base and an extended message have this number"):
        response_times(messages, BITRATE_BIT_S)
