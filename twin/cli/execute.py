"""Runs a scenario into a folder: what ``twin run`` and ``twin rerun`` share."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from types import FrameType
from typing import Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from twin.analysis.bus_bounds import bus_warnings
from twin.errors import InputError, Problem
from twin.log import signals_of
from twin.ota.server import UpdateServer
from twin.plant.assembly import locate
from twin.plant.fmu import Version
from twin.record import RunWriter, output_problem
from twin.record.rollout import rollout_table
from twin.scenario import Fleet, Scenario, companions, expand, resolved
from twin.scenario.architecture import architecture_of
from twin.scenario.truth import truth
from twin.shards import Shards, Whole
from twin.site_updates import update_server

INTERRUPTED = 130


def fully_logged(scenario: Scenario) -> Scenario:
    """Return the scenario with every cell and every CAN frame in its log, at every step or, with a pace, long step."""
    period_s = scenario.pace.quiet_s if scenario.pace else scenario.step_s  # a pace is kept: values hang on it
    record = scenario.record.model_copy(update={"detail": "cell", "frames": True, "period_s": period_s})
    return scenario.model_copy(update={"record": record})


def execute(
    scenario: Scenario,
    folder: Path,
    *,
    sites: Sequence[int] | None = None,
    force: bool = False,
    profile: bool = False,
    quiet: bool = False,
    shards: int | None = None,
    server: UpdateServer | None = None,
) -> None:
    """Run a scenario, or some of its sites, and say what came of it.

    ``shards``: processes that share the sites; by default one a core, where the fleet is large enough to gain from it.
    ``server``: whom its sites ask for updates; the one that the scenario states unless given.
    Raises InputError before anything is written; typer.Exit with code 130 after Ctrl-C.
    """
    console = Console(stderr=True, quiet=quiet)
    problem = output_problem(folder, force=force) or _replaced_input(scenario, folder)
    if problem:
        raise InputError(problem)
    started_s = perf_counter()
    with console.status("building FMUs and the fleet"):
        fleet = expand(scenario, sites)
        facts = _facts(scenario)
        server = server or update_server(scenario)
    for warning in bus_warnings(scenario):
        Console(stderr=True).print(f"warning: {warning}", style="yellow", soft_wrap=True, highlight=False)
    parts = _parts(fleet, shards)
    facts["shards"] = len(parts)
    with (
        Whole(scenario, sites, profile=profile, server=server)
        if len(parts) == 1
        else Shards(scenario, parts, profile=profile, server=server)
    ) as engine:
        with console.status("building the world"):
            engine.ready()
        writer = _writer(scenario, fleet, folder, facts, force=force)
        with _stopped_by_signals(engine):
            with _progress(console, fleet) as on_tick, _kept(writer):
                status = engine.execute(writer, on_tick)
                for name, columns in (server.tables() if server else {}).items():
                    writer.table(name, rollout_table(name, columns))
            writer.close(status)
    console.print(f"{status} in {perf_counter() - started_s:.0f} s: {folder}/run.h5")
    if profile:
        console.print(_table(engine.seconds))
    if status == "interrupted":
        raise typer.Exit(INTERRUPTED)


def _replaced_input(scenario: Scenario, folder: Path) -> Problem | None:
    """Say which file that the scenario names would go with the run that is replaced, or None."""
    for source in companions(scenario).values():
        if source.resolve().is_relative_to(folder.resolve()):
            return Problem("the scenario needs this file, which is in the folder that would be replaced", str(source))
    return None


SITES_A_SHARD = 8
"""So many sites at the least: a smaller shard spends more on calls than it saves."""


def _parts(fleet: Fleet, shards: int | None) -> list[list[int]]:
    """Return the sites of each shard, neighbours together."""
    count = shards or min(len(os.sched_getaffinity(0)), len(fleet.site_ids) // SITES_A_SHARD)
    return [part.tolist() for part in np.array_split(fleet.site_ids, min(max(count, 1), len(fleet.site_ids)))]


def _writer(
    scenario: Scenario, fleet: Fleet, folder: Path, facts: Mapping[str, str | int], *, force: bool
) -> RunWriter:
    slots = range(fleet.wiring.slots)
    coordinates = {
        "site": fleet.site_ids,
        "slot": slots,
        "cell": range(fleet.wiring.cells),
        "pack": [slot // fleet.wiring.modules for slot in slots],
        "module": [slot % fleet.wiring.modules for slot in slots],
    }
    attributes: dict[str, str | int | float] = {
        "name": scenario.name,
        "description": scenario.description,
        "seed": scenario.seed,
        "step_s": scenario.step_s,
        "architecture": scenario.bms.architecture,
        "firmware": ", ".join(f"{one.role} {one.version}" for one in architecture_of(scenario).firmware()),
    }
    writer = RunWriter(
        folder,
        signals_of(scenario),
        {name: np.asarray(values, dtype=np.int64) for name, values in coordinates.items()},
        attributes,
        scenario.record,
        scenario.start.isoformat(),
        round(scenario.record.period_s * 1e9),
        facts=facts,
        force=force,
    )
    writer.table("truth", truth(scenario, fleet.site_ids.tolist()))
    (folder / "scenario.yaml").write_text(resolved(scenario))
    for name, source in companions(scenario).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / name)
    return writer


def _facts(scenario: Scenario) -> dict[str, str | int]:
    """Return what may differ between two equal runs: hashes of what went in, threads, the command."""
    plant = scenario.plant
    parts = {"electrical_fmu": plant.electrical, "thermal_fmu": plant.thermal}
    parts |= {f"{role}_firmware": name for role, name in scenario.bms.firmware.items()}
    hashes = {
        f"sha256_{part}": hashlib.sha256(_file(name, plant.fmi).read_bytes()).hexdigest()
        for part, name in parts.items()
    }
    text = resolved(scenario)
    return {
        **hashes,
        "sha256_scenario": hashlib.sha256(text.encode()).hexdigest(),
        "backend": plant.backend,
        "threads": plant.threads,
        "bus_threads": scenario.bus.threads,
    }


def _file(name: str, fmi: Version) -> Path:
    """Return the file that a model or path of a scenario stands for."""
    return Path(name) if name.endswith(".py") else locate(name, fmi)[0]


def _table(seconds: Mapping[str, float]) -> Table:
    total = sum(seconds.values())
    table = Table("part", "time", "share", title="Time by part, over all shards")
    for part, spent in sorted(seconds.items(), key=lambda item: -item[1]):
        table.add_row(part, f"{spent:.2f} s", f"{spent / total:.0%}")
    return table


class _Speed(ProgressColumn):
    """Simulated seconds of the fleet per second of wall time."""

    def __init__(self, step_s: float) -> None:
        super().__init__()
        self._step_s = step_s

    def render(self, task: Task) -> Text:
        """Return the speed, once there is one."""
        return Text(f"{task.speed * self._step_s:,.0f} x real time" if task.speed else "")


@contextmanager
def _progress(console: Console, fleet: Fleet) -> Iterator[Any]:
    """Show how far the run is, and yield what to call after each tick."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        _Speed(fleet.tick_ns * 1e-9),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    sites = len(fleet.site_ids)
    hours = fleet.duration_ns / 3.6e12
    every = max(1, fleet.ticks // 1000)
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(f"{sites} site{'s' if sites > 1 else ''}, {hours:g} h", total=fleet.ticks)

        def tick(done: int) -> None:
            if done % every == 0 or done == fleet.ticks:
                progress.update(task, completed=done)

        yield tick


@contextmanager
def _kept(writer: RunWriter) -> Iterator[None]:
    """Leave a readable run also where the run fails."""
    try:
        yield
    except BaseException:
        writer.close("failed")
        raise


@contextmanager
def _stopped_by_signals(engine: Whole | Shards) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the run in good order; a second one changes nothing, only SIGKILL does not wait."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        engine.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
