"""Message sets on one bus, simulated: the other way to what ``response_times`` bounds."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

import numpy as np

from twin.errors import InputError, Problem, attempt
from twin.network.engines.records import Frames
from twin.network.engines.registry import ENGINES
from twin.network.message_sets.periodic import PeriodicMessage
from twin.network.network import Message, Network, Node, Segment

_ERROR_BITS = 12 + 8 + 3
"""The most that may follow a frame whose last bit is wrong: flags, delimiter, interframe space."""


def simulate_messages(
    messages: Sequence[PeriodicMessage],
    *,
    bitrate_bit_s: float,
    duration_ns: int,
    engine: str = "native",
    data_bitrate_bit_s: float | None = None,
    seed: int = 0,
    bit_error_rate: float = 0.0,
) -> Frames:
    """Return the frames that messages send on one bus within ``duration_ns``, by the instant at which they were seen.

    All that are released and started before ``duration_ns``, complete; ``finish_ns`` ends the interframe space. An
    instance that a newer one replaces while it waits is never sent; an attempt that a bit error destroyed has the flag
    ERROR. ``seed`` decides jitter and bit errors, each bit being wrong with probability ``bit_error_rate``. A silent
    node acknowledges all frames.
    Raises InputError with all that is wrong.
    """
    problems = [*_problems(messages, duration_ns, engine)]
    network = attempt(problems, lambda: _network(messages, bitrate_bit_s, data_bitrate_bit_s))
    if not 0.0 <= bit_error_rate <= 1.0:
        problems.append(Problem(f"found {bit_error_rate:g}; expected 0 to 1", path="bit_error_rate"))
    if problems or network is None:
        raise InputError(problems)
    bus = ENGINES[engine](network, 1, keys=np.array([seed % (1 << 64)], np.uint64), logged=[0])
    if bit_error_rate > 0.0:
        bus.noise(0, np.array([0]), np.array([0]), bit_error_rate)
    for index, message in enumerate(messages):
        first_ns, period_ns = np.array([message.offset_ns]), np.array([message.period_ns])
        payload = np.frombuffer(message.data, np.uint8)[None]
        bus.cycle(index, np.array([0]), first_ns, period_ns, payload, jitter_ns=message.jitter_ns)
    bus.advance(np.array([duration_ns + _longest_ns(messages, bitrate_bit_s)]))
    return _started_before(duration_ns, bus.take_log(0))


def _longest_ns(messages: Sequence[PeriodicMessage], bitrate_bit_s: float) -> int:
    bits = max((sum(message.worst_bits()) for message in messages), default=0) + _ERROR_BITS
    return math.ceil(bits * 1e9 / bitrate_bit_s)


def _started_before(duration_ns: int, log: Frames) -> Frames:
    started = log.start_ns < duration_ns
    return Frames(**{column.name: getattr(log, column.name)[started] for column in fields(log)})


def _network(messages: Sequence[PeriodicMessage], bitrate_bit_s: float, data_bitrate_bit_s: float | None) -> Network:
    nodes: list[Node] = []
    listed: list[Message] = []
    for one in messages:
        name = f"{one.identifier:#x} extended" if one.extended else f"{one.identifier:#x}"
        sender = replace(one.sender or Node(f"sender of {name}"), segment=0)
        if sender not in nodes:
            nodes.append(sender)
        listed.append(_message(one, name, nodes.index(sender)))
    nodes.append(Node("listener"))
    return Network((Segment("bus", bitrate_bit_s, data_bitrate_bit_s),), tuple(nodes), tuple(listed))


def _message(one: PeriodicMessage, name: str, node: int) -> Message:
    return Message(
        name,
        one.identifier,
        len(one.data),
        node,
        extended=one.extended,
        fd=one.fd,
        bit_rate_switch=one.bit_rate_switch,
        frame_bits=one.frame_bits,
    )


def _problems(messages: Sequence[PeriodicMessage], duration_ns: int, engine: str) -> Iterator[Problem]:
    if not duration_ns > 0:
        yield Problem(f"found {duration_ns} ns; expected more than 0", path="duration_ns")
    if engine not in ENGINES:
        close = difflib.get_close_matches(engine, ENGINES, 1)
        suggestion = f"did you mean {close[0]}?" if close else None
        yield Problem(f"no engine {engine!r}; there are {', '.join(ENGINES)}", path="engine", suggestion=suggestion)
    senders: dict[str, Node] = {}
    for message in messages:
        if message.jitter_ns > message.period_ns:
            found = f"a jitter of {message.jitter_ns} ns is longer than the period, {message.period_ns} ns"
            yield Problem(found, path=f"{message.identifier:#x}")
        if message.sender is not None and senders.setdefault(message.sender.name, message.sender) != message.sender:
            yield Problem("another message has a different node of this name", path=message.sender.name)
    if len({node.segment for node in senders.values()}) > 1:
        yield Problem(
            "messages on several segments; one bus is simulated", suggestion="simulate each segment by itself"
        )
