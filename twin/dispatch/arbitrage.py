"""A battery that buys in cheap hours and sells in dear ones, as often a day as the tariff is worth it.

Rule: it discharges in hours at or above ``dear``. Each gap between dear hours, over midnight too, is a chance to
charge; the cheapest ``cycles`` gaps are taken, and in each its cheapest hours, where the dear hours that follow pay at
least ``least_gain`` times as much. With Guangdong's tariff that is 0 to 8 and 12 to 14 h: two cycles a day. The day's
prices are known and taken to be those of the days around it.
Left out: a forecast, and saving energy for the dearest of the dear hours.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from twin.dispatch.dispatch import Dispatch, FloatArray, Seen
from twin.quantity import Watts

_TAPER = 0.02
"""Within this much of the window's ends power goes to nothing, so that it does not chatter."""


class Arbitrage(Dispatch):
    """Charges and discharges at ``power_W`` within a window of the state of charge."""

    needs: ClassVar[tuple[str, ...]] = ("tariff",)

    kind: Literal["arbitrage"] = "arbitrage"
    power_W: Annotated[Watts, Field(gt=0, le=1e7)] = 5000.0
    soc_min: Annotated[float, Field(ge=0, le=1)] = 0.1
    soc_max: Annotated[float, Field(ge=0, le=1)] = 0.9
    cycles: Annotated[int, Field(ge=1, le=12)] = 2
    """A day, at most."""
    dear: Annotated[float, Field(gt=0)] = 1.25
    """Price, over that of a flat hour, at which it discharges."""
    least_gain: Annotated[float, Field(ge=1)] = 1.2
    """Least price of selling over that of buying: what losses and wear cost."""

    @model_validator(mode="after")
    def _has_a_window(self) -> Arbitrage:
        if self.soc_min >= self.soc_max:
            raise ValueError(f"found soc_min {self.soc_min:g}; expected less than soc_max, {self.soc_max:g}")
        return self

    def request_W(self, seen: Seen) -> FloatArray:
        """Return the power asked of each battery: nothing before it has told its state of charge."""
        direction = _planned(self, tuple(seen.prices.tolist()))[int(seen.hour) % 24]
        room = seen.soc - self.soc_min if direction > 0 else self.soc_max - seen.soc
        return direction * self.power_W * np.clip(np.nan_to_num(room) / _TAPER, 0.0, 1.0)

    def plan(self, prices: FloatArray) -> FloatArray:
        """Return for each hour of a day with these ``prices[24]`` 1 to discharge, -1 to charge, 0 to rest."""
        dear = prices >= self.dear
        plan = np.where(dear, 1.0, 0.0)
        for gap in sorted(_gaps(dear.tolist()), key=lambda hours: (prices[hours].min(), hours))[: self.cycles]:
            cheapest = prices[gap].min()
            if _following(prices, dear, gap[-1]) >= self.least_gain * cheapest:
                plan[[hour for hour in gap if prices[hour] == cheapest]] = -1.0
        return plan


@lru_cache(maxsize=64)
def _planned(arbitrage: Arbitrage, prices: tuple[float, ...]) -> tuple[float, ...]:
    """Return the plan of a day, made once for each kind of day."""
    return tuple(arbitrage.plan(np.array(prices)).tolist())


def _gaps(dear: list[bool]) -> list[list[int]]:
    """Return the hours of every stretch without dear hours on a day that begins anew; none without a dear hour."""
    if True not in dear:
        return []
    first = dear.index(True)
    gaps: list[list[int]] = []
    for hour in range(first + 1, first + 24):
        if dear[hour % 24]:
            continue
        if dear[(hour - 1) % 24]:
            gaps.append([])
        gaps[-1].append(hour % 24)
    return gaps


def _following(prices: FloatArray, dear: NDArray[np.bool_], hour: int) -> float:
    """Return the highest price of the dear hours that begin after ``hour``."""
    highest = 0.0
    for after in range(hour + 1, hour + 25):
        if not dear[after % 24]:
            break
        highest = max(highest, float(prices[after % 24]))
    return highest
