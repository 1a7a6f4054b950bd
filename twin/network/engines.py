"""The engines that compute buses, by the names that scenarios know them by."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from twin.network.bus import BusEngine
from twin.network.native_bus import NativeBuses
from twin.network.simpy_bus import SimpyBuses

ENGINES: Mapping[str, type[BusEngine]] = MappingProxyType({"native": NativeBuses, "simpy": SimpyBuses})
