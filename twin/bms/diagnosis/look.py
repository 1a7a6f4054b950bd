"""What whoever looks after modules knows of them at one instant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from twin.bms.measured import Measured
from twin.bms.rows import take

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Look:
    """Readings of modules, one a row, and what whoever reads has told them to do."""

    measured: Measured
    module_V: FloatArray
    """Terminal voltage by a sensor of its own, ``[row]``; NaN where there is none."""
    link_V: FloatArray
    """Voltage right behind the module's own contactor, ``[row]``; NaN where nobody measures it."""
    expected_A: FloatArray
    """The current that others say flows through the module, ``[row]``; NaN where nobody does."""
    duty: FloatArray
    """Of the bleed resistors since the look before, ``[row, cell]``."""
    balancing_A: FloatArray
    """What balancing drew from each cell since the look before, bled or moved; positive discharges, ``[row, cell]``."""
    commanded: NDArray[np.int8]
    """The contactor as last commanded, ``twin.plant.dc_bus``'s OPEN, PRECHARGE, CLOSED, ``[row]``."""
    switched_ns: IntArray
    """When that command changed last, ``[row]``."""
    flow: FloatArray
    """Commanded coolant flow, 0..1, ``[row]``."""
    cell_soc: FloatArray
    """Estimated, ``[row, cell]``."""
    scope: Literal["module", "pack"]
    """Whose contactor and current sensor these are: each module's own, or the pack's for all of its modules."""

    def of(self, rows: IntArray) -> Look:
        """Return what is known of some rows."""
        some = {name: getattr(self, name)[rows] for name in _ARRAYS}
        return replace(self, measured=take(self.measured, rows), **some)


_ARRAYS = ("module_V", "link_V", "expected_A", "duty", "balancing_A", "commanded", "switched_ns", "flow", "cell_soc")
