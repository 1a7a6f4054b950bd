"""When ECUs run: each site's activations in their own order, all of them, whatever shares a batch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from twin.bms.batch_order import batch_order
from twin.bms.schedule import Schedule

SECOND = 1_000_000_000
ROLES = [0, 0, 1, 2]


def _activations(site_ids: list[int], seconds: int, chunk_ns: int) -> dict[int, list[tuple[int, int]]]:
    schedule = Schedule(ROLES, SECOND, 7, np.array(site_ids), drift_ppm=20.0)
    seen: dict[int, list[tuple[int, int]]] = {site: [] for site in site_ids}
    for end_ns in range(chunk_ns, seconds * SECOND + 1, chunk_ns):
        for group, times_ns in schedule.batches(end_ns):
            assert {ROLES[ecu] for ecu in group.ecu} == {group.role}
            assert len(set(group.site.tolist())) == len(group.site)
            for site, ecu, time_ns in zip(group.site, group.ecu, times_ns, strict=True):
                assert time_ns < end_ns
                seen[site_ids[site]].append((int(time_ns), int(ecu)))
    return seen


def test_chronological_and_complete() -> None:
    for activations in _activations(list(range(50)), 20, SECOND).values():
        assert activations == sorted(activations)
        counts = np.bincount([ecu for _, ecu in activations], minlength=len(ROLES))
        assert set(counts.tolist()) <= {19, 20, 21}


def test_a_site_alone_runs_as_in_the_fleet() -> None:
    assert _activations([3], 10, SECOND)[3] == _activations(list(range(8)), 10, SECOND)[3]


def test_ticks_do_not_matter() -> None:
    assert _activations([0, 1], 12, SECOND) == _activations([0, 1], 12, 3 * SECOND)


def test_a_stopped_site_is_silent() -> None:
    schedule = Schedule(ROLES, SECOND, 7, np.arange(3), drift_ppm=20.0)
    schedule.stop(1)
    schedule.resume(1, 2, SECOND)
    assert {int(site) for group, _ in schedule.batches(5 * SECOND) for site in group.site} == {0, 2}


def _instants_ns(schedule: Schedule, end_s: float) -> list[list[int]]:
    """Return when each ECU of the first site runs before ``end_s``."""
    found: list[list[int]] = [[] for _ in ROLES]
    for group, times_ns in schedule.batches(round(end_s * SECOND)):
        for site, ecu, time_ns in zip(group.site, group.ecu, times_ns, strict=True):
            if site == 0:
                found[ecu].append(int(time_ns))
    return found


def _changed(change: Callable[[Schedule], None], at_s: int = 3, end_s: int = 20) -> tuple[list[int], list[list[int]]]:
    """Return when the second ECU runs if its schedule changes at ``at_s``, and when all do if it does not."""
    plain, other = (Schedule(ROLES, SECOND, 7, np.arange(2), drift_ppm=20.0) for _ in range(2))
    undisturbed, before = _instants_ns(plain, end_s), _instants_ns(other, at_s)
    change(other)
    after = _instants_ns(other, end_s)
    assert [first + rest for first, rest in zip(before, after, strict=True)][2:] == undisturbed[2:]
    assert before[0] + after[0] == undisturbed[0]
    return before[1] + after[1], undisturbed


PAUSES: dict[str, list[tuple[int, int]]] = {
    "one": [(3, 10)],
    "a short one within a long one": [(3, 10), (4, 6)],
    "one that begins in another": [(3, 8), (6, 10)],
    "without an end": [(3, 2**32)],
}


@pytest.mark.parametrize("pauses", PAUSES.values(), ids=PAUSES.keys())
def test_a_paused_ecu_runs_again_after_the_last_of_its_pauses(pauses: list[tuple[int, int]]) -> None:
    """And then at its own period; nobody else notices."""

    def pause(schedule: Schedule) -> None:
        for begin_s, end_s in pauses:
            schedule.pause(0, 1, begin_s * SECOND, end_s * SECOND)

    ran, undisturbed = _changed(pause)
    last_s = max(end_s for _, end_s in pauses)
    assert [time_ns for time_ns in ran if time_ns < 3 * SECOND] == [t for t in undisturbed[1] if t < 3 * SECOND]
    later = [time_ns for time_ns in ran if time_ns >= 3 * SECOND]
    assert not [time_ns for time_ns in later if time_ns < last_s * SECOND]
    assert len(later) == max(20 - last_s, 0)
    assert set(np.diff(later)) <= set(np.diff(undisturbed[1]))


def test_a_resumed_ecu_runs_within_a_period() -> None:
    def swap(schedule: Schedule) -> None:
        schedule.pause(0, 1, 3 * SECOND, 2**62)
        schedule.resume(0, 1, 7 * SECOND + 123)

    ran, _ = _changed(swap)
    later = [time_ns for time_ns in ran if time_ns >= 3 * SECOND]
    assert 7 * SECOND + 123 <= later[0] < 8 * SECOND + 123
    assert len(later) in (12, 13)


def test_a_stretched_period_comes_back_exactly() -> None:
    def slow_for_a_while(schedule: Schedule) -> None:
        schedule.stretch(0, 1, 3.0)

    ran, undisturbed = _changed(slow_for_a_while)
    period_ns = int(np.diff(undisturbed[1])[0])
    assert np.diff([time_ns for time_ns in ran if time_ns >= 3 * SECOND]).tolist() == [3 * period_ns] * 5
    schedule = Schedule(ROLES, SECOND, 7, np.arange(2), drift_ppm=20.0)
    schedule.stretch(0, 1, 3.0)
    schedule.stretch(0, 1, 1.0 / 3.0)
    assert _instants_ns(schedule, 20) == undisturbed


@pytest.mark.parametrize(
    ("wanted", "work", "expected"),
    [
        (["ab", "ab"], "a1 b1", "ab"),
        (["ab", "ba"], "a1 b2", "aba"),
        (["ab", "ba"], "a2 b1", "bab"),
        (["aab", "aba", "baa"], "a3 b1", "babab"),
        (["abc", "acb", "bac", "bca", "cab", "cba"], "a1 b1 c9", "abacaba"),
        ([""], "a1", ""),
    ],
)
def test_cheap_batches_serve_all_sites(wanted: list[str], work: str, expected: str) -> None:
    letters = "".join(sorted({one[0] for one in work.split()}))
    turns = max(map(len, wanted)) + 1
    roles = np.array([[letters.find(letter) for letter in row.ljust(turns)] for row in wanted])
    order = batch_order(roles, np.array([int(one[1:]) for one in work.split()]))
    assert "".join(letters[role] for role in order) == expected


@pytest.mark.parametrize("seconds", [3600])
def test_clocks_drift_by_some_ppm(seconds: int) -> None:
    drift_ppm = []
    for activations in _activations(list(range(20)), seconds, 60 * SECOND).values():
        times = [time_ns for time_ns, ecu in activations if ecu == 0]
        drift_ppm.append(((times[-1] - times[0]) / ((len(times) - 1) * SECOND) - 1.0) * 1e6)
    assert 8.0 < np.std(drift_ppm) < 40.0
