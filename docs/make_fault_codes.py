"""Writes docs/fault-codes.md from the catalogue: ``python docs/make_fault_codes.py``."""

from __future__ import annotations

from pathlib import Path

from twin.bms.codes import CATALOGUE, FaultCode
from twin.bms.diagnosis.diagnoses import KINDS
from twin.bms.limit_levels import Levels, Limits

PAGE = Path(__file__).with_name("fault-codes.md")

HEAD = """# Fault codes

What a battery may say, what usually causes it, and what to do. The number travels on the bus; the name stands in logs,
and `twin events RUN --code NAME` finds it. Written by `python docs/make_fault_codes.py` from the catalogue in
`twin/bms/catalogue/`; the levels are the defaults of `bms.limits`, which a scenario may set.

*Info* is told, *warning* is told to the inverter too, *fatal* isolates and stays until it is cleared. Info and warning
clear by themselves once the value is back by the hysteresis.
"""


def page() -> str:
    """Return the page."""
    limits = Limits()
    watched = {kind.code.number: kind().levels(limits) for kind in KINDS}
    lines = [HEAD, "| number | name | what |", "|---|---|---|"]
    lines += [f"| {code.number} | [`{code.name}`](#{_anchor(code)}) | {code.title} |" for code in CATALOGUE]
    for code in CATALOGUE:
        lines += ["", *_entry(code, watched.get(code.number))]
    return "\n".join(lines) + "\n"


def _anchor(code: FaultCode) -> str:
    return f"{code.number}-{code.name}"


def _entry(code: FaultCode, levels: Levels | None) -> list[str]:
    lines = [f"## {code.number} {code.name}", "", f"{code.title[0].upper()}{code.title[1:]}.", ""]
    lines += [
        f"- **where**: {_where(code)}",
        f"- **likely cause**: {code.cause}",
        f"- **what to do**: {code.remedy}",
    ]
    if levels is not None:
        lines.append(f"- **levels**: {_levels(code, levels)}")
    return lines


def _where(code: FaultCode) -> str:
    named = {
        "cell": "pack, module and cell",
        "module": "pack and module",
        "pack": "pack",
        "ECU": "the controller, by the module or pack that it looks after",
        "site": "site",
    }
    return named[code.place]


def _levels(code: FaultCode, levels: Levels) -> str:
    stated = [f"{name} {code.told(limit)}" for name, limit in levels.limits().items() if limit is not None]
    which = "below" if levels.falling else "from"
    debounce = f", after {levels.debounce_s:g} s" if levels.debounce_s else ""
    spread = code.told(levels.hysteresis) if code.unit != "K" else f"{levels.hysteresis:g} K"
    return f"{which} {', '.join(stated)}{debounce}; hysteresis {spread}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
