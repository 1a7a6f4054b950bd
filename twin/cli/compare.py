"""``twin compare``: runs side by side, by every metric, with a conclusion that follows from the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twin.errors import InputError, Problem

if TYPE_CHECKING:
    from rich.table import Table

    from twin.analysis.comparison import Case, Comparison, Row
    from twin.analysis.ranking import Ranking


def command(
    what: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of finished runs, two or more; or one YAML file that plans the runs.", show_default=False
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The folder for page, CSV and JSON; and for the runs of a plan."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Run the short form of the plan.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Run everything again, also what is there already.")] = False,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Compare runs of the same sites and faults: a table, a conclusion, and with -o a page with plots, CSV and JSON.

    A plan names scenarios and variants of them. What of it is in the output folder already is not run again, so that
    after Ctrl-C the same command goes on.

    Example: twin compare scenarios/compare_architectures.yaml -o runs/architectures --quick
    """
    from rich.console import Console

    from twin.analysis.conclusion import conclusion
    from twin.analysis.ranking import Ranking

    comparison = _planned(what[0], output, quick=quick, again=again) if _is_plan(what) else _of_runs(what)
    ranking = Ranking(comparison) if comparison.weighed else None
    console = Console()
    for case in comparison.cases:
        console.print(_table(comparison, case))
    answer, *rest = conclusion(comparison, ranking)
    console.print(f"\n[bold]{answer}[/bold]", highlight=False)
    for sentence in rest:
        console.print(f"- {sentence}", highlight=False, markup=False)
    if output is not None:
        page = write_all(comparison, ranking, output)
        console.print(f"\n{page}", highlight=False, soft_wrap=True)
        if open_:
            typer.launch(str(page))


def write_all(comparison: Comparison, ranking: Ranking | None, output: Path) -> Path:
    """Write page, CSV and JSON into a folder, and return the page's path. Raises InputError if it cannot."""
    from twin.analysis.comparison_files import write_csv, write_json
    from twin.analysis.comparison_page import write_page

    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as mistake:
        raise InputError(Problem(f"cannot create the output folder: {mistake.strerror}", file=str(output))) from None
    page = output / "comparison.html"
    write_page(comparison, ranking, page)
    write_csv(comparison, output / "comparison.csv")
    write_json(comparison, ranking, output / "comparison.json")
    return page


def _is_plan(what: Sequence[Path]) -> bool:
    return len(what) == 1 and what[0].suffix.lower() in (".yaml", ".yml")


def _of_runs(folders: Sequence[Path]) -> Comparison:
    from twin.analysis.comparison import Comparison, case_of_runs, labels

    if len(folders) < 2:
        raise InputError(Problem("found one run; expected two or more, or a plan (YAML)", file=str(folders[0])))
    names = labels(folders)
    case = case_of_runs(dict(zip(names, folders, strict=True)))
    return Comparison(" · ".join(names), names, (case,))


def _planned(path: Path, output: Path | None, *, quick: bool, again: bool) -> Comparison:
    """Run what a plan lacks, and return the comparison of all of it."""
    from twin.analysis.comparison import Case, Comparison, JudgedRun, with_use_case
    from twin.analysis.plan import load_plan
    from twin.cli.plan_runs import run_missing

    if output is None:
        raise InputError(Problem("a plan needs a folder for its runs", file=str(path), suggestion="give one: -o DIR"))
    plan = load_plan(path, quick=quick)
    run_missing(plan, output, again=again)
    cases = []
    for options in plan.options.cases:
        mine = [one for one in plan.runs if one.case is options]
        runs = {one.variant: JudgedRun.of(output / one.folder) for one in mine}
        facts = (options.weight, options.weights, options.matters, options.because)
        cases.append(with_use_case(Case(options.name, options.title, runs, *facts)))
    return Comparison(plan.options.name, tuple(plan.options.variants), tuple(cases))


def _table(comparison: Comparison, case: Case) -> Table:
    """Return the metrics of a case as a table: the best in green, with what is alike to it."""
    from rich.table import Table

    table = Table("metric", *comparison.variants, "weight", title=case.title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    group = ""
    for row in (row for row in comparison.rows if row.case is case and row.asked):
        if group and row.metric.group != group:
            table.add_section()
        group = row.metric.group
        star = "* " if row.name == case.matters else ""
        weight = f"{100 * row.weight:.1f} %" if row.weight else ""
        table.add_row(f"{star}{row.metric.title}", *_cells(row), weight)
    if case.matters:
        table.caption = "* what matters most here"
    return table


def _cells(row: Row) -> Iterator[str]:
    from twin.analysis.metric_tables import number

    for place, name in enumerate(row.judged):
        found = row.judged[name].summary
        mean = float(row.means[place]) if row.comparable else found.mean if found else None
        said = number(mean, row.metric.unit, percent=row.metric.percent)
        best = row.comparable and row.metric.ranked and name in row.leaders and len(row.leaders) < len(row.judged)
        yield f"[green]{said}[/green]" if best else said
