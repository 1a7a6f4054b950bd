"""Where commands of ECUs land: on what they name, but for swapped leads and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from twin.bms.effects import Mishap, Renumbered, SwappedLeads
from twin.plant.action import Action

OF_A_CELL = ("bleed", "balancing_current_A")
OF_A_MODULE = ("module_state", "cooling", *OF_A_CELL)


class Leads:
    """The wires from the ECUs of a cohort to what they switch."""

    def __init__(self, mishaps: Iterable[Mishap]) -> None:
        self._swapped = [one for one in mishaps if isinstance(one, SwappedLeads | Renumbered)]
        self._sites = {one.site for one in self._swapped}

    def landed(self, commands: Sequence[Action]) -> list[Action]:
        """Return the commands as the plant gets them."""
        if not self._swapped:
            return list(commands)
        return [self._landed(one) if one.site in self._sites else one for one in commands]

    def _landed(self, command: Action) -> Action:
        for swap in self._swapped:
            if swap.site != command.site or not swap.holds(command.time_ns):
                continue
            if isinstance(swap, Renumbered) and command.actuator in OF_A_MODULE:
                slot = {swap.slot: swap.other, swap.other: swap.slot}.get(command.slot, command.slot)
                command = replace(command, slot=slot)
            elif isinstance(swap, SwappedLeads) and command.actuator in OF_A_CELL and command.slot == swap.slot:
                cell = {swap.cell: swap.other, swap.other: swap.cell}.get(command.cell, command.cell)
                command = replace(command, cell=cell)
        return command
