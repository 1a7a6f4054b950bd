"""``twin fmu``: build the FMUs of the models, check any FMU, list what there is."""

from __future__ import annotations

import itertools
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from fmpy.model_description import ModelDescription
    from rich.table import Table

    from twin.modelica.expected import Deviation

app = typer.Typer(
    help="Build FMUs from Modelica, check any FMU, list those of the models.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

CAPABILITIES = {
    "canHandleVariableCommunicationStepSize": "variable step size",
    "canGetAndSetFMUstate": "get and set state",
    "canSerializeFMUstate": "serialise state",
    "providesDirectionalDerivative": "directional derivatives",
    "providesDirectionalDerivatives": "directional derivatives",
    "providesAdjointDerivatives": "adjoint derivatives",
    "canBeInstantiatedOnlyOncePerProcess": "only one instance a process",
}


@app.command("build")
def build_command(
    models: Annotated[
        list[str] | None, typer.Argument(help="Models to build; all of them when none is named.", show_default=False)
    ] = None,
    exporter: Annotated[
        Literal["twin", "openmodelica"], typer.Option(help="Which exporter; openmodelica needs omc on the PATH.")
    ] = "twin",
) -> None:
    """Build FMUs from the Modelica of the fmus folder, for FMI 2.0 and 3.0, each for model exchange and co-simulation.

    What was built before from the same content is not built again. FMUs are kept in $TWIN_CACHE, or else in bms-twin in
    the user's cache folder.

    Example: twin fmu build module_electrical
    """
    from rich.console import Console

    from twin.modelica.build import models as all_models
    from twin.modelica.build import source

    names = models or list(all_models())
    for name in names:
        source(name)  # every name is checked before the first build begins
    console = Console()
    for name in names:
        for path, seconds in _build(name, exporter):
            note = "cached" if seconds is None else f"built in {seconds:.1f} s"
            console.print(f"{path}  [dim]{note}[/dim]", soft_wrap=True, highlight=False)


def _build(name: str, exporter: str) -> Iterator[tuple[Path, float | None]]:
    """Yield the path of each FMU of a model, with the seconds that it took, or None where it was there."""
    from twin.modelica.build import VERSIONS, build, build_with_openmodelica, path_of

    if exporter == "openmodelica":
        yield build_with_openmodelica(name), None
        return
    for version in VERSIONS:
        was_there = path_of(name, version).is_file()
        start = time.perf_counter()
        path = build(name, version)
        yield path, None if was_there else time.perf_counter() - start


@app.command("check")
def check_command(
    file: Annotated[Path, typer.Argument(help="The FMU, ours or any other.", show_default=False)],
) -> None:
    """Check an FMU: validate it, show its variables and what it can do, compare it with the stored trajectory.

    The trajectory is stored beside the model of the same name, in fmus/MODEL/expected.csv, and was solved without the
    FMU. Exit code 1 when the FMU is not valid, cannot run here or its trajectory differs, 2 when it cannot be read.

    Example: twin fmu check pack.fmu
    """
    from fmpy.validation import validate_fmu
    from rich.console import Console
    from rich.markup import escape

    description = _description(file)
    console = Console()
    kinds = " and ".join(_kinds(description))
    console.print(f"[bold]{escape(description.modelName)}[/bold], FMI {description.fmiVersion}, {kinds}")
    console.print(_variables(description))
    console.print("Can: " + (", ".join(_capabilities(description)) or "nothing more than step"))
    problems = validate_fmu(str(file))
    for problem in problems:
        console.print(f"[red]not valid[/red]: {escape(problem)}", soft_wrap=True)
    console.print("Valid." if not problems else f"{len(problems)} problems.")
    unusable = [] if problems else _unusable(file)
    for problem in unusable:
        console.print(f"[red]cannot run here[/red]: {escape(problem)}", soft_wrap=True)
    if problems or unusable:
        raise typer.Exit(1)
    deviations = _compare(file, description)
    if deviations is None:
        console.print(f"No trajectory is stored for a model '{description.modelName}'.")
    else:
        console.print(_deviations(deviations))
    if any(not deviation.is_allowed for deviation in deviations or []):
        raise typer.Exit(1)


def _unusable(file: Path) -> list[str]:
    """Return why a pool could not step an FMU that is valid: no co-simulation, no binary for this platform, ..."""
    from twin.errors import InputError
    from twin.plant.fmu import read

    try:
        read(file)
    except InputError as error:
        return [str(problem) for problem in error.problems]
    return []


def _description(file: Path) -> ModelDescription:
    """Return the description of an FMU, valid or not.

    Raises InputError on a file that is none.
    """
    import zipfile

    from fmpy import read_model_description

    from twin.errors import InputError, Problem

    if not file.is_file():
        raise InputError(Problem("no such file; expected an FMU", str(file)))
    if not zipfile.is_zipfile(file):
        raise InputError(Problem("is no FMU: not a zip archive", str(file)))
    try:
        return read_model_description(str(file), validate=False)
    except Exception as error:  # FMPy raises bare Exception, lxml's and its own errors
        raise InputError(Problem(f"has no model description that can be read: {error}", str(file))) from None


def _kinds(description: ModelDescription) -> list[str]:
    kinds = {"ME": description.modelExchange, "CS": description.coSimulation}
    return [name for name, interface in kinds.items() if interface is not None]


def _capabilities(description: ModelDescription) -> list[str]:
    interface = description.coSimulation or description.modelExchange
    return list(dict.fromkeys(text for flag, text in CAPABILITIES.items() if getattr(interface, flag, False)))


def _variables(description: ModelDescription) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table("variable", "causality", "start", "unit", "description")
    shown = [v for v in description.modelVariables if v.causality in ("input", "output", "parameter")]
    for name, group in itertools.groupby(shown, key=lambda v: v.name.partition("[")[0]):
        elements = list(group)
        first = elements[0]
        size = math.prod(int(d.start or 0) for d in first.dimensions) if first.dimensions else len(elements)
        starts = list(dict.fromkeys(" ".join(str(v.start or "") for v in elements).split()))
        start = " ".join(starts[:3]) + (" ..." if len(starts) > 3 else "")
        label = f"{name}[{size}]" if first.dimensions or first.name != name else name
        texts = (label, first.causality, start, first.unit or "", first.description or "")
        table.add_row(*map(escape, texts))
    return table


def _compare(file: Path, description: ModelDescription) -> list[Deviation] | None:
    """Return how far the FMU is from the stored trajectory of the model of its name; None where there is none."""
    from twin.modelica import build, expected
    from twin.plant.backends import open_pool

    sources = [build.source(name) for name in build.models()]
    folder = next((s.folder for s in sources if s.class_name == description.modelName), None)
    if folder is None or not (folder / "expected.csv").is_file():
        return None
    stored = expected.load(folder / "expected.csv")
    names: dict[str, list[str]] = {"input": [], "output": [], "parameter": []}
    of = {variable.name: variable.causality for variable in description.modelVariables}
    for column in stored.columns:
        names.setdefault(of.get(column) or of.get(column.partition("[")[0]) or "input", []).append(column)
    pool = open_pool(file, 1, names["input"], names["output"], tolerance=1e-10)
    inputs = [[stored.columns[name][row] for name in names["input"]] for row in range(len(stored.time_s))]
    pool.inputs[0] = inputs[0]
    pool.initialize({name: stored.columns[name][0] for name in names["parameter"]})

    def step(row: int, time_s: float, step_s: float) -> expected.FloatArray:
        pool.inputs[0] = inputs[row]
        pool.step(time_s, step_s)
        return pool.outputs[0].copy()

    try:
        return expected.replay(stored, step, names["output"])
    finally:
        pool.close()


def _deviations(deviations: list[Deviation]) -> Table:
    from rich.table import Table

    table = Table("variable", "largest deviation", "allowed", "", title="Compared with the stored trajectory")
    by_name: dict[str, Deviation] = {}
    for deviation in deviations:  # an array shows its worst element
        name = deviation.variable.partition("[")[0]
        worst = by_name.get(name)
        if worst is None or not deviation.largest <= worst.largest:
            by_name[name] = deviation
    for deviation in by_name.values():
        verdict = "[green]equal[/green]" if deviation.is_allowed else "[red]differs[/red]"
        table.add_row(
            deviation.variable.replace("[", r"\["), f"{deviation.largest:.1e}", f"{deviation.allowed:.1e}", verdict
        )
    return table


@app.command("list")
def list_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object an FMU.")] = False,
) -> None:
    """List the FMUs of the models: one row for each model and FMI version, with its path where it is built.

    Example: twin fmu list --json
    """
    from rich.console import Console
    from rich.table import Table

    from twin.modelica.build import VERSIONS, models, path_of

    rows = [(model, version, path_of(model, version)) for model in models() for version in VERSIONS]
    if as_json:
        kinds = ["ME", "CS"]
        records = [
            {"model": model, "path": str(path) if path.is_file() else None, "fmi": version, "kinds": kinds}
            for model, version, path in rows
        ]
        print(json.dumps(records, indent=2))
        return
    table = Table("model", "fmi", "kinds", "path")
    for model, version, path in rows:
        table.add_row(model, version, "ME, CS", str(path) if path.is_file() else "[dim]not built yet[/dim]")
    Console().print(table)
