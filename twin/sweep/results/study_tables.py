"""The tables of a study's page: best rows, slowest and failed points, what was varied."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from twin.analysis.figures import duration
from twin.analysis.tables import table
from twin.sweep.results.pareto import best_rows, ranked
from twin.sweep.results.view import Absent, FactorView, StudyView

MOST_ROWS = 12
MOST_REASONS = 20


def best_table(view: StudyView) -> str:
    """Return the best rows: those of the front, or the first by the one objective."""
    found = best_rows(view)
    if isinstance(found, Absent):
        return f'<p class="quiet">There is no best row: {escape(found.reason)}.</p>'
    rows = ranked(view, view.objectives[0], MOST_ROWS) if len(view.objectives) == 1 else found[:MOST_ROWS]
    note = ""
    if len(found) > MOST_ROWS:
        note = f'<p class="note">{MOST_ROWS} of the {len(found)} rows of the front; the table of the study has all.</p>'
    responses = [*view.objectives, *(one for one in view.responses if one.objective == "none")]
    head = ("Row", *(factor.name for factor in view.varied), *(one.title for one in responses))
    counted = (place for place, factor in enumerate(view.varied, 1) if factor.values is not None)
    numbers = frozenset({0, *counted, *range(1 + len(view.varied), len(head))})
    lines = (
        f'<tr><td class="number">{view.rows["row"][row]}</td>'
        + "".join(_cell(factor, row) for factor in view.varied)
        + "".join(f'<td class="number">{escape(one.said_at(row))}</td>' for one in responses)
        + "</tr>"
        for row in rows
    )
    return note + table(head, lines, numbers=numbers)


def _cell(factor: FactorView, row: int) -> str:
    number = ' class="number"' if factor.values is not None else ""
    return f"<td{number}>{escape(factor.labels[row])}</td>"


def slowest_table(view: StudyView) -> str:
    """Return the points that took longest, and where they lie."""
    known = view.table[np.isfinite(view.table["seconds"])]
    if not len(known):
        return '<p class="quiet">No point has ended yet.</p>'
    slowest = known.sort_values("seconds", ascending=False, kind="stable").head(MOST_ROWS)
    head = ("Point", "Row", "Time", "Memory, MB", "Attempts", "Status", "Host", "Factors")
    lines = (
        f"<tr><td><code>{escape(one.id)}</code></td>"
        f'<td class="number">{one.row}</td><td class="number">{escape(duration(one.seconds))}</td>'
        f'<td class="number">{one.memory_MB:,.0f}</td><td class="number">{one.attempts}</td>'
        f"<td>{escape(one.status)}</td><td>{escape(one.host)}</td>"
        f'<td class="formula">{escape(_factors(view, one))}</td></tr>'
        for one in slowest.itertuples()
    )
    middle = float(known["seconds"].median())
    note = f'<p class="note">Half of the points took less than {escape(duration(middle))}.</p>'
    return note + table(head, lines, numbers=frozenset({1, 2, 3, 4}))


def _factors(view: StudyView, point: object) -> str:
    places = {int(row): place for place, row in enumerate(view.rows["row"])}
    return view.said(places[int(point.row)])  # type: ignore[attr-defined]


def failed_table(view: StudyView) -> str:
    """Return why points failed, the most frequent reason first, each with a point to look at."""
    failed = view.table[view.table["status"] == "failed"]
    if not len(failed):
        return '<p class="quiet">No point failed.</p>'
    groups = sorted(_by_reason(failed), key=lambda one: -len(one[1]))
    note = f'<p class="note">The {MOST_REASONS} most frequent of {len(groups)} reasons.</p>'
    head = ("Reason", "Points", "Attempts of each", "For instance", "With", "Hosts")
    lines = (
        f'<tr><td>{escape(reason)}</td><td class="number">{len(points)}</td>'
        f'<td class="number">{points["attempts"].min()} to {points["attempts"].max()}</td>'
        f"<td><code>{escape(points['id'].iloc[0])}</code></td>"
        f'<td class="formula">{escape(_factors(view, next(points.itertuples())))}</td>'
        f"<td>{escape(', '.join(sorted(set(points['host']))[:5]))}</td></tr>"
        for reason, points in groups[:MOST_REASONS]
    )
    return (note if len(groups) > MOST_REASONS else "") + table(head, lines, numbers=frozenset({1, 2}))


def _by_reason(failed: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the points of each reason; numbers, paths and names of points make no other one."""
    lines = failed["error"].str.strip().str.split("\n").str[0].replace("", "no reason was told")
    keys = lines.map(lambda line: re.sub(r"\S*/\S*|\b[0-9a-f]{16}\b|\d+(\.\d+)?", "…", line))
    for key in dict.fromkeys(keys):
        yield lines[keys == key].iloc[0], failed[keys == key]


def factors_table(view: StudyView) -> str:
    """Return what was varied, and between what; of a factor that sets rows of a table, column by column."""
    stated = {
        name: factor.model_dump(mode="json", exclude_defaults=True, by_alias=True)
        for name, factor in view.study.factors.items()
    }
    kinds = {name: str(getattr(factor, "kind", "")) for name, factor in view.study.factors.items()}
    head = ("Factor", "Kind", "Values that were looked at", "How many", "As stated")
    return table(
        head,
        (_factor_row(one, kinds.get(one.name, "column"), stated.get(one.name, {})) for one in view.factors),
        numbers=frozenset({3}),
    )


def _factor_row(factor: FactorView, kind: str, stated: Mapping[str, Any]) -> str:
    said = json.dumps(dict(stated), ensure_ascii=False)
    few = factor.values is None or len(factor.levels) <= 6
    span = ", ".join(factor.levels) if few else f"{factor.levels[0]} to {factor.levels[-1]}"
    return (
        f"<tr><td>{escape(factor.name)}</td><td>{escape(kind)}</td>"
        f'<td>{escape(_cut(span))}</td><td class="number">{len(factor.levels)}</td>'
        f"<td><code>{escape(_cut(said) if stated else '')}</code></td></tr>"
    )


def _cut(text: str, most: int = 160) -> str:
    return text if len(text) <= most else f"{text[:most]} …"


def responses_table(view: StudyView) -> str:
    """Return every response with its range over the rows."""
    rows = []
    for one in view.responses:
        known = one.values[one.known]
        numbers = (known.min(), np.median(known), known.max()) if len(known) else (np.nan,) * 3
        cells = "".join(f'<td class="number">{escape(one.said(float(value)))}</td>' for value in numbers)
        objective = "" if one.objective == "none" else one.objective
        rows.append(
            f"<tr><td>{escape(one.title)}</td><td><code>{escape(one.name)}</code></td><td>{objective}</td>{cells}"
            f'<td class="number">{len(known)}</td></tr>'
        )
    head = ("Response", "Column", "Objective", "Least", "Median", "Most", "Rows")
    return table(head, rows, numbers=frozenset({3, 4, 5, 6}))
