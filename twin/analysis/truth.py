"""The truth about a run's faults, apart from what its BMS believes: one row a fault."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np

from twin.analysis.view import RunView

NEVER: Final = 2**63 - 1


@dataclass(frozen=True)
class TrueFault:
    """One fault as it really was; slot and cell are -1 where it has none."""

    kind: str
    number: int
    """The how-manieth of its kind at its site, from 0."""
    site: int
    slot: int
    cell: int
    start_ns: int
    end_ns: int
    expected: tuple[str, ...]
    """Codes that a good BMS would report, the best first."""
    hazardous: bool
    """Whether it should lead to an isolation."""
    text: str


def faults_of(run: RunView) -> tuple[TrueFault, ...]:
    """Return the faults of a run in the order of time; none if the run has no table of them."""
    if not run.has("truth/kind"):
        return ()
    table = run.tree.children["truth"].to_dataset(inherit=False).to_dataframe()
    table = table.sort_values(["start_s", "site_id"], kind="stable")
    seen: Counter[tuple[int, str]] = Counter()
    faults = []
    for row in table.itertuples():
        place = int(row.site_id), str(row.kind)
        end_s = float(row.end_s)
        faults.append(
            TrueFault(
                kind=str(row.kind),
                number=seen[place],
                site=int(row.site_id),
                slot=int(row.slot_id),
                cell=int(row.cell_id),
                start_ns=round(float(row.start_s) * 1e9),
                end_ns=round(end_s * 1e9) if np.isfinite(end_s) else NEVER,
                expected=tuple(code for code in str(row.expected).split(",") if code),
                hazardous=bool(row.hazardous),
                text=str(row.text),
            )
        )
        seen[place] += 1
    return tuple(faults)
