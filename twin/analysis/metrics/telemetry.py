"""How complete and how fast what a BMS tells of itself is."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Lack, Metric, Part, Sample


class Telemetry(Metric):
    """Share of the queued CAN frames that arrived.

    Formula: received / (received + overwritten + dropped), over all messages of a site's buses. Beside it the mean
    time between two frames of a message (time / received, mean over the messages that were received), frames a second,
    and the share that came after its deadline.

    Source: completeness as in ISO 8000-8, counted by the CAN engine; own definition otherwise.
    """

    title = "Telemetry completeness"
    unit = "1"
    percent = True
    group = "diagnostics"
    order = 32
    better = "higher"
    floor = 0.05
    needs = ("bus/frames",)
    parts: ClassVar = {
        "cycle_s": Part("Mean cycle", "s"),
        "frames_s": Part("Frames a second", "1/s"),
        "late": Part("Late", "1"),
    }
    nothing = "no frame was queued"

    def measure(self, run: Evidence) -> Sample | Lack:
        """Return the share of each site."""
        bus = run.run.bus
        if "overwritten" not in bus and "dropped" not in bus:
            return Lack("lacks the counts of frames that were lost")
        frames = bus["frames"].values.astype(np.float64)
        lost = sum(bus[name].values.astype(np.float64) for name in ("overwritten", "dropped") if name in bus)
        received, queued = frames.sum(axis=1), (frames + lost).sum(axis=1)
        late = bus["misses"].values.sum(axis=1) if "misses" in bus else np.full(len(received), np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            cycle_s = np.nanmean(np.where(frames > 0, run.end_ns * 1e-9 / frames, np.nan), axis=1)
            values = np.where(queued > 0, received / queued, np.nan)
            parts = {"cycle_s": cycle_s, "frames_s": received / (run.end_ns * 1e-9), "late": late / received}
        return Sample(tuple(Key(site) for site in run.sites), values, parts)
