"""The page of a comparison: the answer on top, then the plots, the numbers and what they hang on."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from twin.analysis import comparison_plots
from twin.analysis.comparison import Case, Comparison
from twin.analysis.comparison_plot import CasePlot, ComparisonPlot
from twin.analysis.comparison_tables import differences_table, metrics_table, rules_table, weights_table
from twin.analysis.conclusion import headline, phrase, remarks, standing
from twin.analysis.page import figure_html, page, save
from twin.analysis.ranking import Ranking
from twin.plugins import discover

METHOD = (
    "Each metric gives every variant a score: 1 for the best, (best + floor) / (value + floor) for the others, so that "
    "twice as bad is about a half; of shares it is what is missing of 100 % that counts. The overall score is the mean "
    "of these by the weights. Intervals are percentile bootstraps of 2000 resamples over sites or faults with a fixed "
    "seed; differences are taken pair by pair, since all variants had the same sites and faults."
)


def write_page(comparison: Comparison, ranking: Ranking | None, target: Path) -> None:
    """Write the page of a comparison. Raises InputError if it cannot be written."""
    save(page(f"{comparison.title}: comparison", _body(comparison, ranking)), target, "comparison")


def _body(comparison: Comparison, ranking: Ranking | None) -> str:
    many = len(comparison.cases) > 1
    sentences = "".join(f"<li>{escape(text)}</li>" for text in remarks(comparison, ranking, by_case=not many))
    links = "".join(f'<a href="#case-{place}">{escape(case.title)}</a>' for place, case in enumerate(comparison.cases))
    cases = "".join(_case(comparison, case, place) for place, case in enumerate(comparison.cases))
    return f"""
<header><h1>{escape(comparison.title)}</h1>
<p class="answer">{escape(headline(ranking))}</p>
{_cards(comparison, ranking)}
</header>
<nav><a href="#conclusion">Conclusion</a>{links}<a href="#rules">Golden rules</a><a href="#weights">Weights</a></nav>
<section id="conclusion"><h2>Conclusion</h2><ul class="conclusion">{sentences}</ul>
{_overall_plots(comparison, ranking)}{_by_case(comparison) if many else ""}</section>
{cases}
<section id="rules"><h2>Golden rules</h2>{rules_table(comparison)}</section>
<section id="weights"><h2>Weights and scores</h2><p class="note">{METHOD}</p>{weights_table(comparison)}</section>
<section id="differences"><h2>What differs between the runs</h2>{differences_table(comparison)}</section>"""


def _cards(comparison: Comparison, ranking: Ranking | None) -> str:
    """Return a card a variant, the best first."""
    if ranking is None:
        return ""
    cards = (_card(comparison, ranking, place, name) for place, name in enumerate(ranking.order, 1))
    return f'<dl class="keys">{"".join(cards)}</dl>'


def _card(comparison: Comparison, ranking: Ranking, place: int, name: str) -> str:
    checked = [one for case in comparison.cases for one in case.runs[name].verdicts]
    rules = (
        f"{sum(one.passed for one in checked)} of {len(checked)} golden rules kept" if checked else "no golden rules"
    )
    chance = f"first in {100 * ranking.chance(name):.0f} % of the resamples"
    first = " first" if place == 1 else ""
    return (
        f'<div class="key{first}"><dt>{place}. {escape(name)}</dt><dd>{ranking.score(name):.2f}'
        f"<small>{chance}</small><small>{rules}</small></dd></div>"
    )


def _overall_plots(comparison: Comparison, ranking: Ranking | None) -> str:
    if ranking is None:
        return ""
    kinds = discover(comparison_plots, ComparisonPlot)  # type: ignore[type-abstract]
    return "".join(
        _plot(name, plot, plot.draw(comparison, ranking))
        for name, plot in sorted(((name, kind()) for name, kind in kinds.items()), key=lambda one: one[1].order)
    )


def _by_case(comparison: Comparison) -> str:
    """Return who is best in what matters most, case by case."""
    items = "".join(
        f"<tr><td>{escape(case.title)}</td><td>{escape(comparison.row(case, case.matters).metric.title)}</td>"
        f"<td>{escape(standing(comparison.row(case, case.matters)))}</td></tr>"
        for case in comparison.cases
        if case.matters
    )
    head = "<thead><tr><th>Case</th><th>What matters most</th><th>How the variants stand</th></tr></thead>"
    return f'<h3>Case by case</h3><div class="table"><table>{head}<tbody>{items}</tbody></table></div>'


def _case(comparison: Comparison, case: Case, place: int) -> str:
    kinds = discover(comparison_plots, CasePlot)  # type: ignore[type-abstract]
    plots = sorted(((name, kind()) for name, kind in kinds.items()), key=lambda one: one[1].order)
    drawn = "".join(_plot(f"{name}-{place}", plot, plot.draw(comparison, case)) for name, plot in plots)
    because = (
        f'<p class="note">What matters most here: {escape(_why(comparison, case))}.</p>'
        if case.because and case.matters
        else ""
    )
    return (
        f'<section id="case-{place}"><h2>{escape(case.title)}</h2>{because}{drawn}'
        f"<h3>All metrics</h3>{metrics_table(comparison, case)}{''.join(_reports(case))}</section>"
    )


def _why(comparison: Comparison, case: Case) -> str:
    return f"{phrase(comparison.row(case, case.matters).metric.title)}, since {case.because.rstrip('.')}"


def _reports(case: Case) -> Iterator[str]:
    """Yield where the runs are."""
    named = ", ".join(f"{escape(name)}: <code>{escape(str(run.folder))}</code>" for name, run in case.runs.items())
    yield f'<p class="note">Runs: {named}. Each has a report of its own: <code>twin report RUN</code>.</p>'


def _plot(name: str, plot: ComparisonPlot | CasePlot, drawn: object) -> str:
    if drawn is None:
        return ""
    note = f'<p class="note">{escape(plot.note)}</p>'
    return f'<div class="plot" id="plot-{name}"><h3>{escape(plot.title)}</h3>{note}{figure_html(drawn)}</div>'
