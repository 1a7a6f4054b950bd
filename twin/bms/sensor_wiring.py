"""Which sensor is wired to which ECU: what every role reads of what was measured.

A monitor sits on its module. The controller of a pack measures the pack's bus bar, current and insulation, and the DC
link. A central controller is also wired to all cells, which it scans one module after the other; what it has not come
round to since the last tick is what it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.bms.architectures.architecture import Architecture
from twin.bms.sensing import Measurement

FloatArray = NDArray[np.float64]
Values = NDArray[Any]

_SCANNED = ("cell_voltage_V", "temperature_K")


@dataclass(frozen=True)
class Outside:
    """Voltages outside of the modules, which sensors of the contactors' other sides read without error."""

    terminal_V: FloatArray
    """``[site, slot]``"""
    bar_V: FloatArray
    """``[site, pack]``"""


class SensorWiring:
    """What the ECUs of a cohort read: ``[site, ECU of the role, ...]`` by role and name."""

    def __init__(self, architecture: Architecture, sites: int) -> None:
        site = architecture.site
        self._site, self._roles = site, {one.role: one.scope for one in architecture.firmware()}
        self._slots = site.packs * site.modules
        self._scan_ns = round(architecture.options.scan_s * 1e9) if architecture.scans else 0
        self._sampled_ns = np.full((sites, self._slots), -1, np.int64)
        self._held: dict[str, Values] = {}
        self._last_ns = np.zeros(sites, np.int64)
        """Of each site's tick before; the first scan begins at 0."""

    def read(
        self, time_ns: int, measured: Measurement, outside: Outside, rows: NDArray[np.int64] | None = None
    ) -> Mapping[str, Mapping[str, Values]]:
        """Return what each role reads at the begin of a tick of ``rows`` (None: all); call it once a tick of a site."""
        where = slice(None) if rows is None else rows
        read = measured.fresh[where] & self._due(time_ns, self._last_ns[where])
        self._sampled_ns[where] = np.where(read, time_ns, self._sampled_ns[where])
        self._last_ns[where] = time_ns
        by_scope = {"module": self._of_modules, "pack": self._of_packs}
        return {
            role: by_scope[scope](measured, outside) if scope in by_scope else {} for role, scope in self._roles.items()
        }

    def _due(self, time_ns: int, last_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which slots are read now, ``[row, slot]``: all, or those that a scan has come round to since."""
        if not self._scan_ns:
            return np.ones((len(last_ns), self._slots), np.bool_)
        offset_ns = self._scan_ns * np.arange(1, self._slots + 1) // self._slots
        before: NDArray[np.int64] = (last_ns[:, None] - offset_ns) // self._scan_ns
        return (time_ns - offset_ns) // self._scan_ns > before

    def _of_modules(self, measured: Measurement, outside: Outside) -> dict[str, Values]:
        site_V = np.repeat(measured.link_V[:, None], self._slots, axis=1)
        return {
            "cell_voltage_V": measured.cell_voltage_V,
            "temperature_K": measured.temperature_K,
            "current_A": measured.current_A,
            "module_V": measured.module_V,
            "link_V": site_V if self._site.series else outside.terminal_V,
            "insulation_ohm": np.repeat(measured.insulation_ohm[:, None], self._slots, axis=1),
            "sampled_ns": self._sampled_ns,
        }

    def _of_packs(self, measured: Measurement, outside: Outside) -> dict[str, Values]:
        """Return what controllers of packs read; the pack's sensor of current errs as those of its modules together."""
        packs = self._site.packs
        arranged = -1, packs, self._site.modules
        current_A = measured.current_A.reshape(arranged)
        read = {
            "link_V": np.repeat(measured.link_V[:, None], packs, axis=1),
            "bar_V": outside.bar_V,
            "insulation_ohm": np.repeat(measured.insulation_ohm[:, None], packs, axis=1),
            "pack_current_A": current_A.mean(axis=2) if self._site.series else current_A.sum(axis=2),
        }
        return read | self._scanned(measured) if self._scan_ns else read

    def _scanned(self, measured: Measurement) -> dict[str, Values]:
        arranged = -1, self._site.packs, self._site.modules
        new = self._sampled_ns == self._last_ns[:, None]
        for name in _SCANNED:
            values = getattr(measured, name)
            self._held[name] = np.where(new[..., None], values, self._held.get(name, values))
        held = {name: values.reshape(*arranged, values.shape[-1]) for name, values in self._held.items()}
        return {**held, "sampled_ns": self._sampled_ns.reshape(arranged)}
