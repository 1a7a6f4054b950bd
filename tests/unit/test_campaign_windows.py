"""Maintenance windows, in local time, past midnight, on some days, in several time zones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.worlds.virtual_devices import START
from twin.ota.campaign.windows import HOUR_NS, MaintenanceWindow, TimeZone, Windows

H = HOUR_NS


def _windows(opens: str, closes: str, zones: list[dict[str, Any]] | None = None, **window: Any) -> Windows:
    stated = MaintenanceWindow.model_validate({"opens": opens, "closes": closes, **window})
    return Windows(stated, [TimeZone.model_validate(zone) for zone in zones or []], 100, 1, START)


@pytest.mark.parametrize(
    ("opens", "closes", "days", "clock_h", "opens_h"),
    [
        ("08:00", "10:00", None, 0, 2),
        ("08:00", "10:00", None, 3, 3),
        ("08:00", "10:00", None, 4, 26),
        ("22:00", "05:00", None, 0, 16),
        ("22:00", "05:00", None, 20, 20),
        ("22:00", "07:00", None, 0, 0),
        ("22:00", "05:00", ["mon"], 23, 7 * 24 + 16),
        ("22:00", "07:00", ["sun"], 0, 0),
        ("08:00", "10:00", ["sun"], 0, 6 * 24 + 2),
        ("08:00", "10:00", ["wed", "tue"], 0, 26),
        ("08:00", "10:00", None, 1000 * 24 + 5, 1001 * 24 + 2),
    ],
    ids=[
        *("before it opens", "while open", "when it closes", "opens tonight", "past midnight", "of last night"),
        *("the next Monday", "of last Sunday night", "on Sunday", "days in any order", "years later"),
    ],
)
def test_the_run_begins_on_a_monday_at_six(
    opens: str, closes: str, days: list[str] | None, clock_h: int, opens_h: int
) -> None:
    stated: dict[str, Any] = {"days": days} if days else {}
    windows = _windows(opens, closes, **stated)
    assert windows.opens_ns(0, clock_h * H) == opens_h * H


def test_without_a_window_it_is_always_open() -> None:
    assert Windows(None, [], 3, 1, START).opens_ns(2, 12345) == 12345


def test_each_site_has_the_time_of_its_zone() -> None:
    zones = [{"utc_offset_h": 9, "sites": [1]}, {"utc_offset_h": -6, "sites": [2]}]
    windows = _windows("08:00", "10:00", zones)
    # At the start it is 06:00 at UTC+8, 07:00 at UTC+9 and 16:00 on Sunday at UTC-6.
    assert [windows.opens_ns(site, 0) // H for site in range(3)] == [2, 1, 16]


def test_zones_are_drawn_for_each_site_alone() -> None:
    zones = [TimeZone(utc_offset_h=1, share=0.5), TimeZone(utc_offset_h=2, share=0.25)]
    many, few = (Windows(None, zones, sites, 1, START).offset_ns // H for sites in (2000, 100))
    assert many[:100].tolist() == few.tolist()
    shares = {int(offset): float(np.mean(many == offset)) for offset in np.unique(many)}
    assert shares == pytest.approx({1: 0.5, 2: 0.25, 8: 0.25}, abs=0.04)


def test_shares_that_add_up_to_one_leave_nobody_over() -> None:
    zones = [TimeZone(utc_offset_h=hour, share=0.1) for hour in range(10)]
    assert set((Windows(None, zones, 300, 1, START).offset_ns // H).tolist()) <= set(range(10)) - {8} | {8}
    assert 8 * H in Windows(None, zones[:8], 300, 1, START).offset_ns


def test_a_window_of_no_length_is_refused() -> None:
    with pytest.raises(ValidationError, match="no length"):
        _windows("08:00", "08:00")


@pytest.mark.parametrize("zone", [{"utc_offset_h": 1}, {"utc_offset_h": 1, "share": 0.5, "sites": [1]}])
def test_a_zone_needs_a_share_or_sites(zone: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="either the share"):
        TimeZone.model_validate(zone)
