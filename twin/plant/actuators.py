"""What actions act on: inputs of the FMUs, contactors, inverters, and what they leave behind until the next one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.errors import InputError, Problem
from twin.plant.action import Action, Actuator
from twin.plant.coupling import CoupledModules
from twin.plant.dc_bus import Contactor
from twin.plant.inverter import Inverter
from twin.plant.pool import FloatArray
from twin.plant.switchgear import Switchgear

EVERY = slice(None)
Index = int | slice

_ALWAYS: frozenset[Actuator] = frozenset(
    ("power_limit_W", "extra_heat_W", "insulation_ohm", "inverter_ignores", "inverter_extra_W", "present")
)


class Actuators:
    """The actuators of a cohort whose modules are arranged as ``shape``: site, pack, module."""

    def __init__(
        self,
        modules: CoupledModules,
        shape: tuple[int, int, int],
        inverter: Inverter,
        gear: Switchgear,
        insulation_ohm: FloatArray,
    ) -> None:
        self._modules, self._inverter, self._gear, self._insulation_ohm = modules, inverter, gear, insulation_ohm
        self._packs, self._in_a_pack = shape[1:]
        self._cooling, self._cooling_lost = np.zeros(shape), np.zeros(shape)
        self._has_cooling = "cooling" in modules.inputs
        if self._has_cooling:
            self._cooling[:] = modules.inputs["cooling"].read(EVERY)

    @property
    def names(self) -> frozenset[str]:
        """The actuators that there are: FMUs may lack inputs, and contactors that are fixed take no command."""
        own = {"cooling_lost"} if self._has_cooling else set()
        if not self._gear.movement.modules_fixed:
            own |= {"module_state", "module_welded"}
        if not self._gear.movement.packs_fixed:
            own |= {"pack_state", "pack_welded"}
        return frozenset(self._modules.inputs) | _ALWAYS | own

    def apply(self, action: Action) -> None:
        """Set what an action sets; -1 as slot or cell means all."""
        site, cell, value = action.site, EVERY if action.cell < 0 else action.cell, action.value
        pack, module = (EVERY, EVERY) if action.slot < 0 else divmod(action.slot, self._in_a_pack)
        match action.actuator:
            case "module_state" | "pack_state":
                self._gear.command(action.time_ns, site, self._contactors(action), Contactor(int(value)))
            case "module_welded" | "pack_welded":
                self._gear.weld(action.time_ns, site, self._contactors(action), bool(value))
            case "power_limit_W":
                self._inverter.limit(site, action.cell, value)
            case "inverter_ignores":
                self._inverter.ignores[site] = bool(value)
            case "inverter_extra_W":
                self._inverter.extra_W[site] = value
            case "insulation_ohm":
                self._insulation_ohm[site] = value
            case "extra_heat_W":
                self._modules.extra_heat_W[site, pack, module, cell] = value
            case "cooling" | "cooling_lost":
                self._cool(action.actuator, (site, pack, module), value)
            case _:
                self._write(action.actuator, (site, pack, module, cell), value)

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """Return what actions have left behind here and in the inverter."""
        inverter = self._inverter
        limits_W = inverter.charge_limit_W, inverter.discharge_limit_W
        return *limits_W, inverter.extra_W, inverter.ignores, self._cooling, self._cooling_lost

    def _contactors(self, action: Action) -> slice:
        """Return the places in the switchgear of the contactors that an action means."""
        slots = self._gear.slots
        if action.actuator in ("module_state", "module_welded"):
            return slice(0, slots) if action.slot < 0 else slice(action.slot, action.slot + 1)
        pack = slots + action.slot // self._in_a_pack
        return slice(slots, slots + self._packs) if action.slot < 0 else slice(pack, pack + 1)

    def _cool(self, actuator: Actuator, index: tuple[int, Index, Index], value: float) -> None:
        """Set what coolant is commanded or lost; what remains reaches the module."""
        held = self._cooling if actuator == "cooling" else self._cooling_lost
        held[index] = value
        self._write("cooling", index, self._cooling[index] * (1.0 - self._cooling_lost[index]))

    def _write(self, name: str, index: tuple[Index, ...], value: float | FloatArray) -> None:
        try:
            self._modules.inputs[name].write(index, value)
        except KeyError:
            raise InputError(Problem(f"the plant's FMUs have no input {name!r}")) from None
