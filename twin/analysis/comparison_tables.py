"""The tables of the comparison's page: metrics by variant, weights, golden rules, what differs between the runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import numpy as np

from twin.analysis.comparison import Case, Comparison, Row
from twin.analysis.golden_rules import Verdict
from twin.analysis.metric_tables import LEVELS, number, said
from twin.analysis.tables import table


def metrics_table(comparison: Comparison, case: Case) -> str:
    """Return every metric of a case by variant; the best and what is alike to it are marked."""
    head = ("Metric", *comparison.variants, "Weight", "Of")
    columns = frozenset(range(1, len(head)))
    mine = (row for row in comparison.rows if row.case is case and row.asked)
    rows = map(_metric_row, sorted(mine, key=lambda row: not row.comparable))
    note = '<p class="note">Green: the best and what is not surely worse. In brackets: 95 % intervals of the means.</p>'
    return note + table(head, rows, numbers=columns)


def _metric_row(row: Row) -> str:
    star = "★ " if row.name == row.case.matters else ""
    title = f'<td title="{escape(row.metric.said("Formula"))}">{star}{escape(row.metric.title)}</td>'
    if not row.comparable:
        cells = "".join(f'<td class="number quiet">{_own(row, name)}</td>' for name in row.judged)
        return f'<tr>{title}{cells}<td class="number"></td><td class="quiet">{escape(row.why_not)}</td></tr>'
    cells = "".join(_cell(row, place, name) for place, name in enumerate(row.judged))
    weight = f"{100 * row.weight:.1f} %" if row.weight else ""
    count = len(row.samples[0].keys)
    of = f"{count} {row.metric.per}{'s' if count > 1 else ''}"
    return f'<tr>{title}{cells}<td class="number">{weight}</td><td class="number">{of}</td></tr>'


def _cell(row: Row, place: int, name: str) -> str:
    unit, percent = row.metric.unit, row.metric.percent
    low, high = row.interval(name)
    bounds = row.samples[place].at_least
    least = "≥ " if bounds is not None and bounds.any() else ""
    said = least + number(float(row.means[place]), unit, percent=percent)
    ends = " to ".join(number(end, "1", percent=percent) for end in (low, high))
    ends = "" if low == high else f"<small>({ends})</small>"
    best = " best" if row.metric.ranked and name in row.leaders and len(row.leaders) < len(row.judged) else ""
    return f'<td class="number{best}">{said}{ends}</td>'


def _own(row: Row, name: str) -> str:
    """Return a variant's own mean where the metric cannot be compared."""
    found = row.judged[name].summary
    return "–" if found is None else number(found.mean, row.metric.unit, percent=row.metric.percent)


def weights_table(comparison: Comparison) -> str:
    """Return the weight of every metric in the overall score, with each variant's score in it."""
    head = ("Case", "Metric", "Weight", *comparison.variants)
    rows = (_weight_row(row) for row in sorted(comparison.weighed, key=lambda row: -row.weight))
    return table(head, rows, numbers=frozenset(range(2, len(head))), sortable=True)


def _weight_row(row: Row) -> str:
    scores = "".join(f'<td class="number">{score:.2f}</td>' for score in row.scores)
    return (
        f"<tr><td>{escape(row.case.title)}</td><td>{escape(row.metric.title)}</td>"
        f'<td class="number">{100 * row.weight:.1f}</td>{scores}</tr>'
    )


def rules_table(comparison: Comparison) -> str:
    """Return the golden rules of every case by variant, with their margins."""
    rows = [row for case in comparison.cases for row in _rule_rows(case)]
    if not rows:
        return '<p class="quiet">The scenarios state no golden rules.</p>'
    head = ("Case", "Rule", "Limit", *comparison.variants)
    return table(head, rows, numbers=frozenset(range(2, len(head))))


def _rule_rows(case: Case) -> Iterator[str]:
    by_variant = [{one.rule: one for one in run.verdicts} for run in case.runs.values()]
    for rule, first in by_variant[0].items():
        limit = f"{'at most' if first.check.at_most else 'at least'} {said(first, first.limit)}"
        cells = "".join(_verdict_cell(checked.get(rule)) for checked in by_variant)
        name = f"<td>{escape(case.title)}</td><td>{escape(first.check.title)}</td>"
        yield f'<tr>{name}<td class="number">{limit}</td>{cells}</tr>'


def _verdict_cell(one: Verdict | None) -> str:
    if one is None:
        return "<td></td>"
    found = "" if one.found is None else said(one, one.found)
    known = one.margin is not None and np.isfinite(one.margin)
    spare = f"<small>margin {said(one, one.margin)}</small>" if known else ""
    title = f' title="{escape(one.reason)}"' if one.reason else ""
    word = f'<span class="level {LEVELS[one.word]}">{one.word}</span>'
    return f'<td class="number"{title}>{word} {found}{spare}</td>'


def differences_table(comparison: Comparison) -> str:
    """Return the fields of the scenarios in which the runs of a case differ."""
    rows = [row for case in comparison.cases for row in _difference_rows(case)]
    if not rows:
        return '<p class="quiet">The scenarios of the runs are the same.</p>'
    head = ("Case", "Field", *comparison.variants)
    return table(head, rows)


def _difference_rows(case: Case) -> Iterator[str]:
    for field, values in differing(case).items():
        cells = "".join(f"<td>{escape(str(value))}</td>" for value in values)
        yield f"<tr><td>{escape(case.title)}</td><td><code>{escape(field)}</code></td>{cells}</tr>"


def differing(case: Case) -> dict[str, list[Any]]:
    """Return the values, by variant, of the scenarios' fields that are not the same in all runs of a case."""
    scenarios = [run.evidence.scenario for run in case.runs.values()]
    flat = [dict(_flat("", one.model_dump(mode="json"))) if one else {} for one in scenarios]
    fields = list(dict.fromkeys(field for one in flat for field in one))
    values = {field: [one.get(field, "–") for one in flat] for field in fields if field not in ("name", "description")}
    return {field: found for field, found in values.items() if any(one != found[0] for one in found)}


def _flat(path: str, data: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(data, Mapping) and data:
        for key, value in data.items():
            yield from _flat(f"{path}.{key}" if path else str(key), value)
    elif isinstance(data, list) and data:
        for place, value in enumerate(data):
            yield from _flat(f"{path}[{place}]", value)
    else:
        yield path, data
