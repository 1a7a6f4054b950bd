"""Response times of published message sets: Davis, Burns, Bril, Lukkien 2007, and the SAE benchmark that it extends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from twin.network.bus import BusEngine
from twin.network.codec import MessageLayout
from twin.network.engines import ENGINES

MS = 1_000_000
BITRATE_BIT_S = 125_000
pytestmark = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)


@dataclass(frozen=True)
class Periodic:
    """A message of a published set; the identifiers follow the order of the set."""

    bits: int
    period_ns: int
    offset_ns: int = 0


def responses_ms(engine: type[BusEngine], messages: list[Periodic], duration_ns: int) -> list[list[float]]:
    """Return the response times (release to the end of the interframe space) of every message's instances."""
    layouts = [MessageLayout(f"M{index}", 0x100 + index, 8) for index in range(len(messages))]
    buses = engine(layouts, 1, BITRATE_BIT_S, logged=[0])
    for index, message in enumerate(messages):
        releases = np.arange(message.offset_ns, duration_ns, message.period_ns)
        rows = np.zeros(len(releases), np.int64)
        buses.send(index, rows, releases, np.zeros((len(releases), 8), np.uint8), bits=message.bits)
    buses.advance(np.array([duration_ns]))
    log = buses.take_log(0)
    assert buses.statistics.overwritten.sum() == 0
    response_ns = log.finish_ns - log.release_ns
    return [(response_ns[log.message == index] / MS).tolist() for index in range(len(messages))]


DAVIS = [Periodic(125, 5 * MS // 2), Periodic(125, 7 * MS // 2), Periodic(125, 7 * MS // 2)]

DAVIS_WORST_MS = [2.0, 3.0, 3.5]

# (bytes, period in ms) in the order of priority, and the worst response in ms.
SAE = [
    (1, 50, 1.44),
    (2, 5, 2.04),
    (1, 5, 2.56),
    (2, 5, 3.16),
    (1, 5, 3.68),
    (2, 5, 4.28),
    (6, 10, 5.04),
    (1, 10, 8.40),
    (2, 10, 9.00),
    (3, 10, 9.68),
    (1, 50, 10.20),
    (4, 100, 19.28),
    (1, 100, 19.80),
    (1, 100, 20.32),
    (3, 1000, 29.24),
    (1, 1000, 29.76),
    (1, 1000, 29.76),
]


SAE_MESSAGES = [Periodic(55 + 10 * length, period * MS) for length, period, _ in SAE]
SAE_WORST_MS = [worst for _, _, worst in SAE]


def shifted(messages: list[Periodic], offsets_ns: list[int]) -> list[Periodic]:
    return [Periodic(m.bits, m.period_ns, offset) for m, offset in zip(messages, offsets_ns, strict=True)]


def critical(messages: list[Periodic], place: int) -> list[Periodic]:
    """Release all messages at once, 1 ns after the longest of lower priority than ``place`` has won the bus."""
    below = range(place + 1, len(messages))
    blocker = max(below, key=lambda index: messages[index].bits, default=None)
    return shifted(messages, [0 if index == blocker else 1 for index in range(len(messages))])


def test_the_second_instance_is_the_worst_one(engine: type[BusEngine]) -> None:
    """Davis et al. 2007, section 3: a frame queued at the instant at which the bus goes idle takes part."""
    _, _, c = responses_ms(engine, DAVIS, 20 * MS)
    assert c[:4] == [3.0, 3.5, 3.0, 2.5]
    assert max(c) == 3.5


@pytest.mark.parametrize(
    ("messages", "place", "worst_ms"),
    [(DAVIS, place, worst) for place, worst in enumerate(DAVIS_WORST_MS)]
    + [(SAE_MESSAGES, place, worst) for place, worst in enumerate(SAE_WORST_MS)],
    ids=[f"Davis-{name}" for name in "ABC"] + [f"SAE-{number}" for number in range(1, 18)],
)
def test_worst_responses_are_attained_at_the_critical_instant(
    engine: type[BusEngine], messages: list[Periodic], place: int, worst_ms: float
) -> None:
    """The published value is approached as the blocking frame's start approaches the release: here, to 1 ns."""
    found = max(responses_ms(engine, critical(messages, place), 60 * MS)[place])
    assert worst_ms - 1.001e-6 <= found <= worst_ms


@pytest.mark.parametrize(
    ("messages", "worst_ms", "duration_ns", "draws"),
    [(DAVIS, DAVIS_WORST_MS, 50 * MS, 40), (SAE_MESSAGES, SAE_WORST_MS, 1100 * MS, 4)],
    ids=["Davis", "SAE"],
)
def test_no_offsets_exceed_the_worst_responses(
    engine: type[BusEngine], messages: list[Periodic], worst_ms: list[float], duration_ns: int, draws: int
) -> None:
    generator = np.random.default_rng(2007)
    periods_ns = [message.period_ns for message in messages]
    for _ in range(draws):
        offsets_ns = generator.integers(0, periods_ns).tolist()
        found = responses_ms(engine, shifted(messages, offsets_ns), duration_ns)
        exceeded = [max(times) > bound for times, bound in zip(found, worst_ms, strict=True)]
        assert not any(exceeded)
