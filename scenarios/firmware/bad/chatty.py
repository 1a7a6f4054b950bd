"""A module monitor that was built for debugging: it sends everything a hundred times a period.

What an operator would see: the update succeeds and all values are right. The bus is loaded many times as much, frames
of low priority come late, and with many modules some never come.
"""

from __future__ import annotations

from typing import ClassVar

from twin.bms.firmware.module_monitor import ModuleMonitor


class Chatty(ModuleMonitor):
    """A monitor that floods the bus."""

    version: ClassVar[str] = "2.4.0-chatty"
    repeats: int = 100
