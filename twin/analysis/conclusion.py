"""The conclusion of a comparison in plain sentences; each follows from its numbers by a rule that stands here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from twin.analysis.comparison import Case, Comparison, Row
from twin.analysis.metric_tables import number
from twin.analysis.ranking import Ranking, ValueFlip

SURE = 0.95
"""From this share of the resamples on a winner is called sure."""
MOST_RULES = 6
"""So many golden rules are named at the most; the page's table has all."""
ALMOST_ALL = 0.9
"""A metric that has more weight than this leaves the others none to speak of."""


def headline(ranking: Ranking | None) -> str:
    """Return the answer in one sentence."""
    if ranking is None:
        return "Nothing can be ranked: no metric has values for the same sites or faults in every run."
    first, second = ranking.order[0], ranking.order[1] if len(ranking.order) > 1 else ""
    if not second:
        return f"There is only one run, {first}: nothing to compare."
    chance = ranking.chance(first)
    lead = f"{ranking.score(first):.2f} against {ranking.score(second):.2f} of {second}"
    if chance >= SURE:
        return f"{_capital(first)} is best: overall score {lead}."
    return (
        f"{_capital(first)} is ahead, not surely: overall score {lead}; it wins in {_percent(chance)} of the resamples."
    )


def conclusion(comparison: Comparison, ranking: Ranking | None) -> tuple[str, ...]:
    """Return the conclusion, a sentence or two an item; the first is the answer."""
    return (headline(ranking), *remarks(comparison, ranking, by_case=True))


def remarks(comparison: Comparison, ranking: Ranking | None, *, by_case: bool) -> tuple[str, ...]:
    """Return what follows the answer; ``by_case``: with how the variants stand in what matters most in each case."""
    if ranking is None or len(comparison.variants) < 2:
        return ()
    return (
        *_leads(ranking),
        *(_what_matters(comparison) if by_case else ()),
        *_hangs_on(ranking),
        *_rules(comparison),
        *_left_out(comparison),
    )


def _leads(ranking: Ranking) -> Iterator[str]:
    """Yield in how many of the metrics that count each variant is the best, or alike to the best."""
    parts = []
    for name in ranking.order:
        best = sum(name in row.leaders for row in ranking.rows)
        alone = [row for row in ranking.rows if row.leaders == (name,)]
        parts.append(f"{name} in {best}" + (f" (alone in {_titles(alone)})" if alone else ""))
    yield (
        f"Of the {len(ranking.rows)} numbers that count, each is best, or alike to the best, in: {'; '.join(parts)}. "
        "Alike: the difference is small, or its 95 % interval contains zero."
    )


def _titles(rows: Sequence[Row], most: int = 4) -> str:
    heaviest = sorted(rows, key=lambda row: -row.weight)
    titles = list(dict.fromkeys(phrase(row.metric.title) for row in heaviest))
    return ", ".join(titles[:most]) + (", …" if len(titles) > most else "")


def _what_matters(comparison: Comparison) -> Iterator[str]:
    """Yield for each case how the variants stand in the metric that matters most there."""
    for case in comparison.cases:
        if case.matters:
            row = comparison.row(case, case.matters)
            why = f", since {case.because.rstrip('.')}" if case.because else ""
            yield f"{case.title}: what matters most is {phrase(row.metric.title)}{why}. {standing(row)}"


def standing(row: Row) -> str:
    """Return how the variants stand in one metric, the best first."""
    if not row.comparable:
        return f"It cannot be compared: {row.why_not}."
    variants = tuple(row.judged)
    said = [f"{name} {_said(row, float(row.means[variants.index(name)]))}" for name in row.order]
    if len(row.leaders) == len(variants):
        return f"All are alike: {', '.join(said)}."
    if len(row.leaders) > 1:
        return f"{', '.join(said)}; {' and '.join(row.leaders)} are alike."
    found = row.difference(row.order[0], row.order[1])
    low, high = sorted((abs(found.low), abs(found.high)))
    interval = f" (95 % interval {_said(row, low)} to {_said(row, high)})" if high > low else ""
    over = f"{found.count} {row.metric.per}{'s' if found.count > 1 else ''}"
    return f"{', '.join(said)}; the first two differ by {_said(row, abs(found.mean))}{interval}, over {over}."


def _hangs_on(ranking: Ranking) -> Iterator[str]:
    """Yield what would have to change for another variant to win."""
    flips = [flip for flip in ranking.weight_flips if flip.share <= ALMOST_ALL]
    if not flips:
        yield f"No weight of a single metric changes the winner: {ranking.winner} is ahead whatever any one counts."
    for flip in flips[:2]:
        row = flip.row
        word = "fell" if flip.share < row.weight else "grew"
        yield (
            f"The ranking hangs on the weight of {_name(row, ranking.comparison)}: if it {word} from "
            f"{_percent(row.weight)} to {_percent(flip.share)} of all, {flip.winner} would win."
        )
    if not ranking.value_flips:
        yield f"No single metric of {ranking.winner}, however bad, would cost it the first place."
        return
    nearest = min(ranking.value_flips, key=_effort)
    row, variants = nearest.row, ranking.comparison.variants
    now = float(row.means[variants.index(ranking.winner)])
    yield (
        f"{_capital(ranking.winner)} would lose to {nearest.winner} if its {_name(row, ranking.comparison)} were "
        f"{_said(row, nearest.value)} instead of {_said(row, now)}."
    )


def _effort(flip: ValueFlip) -> float:
    """Return how far a mean would have to move, in the metric's own measure of badness."""
    here = flip.row.means.max() if flip.row.metric.better == "higher" else flip.row.means.min()
    scores = flip.row.metric.score(np.array([here, flip.value]))
    return float(1.0 - scores.min())


def _rules(comparison: Comparison) -> Iterator[str]:
    """Yield how many golden rules each variant keeps, and which of them tell the variants apart."""
    broken: dict[tuple[str, str], list[str]] = {}
    count = dict.fromkeys(comparison.variants, 0)
    for case in comparison.cases:
        for variant, run in case.runs.items():
            for one in run.verdicts:
                names = broken.setdefault((phrase(one.check.title), case.title), [])
                names += [] if one.passed else [variant]
                count[variant] += one.passed
    if not broken:
        return
    kept = ", ".join(f"{name} {count[name]}" for name in comparison.variants)
    by_all = sum(len(names) == len(comparison.variants) for names in broken.values())
    yield f"Of {len(broken)} golden rules are kept: {kept}" + (f"; {by_all} by none." if by_all else ".")
    telling = {place: names for place, names in broken.items() if 0 < len(names) < len(comparison.variants)}
    if telling:
        parts = [f"{rule}{_case_of(case, comparison)}: {', '.join(names)}" for (rule, case), names in telling.items()]
        rest = f"; and {len(parts) - MOST_RULES} more" if len(parts) > MOST_RULES else ""
        yield f"Broken by some only: {'; '.join(parts[:MOST_RULES])}{rest}."


def _left_out(comparison: Comparison) -> Iterator[str]:
    """Yield what was asked to count and could not be compared."""
    for case in comparison.cases:
        missing = [
            phrase(row.metric.title)
            for row in comparison.rows
            if row.case is case and not row.comparable and case.weights.get(row.name, 0.0) > 0
        ]
        if missing:
            count = "does not count" if len(missing) == 1 else "do not count"
            yield f"{case.title}: {', '.join(missing)} could not be compared and {count}."


def _name(row: Row, comparison: Comparison) -> str:
    return f"{phrase(row.metric.title)}{_of(row.case, comparison)}"


def _of(case: Case, comparison: Comparison) -> str:
    """Return the case in brackets, where there is more than one."""
    return _case_of(case.title, comparison)


def _case_of(title: str, comparison: Comparison) -> str:
    return f" ({title})" if len(comparison.cases) > 1 else ""


def phrase(title: str) -> str:
    """Return a title as it stands within a sentence; abbreviations stay as they are."""
    return title if title[:2].isupper() else title[:1].lower() + title[1:]


def _said(row: Row, value: float) -> str:
    return number(value, row.metric.unit, percent=row.metric.percent)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.0095 or share == 0 else f"{100 * share:.1g} %"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
