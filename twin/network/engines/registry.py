"""The engines that compute buses, by the names that scenarios know them by."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from twin.network.engines.engine import Engine
from twin.network.engines.native import NativeEngine
from twin.network.engines.simpy import SimpyEngine

ENGINES: Mapping[str, type[Engine]] = MappingProxyType({"native": NativeEngine, "simpy": SimpyEngine})
