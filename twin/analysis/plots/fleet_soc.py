"""State of charge of all sites."""

from __future__ import annotations

import plotly.graph_objects as go

from twin.analysis.plot import Plot
from twin.analysis.traces import BLUE, figure, quantile_bands
from twin.analysis.view import RunView


class FleetSoc(Plot):
    """How full the batteries are, as bands over all sites."""

    section = "fleet"
    order = 1
    title = "State of charge"
    note = "Mean of each site's cells; the bands hold all sites and the middle 80 % of them."
    needs = ("soc|module_soc|pack_soc",)

    def draw(self, run: RunView) -> go.Figure:
        """Draw quantiles over the sites."""
        drawn = figure("state of charge, %")
        if run.fleet.soc_by_site is not None:
            drawn.add_traces(quantile_bands(run.fleet.clock_ms, 100.0 * run.fleet.soc_by_site, BLUE, "%"))
        return drawn
