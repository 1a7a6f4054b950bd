"""What a run measures on its buses stays within what is found before it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

import twin
from tests.worlds.command import twin as command
from twin.analysis.bus_bounds import SegmentBounds, site_bounds
from twin.scenario import load

SLOW = ("fleet.sites=3", "fleet.modules=16", "duration_s=20")


def bounds_and_run(folder: Path, bitrate_bit_s: int) -> tuple[SegmentBounds, dict[str, float], dict[str, int]]:
    """Return the bounds, and what a run says of each message over all sites: longest latency, frames overwritten."""
    overrides = (*SLOW, f"bus.bitrate_bit_s={bitrate_bit_s}")
    changes = [part for override in overrides for part in ("--set", override)]
    done = command("run", "one_home", "-o", folder / "run", "--quiet", *changes)
    assert done.returncode == 0, done.stderr
    bus = twin.open_run(folder / "run")["bus"].to_dataset()
    names = bus["message"].values
    longest_s = dict(zip(names, bus["latency_max_s"].max("site").values.tolist(), strict=True))
    overwritten = dict(zip(names, bus["overwritten"].sum("site").values.tolist(), strict=True))
    (segment,) = site_bounds(load("one_home", overrides)).segments
    assert longest_s.keys() == {message.layout.name for message in segment.messages}
    return segment, longest_s, overwritten


@pytest.mark.parametrize("bitrate_bit_s", [20_000, 10_000], ids=["81 % of 20 kbit/s", "163 % of 10 kbit/s"])
def test_a_run_keeps_to_the_bounds(tmp_path: Path, bitrate_bit_s: int) -> None:
    segment, longest_s, overwritten = bounds_and_run(tmp_path, bitrate_bit_s)
    bounds_ns = {one.layout.name: one.bound.response_ns for one in segment.messages}
    bounds_s = {name: bound_ns * 1e-9 for name, bound_ns in bounds_ns.items() if bound_ns is not None}
    assert not {name: longest_s[name] for name, bound_s in bounds_s.items() if longest_s[name] > bound_s}
    assert max(longest_s[name] / bound_s for name, bound_s in bounds_s.items()) > 0.5, "a bus that is hardly busy"
    may_be_lost = {one.layout.name for one in (*segment.starving, *segment.late)}
    lost = {name for name, count in overwritten.items() if count}
    assert lost <= may_be_lost
    assert bool(lost) == bool(may_be_lost)
