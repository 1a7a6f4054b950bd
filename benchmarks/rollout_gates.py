"""Whole rollouts under canary gates: every bad firmware of the gallery, and the healthy one under many seeds.

    python -m benchmarks.rollout_gates gallery runs/gallery
    python -m benchmarks.rollout_gates healthy runs/healthy --seeds 20
    python -m benchmarks.rollout_gates resample --draws 2000

Each is a run of scenarios/ota_bad_firmware.yaml with another release, in a folder of its own; what is printed comes
from the recorded tables. A bad release is to be stopped before 5 % of the fleet ran it, a healthy one never.
``resample`` records the behaviour of homes that nobody updates, and draws canaries from them again and again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from twin.analysis.view import RunView
from twin.bms.events import Event
from twin.bms.firmware.python_firmware import firmware_class
from twin.ota.gates.options import GatesOptions
from twin.ota.gates.resampling import Recording, resample
from twin.ota.messages import Orders, Reports
from twin.ota.server import Columns
from twin.record import Column
from twin.scenario import load
from twin.shards import Whole

ROOT = Path(__file__).resolve().parents[1]
SCENARIO = ROOT / "scenarios" / "ota_bad_firmware.yaml"
FIRMWARE = ROOT / "scenarios" / "firmware"
LATE = {"leak": "12 h", "wrong_balancing_sign": "12 h"}
"""What shows only after hours, or when batteries are nearly full."""
USUAL = "5 h"
EVERY_NS = 300 * 10**9


def main() -> None:
    """Run what is asked for and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("gallery", "healthy", "resample"))
    parser.add_argument("folder", type=Path, nargs="?", default=Path("runs"))
    parser.add_argument("--draws", type=int, default=2000, help="Of canaries, from the same recording.")
    parser.add_argument("--seeds", type=int, default=20, help="Healthy rollouts.")
    parser.add_argument("--only", help="One image of the gallery.")
    chosen = parser.parse_args()
    lines = {
        "gallery": _gallery(chosen.folder, chosen.only),
        "healthy": _healthy(chosen.folder, chosen.seeds),
        "resample": _resampled(chosen.draws),
    }
    for line in lines[chosen.what]:
        print(line, flush=True)


def _gallery(folder: Path, only: str | None) -> Iterator[str]:
    for source in sorted((FIRMWARE / "bad").glob("*.py")):
        if only in (None, source.stem):
            release = f"{{{firmware_class(source).role}: {source}}}"
            yield _rolled_out(folder / source.stem, source.stem, release, LATE.get(source.stem, USUAL), sites=200)


def _healthy(folder: Path, seeds: int) -> Iterator[str]:
    good = FIRMWARE / "good"
    release = ", ".join(f"{role}: {good / f'{role}_2_4_0.py'}" for role in ("pack_controller", "module_monitor"))
    for seed in range(1, seeds + 1):
        # A short soak with all its looks: seeds differ in homes, weather of the day, sensors and installs.
        further = [f"seed={seed}", "ota.campaign.policy.gates={soak_s: 3 h}"]
        yield _rolled_out(folder / str(seed), f"seed {seed}", f"{{{release}}}", "5 h", *further, sites=60)


class Recorder:
    """An update server that wants nothing of anybody, and keeps how its sites behave."""

    def __init__(self) -> None:
        self.time_ns: list[int] = []
        self.sums: list[npt.NDArray[np.float64]] = []

    def decide(self, time_ns: int, reports: Reports) -> Orders:
        """Keep what is told every five minutes."""
        if time_ns % EVERY_NS == 0:
            self.time_ns.append(time_ns)
            self.sums.append(reports.sums)
        return Orders(np.zeros(0, np.int64), np.zeros(0, np.int64))

    def take_events(self) -> list[Event]:
        """Return nothing."""
        return []

    def tables(self) -> Mapping[str, Columns]:
        """Return nothing."""
        return {}


class Nowhere:
    """A sink for nothing."""

    def append(self, time_ns: int, values: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take a row."""

    def event(self, event: Event) -> None:
        """Take an event."""

    def frames(self, site: int, columns: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take frames."""

    def table(self, name: str, columns: Mapping[str, Column]) -> None:
        """Take a table."""


def _resampled(draws: int) -> Iterator[str]:
    policy = "{kind: canary, canaries: 8, baseline: 64, self_tests: {every_s: 30 min}}"
    sets = ["fleet.sites=72", "duration_s=11 h", f"ota.campaign.policy={policy}", "ota.campaign.must_finish=false"]
    scenario = load(SCENARIO, sets)
    recorder = Recorder()
    with Whole(scenario, None, profile=False, server=recorder) as whole:
        whole.ready()
        whole.execute(Nowhere(), lambda _: None)
    recording = Recording(np.array(recorder.time_ns, np.int64), np.array(recorder.sums))
    for baseline in (8, 16, 32):
        found = resample(recording, GatesOptions(), 8, baseline, draws=draws)
        yield f"8 canaries against {baseline}: {found.stopped} of {draws} stopped {dict(found.reasons)}"


def _rolled_out(folder: Path, name: str, release: str, duration: str, *further: str, sites: int) -> str:
    """Run one rollout and return what became of it."""
    sets = [f"ota.release={release}", f"duration_s={duration}", f"fleet.sites={sites}", *further]
    sets.append("ota.campaign.must_finish=false")
    options = [part for one in sets for part in ("--set", one)]
    command = [sys.executable, "-m", "twin", "run", str(SCENARIO), "-o", str(folder), "--force", "--quiet"]
    subprocess.run([*command, "--shards", "1", *options], check=True)
    rollout = RunView(folder).rollout
    assert rollout is not None, "the scenario has a rollout"
    halted = [one for one in rollout.decisions.itertuples() if one.kind in ("stop", "pause", "abort")]
    looked = [one for one in rollout.decisions.itertuples() if one.kind == "gate"]
    when = f"stopped at {halted[0].time_s / 3600:.2f} h" if halted else "not stopped"
    why = looked[-1].text if looked else ""
    return f"{name:22} {when:18} {100 * len(set(rollout.exposed.site.tolist())) / sites:4.1f} % exposed  {why}"


if __name__ == "__main__":
    main()
