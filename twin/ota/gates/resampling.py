"""How often gates stop a release that changes nothing: canaries are drawn among sites that all behave alike.

What healthy sites have done is recorded once. Each draw calls some of them canaries and some baseline, lets the
canaries install one after the other at random instants, and puts the real history and the real gates through it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from twin.ota.behaviour.observation import FloatArray, IntArray
from twin.ota.gates.gate import Gate, GateLook, Verdict
from twin.ota.gates.history import History
from twin.ota.gates.options import GatesOptions
from twin.ota.messages import Reports
from twin.ota.states import UpdateState
from twin.streams import stream


@dataclass(frozen=True, eq=False)
class Recording:
    """Sums of sites over time: ``sums[time, behaviour, site, 2]`` at the instants ``time_ns[time]``."""

    time_ns: IntArray
    sums: FloatArray

    @property
    def sites(self) -> int:
        """How many sites were recorded."""
        return self.sums.shape[2]

    def reports(self, index: int, installed: Sequence[int]) -> Reports:
        """Return what the sites would report at an instant, some of them that they have installed the release."""
        count, every = len(installed), np.arange(self.sites)
        return Reports(
            time_ns=np.full(count, self.time_ns[index]),
            site=np.array(installed, np.int64),
            state=np.full(count, UpdateState.SUCCESS, np.int8),
            cause=np.zeros(count, np.int8),
            release=np.ones(count, np.int64),
            attempt=np.ones(count, np.int64),
            members=every,
            contact_ns=np.full(self.sites, self.time_ns[index]),
            watched=every,
            sums=self.sums[index],
        )


@dataclass(frozen=True)
class Stops:
    """How many of so many draws were stopped, and how often each behaviour was a reason."""

    draws: int
    stopped: int
    reasons: Mapping[str, int]

    @property
    def share(self) -> float:
        """Share of the draws that were stopped."""
        return self.stopped / self.draws


def resample(
    recording: Recording, options: GatesOptions, canaries: int, baseline: int, *, draws: int = 2000, seed: int = 0
) -> Stops:
    """Return how often the gates stop groups of such sizes. Raises ValueError if too little is recorded for them."""
    rest_ns = int(recording.time_ns[-1] - recording.time_ns[0]) - round(options.soak_s * 1e9)
    if rest_ns <= 0 or canaries + baseline > recording.sites:
        raise ValueError(f"found {recording.sites} sites over {np.ptp(recording.time_ns) * 1e-9:g} s; expected more")
    begins = np.flatnonzero(recording.time_ns - recording.time_ns[0] < rest_ns)[1:]
    reasons: Counter[str] = Counter()
    stopped = 0
    for number in range(draws):
        draw = stream(seed, "resampling", number)
        sites = draw.permutation(recording.sites)[: canaries + baseline].tolist()
        installs = dict(zip(sites[:canaries], draw.choice(begins, canaries).tolist(), strict=True))
        last = replay(recording, Gate(options, sites[:canaries], sites[canaries:]), installs)
        stopped += last.verdict == Verdict.STOP
        reasons.update(one.behaviour for one in last.seen if one.worse)
    return Stops(draws, stopped, dict(reasons))


def replay(recording: Recording, gate: Gate, installs: Mapping[int, int]) -> GateLook:
    """Return the last word of a gate, if sites install the release at instants of the recording.

    ``installs``: by site the place of the instant, from 1 on: what is before it was before the install.
    """
    history = History()
    first = min(installs.values())
    history.note(int(recording.time_ns[first - 1]), recording.reports(first - 1, ()))
    for index in range(first, len(recording.time_ns)):
        time_ns = int(recording.time_ns[index])
        history.note(time_ns, recording.reports(index, [site for site, at in installs.items() if at == index]))
        look = gate.look(history, time_ns)
        if look and look.verdict != Verdict.WAIT:
            return look
    raise ValueError("the recording ends before the gates have said their last word")
