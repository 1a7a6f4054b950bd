"""What a scenario is judged by: the use case that it stands for, and the limits that a good BMS keeps there.

Here are only the words; ``twin.analysis`` computes the metrics and says pass or fail, and by what margin.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from twin.options import Options
from twin.quantity import Amperes, KilowattHours, Seconds

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[float, Field(ge=0)]
Limit = Literal[
    "balanced_within_s",
    "balancing_A",
    "isolated_within_s",
    "isolated_share",
    "false_isolations",
    "lost_capacity",
    "visible_share",
    "right_code_share",
    "visible_within_s",
    "transparency",
    "telemetry_share",
    "soc_error",
    "out_of_limits_s",
    "efficiency",
    "unserved_kWh",
    "exposure_share",
    "rollout_within_s",
    "bricked",
]
"""Name of a limit of ``Rules``."""


class Rules(Options):
    """Golden rules: limits that a run is to keep; one that is not stated is not asked for."""

    highest_current_A: Annotated[Amperes, Field(gt=0)] = 200.0
    """Highest current that a module is expected to carry; at 90 % of it and above balancing is to go on."""
    balancing_band: Annotated[float, Field(gt=0, le=1)] = 0.01
    """Spread of the state of charge of a module's cells that counts as balanced."""
    balanced_within_s: Annotated[Seconds, Field(ge=0)] | None = None
    """Longest time until the cells of each module are within the band."""
    balancing_A: Annotated[Amperes, Field(ge=0)] | None = None
    """Least charge moved an hour (Ah/h) while the module carries its highest current."""
    isolated_within_s: Annotated[Seconds, Field(ge=0)] | None = None
    """Longest time from the start of a hazardous fault to its isolation: the failure window."""
    isolated_share: Share | None = None
    """Least share of hazardous faults that are isolated."""
    false_isolations: Count | None = None
    """Most isolations without cause a site, in the mean."""
    lost_capacity: Share | None = None
    """Most of a site's modules that an isolation takes with it, in the mean."""
    visible_share: Share | None = None
    """Least share of injected faults that become visible."""
    right_code_share: Share | None = None
    """Least share of injected faults that are told by a right code in plain language."""
    visible_within_s: Annotated[Seconds, Field(ge=0)] | None = None
    """Longest time until a fault is visible, for 95 % of those that are."""
    transparency: Share | None = None
    """Least score of diagnostic transparency."""
    telemetry_share: Share | None = None
    """Least share of frames that arrive."""
    soc_error: Share | None = None
    """Largest mean error of the state of charge that the BMS tells."""
    out_of_limits_s: Annotated[Seconds, Field(ge=0)] | None = None
    """Longest time that a site spends beyond its limits."""
    efficiency: Share | None = None
    """Least energy given over energy taken, round trip."""
    unserved_kWh: Annotated[KilowattHours, Field(ge=0)] | None = None
    """Most energy a site that was asked for and not given."""
    exposure_share: Share | None = None
    """Largest share of a campaign's sites that may ever run its release: of a bad one."""
    rollout_within_s: Annotated[Seconds, Field(ge=0)] | None = None
    """Longest time from the campaign's begin until 95 % of its sites run the release and are content with it."""
    bricked: Count | None = None
    """Most sites that an update may leave with an ECU that runs nothing."""


class UseCase(Options):
    """What the batteries are for, and which limit matters most there."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    matters: Limit
    because: str = ""
    """Why it does."""
