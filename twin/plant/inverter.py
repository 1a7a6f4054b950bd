"""The constant-power inverter at the end of a site's DC bus."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.plant.pool import FloatArray


class Inverter:
    """What the inverter of every site may take, and so what it does take; power is positive when it discharges."""

    def __init__(self, sites: int, rated_power_W: float) -> None:
        self.rated_power_W = rated_power_W
        self.charge_limit_W: FloatArray = np.full(sites, rated_power_W)
        self.discharge_limit_W: FloatArray = np.full(sites, rated_power_W)
        self.extra_W: FloatArray = np.zeros(sites)
        """What it takes beside what it is asked for: a fault."""
        self.ignores = np.zeros(sites, np.bool_)
        """Whether it keeps to its rating only: a fault."""

    def limit(self, site: int, direction: int, power_W: float) -> None:
        """Limit the charging (``direction`` 0), discharging (1) or either (-1) power of a site, within the rating."""
        allowed_W = min(max(power_W, 0.0), self.rated_power_W)
        if direction != 1:
            self.charge_limit_W[site] = allowed_W
        if direction != 0:
            self.discharge_limit_W[site] = allowed_W

    def power_W(self, request_W: FloatArray, rows: slice | NDArray[np.intp]) -> FloatArray:
        """Return what the inverters of ``rows`` ask of the bus."""
        charge_W, discharge_W = self.charge_limit_W[rows], self.discharge_limit_W[rows]
        wanted_W = request_W[rows] + self.extra_W[rows]
        if self.ignores.any():
            free_W = np.where(self.ignores[rows], self.rated_power_W, 0.0)
            charge_W, discharge_W = np.maximum(charge_W, free_W), np.maximum(discharge_W, free_W)
        return np.minimum(np.maximum(wanted_W, -charge_W), discharge_W)


def constant_power_voltage(
    conductance_S: FloatArray, short_circuit_A: FloatArray, power_W: FloatArray
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the voltage at which sources deliver ``power_W``, and where they cannot and deliver nothing instead.

    The sources, seen from the bus, carry ``short_circuit_A`` at 0 V and lose ``conductance_S`` of it per volt, so that
    ``power = V (short_circuit - conductance V)``; of its two roots the upper one is the stable one. Above
    ``short_circuit^2 / (4 conductance)`` there is none: the inverter has tripped.
    """
    discriminant = short_circuit_A**2 - 4.0 * conductance_S * power_W
    infeasible = discriminant < 0.0
    root_A = np.sqrt(np.where(infeasible, short_circuit_A**2, discriminant))
    return (short_circuit_A + root_A) / (2.0 * conductance_S), infeasible
