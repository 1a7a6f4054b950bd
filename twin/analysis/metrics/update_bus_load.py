"""How busy a site's bus is while images go over it."""

from __future__ import annotations

from typing import ClassVar

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Part, Sample


class UpdateBusLoad(Metric):
    """Mean load of a site's CAN bus while it is installing; beside it the load while no update is at work.

    Formula: b + sum of (row's load - b) times the row's length over the rows in which the site was installing, over the
    time for which it was; b is the mean load of the rows without an update. Where rows are shorter than installations
    that is their mean; where they are longer, it takes the rest of them to be as usual. Of several segments, the
    busiest one.

    Source: bus load as in ISO 11898-1 (bits on the wire over the bit rate), weighted by time.
    """

    title = "Bus load during updates"
    unit = "1"
    percent = True
    group = "update"
    order = 68
    better = "lower"
    floor = 0.02
    needs = ("rollout", "bus_load")
    parts: ClassVar = {"before": Part("Without an update", "1")}
    nothing = "no site installed anything"

    def measure(self, run: Evidence) -> Sample:
        """Return the load of each site that installed anything."""
        load = run.update_service.bus_load
        return Sample(tuple(map(Key, run.sites)), load.during, {"before": load.before})
