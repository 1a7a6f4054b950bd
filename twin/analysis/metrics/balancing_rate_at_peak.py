"""How fast balancing moves charge at the highest current that is expected."""

from __future__ import annotations

from typing import Final

from twin.analysis.balancing import SIGNALS
from twin.analysis.evidence import Evidence
from twin.analysis.metric import Metric, Sample
from twin.analysis.metrics.balancing_rate import rates

PEAK: Final = 0.9
"""Of the highest expected current: from here on, a module carries it."""


class BalancingRateAtPeak(Metric):
    """Balancing speed in the rows in which a module carries the highest expected current.

    Formula: as for balancing_rate, over the rows with |module current| of at least 0.9 times
    ``rules.highest_current_A``.

    Source: the acceptance rule "equalises at the highest expected current" (home battery: 200 A a module).
    """

    title = "Balancing speed at the highest current"
    unit = "Ah/h"
    group = "balancing"
    order = 12
    better = "higher"
    floor = 0.01
    needs = SIGNALS
    nothing = "no module that was out of the band carried the highest expected current"

    def measure(self, run: Evidence) -> Sample:
        """Return the rate of each site that had something to balance then."""
        return rates(run, PEAK * run.rules.highest_current_A)
