"""``twin study``: what a study found, as a page and as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from twin.sweep.folder import StudyFolder

app = typer.Typer(
    help="See what a study found: a page with the answer on top, and one table of all points.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_Folder = Annotated[Path, typer.Argument(help="The folder of a study, finished or not.", show_default=False)]


@app.command("report")
def report_command(
    folder: _Folder,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Write report.html into a study's folder: one page that opens without a network. The table is written, too.

    Example: twin study report runs/architectures --open
    """
    from twin.sweep.results.page import write_report
    from twin.sweep.results.table import write_table

    study = _study(folder)
    write_table(study)
    path = write_report(study)
    print(path)
    if open_:
        typer.launch(str(path))


@app.command("table")
def table_command(
    folder: _Folder,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="The file: .parquet, .h5 or .nc (netCDF-4), or .csv; FOLDER/table.parquet and .h5 unless given.",
        ),
    ] = None,
) -> None:
    """Write the table of a study: a line a point, also of those that failed or are open.

    Example: twin study table runs/architectures -o architectures.csv
    """
    from twin.sweep.results.table import save_table, table_of, write_table

    study = _study(folder)
    print(save_table(table_of(study), output) if output else write_table(study))


def _study(folder: Path) -> StudyFolder:
    """Return the folder of a study. Raises InputError where it is none."""
    from twin.errors import InputError, Problem
    from twin.sweep.folder import StudyFolder

    if not (folder / "study.yaml").is_file():
        raise InputError(
            Problem(
                "is no folder of a study: it has no study.yaml", str(folder), suggestion="begin one: twin sweep STUDY"
            )
        )
    return StudyFolder(folder)
