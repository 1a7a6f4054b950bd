"""``twin check``: what a scenario would run, or every mistake in it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twin.errors import InputError, Problem, attempt

if TYPE_CHECKING:
    from twin.analysis.bus_bounds import SentMessage, SiteBounds
    from twin.scenario import Fleet, Scenario


def command(
    scenario: Annotated[
        Path,
        typer.Argument(
            help="A YAML file, or the name of a scenario that ships: bus_trouble, home_fleet, one_home.",
            show_default=False,
        ),
    ],
    override: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change a value, e.g. fleet.sites=3.")
    ] = None,
) -> None:
    """Check a scenario without running it: print what it would run, or every mistake with its line.

    Example: twin check scenarios/home_fleet.yaml --set fleet.sites=1000
    """
    from twin.analysis.bus_bounds import site_bounds
    from twin.scenario import load, placed

    with placed(scenario, override or []):
        checked = load(scenario, override or [])
        fleet, bounds = expanded(checked), site_bounds(checked)
        topics = list(summary(checked, fleet, bounds))
    print(f"{scenario}: {checked.name}")
    for topic, text in topics:
        print(f"  {topic:<10} {text}")
    for warning in bounds.warnings():
        print(f"warning: {warning}; see: twin bus {scenario}")


def expanded(scenario: Scenario) -> Fleet:
    """Return the fleet of a scenario. Raises InputError with every mistake that a run would find before its FMUs."""
    from twin.scenario import expand
    from twin.site_buses import SiteBuses
    from twin.site_updates import Updates

    problems: list[Problem] = []
    buses = attempt(problems, lambda: SiteBuses.of(scenario))
    fleet = attempt(problems, lambda: expand(scenario))
    attempt(problems, lambda: Updates.of(scenario))
    if buses is None or fleet is None or problems:
        raise InputError(dict.fromkeys(problems))  # the buses' are the updates' too
    return fleet


def summary(scenario: Scenario, fleet: Fleet, bounds: SiteBounds) -> Iterator[tuple[str, str]]:
    """Yield what a run of ``scenario`` consists of: topic and text."""
    from twin.faults.fault import Deviation

    wiring = fleet.wiring
    seconds = fleet.duration_ns * 1e-9
    sent = [message for segment in bounds.segments for message in segment.messages]
    ecus = len({message.sender for message in sent} | {layout.sender for layout in bounds.uncounted})
    modules = wiring.sites * wiring.slots
    yield "sites", f"{wiring.sites}, each {_count(wiring.packs, 'pack')} of {_count(wiring.modules, 'module')}"
    yield "physics", f"{2 * modules} FMU instances ({scenario.plant.electrical}, {scenario.plant.thermal})"
    yield "ECUs", f"{ecus * wiring.sites}, {ecus} a site, BMS {scenario.bms.architecture}"
    yield "CAN", _traffic(bounds, seconds * wiring.sites)
    if sent:
        yield "deadlines", _tightest(sent)
    ticks = f"{fleet.ticks} ticks of {fleet.tick_ns * 1e-9:g} s"
    yield "time", f"{_clock(seconds)} from {scenario.start.isoformat()}, {ticks}"
    yield "load", f"{scenario.load.kind}, mean {fleet.load.mean(fleet.duration_ns):,.0f} W a site"
    yield "PV", f"{scenario.pv.kind}, mean {fleet.pv.mean(fleet.duration_ns):,.0f} W a site"
    yield "log", f"every {scenario.record.period_s:g} s, down to the {scenario.record.detail}"
    for fault in scenario.faults:
        instants = [0 if isinstance(effect, Deviation) else effect.time_ns for effect in fault.effects()]
        never = min(instants) >= fleet.duration_ns
        yield "fault", f"{fault.kind} at {fault.place}" + ", after the end of the run: never" * never


def _traffic(bounds: SiteBounds, site_seconds: float) -> str:
    """Say how many frames are sent, and how full they make each segment."""
    rate_Hz = sum(1e9 / message.cycle_ns for segment in bounds.segments for message in segment.messages)
    loads = [
        f"{100 * one.utilisation:.3g} %" + f" of {one.segment.name}" * (len(bounds.segments) > 1)
        for one in bounds.segments
    ]
    frames = f"{rate_Hz:g} frames/s a site, some {rate_Hz * site_seconds:,.0f} in all"
    return f"{frames}; with the longest frames a load of {', '.join(loads)}"


def _tightest(sent: Sequence[SentMessage]) -> str:
    """Say how late, at the worst, the message is that has the least to spare of its deadline."""

    def share(message: SentMessage) -> float:
        response_ns = message.bound.response_ns
        return math.inf if response_ns is None else response_ns / message.bound.deadline_ns

    worst = max(sent, key=share)
    if worst.bound.response_ns is None:
        return f"not met by {worst.label}: it can starve"
    response_ms, deadline_ms = worst.bound.response_ns / 1e6, worst.bound.deadline_ns / 1e6
    return f"at the worst {worst.label} takes {response_ms:.3f} of {deadline_ms:g} ms, without errors"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + "s" * (number != 1)


def _clock(seconds: float) -> str:
    hours, rest = divmod(round(seconds, 9), 3600)
    minutes, rest = divmod(round(rest, 9), 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{value:g} {unit}" for value, unit in parts if value) or "0 s"
