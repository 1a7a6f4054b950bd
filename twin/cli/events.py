"""``twin events``: what a run has found, where, since when, and what to do about it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from twin.record.findings import Finding

COLUMNS = (
    *("site", "pack", "module", "cell", "level", "number", "code", "what"),
    *("since", "noticed", "until", "source", "cause", "remedy"),
)

_PLACE = re.compile(r"^((pack|module|cell) \d+[, ]*)+: ")
"""What a message begins with that says where: shown with the site and the pack, whether the message has them or not."""


class Format(StrEnum):
    """How findings are shown."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"


class Severity(StrEnum):
    """From which level on findings are shown."""

    INFO = "info"
    WARNING = "warning"
    FATAL = "fatal"


def command(
    run: Annotated[Path, typer.Argument(help="The folder of a run.", show_default=False)],
    site: Annotated[
        list[int] | None,
        typer.Option("--site", help="Number of a site, from 0; may be given several times. All of them unless given."),
    ] = None,
    level: Annotated[Severity, typer.Option("--level", help="The least severe that is shown.")] = Severity.INFO,
    code: Annotated[
        list[str] | None, typer.Option("--code", help="Name of a fault code; may be given several times.")
    ] = None,
    format_: Annotated[
        Format, typer.Option("--format", help="csv and json have one row or object a finding.")
    ] = Format.TEXT,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The file to write; the terminal unless given.")
    ] = None,
) -> None:
    """Show what a run has found: what, where, since when, until when, the likely cause, and what to do.

    Example: twin events runs/home_fleet --site 7 --level warning --format csv -o findings.csv
    """
    from twin.bms.codes import Level
    from twin.record.findings import findings
    from twin.record.reader import open_run

    with open_run(run) as tree:
        found, start = findings(tree), datetime.fromisoformat(tree.attrs["start"])
        _check(
            run,
            site or [],
            tree.to_dataset(inherit=False)["site"].values.tolist(),
            code or [],
            {one.code for one in found},
        )
    least = Level[level.name]
    wanted = [
        one for one in found if one.level >= least and (not site or one.site in site) and (not code or one.code in code)
    ]
    text = {Format.TEXT: _text, Format.CSV: _csv, Format.JSON: _json}[format_](wanted, start)
    if output is None:
        print(text, end="")
    else:
        output.write_text(text, encoding="utf-8")
        print(output)


def _check(
    run: Path, sites: Sequence[int], known: Sequence[int], codes: Sequence[str], occurring: Iterable[str]
) -> None:
    """Complain of sites and codes that there are not; a code that the catalogue has need not occur."""
    import difflib

    from twin.bms.codes import CATALOGUE
    from twin.errors import InputError, Problem

    names = sorted({*occurring, *(one.name for one in CATALOGUE)})
    problems = [
        Problem(f"found {site}; the run has the sites {known[0]} to {known[-1]}", str(run), path="--site")
        for site in sites
        if site not in known
    ]
    for code in codes:
        if code not in names:
            near = difflib.get_close_matches(code, names, 1)
            suggestion = f"did you mean {near[0]}?" if near else "docs/fault-codes.md lists them"
            problems.append(Problem(f"no fault code {code}", str(run), path="--code", suggestion=suggestion))
    if problems:
        raise InputError(problems)


def _clock(start: datetime, time_ns: int | None) -> str:
    """Return the clock time at the site, with its zone; empty where there is none."""
    if time_ns is None:
        return ""
    return (start + timedelta(microseconds=time_ns // 1000)).isoformat(sep=" ", timespec="milliseconds")


def _row(finding: Finding, start: datetime) -> dict[str, Any]:
    """Return a finding by column; modules, cells and packs are counted from 1 as on their labels, sites from 0.

    What is about the whole fleet has no site.
    """
    known = finding.known
    values = (
        *(finding.site if finding.site >= 0 else None, *map(_counted, (finding.pack, finding.slot, finding.cell))),
        *(finding.level.name.lower(), known.number if known else None, finding.code, finding.message),
        *(_clock(start, time_ns) or None for time_ns in (finding.since_ns, finding.noticed_ns, finding.until_ns)),
        *(finding.source, finding.cause, finding.remedy),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _counted(number: int) -> int | None:
    return number + 1 if number >= 0 else None


def _json(found: Sequence[Finding], start: datetime) -> str:
    return json.dumps([_row(one, start) for one in found], indent=2, ensure_ascii=False) + "\n"


def _csv(found: Sequence[Finding], start: datetime) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(one, start) for one in found)
    return text.getvalue()


def _text(found: Sequence[Finding], start: datetime) -> str:
    lines = [line for one in found for line in (*_told(one, start), "")]
    return "\n".join([*lines, _summary(found)]) + "\n"


def _told(finding: Finding, start: datetime) -> list[str]:
    """Return the lines of one finding; the site and the pack are named whatever its message says."""
    from twin.bms.codes import place_name

    within = place_name(finding.pack, finding.slot, finding.cell)
    place = f"site {finding.site}, {within}" if finding.site >= 0 else "the fleet"
    known = finding.known
    number = f" [{known.number} {finding.code}]" if known else f" [{finding.code}]"
    what = _PLACE.sub("", finding.message)
    lines = [f"{finding.level.name.lower():7} {place}: {what}{number}"]
    since, until = _clock(start, finding.since_ns), _clock(start, finding.until_ns)
    if known and finding.source not in ("scenario", "plant", "network"):
        lines.append(f"        since {since}, {f'cleared {until}' if until else 'still there'}; from {finding.source}")
    else:
        lines.append(f"        at {since}; from {finding.source}")
    lines += [f"        likely cause: {finding.cause}"] if finding.cause else []
    lines += [f"        what to do: {finding.remedy}"] if finding.remedy else []
    return lines


def _summary(found: Sequence[Finding]) -> str:
    counts = {name: sum(one.level.name == name for one in found) for name in ("FATAL", "WARNING", "INFO")}
    still = sum(one.until_ns is None for one in found)
    each = ", ".join(f"{count} {name.lower()}" for name, count in counts.items())
    return f"{len(found)} findings: {each}; {still} still there at the end"
