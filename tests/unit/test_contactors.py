"""The main contactor's sequence, second by second."""

from __future__ import annotations

import numpy as np
import pytest

from twin.bms.contactors import Sequence
from twin.plant.dc_bus import Contactor

SECOND = 1_000_000_000
OPEN, PRECHARGE, CLOSED = Contactor.OPEN, Contactor.PRECHARGE, Contactor.CLOSED
Look = tuple[tuple[bool, ...], tuple[bool, ...], float]
BOTH, ONE, NONE = (True, True), (True, False), (False, False)


def _states(looks: list[Look]) -> tuple[list[int], bool]:
    sequence = Sequence.initial(1)
    states = []
    for second, (heard, closed, link_V) in enumerate(looks):
        time_ns = np.array([second * SECOND])
        sequence = sequence.step(time_ns, np.array([heard]), np.array([closed]), np.array([link_V]), np.array([52.0]))
        states.append(int(sequence.state[0]))
    return states, bool(sequence.failed[0])


@pytest.mark.parametrize(
    ("looks", "states", "failed"),
    [
        ([(NONE, NONE, 0.0)] * 3, [OPEN] * 3, False),
        ([(BOTH, NONE, 0.0)] * 3, [OPEN] * 3, False),
        ([(BOTH, BOTH, volts) for volts in (0.0, 45.0, 50.0, 51.5)], [PRECHARGE, PRECHARGE, PRECHARGE, CLOSED], False),
        ([(BOTH, BOTH, volts) for volts in (0.0, 50.0, 40.0, 50.0)], [PRECHARGE] * 4, False),
        ([(BOTH, BOTH, 58.0)] * 5, [PRECHARGE] * 5, False),
        ([(ONE, ONE, 0.0)] * 11, [OPEN] * 10 + [PRECHARGE], False),
        ([(BOTH, BOTH, 0.0)] * 16, [PRECHARGE] * 15 + [OPEN], True),
        ([(BOTH, BOTH, 50.0), (BOTH, BOTH, 50.0), (NONE, NONE, 50.0)], [PRECHARGE, CLOSED, OPEN], False),
        ([(BOTH, BOTH, 50.0), (BOTH, BOTH, 50.0), (BOTH, ONE, 50.0)], [PRECHARGE, CLOSED, CLOSED], False),
    ],
    ids=[
        "nobody heard",
        "heard, none closed",
        "link comes up and settles",
        "a look at which it is down begins the settling anew",
        "another pack's live link is too high",
        "one silent: grace time",
        "link stays down: latched",
        "all modules gone",
        "one module gone: the others deliver",
    ],
)
def test_sequence(looks: list[Look], states: list[int], failed: bool) -> None:
    assert _states(looks) == (states, failed)
