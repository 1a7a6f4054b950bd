"""The time from a fault to the open contactor, with foxBMS 2's debounces and task: its terms, and their sum.

Debounces: foxBMS 2 v1.11 (tests/published/bms/foxbms2_v1.11_diag_table.csv), kept by test_bms_times.py. The means are
compared with arithmetic on the scenario's numbers, ``tests.worlds.isolation_phases.expected``.
``python -m benchmarks.isolation`` does the same at 200 phases.
"""

from __future__ import annotations

from dataclasses import astuple

import pytest

from tests.worlds.isolation_phases import CASES, bounds, expected, isolated, mean_of, timing
from twin.analysis.isolations import Isolation

PHASES = 12
SHORT = "duration_s=3.8"
"""Long enough for all but the temperature."""
Found = dict[str, list[Isolation | None]]


@pytest.fixture(scope="module")
def hybrid(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return isolated(timing("hybrid"), PHASES, tmp_path_factory.mktemp("hybrid") / "run")


@pytest.fixture(scope="module")
def distributed(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return isolated(timing("distributed", SHORT), 4, tmp_path_factory.mktemp("distributed") / "run")


@pytest.fixture(scope="module")
def centralized(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return isolated(timing("centralized", SHORT), 4, tmp_path_factory.mktemp("centralized") / "run")


@pytest.mark.parametrize("case", CASES)
def test_the_mean_is_the_sum_of_its_terms(hybrid: Found, case: str) -> None:
    times_s = [one.time_ns * 1e-9 for one in hybrid[case] if one]
    assert len(times_s) == PHASES
    assert sum(times_s) / PHASES == pytest.approx(expected(timing("hybrid"), case).total, rel=0.05)


@pytest.mark.parametrize("case", CASES)
def test_the_terms_add_up_to_the_nanosecond(hybrid: Found, case: str) -> None:
    for one in hybrid[case]:
        assert one is not None
        assert one.terms is not None
        assert sum(astuple(one.terms)) == one.opening.time_ns - one.fault.start_ns
        for name, (least_ns, most_ns) in bounds(timing("hybrid"), case).items():
            assert least_ns <= getattr(one.terms, name) <= most_ns, name


def test_phases_make_the_samples_wait_from_nothing_to_two_tasks(hybrid: Found) -> None:
    waits = [one.terms for case in CASES for one in hybrid[case] if one and one.terms]
    assert min(one.sampling_ns for one in waits) < 4_000_000
    assert max(one.sampling_ns for one in waits) > 16_000_000
    assert mean_of(waits, "sampling_ns") == pytest.approx(0.010, rel=0.15)


def test_only_a_weld_needs_the_pack(hybrid: Found) -> None:
    slots = {case: {one.opening.slot for one in hybrid[case] if one} for case in CASES}
    assert slots == {case: {-1} if "weld" in case else {0} for case in CASES}


def test_among_peers_nobody_opens_for_a_welded_module(distributed: Found) -> None:
    scenario = timing("distributed", SHORT)
    for case in ("over-voltage", "under-voltage", "over-current"):
        times_s = [one.time_ns * 1e-9 for one in distributed[case] if one]
        assert sum(times_s) / 4 == pytest.approx(expected(scenario, case).total, rel=0.05), case
    assert distributed["over-voltage behind a weld"] == [None] * 4


def test_a_central_controller_opens_the_pack_or_nothing(centralized: Found) -> None:
    scenario = timing("centralized", SHORT)
    for case in ("over-voltage", "under-voltage", "over-current"):
        opened = [one for one in centralized[case] if one]
        assert sum(one.time_ns * 1e-9 for one in opened) / 4 == pytest.approx(expected(scenario, case).total, rel=0.05)
        assert {one.opening.slot for one in opened} == {-1}, case
    assert centralized["over-voltage behind a weld"] == [None] * 4
