"""What a scenario says of the plant."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from twin.options import Options
from twin.plant import ageing as ageing_kinds
from twin.plant.ageing.ageing import Ageing
from twin.plant.ageing.none import NoAgeing
from twin.plugins import discover
from twin.quantity import Amperes, Farads, Ohms, Seconds, Watts

if TYPE_CHECKING:
    AnyAgeing = Ageing
else:
    AnyAgeing = Annotated[reduce(or_, discover(ageing_kinds, Ageing).values()), Field(discriminator="kind")]


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
    """From the command to the contact: TE's EVC 135 takes up to 40 ms near its pick-up voltage, and 5 ms of bounce."""
    open_s: Annotated[Seconds, Field(ge=0, le=10)] = 0.02
    """From the command to the parting of the contacts: up to 10 ms there, up to 25 ms in the EVC 250."""


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
    bleed_ohm: Annotated[Ohms, Field(gt=0)] = 33.0
    """Resistor that bleeds a cell for passive balancing: 33 ohm take 100 mA from a cell of 3.3 V."""
    bypass: bool = False
    """Whether a module in series is bypassed when its contactor opens (a half bridge); else it opens the string."""
    contactor: Contactor = Contactor()
    substeps: Annotated[int, Field(ge=1, le=10_000)] = 64
    """Into how many equal parts a site's step may be cut to keep its loop gain at 0.5."""
    inverter: Inverter = Inverter()
    ageing: AnyAgeing = NoAgeing()
    """How cells age while they are used."""
