"""What a study found, in plain sentences; each follows from its numbers by a rule that stands here."""

from __future__ import annotations

import math
from collections.abc import Iterator

from twin.sweep.results.effects import Effect, effects, interactions
from twin.sweep.results.indices import Indices, indices, seed_share
from twin.sweep.results.pareto import best_rows
from twin.sweep.results.view import Absent, ResponseView, StudyView, seldom

MOST_RESPONSES = 6
"""Of so many responses the page says more than in its tables: those with objectives, then the first ones."""
LITTLE = 0.03
"""A factor that makes less than this share of the variance is not spoken of."""


def chosen(view: StudyView) -> tuple[ResponseView, ...]:
    """Return the responses of which the page says more."""
    others = tuple(one for one in view.responses if one.objective == "none")
    return (*view.objectives, *others)[:MOST_RESPONSES]


def headline(view: StudyView) -> str:
    """Return the answer in one sentence."""
    if not view.rows["done"].any():
        ended = len(view.table) and view.table["status"].eq("failed").all()
        return "Every point failed: see why below." if ended else "No point is done yet: there is nothing to say."
    best = best_rows(view)
    if isinstance(best, Absent):
        first = chosen(view)[0]
        most = matters(view, first)
        return f"{first.title}: {most}." if most else f"Nothing can be said of {first.title}: {_why(view, first)}."
    if len(view.objectives) == 1:
        one = view.objectives[0]
        also = f"; {len(best) - 1} other rows reach it, too" if len(best) > 1 else ""
        where = f", with {view.said(best[0])}" if view.varied else ""
        return f"The {one.best} {one.lowered} is {one.said_at(best[0])}{where}{also}."
    if len(best) == 1:
        return f"One row is best in all objectives: {view.said(best[0])}."
    ends = (f"{one.lowered} from {_ends(one, best)}" for one in view.objectives)
    return f"{len(best)} rows are beaten by none: {', '.join(ends)}."


def _ends(response: ResponseView, rows: tuple[int, ...]) -> str:
    values = [response.values[row] for row in rows]
    return f"{response.said(min(values))} to {response.said(max(values))}"


def _why(view: StudyView, response: ResponseView) -> str:
    found = effects(view, response)
    return found.reason if isinstance(found, Absent) else "no factor stands out"


def remarks(view: StudyView) -> Iterator[str]:
    """Yield what follows the answer, a sentence or two each."""
    if view.sampling == "search" and view.rows["done"].any():
        yield "The rows are those of a search, which lie where it is good: effects and shares are of these places only."
    answer = headline(view)
    for response in chosen(view):
        yield from _remarks(view, response, answer)
    yield from _constraints(view)
    yield from _failed(view)
    yield from _seeds(view)
    yield from _versions(view)


def _remarks(view: StudyView, response: ResponseView, answer: str) -> Iterator[str]:
    """Yield what is to say of one response beyond the answer on top."""
    if not response.known.any():
        if view.rows["done"].any():
            yield f"{response.title}: no row has a value."
    elif response.constant:
        yield f"{response.title}: {response.said(response.values[response.known][0])} at every row."
    else:
        missing = int((view.rows["done"] > 0).sum() - response.known.sum())
        without = f" {missing} rows have no value of it." if missing else ""
        said = f"{response.title}: {matters(view, response)}."
        rest = f"{_together(view, response)}{without}".strip()
        if said != answer and matters(view, response):
            yield f"{said} {rest}".strip()
        elif rest:
            yield f"{response.title}: {rest}"


def matters(view: StudyView, response: ResponseView) -> str:
    """Return what matters most for a response; empty where nothing can be said."""
    found = effects(view, response)
    if isinstance(found, Absent) or not found:
        return ""
    sobol = indices(view, response)
    if isinstance(sobol, Indices):
        return _by_indices(sobol)
    first, *others = found
    if math.isnan(first.share) and view.sampling != "lines":
        if few := seldom(response.values[view.independent & response.known]):
            return f"{few.reason}: too few differ to say what matters"
        return f"{int(response.known.sum())} rows are too few to say what matters"
    if math.isnan(first.share):
        then = f", then {others[0].factor.name} by {_by(others[0])}" if others and others[0].span > 0.0 else ""
        return f"{first.factor.name} moves it most, by {_by(first)} from end to end{then}"
    if first.share < LITTLE:
        if math.isnan(first.low):
            return "no factor alone makes a share of its variance to speak of"
        return f"in {int(response.known.sum())} rows no factor alone stands out from the scatter"
    rest = [f"{one.factor.name} {_percent(one.share)}" for one in others[:2] if one.share >= LITTLE]
    then = f"; then {', '.join(rest)}" if rest else "; the others hardly matter alone" if others else ""
    most = "matters most and makes" if first.sure(others) else "seems to matter most, and to make"
    return f"{first.factor.name} {most} {_share(first)} of its variance, {_from_to(first)}{then}"


def _by(effect: Effect) -> str:
    return effect.response.said(effect.span)


def _share(effect: Effect) -> str:
    low, high = f"{100 * effect.low:.0f}", f"{100 * effect.high:.0f}"
    return _percent(effect.share) if low == high else f"{_percent(effect.share)} ({low} to {high})"


def _from_to(effect: Effect) -> str:
    low, high = (choose(effect.levels, key=lambda level: level.mean) for choose in (min, max))
    said = effect.response.said
    return f"from {said(low.mean)} at {low.label} to {said(high.mean)} at {high.label}"


def _by_indices(found: Indices) -> str:
    parts = [
        f"{found.names[place]} {found.total[place]:.2f} ± {found.total_half[place]:.2f}"
        for place in found.order[:3]
        if found.total[place] >= LITTLE
    ]
    first = found.order[0]
    most = "matters most" if found.sure else "seems to matter most"
    return (
        f"{found.names[first]} {most}: total Sobol indices are {', '.join(parts)}; alone it makes "
        f"{found.first[first]:.2f} ± {found.first_half[first]:.2f}"
    )


def _together(view: StudyView, response: ResponseView) -> str:
    sobol, found = indices(view, response), interactions(view, response)
    if isinstance(sobol, Indices) and sobol.strongest_pair:
        first, second, share, half = sobol.strongest_pair
        said = f"{first} and {second} together make another {share:.2f} ± {half:.2f}"
    elif not isinstance(found, Absent) and found[0].sure and found[0].share >= LITTLE:
        said = f"{found[0].first.name} and {found[0].second.name} together make another {_percent(found[0].share)}"
    else:
        return ""
    return f" {said}: what one does depends on the other."


def _constraints(view: StudyView) -> Iterator[str]:
    done = int((view.rows["done"] > 0).sum())
    if not view.study.constraints or not done:
        return
    kept, broken = int(view.feasible.sum()), view.broken
    each = "; ".join(f"{text} (broken in {count})" for text, count in broken.items())
    yield f"{kept} of {done} rows keep all constraints: {each}."


def _failed(view: StudyView) -> Iterator[str]:
    """Yield what failures did to rows."""
    failed = set(view.table["row"][view.table["status"] == "failed"])
    hit = view.rows[view.rows["row"].isin(failed)]
    lost, thinner = int((hit["done"] == 0).sum()), int((hit["done"] > 0).sum())
    if lost:
        yield f"{lost} of {len(view.rows)} rows gave nothing, since all their points failed: all else is of the others."
    if thinner:
        yield f"{thinner} of {len(view.rows)} rows lost replications that failed: their means are of fewer."


def _seeds(view: StudyView) -> Iterator[str]:
    noisy = [(response, seed_share(response)) for response in chosen(view)]
    said = [f"{100 * share:.0f} % of {response.lowered}" for response, share in noisy if share >= LITTLE]
    if said:
        yield f"Of the differences between rows, seeds alone make {', '.join(said)}: more replications would tell more."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _versions(view: StudyView) -> Iterator[str]:
    """Say so where points are of different programs: an id tells of a point's content only."""
    counts = view.table.loc[view.table["status"] == "done", "version"].value_counts().sort_index()
    if len(counts) > 1:
        shares = ", ".join(f"{version} ({count})" for version, count in counts.items())
        yield f"Points are of several versions of bms-twin: {shares}; what differs between them enters as if by chance."
