"""The tidy table of a study: a line a point, a column a factor and a response, opened by pandas, polars and xarray."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from twin.errors import InputError, Problem
from twin.sweep.folder import Point, Result, StudyFolder
from twin.sweep.study.columns import AFTER, BEFORE
from twin.sweep.study.constraints import Constraints
from twin.sweep.study.factor import Value
from twin.sweep.study.study import Response

if TYPE_CHECKING:
    import pandas as pd

    from twin.analysis.metric import Metric

_UNITS: Final = {"seconds": "s", "memory_MB": "MB"}
_SAME: Final = ("m", "s", "h", "ns", "A", "Ah", "V", "W", "kW", "Wh", "kWh", "J", "K", "Hz", "ohm", "MB", "EUR", "USD")
_ENDINGS: Final = {unit: unit for unit in _SAME} | {
    "percent": "%",
    "bit_s": "bit/s",
    "m_s": "m/s",
    "W_K": "W/K",
    "J_K": "J/K",
}
"""Endings of a name that say its unit, and how that is written."""


def write_table(folder: StudyFolder) -> Path:
    """Write ``table.parquet`` and ``table.h5`` (netCDF-4, dimension ``point``); return the path of the first.

    Raises InputError if the folder holds no study, or cannot be written.
    """
    table = table_of(folder)
    save_table(table, folder.path / "table.h5")
    return save_table(table, folder.path / "table.parquet")


def lacking_responses(folder: StudyFolder, table: Path) -> tuple[str, ...]:
    """Return the responses of which no point that is done has a value; of a table as ``write_table`` leaves it."""
    import pandas as pd

    responses = list(folder.study().responses)
    lines = pd.read_parquet(table, columns=["status", *responses])
    done = lines[lines["status"] == "done"]
    return tuple(name for name in responses if len(done) and done[name].isna().all())


def save_table(table: pd.DataFrame, target: Path) -> Path:
    """Write a study's table as what the file's suffix says: ``.parquet``, ``.h5`` (also ``.nc``), or ``.csv``.

    Raises InputError if the suffix is another, or the file cannot be written.
    """
    if target.suffix not in WRITERS:
        found = f"found {target.suffix!r}; expected one of {', '.join(WRITERS)}"
        raise InputError(Problem(f"is no kind of table: {found}", str(target)))
    with _whole(target) as part:
        WRITERS[target.suffix](table, part)
    return target


def table_of(folder: StudyFolder) -> pd.DataFrame:
    """Return a line a point in the order of the design, also of points that failed or are still open.

    Units and descriptions of columns are in ``attrs``. Raises InputError if the folder holds no study.
    """
    import pandas as pd

    study, points = folder.study(), folder.design()
    factors = tuple(dict.fromkeys(name for point in points for name in point.factors))
    constraints = Constraints(study.constraints)
    lines = [_line(study.responses, constraints, *one) for one in folder.results(points)]
    names = (*BEFORE, *factors, *study.responses, *AFTER)
    table = pd.DataFrame({name: _column([line.get(name) for line in lines]) for name in names})
    units = {name: unit for name, one in study.responses.items() if (unit := unit_of(name, one))}
    said = {**BEFORE, **{name: title_of(name, one) for name, one in study.responses.items()}, **AFTER}
    table.attrs = {"study": study.name, "units": units | _UNITS, "descriptions": said}
    return table


def numbers_of(factors: Mapping[str, Value]) -> dict[str, float]:
    """Return the factors that are numbers: what constraints can be about."""
    return {name: float(value) for name, value in factors.items() if isinstance(value, int | float)}


def _line(
    responses: Mapping[str, Response], constraints: Constraints, point: Point, result: Result | None
) -> dict[str, Value]:
    values = {name: value_of(name, one, result) for name, one in responses.items()}
    done = result is not None and result.state == "done"
    return {
        "row": point.row,
        "replication": point.replication,
        "seed": point.seed,
        "id": point.id,
        **point.factors,
        **values,
        "feasible": done and constraints.kept(numbers_of(point.factors) | values),
        "status": result.state if result else "open",
        "seconds": result.seconds if result else math.nan,
        "memory_MB": result.memory_MB if result else math.nan,
        "attempts": result.attempts if result else 0,
        "version": result.version if result else "",
        "host": result.host if result else "",
        "error": result.error if result else "",
    }


def value_of(name: str, response: Response, result: Result | None) -> float:
    """Return what a point gave for a response; NaN where it has none."""
    if result is None or result.state != "done":
        return math.nan
    return float(result.metrics.get(response.metric or name, {}).get(response.statistic, math.nan))


def _metric(name: str, response: Response) -> Metric | None:
    """Return which metric of runs a response is; None of golden rules and of what a Python function returns."""
    from twin.analysis.judgement import all_metrics  # takes seconds: who only asks for names of columns does not pay

    return all_metrics().get(response.metric or name)


def unit_of(name: str, response: Response) -> str:
    """Return the unit of a response: ``1`` of shares and counts.

    Of what a Python function returns it is what the name ends in, as of ``price_EUR``; else empty.
    """
    metric = _metric(name, response)
    if metric is None:
        return "1" if _is_rule(name, response) else _ENDINGS.get(_parted(name)[1], "")
    return "1" if response.statistic == "count" else metric.unit


def percent_of(name: str, response: Response) -> bool:
    """Return whether a response is a share that readers want in per cent."""
    metric = _metric(name, response)
    if metric is None:
        return _is_rule(name, response)
    return metric.percent and response.statistic != "count"


def title_of(name: str, response: Response) -> str:
    """Return what a response is called where there is room for words."""
    metric = _metric(name, response)
    if metric is None:
        rule = _is_rule(name, response)
        text = (response.metric or name).removeprefix("rule_") if rule else _parted(name)[0]
        said = f"{'Rule kept: ' if rule else ''}{text.replace('_', ' ')}"
        return said[0].upper() + said[1:] if len(said) > 3 and said[:2].islower() else said
    words = {"mean": "", "p5": ", 5th percentile", "p95": ", 95th percentile", "count": ", how many"}
    return metric.title + words.get(response.statistic, f", {response.statistic}")


def _is_rule(name: str, response: Response) -> bool:
    return (response.metric or name).startswith("rule_")


def _parted(name: str) -> tuple[str, str]:
    """Return a name in words without its unit, and the ending that says it: both of ``price_EUR``."""
    for ending in sorted(_ENDINGS, key=len, reverse=True):
        if name.endswith(f"_{ending}") and len(name) > len(ending) + 1:
            return name[: -len(ending) - 1], ending
    return name, ""


def _column(values: Sequence[Value]) -> Any:
    """Return values as an array of one type that files can hold: bool, int64, float64, or text."""
    if not values:
        return np.array([], np.float64)
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, bool) for value in known) and len(known) == len(values):
        return np.array(values, dtype=np.bool_)
    if known and all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        whole = len(known) == len(values) and all(isinstance(value, int) and abs(value) < 2**63 for value in known)
        return np.array([math.nan if value is None else value for value in values], np.int64 if whole else np.float64)
    import pandas as pd

    return pd.array([value if isinstance(value, str) else json.dumps(value) for value in values], dtype="str")


def _parquet(table: pd.DataFrame, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    whole = pa.Table.from_pandas(table, preserve_index=False)
    fields = [field.with_metadata(_said(table, field.name)) for field in whole.schema]
    pq.write_table(whole.cast(pa.schema(fields, metadata=whole.schema.metadata)), path)


def _netcdf(table: pd.DataFrame, path: Path) -> None:
    import xarray as xr

    columns = {name: ("point", _plain(table[name]), _said(table, name)) for name in table.columns}
    xr.Dataset(columns, attrs={"title": table.attrs["study"]}).to_netcdf(path, engine="h5netcdf")


def _plain(column: Any) -> Any:
    return column.to_numpy(dtype=object) if column.dtype == "str" else column.to_numpy()


def _csv(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False)


WRITERS: Final[Mapping[str, Callable[[pd.DataFrame, Path], None]]] = {
    ".parquet": _parquet,
    ".h5": _netcdf,
    ".nc": _netcdf,
    ".csv": _csv,
}


def _said(table: pd.DataFrame, name: str) -> dict[str, str]:
    """Return what is known of a column, by the names that CF conventions give to it."""
    said = {"units": table.attrs["units"].get(name), "long_name": table.attrs["descriptions"].get(name)}
    return {key: value for key, value in said.items() if value}


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """Give a place to write to, which becomes the file once all is written. Raises InputError if it cannot."""
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(target)
    except OSError as mistake:
        raise InputError(Problem(f"cannot write the table: {mistake.strerror}", str(target))) from None
    finally:
        part.unlink(missing_ok=True)
