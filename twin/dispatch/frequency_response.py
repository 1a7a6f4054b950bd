"""A battery that keeps the grid's frequency: power by droop with a dead band, and a hand on the state of charge.

Rules, as shares of the contracted power by deviation from the nominal frequency:

- ``fcr``, continental Europe's frequency containment reserve: in proportion to the deviation, all of it at 0.2 Hz, none
  needed within 0.01 Hz (regelleistung.net, *Aktivierung der FCR*; Regulation (EU) 2017/1485, Annex V). Half a minute is
  allowed; a battery needs less than a step of the simulation.
- ``dynamic_regulation``, ``dynamic_moderation``, ``dynamic_containment``: Great Britain's services of 2022 (NESO
  service terms): dead band 0.015 Hz; all of it at 0.2, 0.2 and 0.5 Hz; the latter two with a knee of 5 % at 0.1 and
  0.2 Hz. They allow 10, 1 and 1 s.

The state of charge is brought back by a shift of the working point, as operators of batteries do: nothing within
``soc_band`` of ``soc_target``, and ``recovery`` of the power one more band away and beyond. Left out: the lead time of
such shifts, and the market.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from twin.dispatch.dispatch import Dispatch, FloatArray, Seen
from twin.quantity import Hertz, Watts


@dataclass(frozen=True)
class Rule:
    """Share of the power by the size of the deviation: a dead band, and lines between points."""

    dead_Hz: float
    deviations_Hz: tuple[float, ...]
    shares: tuple[float, ...]

    def share(self, deviation_Hz: FloatArray) -> FloatArray:
        """Return the share of the power to deliver, positive where the frequency is low."""
        size_Hz = np.abs(deviation_Hz)
        share = np.interp(size_Hz, self.deviations_Hz, self.shares)
        return np.where(size_Hz <= self.dead_Hz, 0.0, -np.sign(deviation_Hz) * share)


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "fcr": Rule(0.010, (0.0, 0.2), (0.0, 1.0)),
        "dynamic_regulation": Rule(0.015, (0.015, 0.2), (0.0, 1.0)),
        "dynamic_moderation": Rule(0.015, (0.015, 0.1, 0.2), (0.0, 0.05, 1.0)),
        "dynamic_containment": Rule(0.015, (0.015, 0.2, 0.5), (0.0, 0.05, 1.0)),
    }
)


class FrequencyResponse(Dispatch):
    """Contracted power by a rule of droop, plus the recovery of the state of charge."""

    needs: ClassVar[tuple[str, ...]] = ("frequency",)

    kind: Literal["frequency_response"] = "frequency_response"
    rule: Literal["fcr", "dynamic_regulation", "dynamic_moderation", "dynamic_containment"] = "fcr"
    power_W: Annotated[Watts, Field(gt=0, le=1e7)] = 5000.0
    """Contracted, in both directions."""
    nominal_Hz: Annotated[Hertz, Field(ge=40, le=70)] = 50.0
    soc_target: Annotated[float, Field(ge=0, le=1)] = 0.5
    soc_band: Annotated[float, Field(gt=0, le=0.5)] = 0.1
    recovery: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Share of the power that the working point may be shifted by: a reserve beyond the contract; assumed."""

    def request_W(self, seen: Seen) -> FloatArray:
        """Return the power asked of each battery, which may exceed ``power_W`` by ``recovery``."""
        excess = np.nan_to_num(seen.soc - self.soc_target)
        beyond = np.clip((np.abs(excess) - self.soc_band) / self.soc_band, 0.0, 1.0)
        shift = self.recovery * np.sign(excess) * beyond
        return self.power_W * (RULES[self.rule].share(seen.frequency_Hz - self.nominal_Hz) + shift)
