"""Contactors: delays, cancellation, welds, modules that are unplugged."""

from __future__ import annotations

import numpy as np
import pytest

from twin.plant.dc_bus import CLOSED, OPEN, PRECHARGE
from twin.plant.switchgear import NEVER_NS, Moved, Movement, Switchgear

MS = 1_000_000
MOVEMENT = Movement(close_ns=50 * MS, open_ns=20 * MS)
SITE = np.array([0])
MODULE, OTHER, PACK = slice(0, 1), slice(1, 2), slice(2, 3)


def gear(movement: Movement = MOVEMENT, *, closed: bool = False) -> Switchgear:
    """Return the switchgear of a site of one pack with two modules."""
    one = Switchgear(1, 2, 1, movement)
    if closed:
        one.close()
    return one


def at(one: Switchgear, time_ms: float) -> list[tuple[float, int, int]]:
    """Return what arrives at an instant: when, which contactor, in which state."""
    moved = one.settle(SITE, np.array([round(time_ms * MS)]))
    return [(each.time_ns / MS, each.contactor, each.state) for each in moved]


@pytest.mark.parametrize(
    ("closed", "commands", "arrival"),
    [
        (False, [(0, CLOSED)], [(50, CLOSED)]),
        (False, [(0, PRECHARGE)], [(50, PRECHARGE)]),
        (True, [(0, OPEN)], [(20, OPEN)]),
        (True, [(0, PRECHARGE)], [(20, PRECHARGE)]),
        (True, [(0, CLOSED)], []),
        (False, [(0, CLOSED), (30, CLOSED)], [(50, CLOSED)]),
        (False, [(0, CLOSED), (49, OPEN)], []),
        (True, [(0, OPEN), (19, CLOSED)], []),
        (True, [(0, OPEN), (10, CLOSED), (15, OPEN)], [(35, OPEN)]),
        (False, [(0, PRECHARGE), (10, CLOSED)], [(60, CLOSED)]),
    ],
    ids=[
        "closes late",
        "so does the pre-charge relay",
        "opens late",
        "from closed to pre-charging the contactor opens",
        "is there already",
        "told twice, it moves once",
        "closing is cancelled",
        "opening is cancelled",
        "cancelled and told again",
        "a further command takes the place of the first",
    ],
)
def test_a_contactor_moves_after_its_delay(
    closed: bool, commands: list[tuple[int, int]], arrival: list[tuple[int, int]]
) -> None:
    one = gear(closed=closed)
    for time_ms, state in commands:
        one.command(time_ms * MS, 0, MODULE, state)
    seen = [arrived for time_ms in range(100) for arrived in at(one, time_ms)]
    assert [(time_ms, state) for time_ms, _, state in seen] == arrival
    assert {contactor for _, contactor, _ in seen} <= {0}


def test_the_next_instant_is_that_of_the_first_to_arrive() -> None:
    one = gear()
    assert one.next_ns(SITE).tolist() == [NEVER_NS]
    one.command(0, 0, PACK, CLOSED)
    one.command(-5 * MS, 0, OTHER, PRECHARGE)
    assert one.next_ns(SITE).tolist() == [45 * MS]
    assert at(one, 45) == [(45, 1, PRECHARGE)]
    assert one.next_ns(SITE).tolist() == [50 * MS]


def test_a_welded_contactor_stays_closed_and_does_what_it_was_told_once_it_is_free() -> None:
    one = gear(closed=True)
    one.weld(0, 0, MODULE, True)
    one.command(0, 0, slice(0, 2), OPEN)
    assert at(one, 20) == [(20, 1, OPEN)]
    assert at(one, 1000) == []
    assert one.state[0].tolist() == [CLOSED, OPEN, CLOSED]
    one.weld(1000 * MS, 0, MODULE, False)
    assert at(one, 1020) == [(1020, 0, OPEN)]


def test_what_welds_while_open_can_still_close_but_not_open_again() -> None:
    one = gear()
    one.weld(0, 0, PACK, True)
    one.command(0, 0, PACK, CLOSED)
    assert at(one, 50) == [(50, 2, CLOSED)]
    one.command(60 * MS, 0, PACK, OPEN)
    assert at(one, 80) == []


def test_a_weld_that_is_freed_leaves_alone_what_stands_right() -> None:
    one = gear(closed=True)
    one.weld(0, 0, MODULE, True)
    one.weld(MS, 0, MODULE, False)
    assert one.next_ns(SITE).tolist() == [NEVER_NS]


def test_an_unplugged_module_takes_its_contactor_along() -> None:
    one = gear(closed=True)
    one.weld(0, 0, MODULE, True)
    one.unplug(0, 0)
    one.command(0, 0, slice(0, 2), CLOSED)
    assert one.state[0].tolist() == [OPEN, CLOSED, CLOSED]
    assert at(one, 1000) == []
    one.plug(0, 0)
    assert one.state[0, 0] == OPEN
    one.command(0, 0, MODULE, CLOSED)
    assert at(one, 50) == [(50, 0, CLOSED)]
    one.command(60 * MS, 0, MODULE, OPEN)  # the new one is not welded
    assert at(one, 80) == [(80, 0, OPEN)]


def test_fixed_contactors_are_closed_from_the_start_and_after_a_swap() -> None:
    one = gear(Movement(modules_fixed=True))
    assert one.state[0].tolist() == [CLOSED, CLOSED, OPEN]
    assert one.modules_closed
    one.unplug(0, 1)
    assert not one.modules_closed
    one.plug(0, 1)
    assert one.modules_closed


def test_sites_arrive_each_at_its_own_instant() -> None:
    one = Switchgear(3, 1, 1, MOVEMENT)
    for site in range(3):
        one.command(site * MS, site, slice(0, 1), CLOSED)
    moved = one.settle(np.array([0, 2]), np.array([50 * MS, 51 * MS]))
    assert moved == [Moved(50 * MS, 0, 0, CLOSED)]
    assert one.settle(np.array([1, 2]), np.array([51, 52]) * MS) == [
        Moved(51 * MS, 1, 0, CLOSED),
        Moved(52 * MS, 2, 0, CLOSED),
    ]
