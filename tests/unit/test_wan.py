"""Lines to the server: who has how much, when they are out, and when a download has come."""

from __future__ import annotations

import numpy as np
import pytest

from twin.ota.client.options import Wan
from twin.ota.client.wan import NEVER, Lines, merged
from twin.ota.effects import WanLoss

S = 10**9
DAY = 86400 * S
PLAIN = Wan(bandwidth_bit_s=8000, bandwidth_spread=0, latency_s=0.5, outages_per_day=0)
"""1000 bytes a second."""


def _line(*outages_s: tuple[float, float], wan: Wan = PLAIN) -> Lines:
    losses = [WanLoss(round(begin_s * S), round(end_s * S), 0) for begin_s, end_s in outages_s]
    return Lines(wan, 1, [0], DAY, losses)


DOWNLOADS = {
    # outages, start, bytes -> finish: 0.5 s of latency for every connection
    "without an outage": ((), 10, 4000, 14.5),
    "nothing at all": ((), 10, 0, 10.5),
    "one outage": (((12, 20),), 10, 4000, 20 + 0.5 + 2.5),
    "asked for in an outage": (((8, 12),), 10, 4000, 12 + 4.5),
    "a connection too short for its latency": (((12, 20), (20.4, 30)), 10, 4000, 30 + 0.5 + 2.5),
    "an outage that touches the end": (((14.5, 20),), 10, 4000, 14.5),
    "outages long before": (((1, 2), (3, 4)), 10, 4000, 14.5),
}


@pytest.mark.parametrize(("outages_s", "start_s", "size_bytes", "finish_s"), DOWNLOADS.values(), ids=DOWNLOADS.keys())
def test_a_download_in_closed_form(
    outages_s: tuple[tuple[float, float], ...], start_s: float, size_bytes: int, finish_s: float
) -> None:
    line = _line(*outages_s)
    finish_ns = line.finish_ns(0, round(start_s * S), size_bytes, np.inf)
    assert finish_ns == round(finish_s * S)
    assert line.received_bytes(0, round(start_s * S), finish_ns, np.inf) == size_bytes


def test_what_has_come_is_what_a_second_by_second_count_says() -> None:
    line = _line((12, 20), (23, 23.25), (24, 31))
    got_bytes, connected_s = 0.0, 0.0
    for tick in range(8 * 40):
        time_s = 10 + tick / 8
        assert line.received_bytes(0, 10 * S, round(time_s * S), np.inf) == pytest.approx(got_bytes, abs=1)
        up = line.up_from_ns(0, round(time_s * S)) == round(time_s * S)
        connected_s = connected_s + 0.125 if up else 0.0
        got_bytes += 125.0 * (connected_s > 0.5)


def test_a_slow_server_is_slower_than_the_line() -> None:
    assert _line().finish_ns(0, 0, 4000, 4000.0) == round(8.5 * S)
    assert _line().finish_ns(0, 0, 4000, 0.0) == NEVER


def test_a_loss_without_an_end() -> None:
    line = Lines(PLAIN, 1, [0], DAY, [WanLoss(12 * S, NEVER, 0)])
    assert line.finish_ns(0, 10 * S, 4000, np.inf) == NEVER
    assert line.up_from_ns(0, 20 * S) == NEVER


def test_bandwidths_are_lognormal() -> None:
    lines = Lines(Wan(bandwidth_bit_s=5e6, bandwidth_spread=0.8), 1, range(4000), 0)
    logs = np.log(lines.rate_bit_s)
    assert np.median(lines.rate_bit_s) == pytest.approx(5e6, rel=0.06)
    assert logs.std() == pytest.approx(0.8, rel=0.05)
    assert np.exp(np.quantile(logs, 0.1587) - np.log(5e6)) == pytest.approx(np.exp(-0.8), rel=0.1)


def test_outages_are_a_poisson_process_with_exponential_durations() -> None:
    lines = Lines(Wan(outages_per_day=4, outage_s=600), 1, range(300), 30 * DAY)
    spans = [np.array(lines.outages(row)) for row in range(300)]
    count = sum(len(of_site) for of_site in spans)
    up_days = 30 - count * 600 / 86400 / 300
    assert count / 300 == pytest.approx(4 * up_days, rel=0.02)
    lasts_s = np.concatenate([of_site[:, 1] - of_site[:, 0] for of_site in spans]) / S
    assert lasts_s.mean() == pytest.approx(600, rel=0.03)
    assert lasts_s.std() == pytest.approx(600, rel=0.05)
    gaps_s = np.concatenate([of_site[1:, 0] - of_site[:-1, 1] for of_site in spans]) / S
    assert gaps_s.std() == pytest.approx(gaps_s.mean(), rel=0.05)


def test_a_site_has_the_same_line_alone_and_in_the_fleet_and_in_a_longer_run() -> None:
    wan = Wan(outages_per_day=5)
    fleet, alone, longer = (
        Lines(wan, 3, range(20), 30 * DAY),
        Lines(wan, 3, [7], 30 * DAY),
        Lines(wan, 3, [7], 90 * DAY),
    )
    assert alone.rate_bit_s[0] == fleet.rate_bit_s[7]
    assert alone.outages(0) == fleet.outages(7)
    assert longer.outages(0)[: len(alone.outages(0))] == alone.outages(0)
    assert fleet.outages(6) != fleet.outages(7)


def test_many_sites_are_asked_at_once() -> None:
    lines = Lines(Wan(outages_per_day=20, outage_s=3600), 5, range(50), 5 * DAY)
    rows = np.arange(50)
    for time_ns in range(0, 6 * DAY, DAY // 50):
        at_once = lines.up(rows, np.full(50, time_ns))
        singly = [lines.up_from_ns(row, time_ns) == time_ns for row in rows.tolist()]
        assert at_once.tolist() == singly


def test_spans_that_overlap_or_touch_are_one() -> None:
    assert merged([(5, 9), (1, 3), (3, 4), (6, 7)]) == [(1, 4), (5, 9)]
    assert merged([]) == []
