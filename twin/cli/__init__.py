"""The command ``twin``. Exit codes: 0 done, 1 the run failed, 2 the input is wrong, 130 stopped by Ctrl-C."""

from __future__ import annotations

import sys

import typer

from twin.cli import bus, check, compare, events, fmu, ota, point, report, rerun, run, schema, study, sweep, trace
from twin.errors import InputError, TwinError

app = typer.Typer(
    name="twin",
    help="A digital-twin laboratory for fleets of battery systems: FMU physics, CAN, BMS firmware.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("check")(check.command)
app.command("bus")(bus.command)
app.command("run")(run.command)
app.command("rerun")(rerun.command)
app.command("point")(point.command)
app.command("report")(report.command)
app.command("sweep")(sweep.command)
app.command("compare")(compare.command)
app.command("events")(events.command)
app.command("trace")(trace.command)
app.command("schema")(schema.command)
app.add_typer(fmu.app, name="fmu")
app.add_typer(ota.app, name="ota")
app.add_typer(study.app, name="study")


def main() -> None:
    """Run the command line, and turn errors into messages and exit codes."""
    try:
        app()
    except InputError as error:
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        count = len(error.problems)
        print(f"{count} mistake{'s' if count > 1 else ''} in the input; nothing was written", file=sys.stderr)
        sys.exit(2)
    except TwinError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
