"""Golden rules and metrics of one run, as tables of its report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final

from twin.analysis.golden_rules import Verdict
from twin.analysis.judgement import Judgement
from twin.analysis.tables import table

LEVELS: Final = {"pass": "ok", "fail": "fatal", "not known": "warning"}
"""How severe a verdict is, as the page's style has it."""

COUNTS: Final = frozenset({"false_isolations", "bricked"})
"""Rules whose numbers are counts and not shares."""


def number(value: float | None, unit: str, *, percent: bool = False) -> str:
    """Return a number as a reader takes it in at a glance: three digits and its unit."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "never"
    if percent:
        return f"{100 * value:.3g} %" if abs(value) < 0.999 else f"{100 * value:.4g} %"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return text if unit == "1" else f"{text} {unit}"


def rules_line(checked: Sequence[Verdict]) -> str:
    """Return in one sentence how the rules were kept."""
    if not checked:
        return "This scenario states no golden rules."
    counts = {word: sum(one.word == word for one in checked) for word in LEVELS}
    parts = [f"{count} {word}" for word, count in counts.items() if count]
    return f"{len(checked)} golden rule{'s' if len(checked) > 1 else ''}: {', '.join(parts)}."


def rules_table(checked: Sequence[Verdict]) -> str:
    """Return the verdicts; what failed stands first."""
    if not checked:
        note = "Limits in the section <code>rules</code> of a scenario are checked here."
        return f'<p class="quiet">{rules_line(checked)} {note}</p>'
    ordered = sorted(checked, key=lambda one: ("fail", "not known", "pass").index(one.word))
    head = ("Rule", "Verdict", "Found", "Limit", "Margin", "Name")
    return table(head, map(_verdict_row, ordered), numbers=frozenset({2, 3, 4}))


def _verdict_row(one: Verdict) -> str:
    found = escape(one.reason) if one.found is None else said(one, one.found)
    why = f" ({escape(one.reason)})" if one.found is not None and one.reason else ""
    limit = f"{'at most' if one.check.at_most else 'at least'} {said(one, one.limit)}"
    margin = "" if one.margin is None or math.isinf(one.margin) else said(one, one.margin)
    return (
        f'<tr><td>{escape(one.check.title)}</td><td class="level {LEVELS[one.word]}">{one.word}</td>'
        f'<td class="number">{found}{why}</td><td class="number">{limit}</td><td class="number">{margin}</td>'
        f"<td><code>{one.rule}</code></td></tr>"
    )


def said(one: Verdict, value: float | None) -> str:
    """Return one of a verdict's numbers; shares are told in per cent."""
    return number(value, one.check.unit, percent=one.check.unit == "1" and one.rule not in COUNTS)


def metrics_table(judged: Mapping[str, Judgement]) -> str:
    """Return every metric of the run, or why there is none."""
    head = ("Metric", "Mean", "95 % interval", "95th percentile", "Worst", "Of", "Formula")
    return table(head, _metric_rows(judged), numbers=frozenset({1, 2, 3, 4, 5}))


def _metric_rows(judged: Mapping[str, Judgement]) -> Iterator[str]:
    for one in (one for one in judged.values() if one.asked):
        metric, found = one.metric, one.summary
        formula = f'<td class="quiet formula">{escape(metric.said("Formula"))}</td>'
        if found is None:
            reason = f'<td class="quiet" colspan="5">not computable: {escape(one.reason)}</td>'
            yield f"<tr><td>{escape(metric.title)}</td>{reason}{formula}</tr>"
            continue

        worst = found.least if metric.better == "higher" else found.most
        bound = "at least " if found.at_least else ""
        interval = "" if math.isnan(found.low) else f"{_said(one, found.low)} to {_said(one, found.high)}"
        cells = (bound + _said(one, found.mean), interval, _said(one, found.p95), _said(one, worst))
        count = f"{found.count} {metric.per}{'s' if found.count != 1 else ''}"
        numbers = "".join(f'<td class="number">{text}</td>' for text in (*cells, count))
        yield f"<tr><td>{escape(metric.title)}</td>{numbers}{formula}</tr>"


def _said(one: Judgement, value: float) -> str:
    return number(value, one.metric.unit, percent=one.metric.percent)
