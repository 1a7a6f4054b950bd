"""The report of a run: one HTML page that holds all it needs and opens without a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final

from twin.analysis import plots
from twin.analysis.bus_tables import controllers_table, messages_table
from twin.analysis.evidence import Evidence
from twin.analysis.figures import KeyFigure, duration, key_figures
from twin.analysis.golden_rules import Verdict, verdicts
from twin.analysis.judgement import judge_all
from twin.analysis.metric_tables import metrics_table, rules_line, rules_table
from twin.analysis.page import figure_html, page, save
from twin.analysis.plot import Plot, Section
from twin.analysis.rollout_story import headline, update_figures
from twin.analysis.rollout_tables import attacks_table, bricked_table, decisions_table, failures_table, groups_table
from twin.analysis.tables import events_table, provenance_table
from twin.analysis.view import RunView
from twin.plugins import discover

REPORT: Final = "report.html"


def write_report(folder: str | Path, *, site: int | None = None, output: str | Path | None = None) -> Path:
    """Write the report of a run folder, ``report.html`` in it unless ``output`` says otherwise, and return its path.

    ``site``: the one to show in depth; otherwise the one with the most severe events. Raises InputError if the folder
    is not one of a run, the site is not in it, or the output cannot be written.
    """
    run = RunView(Path(folder), site)
    target = Path(output) if output else Path(folder) / REPORT
    save(_page(run), target, "report")
    return target


def _page(run: RunView) -> str:
    title = str(run.root.attrs.get("name", run.folder.name))
    evidence = Evidence(run)
    judged = judge_all(evidence)
    checked = verdicts(evidence, judged)
    body = f"""
{_head(run, escape(title), checked)}
<nav>
{'<a href="#update">Update</a>' if run.rollout else ""}
<a href="#rules">Rules</a>
<a href="#fleet">Fleet</a>
<a href="#site">Site {run.site}</a>
<a href="#bus">Bus</a>
<a href="#events">Events</a>
<a href="#provenance">Provenance</a>
</nav>
{_update(evidence) if run.rollout else ""}
<section id="rules"><h2>Golden rules and metrics</h2>{rules_table(checked)}
<details><summary>All metrics of this run</summary>{metrics_table(judged)}</details></section>
<section id="fleet"><h2>Fleet</h2>{_plots(run, "fleet")}</section>
<section id="site"><h2>Site {run.site} in depth</h2>{_why_this_site(run)}{_plots(run, "site")}</section>
<section id="bus"><h2>CAN bus</h2>{_plots(run, "bus")}{messages_table(run)}{controllers_table(run)}</section>
<section id="events"><h2>Events</h2>{events_table(run)}</section>
<section id="provenance"><h2>Provenance</h2>{provenance_table(run)}</section>"""
    return page(f"{title}: report", body)


def _update(evidence: Evidence) -> str:
    """Return the section about the run's rollout; what it has no table of is not mentioned."""
    run, rollout = evidence.run, evidence.rollout
    tables = {
        "Group by group": groups_table(rollout),
        "What got in the way": failures_table(rollout),
        "ECUs that run nothing": bricked_table(rollout) if len(rollout.bricked) else "",
        "Attacks": attacks_table(rollout) if len(rollout.table("ota_attacks")) else "",
        "What the campaign decided": decisions_table(run, rollout) if len(rollout.decisions) else "",
    }
    figures = "".join(map(_key, update_figures(evidence)))
    return (
        f'<section id="update"><h2>Update</h2><p class="answer">{escape(headline(run, rollout))}</p>'
        f'<dl class="keys">{figures}</dl>{_plots(run, "update", skip=True)}'
        + "".join(f"<h3>{title}</h3>{text}" for title, text in tables.items() if text)
        + "</section>"
    )


def _head(run: RunView, title: str, checked: Sequence[Verdict]) -> str:
    description = escape(str(run.root.attrs.get("description", "")))
    start = run.start.strftime("%A, %d %B %Y, %H:%M (UTC%z)")
    return (
        f'<header><h1>{title}</h1><p>{description}</p><p class="quiet">Simulated start: {start}. Times are local.</p>'
        f'{_banner(run)}{_kept(checked)}<dl class="keys">{"".join(map(_key, key_figures(run)))}</dl></header>'
    )


def _banner(run: RunView) -> str:
    status = str(run.root.attrs.get("status", ""))
    reached = duration(float(run.time_s[-1])) if run.has_rows else "0 s"
    said = {
        "interrupted": f"This run was interrupted after {reached}.",
        "failed": f"This run failed after {reached}.",
        "running": f"This run has not ended, or was killed: this is what was safe on disk, {reached}.",
    }
    return f'<p class="banner">{said[status]}</p>' if status in said else ""


def _kept(checked: Sequence[Verdict]) -> str:
    """Return in one line whether the golden rules were kept."""
    if not checked:
        return ""
    level = "ok" if all(one.passed for one in checked) else "fatal"
    return f'<p class="banner {level}"><a href="#rules">{rules_line(checked)}</a></p>'


def _key(figure: KeyFigure) -> str:
    severity = " fatal" if figure.severe else ""
    detail = f"<small>{escape(figure.detail)}</small>" if figure.detail else ""
    return f'<div class="key{severity}"><dt>{escape(figure.label)}</dt><dd>{escape(figure.value)}{detail}</dd></div>'


def _why_this_site(run: RunView) -> str:
    count = int((run.events["site_id"] == run.site).sum())
    events = f"It has {count} event{'' if count == 1 else 's'}. " if count else "It has no events. "
    shown, slots = len(run.slots_in_depth()), run.root.sizes.get("slot", 0)
    part = f"Cells of {shown} of its {slots} modules are shown. " if shown < slots else ""
    command = f"twin report {escape(str(run.folder.name))} --site S"
    marks = "Dotted lines mark warnings (orange) and fatal events (red). "
    return f'<p class="note">{events}{part}{marks}Another site: <code>{command}</code>.</p>'


def _plots(run: RunView, section: Section, *, skip: bool = False) -> str:
    """Return the plots of a section; with ``skip``, without those for which the run lacks something."""
    kinds = discover(plots, Plot)  # type: ignore[type-abstract]
    mine = sorted((kind.order, name) for name, kind in kinds.items() if kind.section == section)
    shown = ((name, kinds[name]()) for _, name in mine)
    return "".join(part for name, plot in shown if not (skip and plot.missing(run)) for part in _plot(run, name, plot))


def _plot(run: RunView, name: str, plot: Plot) -> Iterator[str]:
    missing = plot.missing(run)
    yield f'<div class="plot{" absent" if missing else ""}" id="plot-{name}"><h3>{escape(plot.title)}</h3>'
    if missing:
        wanted = " and ".join(need.replace("|", " or ") for need in missing)
        yield f'<p class="quiet">This run did not log {escape(wanted)}, which this plot needs.</p></div>'
        return
    drawn = plot.draw(run)
    if plot.whole_run:
        drawn.update_xaxes(range=[run.clock_ms[0], run.clock_ms[-1]], selector={"type": "date"})
    yield f'<p class="note">{escape(plot.note)}</p>'
    yield f"{figure_html(drawn)}</div>"
