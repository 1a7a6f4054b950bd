"""What an FMU may be connected to when it is an ECU's firmware: every signal by name, unit and size.

- Signals of the frames that the ECU receives and sends: ``MESSAGE.SIGNAL``, in the unit of the CAN database, where a
  message is called as its type is, ``Module_State`` for ``Module03_State``. What it hears from several senders has one
  number a sender. ``MESSAGE.age_s`` is the time since the newest frame was received.
- What its sensors read: ``cell_voltage_V``, ``link_V`` and so on.
- ``activation``, the how-manieth since power-on, and ``slot``, its (first) place at the site.
- What it can command, ``power_limit_W``, and what it tells the log of its beliefs, ``pack_soc``.
- As parameters: what it was set up with, and the state of charge ``soc`` that it remembers from before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from twin.bms.firmware.firmware import Firmware, Reach, Scope
from twin.bms.messages import FRAME_BYTES, type_of
from twin.bms.site import Site
from twin.network.dbc.codec import MessageLayout
from twin.plant.ports import Interface, Signal

AGE = "age_s"
NEVER_S: Final = 1e9
"""The age of what was never received: thirty years."""
SET_UP: Final = ("period_s", "capacity_Ah", "charge_limit_A", "discharge_limit_A")
"""Options of the BMS that an FMU may have as parameters."""

_CELL_READINGS = ("cell_voltage_V", "temperature_K")
_MODULE_READINGS = ("current_A", "module_V", "link_V", "insulation_ohm")
_PACK_READINGS = ("link_V", "bar_V", "insulation_ohm", "pack_current_A")
_UNITS = {"V": "V", "A": "A", "K": "K", "W": "W", "ohm": "Ohm", "s": "s", "Ah": "A.h"}


@dataclass(frozen=True)
class Place:
    """Where the ECUs of a role stand: what they are called on the bus, their site, and what is wired to them."""

    nodes: frozenset[str]
    layouts: Sequence[MessageLayout]
    site: Site
    scanned: bool
    """Whether the cells of a pack are wired to its controller."""


def interface(own: Firmware[Any], place: Place) -> Interface:
    """Return everything that may be connected where ``own`` would run; its beliefs have to be."""
    return Interface(
        (*_heard(own, place), *_sensed(own, place), _optional("activation", 1), _optional("slot", 1)),
        (*_sent(place), *_commanded(own), *_believed(own)),
        (*(_optional(name, 1) for name in SET_UP), _optional("soc", place.site.modules if own.scope == "pack" else 1)),
    )


def _heard(own: Firmware[Any], place: Place) -> Iterator[Signal]:
    """Yield the signals of every type of message that one of the ECUs receives."""
    for kind, layout in _kinds(place, heard=True).items():
        size = _senders(kind, own.scope, place.site)
        for signal in layout.signals:
            yield Signal(f"{kind}.{signal.name}", signal.unit or "1", required=False, size=size)
        yield Signal(f"{kind}.{AGE}", "s", required=False, size=size)


def _senders(kind: str, scope: Scope, site: Site) -> int:
    """Return of how many senders an ECU reads a type, as ``twin.bms.messages.MessageTable.read`` says."""
    if kind.startswith("Module_"):
        return site.modules if scope == "pack" else site.packs * site.modules
    return site.packs if scope == "pack" else 1


def _sent(place: Place) -> Iterator[Signal]:
    for kind, layout in _kinds(place, heard=False).items():
        for signal in layout.signals:
            yield Signal(f"{kind}.{signal.name}", signal.unit or "1", required=False)


def _kinds(place: Place, *, heard: bool) -> dict[str, MessageLayout]:
    """Return a message of every type that the ECUs receive, or that they send."""
    found: dict[str, MessageLayout] = {}
    for layout in place.layouts:
        ends = layout.receivers if heard else (layout.sender,)
        if layout.length <= FRAME_BYTES and not place.nodes.isdisjoint(ends):
            found.setdefault(type_of(layout.name), layout)
    return found


def _sensed(own: Firmware[Any], place: Place) -> Iterator[Signal]:
    """Yield what ``twin.bms.sensor_wiring`` gives ECUs of this scope."""
    cells, modules = place.site.module.cells, place.site.modules
    if own.scope == "module":
        yield from (_optional(name, cells) for name in _CELL_READINGS)
        yield from (_optional(name, 1) for name in _MODULE_READINGS)
    if own.scope == "pack":
        yield from (_optional(name, 1) for name in _PACK_READINGS)
        yield from (_optional(name, modules * cells) for name in _CELL_READINGS if place.scanned)


def _commanded(own: Firmware[Any]) -> Iterator[Signal]:
    yield from (_optional(name, count(reach)) for name, reach in own.commands.items())


def _believed(own: Firmware[Any]) -> Iterator[Signal]:
    yield from (Signal(name, _unit(name), size=count(reach)) for name, reach in own.believes.items())


def count(reach: Reach) -> int:
    """Return how many numbers a reach is."""
    return max(reach.slots, 1) * max(reach.cells, 1)


def _optional(name: str, size: int) -> Signal:
    return Signal(name, _unit(name), required=False, size=size)


def _unit(name: str) -> str:
    """Return the unit that a name ends in."""
    return _UNITS.get(name.rpartition("_")[2], "1")
