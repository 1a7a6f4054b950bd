"""Readings that do not come any more: a lost harness, or a scan that does not come round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import READING_STALE, FaultCode
from twin.bms.diagnosis.diagnosis import Diagnosis, Evidence, Said
from twin.bms.limit_levels import Levels, Limits
from twin.bms.module_data import ModuleData


@dataclass(frozen=True)
class Fresh:
    """When each module was read last, ``[row]``; -1: not looked at yet."""

    read_ns: NDArray[np.int64]


class ReadingStale(Diagnosis[Fresh]):
    """The age of the readings."""

    code: ClassVar[FaultCode] = READING_STALE
    sees_stale: ClassVar[bool] = True

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of the age."""
        return limits.reading_stale_s

    def initial(self, rows: int, module: ModuleData) -> Fresh:  # noqa: ARG002 - the same for every module
        """Return modules that were not looked at yet."""
        return Fresh(np.full(rows, -1))

    def step(self, state: Fresh, evidence: Evidence) -> tuple[Fresh, Said]:
        """Return for how long no reading has come; before the first one, since the first look."""
        measured = evidence.look.measured
        read_ns = np.where(measured.fresh | (state.read_ns < 0), measured.time_ns, state.read_ns)
        return Fresh(read_ns), ((measured.time_ns - read_ns) * 1e-9, evidence.whole)
