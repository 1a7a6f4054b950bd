"""The tables of the report's part on CAN, as HTML: messages beside their bounds, and controllers that had errors."""

from __future__ import annotations

from html import escape
from typing import Any, Final

import numpy as np
import pandas as pd

from twin.analysis.bus_messages import LOSSES, worst_first
from twin.analysis.tables import table
from twin.analysis.view import RunView, meanings
from twin.errors import InputError

MOST_CONTROLLERS: Final = 200
_TEXTS: Final = {"message": "Message", "identifier": "Identifier", "sender": "Sender", "segment": "Segment"}
_COUNTS: Final = {
    "frames": "Frames",
    "misses": "Late",
    "overwritten": "Overwritten",
    "dropped": "Dropped",
    "errors": "Errors",
}
_TIMES: Final = {
    "latency_mean_s": "Mean, ms",
    "latency_max_s": "Longest, ms",
    "bound_s": "Bound, ms",
    "deadline_s": "Deadline, ms",
    "margin_s": "Margin, ms",
}
_BOUND: Final = (
    "Bound: the longest that a message can take (Davis et al. 2007), of the scenario's own messages with the longest "
    "frames and ECUs in the worst of phases, without errors, faults and replayed traces. "
)
_REST: Final = (
    "Late: seen after the deadline, the cycle time in the database. Overwritten: replaced by a newer instance before "
    "it was sent. Dropped: its queue was full, its sender off or bus-off. Errors: attempts that were destroyed, and "
    "sent again. Margin: deadline less bound. All sites together, the worst first; a click on a heading sorts."
)


def messages_table(run: RunView) -> str:
    """Return every message of all sites together beside its bound, the worst first."""
    if not run.has("bus/frames") or not run.has("bus/message"):
        return '<p class="quiet">This run did not log statistics of its messages.</p>'
    found = worst_first(run.messages)
    if "deadline_s" in found:
        found = found.assign(margin_s=found["deadline_s"] - found["bound_s"])
    if "segment" in found and found["segment"].nunique() < 2:
        found = found.drop(columns="segment")
    heads = {name: head for name, head in (_TEXTS | _COUNTS | _TIMES).items() if name in found}
    numbers = frozenset(place for place, name in enumerate(heads) if name in _COUNTS | _TIMES)
    rows = (_message_row(one, list(heads)) for one in found.to_dict("records"))
    return "<h3>Messages</h3>" + _note(run) + table(heads.values(), rows, numbers=numbers, sortable=True)


def _note(run: RunView) -> str:
    if isinstance(run.bounds, InputError):
        why = escape("; ".join(problem.message for problem in run.bounds.problems))
        return f'<p class="note">No bounds, as the scenario of this run cannot be read: {why}. {_REST}</p>'
    return f'<p class="note">{_BOUND}{_REST}</p>'


def _message_row(one: dict[str, Any], names: list[str]) -> str:
    return f"<tr>{''.join(_cell(one, name) for name in names)}</tr>"


def _cell(one: dict[str, Any], name: str) -> str:
    if name in _TEXTS:
        text = str(one[name])
        if name == "identifier":
            text = f"{one[name]:#010x}" if one["extended"] else f"{one[name]:#05x}"
        return f"<td>{escape(text)}</td>"
    severity = " level warning" if _alarming(one, name) else ""
    digits = 1 if name in ("deadline_s", "margin_s") else 3
    text = f"{int(one[name]):,}" if name in _COUNTS else _milliseconds(one[name], digits)
    return f'<td class="number{severity}">{text}</td>'


def _alarming(one: dict[str, Any], name: str) -> bool:
    """Return whether a value should not go unnoticed."""
    if name in (*LOSSES, "errors"):
        return bool(one[name] > 0)
    if name == "latency_max_s":
        return bool(one[name] > np.fmin(one["bound_s"], one.get("deadline_s", np.nan)))
    if name == "bound_s":
        return bool(np.isposinf(one[name]))
    return name == "margin_s" and bool(one[name] < 0)


def _milliseconds(time_s: float, digits: int) -> str:
    if np.isnan(time_s):
        return ""
    return f"{1e3 * time_s:.{digits}f}" if np.isfinite(time_s) else "none"


def controllers_table(run: RunView) -> str:
    """Return the CAN controllers that ended in another state than error active or counted errors; the worst first."""
    if "bus_nodes" not in run.tree.children:
        return ""
    found = _controllers(run)
    troubled = found[(found["state"] != "error active") | (found[["tec", "rec", "bus_offs"]] > 0).any(axis=1)]
    if troubled.empty:
        return '<p class="quiet">At the end every CAN controller is error active, without a count of errors.</p>'
    ordered = troubled.sort_values(["bus_offs", "tec", "rec"], ascending=False, kind="stable").head(MOST_CONTROLLERS)
    cut = f"The {MOST_CONTROLLERS} worst of {len(troubled)}; " if len(troubled) > MOST_CONTROLLERS else ""
    note = (
        f"{cut}{len(found) - len(troubled)} of {len(found)} controllers are error active, without a count of errors. "
        "TEC and REC are the transmit and receive error counters at the end; the events tell when a state changed."
    )
    head = ("Site", "Controller", "State", "TEC", "REC", "Bus-off, times")
    rows = (_controller_row(one) for one in ordered.itertuples())
    return f'<h3>Controllers</h3><p class="note">{note}</p>' + table(
        head, rows, numbers=frozenset({0, 3, 4, 5}), sortable=True
    )


def _controllers(run: RunView) -> pd.DataFrame:
    """Return the controllers of all sites, a row each."""
    nodes = run.tree.children["bus_nodes"].to_dataset(inherit=False)
    words = {value: word.replace("_", " ") for value, word in meanings(nodes["state"]).items()}
    names = [str(name) for name in nodes["node"].values]
    columns = {name: nodes[name].values.ravel() for name in ("state", "tec", "rec", "bus_offs")}
    found = pd.DataFrame({"site": np.repeat(run.sites, len(names)), "node": names * len(run.sites), **columns})
    return found.assign(state=[words.get(int(state), "unknown") for state in found["state"]])


def _controller_row(one: Any) -> str:
    level = {"error passive": " class='level warning'", "bus off": " class='level fatal'"}.get(one.state, "")
    numbers = "".join(f'<td class="number">{count}</td>' for count in (one.tec, one.rec, one.bus_offs))
    site = f'<td class="number">{one.site}</td>'
    return f"<tr>{site}<td>{escape(one.node)}</td><td{level}>{escape(one.state)}</td>{numbers}</tr>"
