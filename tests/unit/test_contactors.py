"""The main contactor's sequence, second by second."""

from __future__ import annotations

import numpy as np
import pytest

from twin.bms.contactors import PeerSequence, Sequence
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


def _pack(
    looks: list[tuple[bool, float, float]], *, alone: bool = True, current_A: float = 0.0, trip_at: int = -1
) -> list[tuple[int, bool]]:
    """Return state and weld after looks, one a second, at: modules closed, voltage of the link, of the bus bar."""
    sequence, seen = Sequence.initial(1), []
    for second, (closed, link_V, bar_V) in enumerate(looks):
        sequence = sequence.step(
            np.array([second * SECOND]),
            np.array([[True]]),
            np.array([[closed]]),
            np.array([link_V]),
            np.array([52.0]),
            np.array([second == trip_at]),
            np.array([bar_V]),
            np.array([current_A]),
            np.array([alone]),
        )
        seen.append((int(sequence.state[0]), bool(sequence.welded[0])))
    return seen


def test_a_main_contactor_that_lets_the_link_live_before_it_closes_has_welded() -> None:
    """The link follows the bus bar as the modules close; pre-charging does not begin, and nothing closes."""
    seen = _pack([(False, 0.0, 0.0), *[(True, 52.0, 52.0)] * 6])
    assert [state for state, _ in seen] == [OPEN] * 7
    assert [welded for _, welded in seen] == [False] * 4 + [True] * 3


def test_a_main_contactor_whose_link_keeps_its_voltage_after_a_trip_has_welded() -> None:
    closing = [(False, 0.0, 0.0), (True, 0.0, 52.0), (True, 51.0, 52.0), (True, 51.9, 52.0)]
    seen = _pack([*closing, *[(True, 52.0, 52.0)] * 8], trip_at=5)
    assert [state for state, _ in seen][:6] == [OPEN, PRECHARGE, PRECHARGE, CLOSED, CLOSED, OPEN]
    assert seen[-1] == (OPEN, True)


def test_a_link_that_loses_its_charge_shows_that_the_contactor_has_opened() -> None:
    closing = [(False, 0.0, 0.0), (True, 0.0, 52.0), (True, 51.0, 52.0), (True, 51.9, 52.0)]
    falling = [(True, 52.0 * 0.9**second, 52.0) for second in range(10)]
    assert not any(welded for _, welded in _pack([*closing, *falling], trip_at=4))


def test_another_pack_on_the_link_is_no_weld() -> None:
    assert not any(welded for _, welded in _pack([(True, 52.0, 52.0)] * 10, alone=False))


def test_a_current_through_an_open_main_contactor_is_a_weld_whoever_feeds_the_link() -> None:
    seen = _pack([(True, 52.0, 52.0)] * 10, alone=False, current_A=30.0, trip_at=0)
    assert seen[-1] == (OPEN, True)


def test_a_trip_is_latched_until_it_is_cleared() -> None:
    sequence = Sequence.initial(1)
    states = []
    for second in range(30):
        time_ns, yes = np.array([second * SECOND]), np.array([[True]])
        trip = np.array([second == 5])
        sequence = sequence.step(time_ns, yes, yes, np.array([51.0]), np.array([52.0]), trip)
        sequence = sequence.cleared() if second == 20 else sequence
        states.append(int(sequence.state[0]))
    assert states[4] == CLOSED
    assert states[5:21] == [OPEN] * 16
    assert states[-1] == CLOSED


def test_who_hurries_closes_onto_a_dead_link_and_stays() -> None:
    sequence = Sequence.initial(1).hurried()
    states = []
    for second, closed in enumerate([False, False, True, True, False]):
        time_ns = np.array([second * SECOND])
        sequence = sequence.step(time_ns, np.array([[closed]]), np.array([[closed]]), np.zeros(1), np.array([52.0]))
        states.append(int(sequence.state[0]))
    assert states == [CLOSED, CLOSED, CLOSED, CLOSED, OPEN]


PeerLook = tuple[bool, bool, float, bool]


def _peer(looks: list[PeerLook]) -> tuple[list[int], bool]:
    """Return the states of a module of 52 V after looks, one a second, at: ready, first, link, trip."""
    sequence, states = PeerSequence.initial(1), []
    for second, (ready, first, link_V, trip) in enumerate(looks):
        sequence = sequence.step(
            np.array([second * SECOND]),
            np.array([ready]),
            np.array([first]),
            np.array([link_V]),
            np.array([52.0]),
            np.array([trip]),
        )
        states.append(int(sequence.state[0]))
    return states, bool(sequence.failed[0])


@pytest.mark.parametrize(
    ("looks", "states", "failed"),
    [
        ([(False, True, 0.0, False)] * 3, [OPEN] * 3, False),
        (
            [(True, True, volts, False) for volts in (0.0, 40.0, 50.0, 51.5)],
            [PRECHARGE, PRECHARGE, PRECHARGE, CLOSED],
            False,
        ),
        ([(True, False, 0.0, False)] * 3, [OPEN] * 3, False),
        ([(True, False, 51.8, False)] * 2, [CLOSED] * 2, False),
        ([(True, False, volts, False) for volts in (49.0, 50.0, 51.8, 51.8)], [PRECHARGE] * 3 + [CLOSED], False),
        ([(True, True, 0.0, False)] * 16, [PRECHARGE] * 15 + [OPEN], True),
        (
            [(True, False, 51.8, False), (True, False, 51.8, True), (True, False, 51.8, False)],
            [CLOSED, OPEN, CLOSED],
            False,
        ),
        ([(True, False, 51.8, False), (False, False, 51.8, False)], [CLOSED, OPEN], False),
    ],
    ids=[
        "not ready",
        "first at a dead link: pre-charges it",
        "next at a dead link: waits",
        "live link as high as the module: closes",
        "live link that is lower: pre-charges itself",
        "link stays down: latched",
        "a trip opens for as long as it lasts",
        "no longer ready: opens",
    ],
)
def test_peers(looks: list[PeerLook], states: list[int], failed: bool) -> None:
    assert _peer(looks) == (states, failed)
