"""What one tick shows of some sites to who operates them: telemetry, events, counters; never the truth of the plant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.bms.events import Event

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Size(NamedTuple):
    """What the watched sites are made of: how many there are, and what each of them has."""

    sites: int
    packs: int
    slots: int
    cells: int

    @property
    def modules(self) -> int:
        """Modules of a pack."""
        return self.slots // self.packs


@dataclass(frozen=True, eq=False)
class Observation:
    """What the tick ``[start_ns, end_ns)`` shows of the sites ``rows[n]``; every array has a row for each of them.

    Telemetry is what was last told by the tick's end, NaN where nobody tells. Counters run since the start of the run.
    """

    start_ns: int
    end_ns: int
    rows: IntArray
    """Of the cohort, as are the sites of ``events``."""
    events: Sequence[Event]
    request_W: FloatArray
    power_W: FloatArray
    charge_limit_W: FloatArray
    discharge_limit_W: FloatArray
    module_soc: FloatArray
    """``[n, slot]``."""
    current_A: FloatArray
    """``[n, slot]``, positive discharges."""
    module_state: IntArray
    """``[n, slot]``, twin.plant.dc_bus.Contactor."""
    pack_state: IntArray
    """``[n, pack]``, twin.plant.dc_bus.Contactor."""
    cell_voltage_V: FloatArray
    """``[n, slot, cell]``, as the next two."""
    temperature_K: FloatArray
    bleed: FloatArray
    """Duty of balancing resistors; 0 where there are none."""
    busy_ns: IntArray
    """Counter ``[n, segment]``: for how long each bus was busy."""
    frames: IntArray
    """Counter: frames that ECUs sent, those of diagnosis left out."""
    restarts: IntArray
    """Counter: how often an ECU of the site has booted, by its bootloaders."""
    silent: FloatArray
    """Share of the site's ECUs that do not run."""
    rated_W: float
    """Of the inverter."""
    capacity_Ah: float
    """Of a module, nominal."""

    @property
    def elapsed_s(self) -> float:
        """How long the tick is."""
        return (self.end_ns - self.start_ns) * 1e-9

    @property
    def elapsed_h(self) -> float:
        """How long the tick is, in hours."""
        return self.elapsed_s / 3600.0

    def count(self, events: Sequence[Event]) -> FloatArray:
        """Return how many of ``events`` each site has."""
        sites = np.array([event.site for event in events], np.int64)
        counted: FloatArray = (sites == self.rows[:, None]).sum(axis=1).astype(np.float64)
        return counted

    def only(self, some: IntArray, rows: IntArray, events: Sequence[Event]) -> Observation:
        """Return the same of ``some`` of the sites, under other numbers."""
        every = {field.name: getattr(self, field.name) for field in fields(self)}
        taken: dict[str, Any] = {name: value[some] for name, value in every.items() if isinstance(value, np.ndarray)}
        return replace(self, **{**taken, "rows": rows, "events": events})
