"""Runs a scenario into a folder: what ``twin run`` and ``twin rerun`` share."""

from __future__ import annotations

import hashlib
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from twin.build import World, build
from twin.errors import InputError
from twin.log import SIGNALS, Log
from twin.plant.assembly import locate
from twin.profile import Profile
from twin.record import RunWriter, output_problem
from twin.run import Run
from twin.scenario import Scenario, companions, resolved

INTERRUPTED = 130


def fully_logged(scenario: Scenario) -> Scenario:
    """Return the scenario with every cell at every step and every CAN frame in its log."""
    record = scenario.record.model_copy(update={"detail": "cell", "frames": True, "period_s": scenario.step_s})
    return scenario.model_copy(update={"record": record})


def execute(
    scenario: Scenario,
    folder: Path,
    *,
    sites: Sequence[int] | None = None,
    force: bool = False,
    profile: bool = False,
    quiet: bool = False,
) -> None:
    """Run a scenario, or some of its sites, and say what came of it.

    Raises InputError before anything is written; typer.Exit with code 130 after Ctrl-C.
    """
    console = Console(stderr=True, quiet=quiet)
    problem = output_problem(folder, force=force)
    if problem:
        raise InputError(problem)
    with console.status("building FMUs and the fleet"):
        world = build(scenario, sites)
    writer = _writer(scenario, world, folder, force=force)
    times = Profile()
    if profile:
        _watch(times, world, writer)
    with _progress(console, world) as bar:
        run = Run(world, Log(world, writer, round(scenario.record.period_s * 1e9)), bar)
        with _stopped_by_ctrl_c(run), _kept(writer):
            status = run.execute()
    writer.close(status)
    world.close()
    console.print(f"{status}: {folder}/run.h5")
    if profile:
        console.print(_table(times))
    if status == "interrupted":
        raise typer.Exit(INTERRUPTED)


def _writer(scenario: Scenario, world: World, folder: Path, *, force: bool) -> RunWriter:
    fleet = world.fleet
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
    }
    writer = RunWriter(
        folder,
        SIGNALS,
        {name: np.asarray(values, dtype=np.int64) for name, values in coordinates.items()},
        attributes,
        scenario.record,
        scenario.start.isoformat(),
        round(scenario.record.period_s * 1e9),
        facts=_facts(scenario),
        force=force,
    )
    (folder / "scenario.yaml").write_text(resolved(scenario))
    for name, source in companions(scenario).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / name)
    return writer


def _facts(scenario: Scenario) -> dict[str, str | int]:
    """Return what may differ between two equal runs: hashes of what went in, threads, the command."""
    plant = scenario.plant
    hashes = {
        f"sha256_{role}_fmu": hashlib.sha256(locate(name, plant.fmi)[0].read_bytes()).hexdigest()
        for role, name in (("electrical", plant.electrical), ("thermal", plant.thermal))
    }
    text = resolved(scenario)
    return {
        **hashes,
        "sha256_scenario": hashlib.sha256(text.encode()).hexdigest(),
        "backend": plant.backend,
        "threads": plant.threads,
        "command": " ".join(["twin", *sys.argv[1:]]),
    }


def _watch(times: Profile, world: World, writer: RunWriter) -> None:
    times.watch(world.surroundings, "sample", "profiles")
    times.watch(world.sensing, "sample", "sensors")
    times.watch(world.controllers, "run_until", "firmware")
    times.watch(world.messages, "read", "codecs")
    times.watch(world.messages, "send", "codecs")
    times.watch(world.buses, "send", "bus")
    times.watch(world.buses, "advance", "bus")
    times.watch(world.plant, "advance", "plant")
    times.watch(writer, "append", "record")


def _table(times: Profile) -> Table:
    total = sum(times.seconds.values())
    table = Table("part", "wall time", "share", title="Wall time by part")
    for part, seconds in sorted(times.seconds.items(), key=lambda item: -item[1]):
        table.add_row(part, f"{seconds:.2f} s", f"{seconds / total:.0%}")
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
def _progress(console: Console, world: World) -> Iterator[Any]:
    """Show how far the run is, and yield what to call after each tick."""
    fleet = world.fleet
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        _Speed(fleet.step_ns * 1e-9),
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
def _stopped_by_ctrl_c(run: Run) -> Iterator[None]:
    """Let the first Ctrl-C end the run after its tick, and the second one at once."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        run.stop()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
