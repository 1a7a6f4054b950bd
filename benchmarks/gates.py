"""Gates: how often they stop a release that changes nothing, and what stops each bad firmware of the gallery.

Homes of two modules near the upper end of their charge live through a June day, with a self-test of protection every
half an hour. Of healthy ones, canaries are drawn and put through the gates. Then the first homes boot each firmware of
scenarios/firmware, which takes over from the one that ran, and take the place of the canaries beside homes of the
healthy recording. Their bootloaders boot the same again whenever it fails: there is no update that could be taken back.
Run: ``python -m benchmarks.gates [--sites 64] [--hours 10] [--draws 2000] [--only leak]``; some minutes a firmware.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.worlds.watched_fleet import Update, home_fleet, recorded
from twin.bms.firmware.python_firmware import firmware_class
from twin.ota.behaviour.watch import behaviours
from twin.ota.gates.gate import Gate
from twin.ota.gates.options import GatesOptions
from twin.ota.gates.resampling import Recording, replay, resample
from twin.scenario import Scenario

GALLERY = Path("scenarios/firmware")
CANARIES = 8
BASELINES = (8, 16, 32)
EVERY_S = 300
INSTALLED = 4
"""Place of the row of the recording at which the canaries have the release; they boot just behind the one before."""


def fleet(sites: int, hours: float) -> Scenario:
    tests = [
        {"site": site, "module": site % 2, "cell": site % 16, "start_s": 900.0 + site, "every_s": 1800, "count": 200}
        for site in range(sites)
    ]
    return home_fleet(sites, hours * 3600.0, tests=tests)


def spans(recording: Recording) -> None:
    """Print what healthy sites do: mean, least and most of each behaviour over the whole recording."""
    numerator, denominator = np.moveaxis(recording.sums[-1] - recording.sums[INSTALLED], -1, 0)
    values = np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator > 0)
    print(f"{'behaviour':22}{'mean':>12}{'least':>12}{'most':>12}  unit      floor   sites that tell")
    for (name, kind), row in zip(behaviours().items(), values, strict=True):
        told = row[~np.isnan(row)]
        mean, low, high = (told.mean(), told.min(), told.max()) if len(told) else (np.nan,) * 3
        print(f"{name:22}{mean:12.4g}{low:12.4g}{high:12.4g}  {kind.unit:9}{kind.floor:6g}{len(told):8}")


def false_stops(recording: Recording, options: GatesOptions, draws: int) -> None:
    for baseline in BASELINES:
        if CANARIES + baseline <= recording.sites:
            found = resample(recording, options, CANARIES, baseline, draws=draws)
            print(f"{CANARIES} canaries against {baseline}: {found.stopped} of {draws} stopped {dict(found.reasons)}")


def caught(name: str, bad: Recording, healthy: Recording, options: GatesOptions) -> None:
    """Print when the gates stop homes with a bad firmware, and by what."""
    sums = healthy.sums.copy()
    sums[:, :, :CANARIES] = bad.sums
    mixed = replace(healthy, sums=sums)
    for baseline in BASELINES:
        if CANARIES + baseline > healthy.sites:
            continue
        gate = Gate(options, range(CANARIES), range(CANARIES, CANARIES + baseline))
        last = replay(mixed, gate, dict.fromkeys(range(CANARIES), INSTALLED))
        hours = (last.time_ns - healthy.time_ns[INSTALLED]) / 3.6e12
        print(f"{name}, {CANARIES} against {baseline}: {last.verdict.name} after {hours:.2f} h")
        for one in last.seen:
            if one.worse:
                print(f"    {one.text}")


def sources(only: Sequence[str]) -> list[Path]:
    return [path for path in sorted(GALLERY.glob("*/*.py")) if not only or path.stem in only]


def main() -> None:
    """Record, resample, and try the gallery."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=64)
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--soak-hours", type=float, default=8.0)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--recording", type=Path, help="keep the healthy recording in this .npz, or take it from there")
    chosen = parser.parse_args()
    options = GatesOptions(soak_s=chosen.soak_hours * 3600.0)
    begin = time.perf_counter()
    healthy = _healthy(chosen)
    print(f"{healthy.sites} sites, {healthy.time_ns[-1] / 3.6e12:g} h: {time.perf_counter() - begin:.0f} s")
    spans(healthy)
    false_stops(healthy, options, chosen.draws)
    for path in sources(chosen.only):
        update = Update({firmware_class(path).role: path}, range(CANARIES), INSTALLED * EVERY_S + 10)
        bad = recorded(fleet(CANARIES, chosen.hours), EVERY_S, update)
        caught(path.stem, bad, healthy, options)


def _healthy(chosen: argparse.Namespace) -> Recording:
    if chosen.recording and chosen.recording.exists():
        with np.load(chosen.recording) as stored:
            return Recording(stored["time_ns"], stored["sums"])
    healthy = recorded(fleet(chosen.sites, chosen.hours), EVERY_S)
    if chosen.recording:
        np.savez(chosen.recording, time_ns=healthy.time_ns, sums=healthy.sums)
    return healthy


if __name__ == "__main__":
    main()
