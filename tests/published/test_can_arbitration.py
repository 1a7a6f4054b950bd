"""Response times of published message sets: Davis, Burns, Bril, Lukkien 2007, and the SAE benchmark that it extends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.published.message_sets import SAE
from twin.network.message_sets.periodic import PeriodicMessage
from twin.network.message_sets.simulate import simulate_messages
from twin.network.message_sets.worst_case import response_times

MS = 1_000_000
BITRATE_BIT_S = 125_000
EACH_ENGINE = pytest.mark.parametrize("engine", ["native", "simpy"])


def message(place: int, bits: int, period_ns: int) -> PeriodicMessage:
    """A message of a published set; the identifiers follow the order of the set."""
    return PeriodicMessage(0x100 + place, period_ns, frame_bits=bits)


DAVIS = [message(0, 125, 5 * MS // 2), message(1, 125, 7 * MS // 2), message(2, 125, 7 * MS // 2)]
DAVIS_WORST_MS = [2.0, 3.0, 3.5]

SAE_MESSAGES = [message(place, 55 + 10 * length, period * MS) for place, (length, period, _) in enumerate(SAE)]
SAE_WORST_MS = [worst for _, _, worst in SAE]


def responses_ms(messages: list[PeriodicMessage], duration_ns: int, engine: str) -> list[list[float]]:
    """Return the response times (release to the end of the interframe space) of every message's instances."""
    frames = simulate_messages(messages, bitrate_bit_s=BITRATE_BIT_S, duration_ns=duration_ns, engine=engine)
    response_ns = frames.finish_ns - frames.release_ns
    return [(response_ns[frames.identifier == one.identifier] / MS).tolist() for one in messages]


def shifted(messages: list[PeriodicMessage], offsets_ns: list[int]) -> list[PeriodicMessage]:
    return [replace(one, offset_ns=offset_ns) for one, offset_ns in zip(messages, offsets_ns, strict=True)]


def critical(messages: list[PeriodicMessage], place: int) -> list[PeriodicMessage]:
    """Release all messages at once, 1 ns after the longest of lower priority than ``place`` has won the bus."""
    below = range(place + 1, len(messages))
    blocker = max(below, key=lambda index: messages[index].frame_bits or 0, default=None)
    return shifted(messages, [0 if index == blocker else 1 for index in range(len(messages))])


@EACH_ENGINE
def test_the_second_instance_is_the_worst_one(engine: str) -> None:
    """Davis et al. 2007, section 3: a frame queued at the instant at which the bus goes idle takes part."""
    _, _, c = responses_ms(DAVIS, 20 * MS, engine)
    assert c[:4] == [3.0, 3.5, 3.0, 2.5]
    assert max(c) == 3.5


@pytest.mark.parametrize(
    ("messages", "worst_ms"), [(DAVIS, DAVIS_WORST_MS), (SAE_MESSAGES, SAE_WORST_MS)], ids=["Davis", "SAE"]
)
def test_the_analysis_finds_the_published_worst_responses(
    messages: list[PeriodicMessage], worst_ms: list[float]
) -> None:
    assert [(bound or 0) / MS for bound in response_times(messages, BITRATE_BIT_S).values()] == worst_ms


@EACH_ENGINE
@pytest.mark.parametrize(
    ("messages", "place", "worst_ms"),
    [(DAVIS, place, worst) for place, worst in enumerate(DAVIS_WORST_MS)]
    + [(SAE_MESSAGES, place, worst) for place, worst in enumerate(SAE_WORST_MS)],
    ids=[f"Davis-{name}" for name in "ABC"] + [f"SAE-{number}" for number in range(1, 18)],
)
def test_worst_responses_are_attained_at_the_critical_instant(
    engine: str, messages: list[PeriodicMessage], place: int, worst_ms: float
) -> None:
    """The published value is approached as the blocking frame's start approaches the release: here, to 1 ns."""
    found = max(responses_ms(critical(messages, place), 60 * MS, engine)[place])
    assert worst_ms - 1.001e-6 <= found <= worst_ms


@EACH_ENGINE
@pytest.mark.parametrize(
    ("messages", "worst_ms", "duration_ns", "draws"),
    [(DAVIS, DAVIS_WORST_MS, 50 * MS, 40), (SAE_MESSAGES, SAE_WORST_MS, 1100 * MS, 4)],
    ids=["Davis", "SAE"],
)
def test_no_offsets_exceed_the_worst_responses(
    engine: str, messages: list[PeriodicMessage], worst_ms: list[float], duration_ns: int, draws: int
) -> None:
    generator = np.random.default_rng(2007)
    periods_ns = [one.period_ns for one in messages]
    for _ in range(draws):
        offsets_ns = generator.integers(0, periods_ns).tolist()
        found = responses_ms(shifted(messages, offsets_ns), duration_ns, engine)
        exceeded = [max(times) > bound for times, bound in zip(found, worst_ms, strict=True)]
        assert not any(exceeded)
