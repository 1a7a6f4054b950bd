"""The page of a study: the answer on top, then what matters for what, each response, and how the points went."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import TypeAlias

import plotly.graph_objects as go

from twin.analysis.figures import duration
from twin.analysis.page import figure_html, page, save
from twin.plugins import discover
from twin.sweep.folder import StudyFolder
from twin.sweep.results import plots
from twin.sweep.results.answer import MOST_RESPONSES, chosen, headline, remarks
from twin.sweep.results.pareto import ranked
from twin.sweep.results.plot import ResponsePlot, StudyPlot
from twin.sweep.results.study_tables import best_table, factors_table, failed_table, responses_table, slowest_table
from twin.sweep.results.view import Absent, ResponseView, StudyView

Drawn: TypeAlias = Mapping[str, tuple[ResponsePlot, go.Figure | Absent]]
"""The plots of one response, or why there are none."""

METHOD = (
    "Rows are means over their replications. A factor's share is the part of the variance between rows that it alone "
    "explains: sums of squares of a complete grid; else the variance of its effect in an additive model, with "
    "intervals of the noncentral F distribution, as if rows were independent; those of Latin hypercubes and Sobol "
    "sequences lie more evenly, so that the intervals are rather too wide. Sobol indices are Saltelli's estimators "
    "with bootstrap intervals, of means over replications: what seeds change is variance that no factor explains."
)
HOW = {
    "complete": "every level of every factor with every other",
    "lines": "from a reference, one factor changed at a time",
    "blocks": "blocks of rows for Sobol indices",
    "search": "a search",
    "sample": "rows all over the space",
}


def write_report(folder: StudyFolder) -> Path:
    """Write ``report.html`` of all that is there by now, and return its path.

    Raises InputError if the folder holds no study, or cannot be written.
    """
    view = StudyView.of(folder)
    target = folder.path / "report.html"
    save(page(f"{view.study.name}: study", _body(view)), target, "report")
    return target


def _body(view: StudyView) -> str:
    sentences = "".join(f"<li>{escape(text)}</li>" for text in remarks(view))
    shown = chosen(view)
    links = "".join(f'<a href="#response-{one.name}">{escape(one.title)}</a>' for one in shown)
    drawn = {response.name: _drawn(view, response) for response in shown}
    overall = _overall(view)
    never = {plot.title: one.reason for plot, one in overall.values() if isinstance(one, Absent)}
    never |= _never(drawn.values())
    plots_of_all = "".join(
        _plot(view, name, plot, one) for name, (plot, one) in overall.items() if plot.title not in never
    )
    more = "".join(_response(view, response, drawn[response.name], never) for response in shown)
    return f"""
<header><h1>{escape(view.study.name)}</h1><p>{escape(view.study.description)}</p>
<p class="answer">{escape(headline(view))}</p>
{_banner(view)}
<dl class="keys">{"".join(_keys(view))}</dl>
</header>
<nav><a href="#answer">Answer</a>{links}<a href="#points">Points</a><a href="#method">Method</a></nav>
<section id="answer"><h2>What the study says</h2><ul class="conclusion">{sentences}</ul>
<h3>Best rows</h3>{best_table(view)}{plots_of_all}{_cannot(never)}</section>
{more}
<section id="points"><h2>Points</h2><h3>Failed, by reason</h3>{failed_table(view)}
<h3>The slowest</h3>{slowest_table(view)}</section>
<section id="method"><h2>Method</h2><p class="note">{METHOD}</p>
<h3>Factors</h3>{factors_table(view)}<h3>Responses</h3>{responses_table(view)}{_left_out(view)}
{_files()}</section>"""


def _left_out(view: StudyView) -> str:
    if len(view.responses) <= MOST_RESPONSES:
        return ""
    return (
        f'<p class="note">{MOST_RESPONSES} of {len(view.responses)} responses have a section of their own: those with '
        "an objective, then the first ones of the study's file.</p>"
    )


def _files() -> str:
    return (
        '<p class="note">All points are in <code>table.parquet</code> (pandas, polars) and <code>table.h5</code> '
        "(xarray) beside this page; a point's folder is <code>points/&lt;first two digits&gt;/&lt;point&gt;</code>.</p>"
    )


def _banner(view: StudyView) -> str:
    """Return what is missing, or that nothing is."""
    states = view.table["status"].value_counts()
    count, failed, still = len(view.table), int(states.get("failed", 0)), int(states.get("open", 0))
    parts = [f"{still} of {count} points are still open"] if still else []
    parts += [f'<a href="#points">{failed} of {count} points failed</a>'] if failed else []
    if parts:
        return (
            f'<p class="banner{" fatal" if failed else ""}">{", ".join(parts)}; all else is of those that are done.</p>'
        )
    return f'<p class="banner ok">All {count} points are done.</p>'


def _keys(view: StudyView) -> Iterator[str]:
    done = view.table[view.table["status"] == "done"]
    rows = int((view.rows["done"] > 0).sum())
    replications = f", {view.study.replications} replications each" if view.study.replications > 1 else ""
    kind = str(getattr(view.study.design, "kind", "")).replace("_", " ").capitalize()
    how = HOW["complete" if view.gridded else view.sampling]
    fixed = len(view.factors) - len(view.varied)
    varied = f"{len(view.varied)} factor{'s' * (len(view.varied) != 1)} vary, {fixed} stay" if fixed else ""
    yield _key("Design", kind, f"{how}; {varied or f'{len(view.varied)} factors'}")
    kept = f"{int(view.feasible.sum()):,} keep all constraints; " if view.study.constraints else ""
    yield _key("Rows", f"{rows:,}", f"{kept}{len(done):,} points done{replications}")
    for one in view.objectives[:3]:
        for row in ranked(view, one, 1):
            yield _key(f"{one.best.capitalize()} {one.lowered}", one.said_at(row), view.said(row), first=True)
    if len(done):
        total, most = float(view.table["seconds"].sum()), float(done["memory_MB"].max())
        yield _key("Computed", duration(total), f"on the wall, of all points; at most {most:,.0f} MB each")


def _key(label: str, value: str, detail: str, *, first: bool = False) -> str:
    small = f"<small>{escape(detail)}</small>" if detail else ""
    marked = " first" if first else ""
    return f'<div class="key{marked}"><dt>{escape(label)}</dt><dd>{escape(value)}{small}</dd></div>'


def _overall(view: StudyView) -> Mapping[str, tuple[StudyPlot, go.Figure | Absent]]:
    kinds = discover(plots, StudyPlot)  # type: ignore[type-abstract]
    shown = sorted(((name, kind()) for name, kind in kinds.items()), key=lambda one: one[1].order)
    return {name: (plot, plot.draw(view)) for name, plot in shown}


def _drawn(view: StudyView, response: ResponseView) -> Drawn:
    kinds = discover(plots, ResponsePlot)  # type: ignore[type-abstract]
    shown = sorted(((name, kind()) for name, kind in kinds.items()), key=lambda one: one[1].order)
    return {name: (plot, plot.draw(view, response)) for name, plot in shown}


def _never(drawn: Collection[Drawn]) -> dict[str, str]:
    """Return the titles of plots that no response can have for one and the same reason, and the reason."""
    found: dict[str, str] = {}
    for name, (plot, _) in next(iter(drawn)).items():
        reasons = {one.reason if isinstance(one := all_of[name][1], Absent) else "" for all_of in drawn}
        if len(reasons) == 1 and (reason := reasons.pop()):
            found[plot.title] = reason
    return found


def _cannot(never: Mapping[str, str]) -> str:
    if not never:
        return ""
    titles = {reason: [title for title, one in never.items() if one == reason] for reason in never.values()}
    items = "".join(f"<li><b>{escape(', '.join(own))}</b>: {escape(reason)}.</li>" for reason, own in titles.items())
    return f'<h3>What this study cannot say</h3><ul class="conclusion">{items}</ul>'


def _response(view: StudyView, response: ResponseView, drawn: Drawn, never: Mapping[str, str]) -> str:
    shown = (
        _plot(view, f"{name}-{response.name}", plot, one)
        for name, (plot, one) in drawn.items()
        if plot.title not in never
    )
    return f'<section id="response-{response.name}"><h2>{escape(response.title)}</h2>{"".join(shown)}</section>'


def _plot(view: StudyView, name: str, plot: StudyPlot | ResponsePlot, drawn: go.Figure | Absent) -> str:
    if isinstance(drawn, Absent):
        return (
            f'<div class="plot absent" id="plot-{name}"><h3>{escape(plot.title)}</h3>'
            f'<p class="quiet">Cannot be had: {escape(drawn.reason)}.</p></div>'
        )
    note = f'<p class="note">{escape(plot.noted(view))}</p>'
    wide = (
        f'<div style="overflow-x:auto"><div style="min-width:{plot.least_width_px}px">{figure_html(drawn)}</div></div>'
    )
    return f'<div class="plot" id="plot-{name}"><h3>{escape(plot.title)}</h3>{note}{wide}</div>'
