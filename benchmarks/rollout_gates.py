"""Whole rollouts under canary gates: every bad firmware of the gallery, and the healthy one under many seeds.

    python -m benchmarks.rollout_gates gallery runs/gallery
    python -m benchmarks.rollout_gates healthy runs/healthy --seeds 20

Each is a run of scenarios/ota_bad_firmware.yaml with another release, in a folder of its own; what is printed comes
from the recorded tables. A bad release is to be stopped before 5 % of the fleet ran it, a healthy one never.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from twin.analysis.view import RunView
from twin.bms.firmware.python_firmware import firmware_class

ROOT = Path(__file__).resolve().parents[1]
SCENARIO = ROOT / "scenarios" / "ota_bad_firmware.yaml"
FIRMWARE = ROOT / "scenarios" / "firmware"
LATE = {"leak": "12 h", "wrong_balancing_sign": "12 h"}
"""What shows only after hours, or when batteries are nearly full."""
USUAL = "5 h"


def main() -> None:
    """Run what is asked for and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("gallery", "healthy"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=20, help="Healthy rollouts.")
    parser.add_argument("--only", help="One image of the gallery.")
    chosen = parser.parse_args()
    runs = _gallery(chosen.folder, chosen.only) if chosen.what == "gallery" else _healthy(chosen.folder, chosen.seeds)
    for line in runs:
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
