"""The catalogue of faults as a page: ``python -m twin.faults.catalogue > docs/faults.md``."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator

from pydantic.fields import FieldInfo

from twin import faults
from twin.faults.fault import CellFault, Fault, ModuleFault, TimedFault
from twin.faults.update_fault import UpdateFault
from twin.options import descriptions
from twin.plugins import discover

HEADER = """\
# Faults

Generated from `twin/faults/`, one file a fault: `python -m twin.faults.catalogue > docs/faults.md`.

A scenario states faults in its list `faults`, each with its `kind` and `site`; or `drawn` gives every site some by
chance ([how to add one](how-to/add-a-fault.md)). What really happened is in a run's table `/truth`, apart from what the
BMS noticed. *A good BMS says* names the codes that would tell the fault, the most telling one first; *isolates* where
it should take what is concerned out of service. *Drawn* says from where a number is taken by chance: evenly, or evenly
in its logarithm.

Several faults on one actuator: heat, shorts, contact resistances and extra power add up, paths to earth are in
parallel, of lost cooling, welds and ignored limits the largest counts. Several on one sensor act one after the other,
in the order in which they begin, and a stuck reading is stuck whatever else.
"""


def page() -> str:
    """Return the catalogue as Markdown."""
    kinds = discover(faults, Fault)  # type: ignore[type-abstract]
    return HEADER + "".join(f"\n{section(name, kind)}" for name, kind in kinds.items()).replace("``", "`")


def section(name: str, kind: type[Fault]) -> str:
    """Return what the catalogue says of one kind."""
    what = inspect.getdoc(sys.modules[kind.__module__]) or ""
    lines = [f"## {name}", "", what.splitlines()[0], "", inspect.getdoc(kind) or "", ""]
    lines += [f"- Where and when: {_where(kind)}"]
    lines += [f"- `{field}`{said}" for field, said in _numbers(kind)]
    told = ", ".join(f"`{code}`" for code in kind.expected)
    silent = "spoils the update" if issubclass(kind, UpdateFault) else "spoils what the BMS says"
    says = f"A good BMS says {told}" if told else f"It {silent}, and has no code of its own"
    lines += [f"- {says}{', and isolates' if kind.hazardous else ''}."]
    if kind.ranges is None:
        lines += ["- It is stated, never drawn."]
    if kind.source:
        lines += [f"- Source: {kind.source}."]
    return "\n".join(lines) + "\n"


def _where(kind: type[Fault]) -> str:
    place = "`site`"
    if issubclass(kind, CellFault):
        place += ", `module`, `cell`"
    elif issubclass(kind, ModuleFault):
        place += ", `module`"
    if not issubclass(kind, TimedFault) and "start_s" not in kind.model_fields:
        return f"{place}; from the start"
    start, duration = (kind.model_fields.get(name) for name in ("start_s", "duration_s"))
    begins = "`start_s`" if start is None or start.is_required() else f"`start_s` ({start.default:g})"
    if duration is None:
        return f"{place}; from {begins} on"
    lasts = "to the end of the run unless given" if duration.default is None else f"{duration.default:g}"
    return f"{place}; from {begins}, for `duration_s` ({lasts}{_drawn(kind, 'duration_s')})"


def _numbers(kind: type[Fault]) -> Iterator[tuple[str, str]]:
    """Yield the fields of a kind's own, each with its default, range and meaning."""
    for name, field in kind.model_fields.items():
        if name not in ("kind", "site", "module", "cell", "start_s", "duration_s"):
            yield name, f"{_default(field)}{_drawn(kind, name)}{_meaning(kind, name)}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    return " (optional)" if field.default in (None, "") else f" = {field.default}"


def _drawn(kind: type[Fault], name: str) -> str:
    reach = (kind.ranges or {}).get(name)
    if reach is None:
        return ""
    return f"; drawn from {reach.low:g} to {reach.high:g}{', evenly in its logarithm' if reach.log else ''}"


def _meaning(kind: type[Fault], name: str) -> str:
    text = " ".join(descriptions(kind).get(name, "").split())
    return f": {text}" if text else ""


if __name__ == "__main__":
    print(page(), end="")
