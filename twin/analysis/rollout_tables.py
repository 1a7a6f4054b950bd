"""The tables of the report's update section, as HTML: groups, failures, attacks, decisions. All text is escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any, Final

import numpy as np
import pandas as pd

from twin.analysis.figures import duration
from twin.analysis.rollout import STOPS, Rollout
from twin.analysis.rollout_story import percent
from twin.analysis.tables import table
from twin.analysis.view import RunView
from twin.ota.causes import Cause
from twin.record.rollout import OUTCOMES, ROLES

_OUTCOME: Final = {value: name for name, value in OUTCOMES.items()}
_LEVELS: Final = {"no_effect": "ok", "detected": "ok", "outside_promise": "warning", "undetected": "fatal"}
_WORDS: Final = {
    "no_effect": "no effect",
    "detected": "detected",
    "outside_promise": "outside the promise",
    "undetected": "not detected",
}


def groups_table(rollout: Rollout) -> str:
    """Return how each group of the campaign fared."""
    head = ("Group", "Sites", "First asked", "Updated", "To 50 %", "To 95 %", "Failed", "Exposed", "For gates")
    rows = (_group_row(rollout, int(group)) for group in sorted(rollout.plan["group"].unique()))
    return table(head, rows, numbers=frozenset(range(1, 8)))


def _group_row(rollout: Rollout, group: int) -> str:
    mine = (rollout.plan["group"] == group).to_numpy()
    sites = rollout.sites[mine]
    asked = rollout.transitions.loc[rollout.transitions["site_id"].isin(sites), "time_s"]
    start_s = float(asked.min()) if len(asked) else np.nan
    done_s = np.sort(rollout.updated_s[mine][np.isfinite(rollout.updated_s[mine])])
    cells = [
        f"{len(sites):,}",
        duration(start_s - rollout.start_s) if len(asked) else "never",
        percent(len(done_s) / len(sites)),
        *(_reached(done_s - start_s, share, len(sites)) for share in (0.5, 0.95)),
        f"{int(rollout.failed[mine].sum())}",
        percent(float(np.isfinite(rollout.exposed_s[mine]).mean())),
    ]
    numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
    return f"<tr><td>{group + 1}</td>{numbers}<td>{_gate_roles(rollout.plan.loc[mine, 'role'])}</td></tr>"


def _reached(done_s: Any, share: float, sites: int) -> str:
    needed = max(1, int(np.ceil(share * sites - 1e-9)))
    return duration(float(done_s[needed - 1])) if len(done_s) >= needed else "–"


def _gate_roles(roles: pd.Series) -> str:
    counts = {name: int((roles == value).sum()) for name, value in ROLES.items() if name != "rest"}
    words = {"canary": "canaries", "baseline": "held back to compare"}
    return ", ".join(f"{count} {words[name]}" for name, count in counts.items() if count)


def failures_table(rollout: Rollout) -> str:
    """Return why updates did not go on, in plain language; empty where all did."""
    if not len(rollout.failures):
        return '<p class="quiet">No update was given up or put off.</p>'
    head = ("What happened", "Gave up", "Tried again", "Called off", "Sites", "For example")
    return table(head, map(_failure_row, rollout.failures.itertuples()), numbers=frozenset({1, 2, 3, 4, 5}))


def _failure_row(row: Any) -> str:
    counts = (row.gave_up, row.setbacks, row.cancelled, row.sites, f"site {row.example}")
    numbers = "".join(f'<td class="number">{count}</td>' for count in counts)
    cause = Cause(int(row.cause))
    sentence = escape(cause.sentence[0].upper() + cause.sentence[1:])
    return f'<tr><td title="{cause.name.lower()}">{sentence}</td>{numbers}</tr>'


def bricked_table(rollout: Rollout) -> str:
    """Return the ECUs that run nothing when the run ends; empty where there are none."""
    rows = (
        f'<tr><td class="number">{row.site_id}</td><td>{escape(str(row.ecu))}</td><td>{escape(str(row.version))}</td>'
        f'<td class="number">{duration(rollout.end_s - row.end_s)}</td></tr>'
        for row in rollout.bricked.itertuples()
    )
    return table(("Site", "ECU", "Ran last", "Silent for"), rows, numbers=frozenset({0, 3}))


def attacks_table(rollout: Rollout) -> str:
    """Return what came of each attack, a column a kind of ECU; empty where there was none."""
    found = rollout.table("ota_attacks")
    kinds = list(dict.fromkeys(zip(found["ecu"], found["verification"], strict=True)))
    head = ("Attack", "Keys of the attacker", *(f"{ecu.replace('_', ' ')} ({how})" for ecu, how in kinds))
    rows = (
        f"<tr><td>{escape(str(attack).replace('_', ' '))}</td><td>{escape(str(keys)) or '–'}</td>"
        + "".join(_attack_cell(mine[(mine["ecu"] == ecu) & (mine["verification"] == how)]) for ecu, how in kinds)
        + "</tr>"
        for (attack, keys), mine in found.groupby(["attack", "keys"], sort=False)
    )
    return table(head, rows)


def _attack_cell(found: pd.DataFrame) -> str:
    """Return what came of an attack at one kind of ECU: the worst outcome, what noticed it, and what ran."""
    if not len(found):
        return "<td></td>"
    worst = int(found["outcome"].max())
    name = _OUTCOME[worst]
    mine = found[found["outcome"] == worst]
    count = f" at {len(mine)} of {len(found)}" if len(found) > 1 else ""
    said = dict.fromkeys(str(one) for one in mine["check"] if str(one)) or dict.fromkeys(map(str, mine["text"]))
    ran = '<small class="level fatal">an unverified image ran</small>' if (found["ran"] > 0).any() else ""
    return (
        f'<td><span class="level {_LEVELS[name]}">{_WORDS[name]}</span>{count}'
        f"<small>{escape('; '.join(list(said)[:3]))}</small>{ran}</td>"
    )


def decisions_table(run: RunView, rollout: Rollout) -> str:
    """Return what the campaign decided, in the order of time."""
    if not len(rollout.decisions):
        return '<p class="quiet">The campaign decided nothing that was recorded.</p>'
    return table(("Time", "After", "Decision", "Group", "Why"), _decision_rows(run, rollout), numbers=frozenset({1, 3}))


def _decision_rows(run: RunView, rollout: Rollout) -> Iterator[str]:
    for row in rollout.decisions.itertuples():
        kind = str(row.kind)
        level = "fatal" if kind in STOPS else "warning" if kind == "roll_back" else "info"
        group = f"{row.group + 1}" if row.group >= 0 else ""
        after = duration(row.time_s - rollout.start_s) if row.time_s >= rollout.start_s else "before"
        yield (
            f'<tr><td class="time">{run.clock_text(row.time_s)}</td><td class="number">{after}</td>'
            f'<td class="level {level}">{escape(kind.replace("_", " "))}</td><td class="number">{group}</td>'
            f"<td>{escape(str(row.text))}</td></tr>"
        )
