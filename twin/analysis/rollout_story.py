"""What a rollout came to, in plain language: one sentence, and the figures that an operator asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.figures import KeyFigure, duration
from twin.analysis.isolations import Isolation
from twin.analysis.rollout import STOPS, Rollout
from twin.analysis.thinning import Floats
from twin.analysis.view import RunView
from twin.ota.causes import Cause
from twin.ota.states import UpdateState
from twin.record.rollout import VERDICTS

SHARES: Final = (0.5, 0.95, 1.0)
"""Of the sites: the times to these are what a rollout is known by."""


@dataclass(frozen=True)
class Stop:
    """When a rollout was held up, and by which gate; an empty one: by a threshold, or by hand."""

    time_s: float
    gate: str
    text: str


def stop_of(rollout: Rollout) -> Stop | None:
    """Return what first held a rollout up, None if nothing did."""
    gates, decisions = rollout.gates, rollout.decisions
    looks = gates[gates["verdict"] == VERDICTS["stop"]]
    if len(looks):
        first = looks[looks["time_s"] == looks["time_s"].iloc[0]]
        worse = first[first["worse"] > 0] if (first["worse"] > 0).any() else first
        worst = worse.loc[worse["p_value"].idxmin()] if worse["p_value"].notna().any() else worse.iloc[0]
        return Stop(float(worst["time_s"]), str(worst["behaviour"]), str(worst["text"]))
    held = decisions[decisions["kind"].isin(STOPS)]
    return Stop(float(held["time_s"].iloc[0]), "", str(held["text"].iloc[0])) if len(held) else None


def headline(run: RunView, rollout: Rollout) -> str:
    """Return what the rollout came to, in one sentence."""
    parts = [_reached(rollout)]
    if stop := stop_of(rollout):
        who = f"the gate '{stop.gate.replace('_', ' ')}' stopped it" if stop.gate else "it was held up"
        exposed = percent(rollout.share_exposed(stop.time_s))
        parts.append(f"{who} {_when(run, stop.time_s)} with {exposed} exposed")
    if back := _went_back(rollout):
        parts.append(f"{_sites(back)} went back to what {'it' if back == 1 else 'they'} ran before")
    if len(rollout.foreign):
        parts.append(f"{_sites(rollout.foreign['site_id'].nunique())} ran an image that no release holds")
    if len(rollout.bricked):
        parts.append(f"{_sites(rollout.bricked['site_id'].nunique())} did not come back")
    return f"{'; '.join(parts)}.".replace(" %", "\N{NO-BREAK SPACE}%")


def _when(run: RunView, time_s: float) -> str:
    """Return a clock time as one says it, with the day if the run goes beyond one."""
    instant = run.start + timedelta(seconds=time_s)
    day = f" on {instant:%A}, {instant.day} {instant:%B}" if run.end.date() != run.start.date() else ""
    return f"at {instant:%H:%M}{day}"


def _reached(rollout: Rollout) -> str:
    total = len(rollout.sites)
    time_s = rollout.time_to_s(0.95)
    if time_s is not None:
        return f"{rollout.version} reached 95 % of {_sites(total)} after {duration(time_s)}"
    done = int(np.isfinite(rollout.updated_s).sum())
    if not done:
        return f"{rollout.version} reached none of {_sites(total)}"
    return f"{rollout.version} reached {done} of {_sites(total)} ({percent(done / total)})"


def _went_back(rollout: Rollout) -> int:
    found = rollout.transitions
    back = found[(found["state"] == UpdateState.SUCCESS) & (found["release"] == 0)]
    return int(back["site_id"].nunique())


def update_figures(evidence: Evidence) -> Iterator[KeyFigure]:
    """Yield the key figures of a rollout, in the order in which an operator asks for them."""
    rollout = evidence.rollout
    done = int(np.isfinite(rollout.updated_s).sum())
    yield KeyFigure("Updated", percent(done / max(len(rollout.sites), 1)), f"{done} of {_sites(len(rollout.sites))}")
    yield _times(rollout)
    hours = rollout.exposed.total_s(np.unique(rollout.exposed.site)).sum() / 3600.0
    ever = int(np.isfinite(rollout.exposed_s).sum())
    yield KeyFigure(
        "Exposed", percent(rollout.share_exposed()), f"{_sites(ever)} ran it, for {hours:,.0f} site-hours in all"
    )
    yield _failed(rollout)
    if len(rollout.versions):
        dead = rollout.bricked["site_id"].unique()
        yield KeyFigure("Bricked", f"{len(dead)}", _named(dead) or "every ECU runs something", len(dead) > 0)
    yield from _service(evidence)


def _times(rollout: Rollout) -> KeyFigure:
    times = {share: rollout.time_to_s(share) for share in SHARES}
    said = [
        f"{percent(share)} {'never' if time is None else 'after ' + duration(time)}" for share, time in times.items()
    ]
    middle = times[0.95]
    return KeyFigure("Time to 95 %", "never" if middle is None else duration(middle), ", ".join([said[0], said[2]]))


def _failed(rollout: Rollout) -> KeyFigure:
    count = int(rollout.failed.sum())
    retries = int(np.clip(rollout.attempts - 1.0, 0.0, None).sum())
    causes = rollout.failures[rollout.failures["gave_up"] > 0]
    why = f", mostly: {Cause(int(causes['cause'].iloc[0])).sentence}" if len(causes) else ""
    return KeyFigure("Failed updates", f"{count}", f"{retries} retries{why}", count > 0)


def _service(evidence: Evidence) -> Iterator[KeyFigure]:
    service = evidence.update_service
    if evidence.has("request_W") and evidence.has("power_W") and service.updating.any():
        lost_kWh = float(np.nansum(service.unserved_kWh))
        open_s = float(service.open_s.sum())
        contactors = f"contactors open for {duration(open_s)}" if open_s else "no contactor opened"
        yield KeyFigure("Energy not served", f"{lost_kWh:.3g} kWh", f"during updates; {contactors}")
    if evidence.has("bus_load") and np.isfinite(service.bus_load.during).any():
        during, before = (float(np.nanmean(one)) for one in (service.bus_load.during, service.bus_load.before))
        yield KeyFigure("Bus load", percent(during), f"while installing; {percent(before)} without an update")
    if evidence.has("hazards") and evidence.isolations:
        during_s, else_s = (_seconds(one) for one in (service.isolations_during, service.isolations_else))
        value = f"{during_s.mean():.3g} s" if len(during_s) else "not tried"
        elsewhere = f"{else_s.mean():.3g} s ({len(else_s)})" if len(else_s) else "none"
        yield KeyFigure("Time to isolate", value, f"during updates ({len(during_s)}); else {elsewhere}")


def _seconds(found: Sequence[Isolation]) -> Floats:
    return np.array([one.time_ns * 1e-9 for one in found], np.float64)


def percent(share: float) -> str:
    """Return a share as text."""
    return f"{100.0 * share:.3g} %"


def _sites(count: int) -> str:
    return f"{count:,} site{'' if count == 1 else 's'}"


def _named(sites: Sequence[int]) -> str:
    return ("site " + ", ".join(map(str, sites[:6])) + (", …" if len(sites) > 6 else "")) if len(sites) else ""
