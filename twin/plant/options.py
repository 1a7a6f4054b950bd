"""What a scenario says of the plant."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from twin.options import Options
from twin.quantity import Amperes, Farads, Ohms, Seconds, Watts


class Inverter(Options):
    """The constant-power inverter on a site's DC bus."""

    rated_power_W: Annotated[Watts, Field(gt=0)] = 8000.0
    """Highest power in either direction."""
    link_F: Annotated[Farads, Field(gt=0)] = 0.01
    """Capacitance of its DC link, which a pack pre-charges."""
    precharge_ohm: Annotated[Ohms, Field(gt=0)] = 50.0
    """Pre-charge resistor of a pack."""
    discharge_ohm: Annotated[Ohms, Field(gt=0)] = 1000.0
    """Resistor that takes the DC link's charge away while no pack is joined to it."""
    inrush_limit_A: Annotated[Amperes, Field(gt=0)] = 500.0
    """Peak current of a pack at the closing of a contactor above which an event says so."""


def _as_version(value: Any) -> Any:
    """Return the version that a bare 3.0 means, which YAML reads as a number."""
    return f"{value:.1f}" if type(value) in (int, float) else value


class Contactor(Options):
    """The contactors of modules and packs, and their pre-charge relays."""

    close_s: Annotated[Seconds, Field(ge=0, le=10)] = 0.05
    """From the command to the contact. Datasheets of 200 to 500 A EV contactors allow 25 to 50 ms with bounce."""
    open_s: Annotated[Seconds, Field(ge=0, le=10)] = 0.02
    """From the command to the parting of the contacts: 10 to 20 ms there."""


class Plant(Options):
    """The FMUs of a cohort and how they are stepped."""

    electrical: str = "module_electrical"
    """A model of fmus/, or the path of an FMU with a ports file beside it."""
    thermal: str = "module_thermal"
    """A model of fmus/, or the path of an FMU with a ports file beside it."""
    fmi: Annotated[Literal["2.0", "3.0"], BeforeValidator(_as_version)] = "2.0"
    """The FMI version of the models of fmus/."""
    backend: Literal["native", "fmpy", "pyfmi"] = "native"
    """Which pool steps the FMUs."""
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    """Threads of the native pool; the results do not depend on it."""
    link_ohm: Annotated[Ohms, Field(gt=0)] = 0.002
    """Resistance of the cables and fuse between a module and its pack's bus bar, or the next module of its string."""
    bypass: bool = False
    """Whether a module in series is bypassed when its contactor opens (a half bridge); else it opens the string."""
    contactor: Contactor = Contactor()
    substeps: Annotated[int, Field(ge=1, le=10_000)] = 64
    """Into how many equal parts a site's step may be cut to keep its loop gain at 0.5."""
    inverter: Inverter = Inverter()
