"""``twin check``: what a scenario would run, or every mistake in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from twin.scenario import Fleet, Scenario


def command(
    scenario: Annotated[
        Path,
        typer.Argument(
            help="A YAML file, or the name of a scenario that ships: home_fleet, one_home.", show_default=False
        ),
    ],
    override: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change a value, e.g. fleet.sites=3.")
    ] = None,
) -> None:
    """Check a scenario without running it: print what it would run, or every mistake with its line.

    Example: twin check scenarios/home_fleet.yaml --set fleet.sites=100
    """
    from twin.analysis.bus_bounds import bus_warnings
    from twin.scenario import expand, load, placed

    with placed(scenario, override or []):
        checked = load(scenario, override or [])
        topics = list(summary(checked, expand(checked)))
        warnings = bus_warnings(checked)
    print(f"{scenario}: {checked.name}")
    for topic, text in topics:
        print(f"  {topic:<10} {text}")
    for warning in warnings:
        print(f"warning: {warning}; see: twin bus {scenario}")


def summary(scenario: Scenario, fleet: Fleet) -> Iterator[tuple[str, str]]:
    """Yield what a run of ``scenario`` consists of: topic and text."""
    from twin.faults.fault import Deviation
    from twin.network.database import Database, bus_messages

    wiring = fleet.wiring
    messages = bus_messages(Database.load(scenario.bus.database), wiring.packs, wiring.modules)
    rate_Hz = sum(1e9 / message.cycle_ns for message in messages if message.cycle_ns)
    seconds = fleet.duration_ns * 1e-9
    ecus = len({message.sender for message in messages})
    modules = wiring.sites * wiring.slots
    yield "sites", f"{wiring.sites}, each {_count(wiring.packs, 'pack')} of {_count(wiring.modules, 'module')}"
    yield "physics", f"{2 * modules} FMU instances ({scenario.plant.electrical}, {scenario.plant.thermal})"
    yield "ECUs", f"{ecus * wiring.sites}, {ecus} a site, BMS {scenario.bms.architecture}"
    yield "CAN", f"{rate_Hz:g} frames/s a site, some {rate_Hz * seconds * wiring.sites:,.0f} frames in all"
    yield "time", f"{_clock(seconds)} from {scenario.start.isoformat()}, {fleet.ticks} ticks of {scenario.step_s:g} s"
    yield "load", f"{scenario.load.kind}, mean {fleet.load.mean(fleet.duration_ns):,.0f} W a site"
    yield "PV", f"{scenario.pv.kind}, mean {fleet.pv.mean(fleet.duration_ns):,.0f} W a site"
    yield "log", f"every {scenario.record.period_s:g} s, down to the {scenario.record.detail}"
    for fault in scenario.faults:
        instants = [0 if isinstance(effect, Deviation) else effect.time_ns for effect in fault.effects()]
        never = min(instants) >= fleet.duration_ns
        yield "fault", f"{fault.kind} at {fault.place}" + ", after the end of the run: never" * never


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + "s" * (number != 1)


def _clock(seconds: float) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{value:g} {unit}" for value, unit in parts if value) or "0 s"
