"""When ECUs run: each site's activations in their own order, all of them, whatever shares a batch."""

from __future__ import annotations

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
    assert {int(site) for group, _ in schedule.batches(5 * SECOND) for site in group.site} == {0, 2}


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
