"""Guangdong's time-of-use tariff: valley, flat, peak and critical hours, and the ratios of their prices.

Source: Guangdong Development and Reform Commission, notice 粤发改价格〔2021〕331号 on perfecting the peak and valley
tariff, in force since 1 October 2021: peak 10 to 12 and 14 to 19 h, valley 0 to 8 h, all else flat; peak : flat :
valley = 1.7 : 1 : 0.38; in July, August and September, and on days of 35 degC and more, 11 to 12 and 15 to 17 h are
critical, 25 % above the peak price. Households may choose the tariff and know no critical hours.
Left out: hot days in other months (a mean day of the normals never is one), and notices that came later.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal

from twin.scenario.profiles.hours import Hours

VALLEY, FLAT, PEAK = 0.38, 1.0, 1.7
CRITICAL = 1.25 * PEAK
_VALLEY_HOURS = frozenset(range(8))
_PEAK_HOURS = frozenset((10, 11, 14, 15, 16, 17, 18))
_CRITICAL_HOURS = frozenset((11, 15, 16))
_CRITICAL_MONTHS = frozenset((7, 8, 9))


class Guangdong(Hours):
    """What industry pays; households pay the peak price in critical hours."""

    kind: Literal["guangdong"] = "guangdong"
    customer: Literal["industry", "household"] = "industry"

    def day(self, day: date) -> Sequence[float]:
        """Return the prices of the 24 hours of a local day."""
        critical = self.customer == "industry" and day.month in _CRITICAL_MONTHS
        return [_price(hour, critical) for hour in range(24)]


def _price(hour: int, critical: bool) -> float:
    if critical and hour in _CRITICAL_HOURS:
        return CRITICAL
    if hour in _PEAK_HOURS:
        return PEAK
    return VALLEY if hour in _VALLEY_HOURS else FLAT
