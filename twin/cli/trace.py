"""``twin trace``: the frames of a site in a file that CAN tools open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from twin.errors import InputError, Problem, attempt

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from twin.cli.recorded import Window
    from twin.network.traces import Format, Recording
    from twin.scenario import Scenario


def command(
    run: Annotated[Path, typer.Argument(help="The folder of a run.", show_default=False)],
    site: Annotated[list[int], typer.Option("--site", help="Number of the site, from 0; may be given several times.")],
    format_: Annotated[
        str | None,
        typer.Option("--format", help="blf, asc, mf4, candump or trc; what the file's ending says unless given."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="The file; {site} stands for the site's number. RUN-site-S.blf unless given."
        ),
    ] = None,
    begin: Annotated[str, typer.Option("--from", help="Simulated time, such as 90 or '1.5 h'.")] = "0",
    end: Annotated[
        str | None, typer.Option("--to", help="Simulated time; the end of the run unless given.", show_default=False)
    ] = None,
    segment: Annotated[
        int | None, typer.Option("--segment", help="One bus of the site, from 0; all of them unless given.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """Write what a tool on the buses of a site would have recorded, a file a site; a bus is a channel of the file.

    A site whose frames the run did not log is simulated again, alone, with the same values.

    Example: twin trace runs/home_fleet --site 7 --to "10 min" --format asc
    """
    from twin.network.traces import write_trace
    from twin.record import scenario_of
    from twin.record.reader import open_run
    from twin.scenario import load, placed

    file = scenario_of(run)
    console = Console(stderr=True, quiet=quiet)
    with placed(file), open_run(run) as tree:
        scenario, signals = load(file), tree.to_dataset()
        problems: list[Problem] = []
        kind = attempt(problems, lambda: _format(format_, output))
        template = output or run.with_name(f"{run.resolve().name}-site-{{site}}{kind.suffix if kind else ''}")
        paths = attempt(problems, lambda: _paths(template, dict.fromkeys(site), signals["site"].values, force=force))
        window = attempt(problems, lambda: _window(begin, end, _end_ns(signals, scenario)))
        if kind is None or paths is None or window is None:
            raise InputError(problems)
        recordings = {one: _recording(tree, scenario, one, window, console) for one in paths}
    chosen = _chosen(recordings, segment, window)
    for one, path in paths.items():
        with _progress(console, f"writing {path.name}", len(chosen[one])) as on_frames:
            left_out = write_trace(path, kind.name, chosen[one], start=scenario.start, on_frames=on_frames)
        if left_out:
            Console(stderr=True).print(f"{path}: {left_out} error frames left out; {kind.name} has no place for them")
        print(path)


def _format(name: str | None, output: Path | None) -> Format:
    from twin.network.traces import FORMATS, format_named, format_of, mf4

    kind = format_named(name, path="--format") if name else format_of(output) if output else FORMATS["blf"]
    if kind.name == "mf4":
        mf4.asammdf()  # better now than after a simulation
    return kind


def _paths(template: Path, sites: Iterable[int], known: NDArray[Any], *, force: bool) -> dict[int, Path]:
    """Return the file of every site. Raises InputError for every site and file that cannot be."""
    paths = {site: Path(str(template).replace("{site}", str(site))) for site in sites}
    problems = [
        Problem(f"found {site}; the run has {_listed(known.tolist())}", path="--site")
        for site in paths
        if site not in known
    ]
    if len(set(paths.values())) < len(paths):
        problem = Problem(f"{template}: one file for {len(paths)} sites", path="-o", suggestion="e.g. site-{site}.blf")
        problems.append(problem)
    places = (_occupied(path, force=force) for path in dict.fromkeys(paths.values()))
    problems += [problem for problem in places if problem]
    if problems:
        raise InputError(problems)
    return paths


def _listed(sites: Sequence[int]) -> str:
    whole = list(sites) == list(range(sites[0], sites[-1] + 1))
    numbers = f"{sites[0]} to {sites[-1]}" if whole and len(sites) > 1 else ", ".join(map(str, sites))
    return f"the site{'s' if len(sites) > 1 else ''} {numbers}"


def _occupied(path: Path, *, force: bool) -> Problem | None:
    if not path.parent.is_dir():
        return Problem("there is no such folder to write to", file=str(path.parent))
    if path.is_dir():
        return Problem("this is a folder; expected a file to write", file=str(path))
    if path.exists() and not force:
        return Problem("the file exists", file=str(path), suggestion="choose another one, or replace it: --force")
    return None


def _end_ns(signals: xr.Dataset, scenario: Scenario) -> int:
    """Return the end of the run, which one that did not come to its own end has at its last row."""
    complete = signals.attrs["status"] == "complete"
    end_s = scenario.duration_s if complete else max(signals["time_s"].values, default=0.0)
    return round(float(end_s) * 1e9)


def _window(begin: str, end: str | None, last_ns: int) -> Window:
    """Return the window, which ends with the run at the latest."""
    from twin.cli.recorded import Window

    problems: list[Problem] = []
    begin_ns = attempt(problems, lambda: _instant_ns(begin, "--from"))
    end_ns = last_ns if end is None else attempt(problems, lambda: _instant_ns(end, "--to"))
    if begin_ns is None or end_ns is None:
        raise InputError(problems)
    window = Window(begin_ns, min(end_ns, last_ns))
    if not 0 <= window.begin_ns < window.end_ns:
        found = f"found {begin_ns * 1e-9:g} s to {end_ns * 1e-9:g} s; expected a part of 0 s to {last_ns * 1e-9:g} s"
        raise InputError(Problem(found, path="--from, --to"))
    return window


def _instant_ns(text: str, option: str) -> int:
    from twin.quantity import magnitude

    try:
        return round(magnitude(text, "second") * 1e9)
    except (ValueError, OverflowError) as mistake:
        raise InputError(Problem(str(mistake), path=option)) from None


def _recording(tree: xr.DataTree, scenario: Scenario, site: int, window: Window, console: Console) -> Recording:
    from twin.cli.recorded import again, from_log, recorded_server

    logged = from_log(tree, scenario, site, window)
    if logged is not None:
        return logged
    ticks = -(-window.end_ns // round(scenario.step_s * 1e9))
    with _progress(console, f"simulating site {site} again", ticks) as on_tick:
        return again(scenario, site, window, on_tick, recorded_server(tree) if scenario.ota else None)


def _chosen(recordings: Mapping[int, Recording], segment: int | None, window: Window) -> dict[int, Recording]:
    """Return the frames of the segment. Raises InputError for every site without any."""
    chosen = {site: one if segment is None else one.select(one.channel == segment) for site, one in recordings.items()}
    of_segment = "" if segment is None else f" on segment {segment}"
    span = f"{window.begin_ns * 1e-9:g} s to {window.end_ns * 1e-9:g} s"
    empty = [f"site {site} has no frame{of_segment} from {span}" for site, one in chosen.items() if not len(one)]
    if empty:
        raise InputError([Problem(found, path="--from, --to" if segment is None else "--segment") for found in empty])
    return chosen


@contextmanager
def _progress(console: Console, text: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how far something is, and yield what to tell it."""
    from rich.progress import Progress

    shown = 0
    with Progress(console=console, transient=True) as progress:
        task: Any = progress.add_task(text, total=total)

        def on(done: int) -> None:
            nonlocal shown
            if done - shown >= total / 1000 or done >= total:
                shown = done
                progress.update(task, completed=done)

        yield on
