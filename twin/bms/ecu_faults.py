"""When which ECU begins and ceases to suffer a fault.

A fault takes effect from the begin of the tick in which it falls, or ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.bms.architectures.architecture import Ecu
from twin.bms.effects import NEVER, EcuFault


class Change(NamedTuple):
    """A fault that begins or ends."""

    fault: EcuFault
    begins: bool


class EcuFaults:
    """The faults of the ECUs of a cohort, in the order of time; ends come before begins."""

    def __init__(self, ecus: Sequence[Ecu], faults: Sequence[EcuFault], *, modules: int) -> None:
        self._ecus, self._modules = ecus, modules
        changes = [(fault.time_ns, True, fault) for fault in faults]
        changes += [(fault.end_ns, False, fault) for fault in faults if fault.end_ns < NEVER]
        self._changes = sorted(changes, key=lambda change: change[:2], reverse=True)

    def due(self, end_ns: int, served: NDArray[np.bool_] | None = None) -> Iterator[tuple[int, int, Change]]:
        """Yield (site, ECU, change) of everything before ``end_ns`` that was not due yet, at the sites ``served``."""
        others = []
        while self._changes and self._changes[-1][0] < end_ns:
            change = self._changes.pop()
            _, begins, fault = change
            if served is not None and not served[fault.site]:
                others.append(change)
                continue
            for ecu in self._suffering(fault):
                yield fault.site, ecu, Change(fault, begins)
        self._changes += reversed(others)

    def _suffering(self, fault: EcuFault) -> list[int]:
        """Return the ECUs of a site that suffer a fault.

        Of a module: who measures it, the controller of its pack where it has no ECU of its own. Of a pack: who commands
        its main contactor, or its modules' ECUs where nobody does.
        """
        modules = [index for index, ecu in enumerate(self._ecus) if ecu.scope == "module"]
        packs = [index for index, ecu in enumerate(self._ecus) if ecu.scope == "pack"]
        chosen = {"module": modules or packs, "pack": packs or modules}.get(
            fault.ecu, [index for index, ecu in enumerate(self._ecus) if ecu.scope == "site"]
        )
        if fault.slot < 0 or fault.ecu == "inverter":
            return chosen
        pack = fault.slot // self._modules
        return [
            index
            for index in chosen
            if self._ecus[index].slot == fault.slot
            or (self._ecus[index].scope == "pack" and self._ecus[index].pack == pack)
        ]
