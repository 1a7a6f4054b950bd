"""The engines that compute buses, by the names that scenarios know them by."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from twin.network.engine import Engine
from twin.network.native_engine import NativeEngine
from twin.network.simpy_engine import SimpyEngine

ENGINES: Mapping[str, type[Engine]] = MappingProxyType({"native": NativeEngine, "simpy": SimpyEngine})
