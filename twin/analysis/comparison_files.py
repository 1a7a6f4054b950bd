"""All numbers of a comparison as files: CSV for tables, JSON for everything."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from twin.analysis.comparison import Case, Comparison, Row
from twin.analysis.conclusion import conclusion
from twin.analysis.metric import Sample
from twin.analysis.page import save
from twin.analysis.ranking import Ranking

COLUMNS: Final = (
    *("case", "metric", "part", "variant", "unit", "better", "count", "mean", "low", "high", "p5", "p95"),
    *("least", "most", "at_least", "mean_of_shared", "score", "weight", "not_computable"),
)


def write_csv(comparison: Comparison, target: Path) -> None:
    """Write a line a case, metric, part and variant. Raises InputError if it cannot be written."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(line for row in comparison.rows for line in _lines(row))
    save(text.getvalue(), target, "numbers")


def _lines(row: Row) -> Iterator[dict[str, object]]:
    for place, (variant, one) in enumerate(row.judged.items()):
        known: dict[str, object] = {**_of(row), "part": "", "variant": variant, "unit": row.metric.unit}
        known |= {"better": row.metric.better, "weight": row.weight}
        if one.summary is None:
            yield {**known, "not_computable": one.reason}
            continue
        numbers = {name: value for name, value in asdict(one.summary).items() if name in COLUMNS}
        shared = {"mean_of_shared": float(row.means[place]), "score": float(row.scores[place])}
        yield {**known, **{name: _finite(value) for name, value in (numbers | shared).items()}}
        for part, facts in row.metric.parts.items():
            values = one.found.parts[part] if isinstance(one.found, Sample) else ()
            finite = [float(value) for value in values if math.isfinite(value)]
            mean = sum(finite) / len(finite) if finite else ""
            yield {**known, "part": part, "unit": facts.unit, "count": len(finite), "mean": mean, "weight": ""}


def write_json(comparison: Comparison, ranking: Ranking | None, target: Path) -> None:
    """Write everything, down to the value of each site and fault. Raises InputError if it cannot be written."""
    document = {
        "title": comparison.title,
        "variants": list(comparison.variants),
        "conclusion": list(conclusion(comparison, ranking)),
        "ranking": _ranking(ranking),
        "cases": [_case(comparison, case) for case in comparison.cases],
    }
    save(json.dumps(_plain(document), indent=1, allow_nan=False) + "\n", target, "numbers")


def _ranking(ranking: Ranking | None) -> dict[str, object] | None:
    if ranking is None:
        return None
    flips = [
        {**_of(one.row), "weight": one.row.weight, "at": one.share, "winner": one.winner}
        for one in ranking.weight_flips
    ]
    values = [{**_of(one.row), "at": one.value, "winner": one.winner} for one in ranking.value_flips]
    scores = {name: {"score": ranking.score(name), "first": ranking.chance(name)} for name in ranking.order}
    return {"order": list(ranking.order), "scores": scores, "weight_flips": flips, "value_flips": values}


def _of(row: Row) -> dict[str, object]:
    return {"case": row.case.name, "metric": row.name}


def _case(comparison: Comparison, case: Case) -> dict[str, object]:
    rows = [row for row in comparison.rows if row.case is case]
    rules = {name: [_verdict(one) for one in run.verdicts] for name, run in case.runs.items()}
    return {
        "name": case.name,
        "title": case.title,
        "matters": case.matters,
        "runs": {name: str(run.folder) for name, run in case.runs.items()},
        "rules": rules,
        "metrics": {row.name: _metric(row) for row in rows},
        "isolations": {name: list(_isolations(case, name)) for name in case.runs},
    }


def _verdict(one: Any) -> dict[str, object]:
    facts = {"rule": one.rule, "verdict": one.word, "limit": one.limit, "found": one.found, "margin": one.margin}
    return {**facts, "unit": one.check.unit, "reason": one.reason}


def _metric(row: Row) -> dict[str, object]:
    said = {"title": row.metric.title, "unit": row.metric.unit, "better": row.metric.better, "weight": row.weight}
    said |= {"formula": row.metric.said("Formula"), "source": row.metric.said("Source")}
    variants: dict[str, object] = {}
    for place, (name, one) in enumerate(row.judged.items()):
        if one.summary is None or not isinstance(one.found, Sample):
            variants[name] = {"not_computable": one.reason}
            continue
        values = [
            {"site": key.site, **({"fault": key.kind, "number": key.number} if key.kind else {}), "value": float(value)}
            for key, value in zip(one.found.keys, one.found.values, strict=True)
        ]
        shared = (
            {"mean_of_shared": float(row.means[place]), "score": float(row.scores[place])} if row.comparable else {}
        )
        variants[name] = {**asdict(one.summary), **shared, "values": values}
    differences = {}
    if row.comparable and len(row.order) > 1:
        best = row.order[0]
        differences = {name: asdict(row.difference(name, best)) for name in row.order[1:]}
    leaders = list(row.leaders) if row.comparable else []
    return {**said, "variants": variants, "leaders": leaders, "minus_best": differences}


def _isolations(case: Case, name: str) -> Iterator[dict[str, object]]:
    """Yield the isolated hazards with their terms in whole nanoseconds."""
    for fault, one in case.runs[name].evidence.isolations.items():
        terms = asdict(one.terms) if one.terms else None
        yield {"site": fault.site, "fault": fault.kind, "number": fault.number, "time_ns": one.time_ns, "terms": terms}


def _finite(value: object) -> object:
    return "" if isinstance(value, float) and not math.isfinite(value) else value


def _plain(data: Any) -> Any:
    """Return data without numbers that JSON does not know: null in their place."""
    if isinstance(data, dict):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data
