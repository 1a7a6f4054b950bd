"""``twin bus``: what a scenario's buses carry, and how late each message can be, before anything is run."""

from __future__ import annotations

import csv
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from twin.analysis.bus_bounds import SegmentBounds, SentMessage, SiteBounds
    from twin.scenario import Scenario

ASSUMED = "Worst: ECUs in the worst of phases, longest frames, no errors. Deadline: the next instance, of a fast clock."
BUSIEST = 5
"""Senders that are named."""


def command(
    scenario: Annotated[
        Path,
        typer.Argument(
            help="A YAML file, or the name of a scenario that ships: bus_trouble, home_fleet, one_home.",
            show_default=False,
        ),
    ],
    override: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Change a value, e.g. bus.bitrate_bit_s=125000."),
    ] = None,
    form: Annotated[Literal["text", "csv", "json"], typer.Option("--format", help="How to print it.")] = "text",
) -> None:
    """Show what a scenario's CAN buses carry and how late each message can be, before anything is run.

    One row a message, by priority: how often it is sent, how long its longest frame takes, and the worst time from when
    it is due until it is through (Davis et al. 2007), beside its deadline, the next instance. Exit code 1 when a bus is
    overloaded or a message may miss its deadline. A run of such a scenario goes on, and counts what is lost.

    Example: twin bus scenarios/home_fleet.yaml --set fleet.modules=16 --set bus.bitrate_bit_s=125000
    """
    from twin.analysis.bus_bounds import site_bounds
    from twin.scenario import load, placed

    with placed(scenario, override or []):
        checked = load(scenario, override or [])
        bounds = site_bounds(checked)
    {"text": _print_text, "csv": _print_csv, "json": _print_json}[form](checked, bounds)
    if bounds.warnings():
        raise typer.Exit(1)


def _print_text(scenario: Scenario, bounds: SiteBounds) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, 120)  # a file or a pipe has no edge to wrap at
    console.print(f"{scenario.name}: what a site's buses carry, before anything is run", soft_wrap=True, markup=False)
    for segment in bounds.segments:
        console.print(_table(segment))
        for sentence in _facts(segment):
            console.print(sentence, soft_wrap=True, markup=False)
        console.print()
    for sentence in (ASSUMED, *_left_out(scenario, bounds), *_verdict(bounds)):
        console.print(sentence, soft_wrap=True, markup=False)


def _table(segment: SegmentBounds) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    one = segment.segment
    rate = f"{one.bitrate_bit_s / 1e3:g} kbit/s"
    if one.data_bitrate_bit_s is not None:
        rate += f", data {one.data_bitrate_bit_s / 1e3:g} kbit/s"
    table = Table(title=f"Bus {one.name}, {rate}", box=box.SIMPLE, title_justify="left")
    for name in ("id", "message", "sender"):
        table.add_column(name, no_wrap=True)
    for name in ("bytes", "every ms", "frame ms", "worst ms", "deadline ms", "margin ms"):
        table.add_column(name, justify="right", no_wrap=True)
    for message in segment.messages:
        bound = message.bound
        alarming = bound.margin_ns is None or bound.margin_ns < 0
        times_ns = (bound.transmission_ns, bound.response_ns, bound.deadline_ns, bound.margin_ns)
        table.add_row(
            message.identifier,
            escape(message.layout.name),
            escape(message.sender),
            str(message.layout.length),
            f"{message.cycle_ns / 1e6:g}",
            *("none" if time_ns is None else f"{time_ns / 1e6:.3f}" for time_ns in times_ns),
            style="red" if alarming else None,
        )
    return table


def _facts(segment: SegmentBounds) -> Iterator[str]:
    """Yield the segment's load, and who makes it."""
    rate_Hz = sum(1e9 / message.cycle_ns for message in segment.messages)
    count = f"{len(segment.messages)} messages, {rate_Hz:g} frames/s"
    yield f"Load {_percent(segment.utilisation)} with the longest frames: {count}."
    share: dict[str, float] = defaultdict(float)
    for message in segment.messages:
        share[message.sender] += message.bound.utilisation
    busiest = sorted(share.items(), key=lambda item: -item[1])[:BUSIEST]
    if busiest:
        yield f"Busiest senders: {', '.join(f'{sender} {_percent(load)}' for sender, load in busiest)}."


def _left_out(scenario: Scenario, bounds: SiteBounds) -> Iterator[str]:
    """Yield what is not counted."""
    if bounds.uncounted:
        names = ", ".join(layout.name for layout in bounds.uncounted)
        yield f"Not counted, as neither firmware nor database says how often they are sent: {names}."
    if scenario.bus.replay:
        yield "Not counted: replayed traces."


def _verdict(bounds: SiteBounds) -> Iterator[str]:
    """Yield what is wrong, or one sentence that says that nothing is."""
    yield from (f"{warning[0].upper()}{warning[1:]}." for warning in bounds.warnings())
    messages = [message for segment in bounds.segments for message in segment.messages]
    if bounds.warnings():
        return
    if not messages:
        yield "No message is sent periodically."
        return
    tightest = min(messages, key=_slack)
    margin_ms, share = (tightest.bound.margin_ns or 0) / 1e6, _slack(tightest)
    text = f"{tightest.label} has the least to spare, {margin_ms:.3f} ms or {_percent(share)} of its deadline"
    yield f"Every message meets its deadline: {text}."


def _slack(message: SentMessage) -> float:
    return (message.bound.margin_ns or 0) / message.bound.deadline_ns


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _rows(bounds: SiteBounds) -> Iterator[dict[str, Any]]:
    """Yield a row for every message, by segment and priority; times in ns, None where there is no bound."""
    for segment in bounds.segments:
        for message in segment.messages:
            layout, bound = message.layout, message.bound
            yield {
                "bus": segment.segment.name,
                "identifier": layout.identifier,
                "extended": layout.extended,
                "message": layout.name,
                "sender": message.sender,
                "bytes": layout.length,
                "cycle_ns": message.cycle_ns,
                "frame_bits": bound.worst_bits,
                "frame_ns": bound.transmission_ns,
                "blocking_ns": bound.blocking_ns,
                "response_ns": bound.response_ns,
                "deadline_ns": bound.deadline_ns,
                "margin_ns": bound.margin_ns,
                "load": bound.utilisation,
            }


def _print_csv(_scenario: Scenario, bounds: SiteBounds) -> None:
    rows = list(_rows(bounds))
    if rows:
        writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _print_json(scenario: Scenario, bounds: SiteBounds) -> None:
    record = {
        "scenario": scenario.name,
        "buses": [
            {
                "bus": segment.segment.name,
                "bitrate_bit_s": segment.segment.bitrate_bit_s,
                "data_bitrate_bit_s": segment.segment.data_bitrate_bit_s,
                "load": segment.utilisation,
            }
            for segment in bounds.segments
        ],
        "messages": list(_rows(bounds)),
        "not_counted": [layout.name for layout in bounds.uncounted],
        "warnings": bounds.warnings(),
    }
    print(json.dumps(record, indent=2))
