"""The tables of the report, as HTML: events, provenance. All text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Any, Final

from twin.analysis.view import RunView, level_name

MOST_EVENTS: Final = 2000


def table(
    head: Iterable[str],
    rows: Iterable[str],
    *,
    body_id: str = "",
    numbers: frozenset[int] = frozenset(),
    sortable: bool = False,
) -> str:
    """Return a table of escaped headings and of rows that are HTML already; ``numbers`` are columns."""
    cells = "".join(
        f'<th class="number">{escape(text)}</th>' if index in numbers else f"<th>{escape(text)}</th>"
        for index, text in enumerate(head)
    )
    body = f'<tbody id="{body_id}">' if body_id else "<tbody>"
    opening = '<table class="sortable">' if sortable else "<table>"
    return f'<div class="table">{opening}<thead><tr>{cells}</tr></thead>{body}{"".join(rows)}</tbody></table></div>'


def events_table(run: RunView) -> str:
    """Return the events with their filters; of very many, the most severe ones."""
    events = run.events
    if not len(events):
        return '<p class="quiet">Nothing happened that anybody noticed: the run has no events.</p>'
    note = ""
    if len(events) > MOST_EVENTS:
        kept = events["level"].sort_values(ascending=False, kind="stable").index[:MOST_EVENTS]
        note = f'<p class="note">The {MOST_EVENTS} most severe of {len(events)} events; run.h5 holds all of them.</p>'
        events = events.loc[kept].sort_index()
    head = ("Time", "Level", "Site", "Module", "Cell", "What happened", "Probable cause", "What to do", "Said by")
    return note + _filters(events) + table(head, _event_rows(run, events), body_id="event-rows")


def _filters(events: Any) -> str:
    levels = "".join(
        f'<label><input type="checkbox" name="level" value="{name}" checked> {name}</label>'
        for name in dict.fromkeys(level_name(int(level)) for level in sorted(events["level"].unique(), reverse=True))
    )
    sites = "".join(f"<option>{_site_name(int(site))}</option>" for site in sorted(events["site_id"].unique()))
    return (
        f'<div class="filters">{levels}'
        f'<label>site <select id="event-site"><option value="">all</option>{sites}</select></label>'
        '<input id="event-search" type="search" placeholder="search in events" aria-label="search in events">'
        '<span id="event-count" class="quiet"></span></div>'
    )


def _event_rows(run: RunView, events: Any) -> Iterator[str]:
    for event in events.itertuples():
        level, site = level_name(int(event.level)), _site_name(int(event.site_id))
        numbers = [site, *(f"{int(index) + 1}" if index >= 0 else "" for index in (event.slot_id, event.cell_id))]
        texts = [escape(str(text)) for text in (event.message, event.cause, event.remedy, event.source)]
        time = run.clock_text(event.time_ns * 1e-9, milliseconds=True)
        yield (
            f'<tr data-level="{level}" data-site="{site}" title="{escape(str(event.code))}">'
            f'<td class="time">{time}</td><td class="level {level}">{level}</td>'
            + "".join(f'<td class="number">{number}</td>' for number in numbers)
            + "".join(f"<td>{text}</td>" for text in texts)
            + "</tr>"
        )


def _site_name(site: int) -> str:
    """Return what a site is called; what is told of no site is about all of them."""
    return "fleet" if site < 0 else str(site)


def provenance_table(run: RunView) -> str:
    """Return the run's attributes and provenance: what it takes to make it again, and to trust it."""
    facts = {str(name): value for name, value in run.root.attrs.items()}
    if "provenance" in run.tree.children:
        for path, node in run.tree.children["provenance"].subtree_with_keys:
            prefix = "" if path == "." else f"{path.replace('/', ', ')}, "
            facts |= {f"{prefix}{name}": value for name, value in node.attrs.items()}
    rows = (f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in facts.items())
    return f'<div class="table facts"><table><tbody>{"".join(rows)}</tbody></table></div>'
