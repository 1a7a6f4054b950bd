"""Gates: what a group's behaviour must show before the next group gets the release.

Rules:
- Installs that fail, by causes that speak against the release, stop it once they are more than chance explains.
- The soak begins when ``least_sites`` canaries run the release; looks divide it evenly.
- At a look each behaviour of the canaries is compared with the baseline, over the same windows. It stops the rollout
  where canaries are worse by what matters *and* chance hardly explains it (``rank_sum``).
- Nothing worse at the last look: the gates pass. Canaries all done and too few of them running it: they stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from twin.ota.behaviour.observation import FloatArray
from twin.ota.behaviour.watch import behaviours
from twin.ota.gates.history import BLAMED, History
from twin.ota.gates.options import GateOptions, GatesOptions
from twin.ota.gates.rank_sum import binomial_tail, higher

OUTCOME: Final = "install_outcome"
"""The gate that is no behaviour: whether installs fail."""


class Verdict(IntEnum):
    """What a look comes to; pass and stop are final."""

    WAIT = 0
    PASS = 1
    STOP = 2


@dataclass(frozen=True)
class Seen:
    """What a look has seen of one behaviour; ``canary`` and ``baseline`` are means of so many sites."""

    behaviour: str
    canary: float
    baseline: float
    p_value: float
    alpha: float
    canaries: int
    baselines: int
    worse: bool
    text: str


@dataclass(frozen=True)
class GateLook:
    """What the gates of a group say at an instant."""

    time_ns: int
    verdict: Verdict
    seen: tuple[Seen, ...]
    text: str


class Gate:
    """The gates behind one group of canaries; ``baseline`` are sites that are held back meanwhile."""

    def __init__(self, options: GatesOptions, canaries: Sequence[int], baseline: Sequence[int]) -> None:
        self._options = options
        self._canaries, self._baseline = sorted(canaries), sorted(baseline)
        self._looked = 0
        self._final = False

    def look(self, history: History, time_ns: int) -> GateLook | None:
        """Return what the gates say, None where no look is due or the last word was said before."""
        if self._final:
            return None
        found = self._outcome(history, time_ns) or self._soak(history, time_ns)
        self._final = found is not None and found.verdict != Verdict.WAIT
        return found

    def _outcome(self, history: History, time_ns: int) -> GateLook | None:
        """Return that installs fail too often, or that too few canaries are left to look at; else None."""
        options, count = self._options, len(self._canaries)
        running = sum(site in history.installed for site in self._canaries)
        given_up = [history.failed[site] for site in self._canaries if site in history.failed]
        blamed = sum(cause in BLAMED for cause in given_up)
        p_value = binomial_tail(blamed, running + blamed, options.tolerated_failures)
        alpha = options.alpha_of_outcome / count  # it may be looked at after each canary
        share = blamed / max(running + blamed, 1)
        worst = max(set(given_up), key=given_up.count).sentence if given_up else "none failed"
        text = f"{blamed} of {running + blamed} installs failed ({worst})"
        seen = Seen(
            OUTCOME, share, options.tolerated_failures, p_value, alpha, running + blamed, 0, p_value <= alpha, text
        )
        if seen.worse:
            return GateLook(time_ns, Verdict.STOP, (seen,), f"stopped: {text}")
        if running + len(given_up) == count and running < options.least_sites:
            text += f"; only {running} canaries are left, and {options.least_sites} are needed to judge"
            return GateLook(time_ns, Verdict.STOP, (seen,), f"stopped: {text}")
        return None

    def _soak(self, history: History, time_ns: int) -> GateLook | None:
        """Compare behaviours if a look is due."""
        options = self._options
        running = [site for site in self._canaries if site in history.installed]
        begins = sorted(history.installed[site].time_ns for site in running)
        if len(running) < options.least_sites:
            return None
        interval_ns = round(options.soak_s * 1e9 / options.looks)
        soaked_ns = time_ns - begins[options.least_sites - 1]
        number = min(soaked_ns // interval_ns, options.looks)
        if number <= self._looked:
            return None
        self._looked = number
        # Who has only just come says little of rates and means.
        settled = [site for site in running if 2 * (time_ns - history.installed[site].time_ns) >= soaked_ns]
        seen = compare(options, *history.groups(settled, self._baseline))
        return self._said(time_ns, seen)

    def _said(self, time_ns: int, seen: tuple[Seen, ...]) -> GateLook:
        worse = [one for one in seen if one.worse]
        last = self._looked == self._options.looks
        where = f"look {self._looked} of {self._options.looks}"
        if worse:
            return GateLook(time_ns, Verdict.STOP, seen, f"stopped at {where}: " + "; ".join(one.text for one in worse))
        if last:
            return GateLook(time_ns, Verdict.PASS, seen, f"passed at {where}: no behaviour is worse")
        return GateLook(time_ns, Verdict.WAIT, seen, f"{where}: no behaviour is worse so far")


def compare(options: GatesOptions, canaries: FloatArray, baseline: FloatArray) -> tuple[Seen, ...]:
    """Return what one look sees; values are ``[behaviour, site]`` in the order of all behaviours, NaN: nothing."""
    places = {name: place for place, name in enumerate(behaviours())}
    return tuple(
        _compared(gate, _known(canaries[place]), _known(baseline[place]), options.alpha_of_look)
        for gate in options.chosen
        for place in (places[gate.behaviour],)
    )


def _known(values: FloatArray) -> FloatArray:
    return values[~np.isnan(values)]


def _compared(gate: GateOptions, canaries: FloatArray, baseline: FloatArray, alpha: float) -> Seen:
    """Return whether a group is worse than the other in one behaviour."""
    kind, counts = behaviours()[gate.behaviour], (len(canaries), len(baseline))
    if not all(counts):
        text = f"{kind.title}: nothing to compare, {counts[0]} canaries and {counts[1]} baseline sites tell of it"
        return Seen(gate.behaviour, np.nan, np.nan, 1.0, alpha, *counts, worse=False, text=text)
    sign = 1.0 if kind.worse == "higher" else -1.0
    p_value = higher(sign * canaries, sign * baseline)
    canary, base = float(canaries.mean()), float(baseline.mean())
    matters = gate.matters(canary, base)
    worse = matters and p_value <= alpha
    unit = "" if kind.unit == "1" else f" {kind.unit}"
    why = f"p = {p_value:.2g} {'<=' if p_value <= alpha else '>'} {alpha:.2g}, a difference that " + (
        "matters" if matters else "does not matter"
    )
    values = f"{canary:.4g}{unit} at {counts[0]} canaries, {base:.4g}{unit} at {counts[1]} baseline sites"
    text = f"{kind.title}: {values} ({why})"
    return Seen(gate.behaviour, canary, base, p_value, alpha, *counts, worse=worse, text=text)
