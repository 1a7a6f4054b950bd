"""CAN networks: frames to the bit, databases and codecs, buses computed exactly, their analysis, traces and transfers.

The names below are the public ones; they are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twin.network.dbc.database import Database as Database
    from twin.network.engines.engine import LAST_BIT as LAST_BIT
    from twin.network.engines.records import Frames as Frames
    from twin.network.engines.registry import ENGINES as ENGINES
    from twin.network.frames.bits import FrameBits as FrameBits
    from twin.network.frames.bits import frame_bits as frame_bits
    from twin.network.frames.bits import worst_frame_bits as worst_frame_bits
    from twin.network.message_sets.periodic import PeriodicMessage as PeriodicMessage
    from twin.network.message_sets.simulate import simulate_messages as simulate_messages
    from twin.network.message_sets.worst_case import response_times as response_times
    from twin.network.network import Channel as Channel
    from twin.network.network import Filter as Filter
    from twin.network.network import Message as Message
    from twin.network.network import Network as Network
    from twin.network.network import Node as Node
    from twin.network.network import Route as Route
    from twin.network.network import Segment as Segment
    from twin.network.traces import read_trace as read_trace
    from twin.network.traces import write_trace as write_trace
    from twin.network.uds.client import flash_sequence as flash_sequence
    from twin.network.uds.diagnostics import Diagnostics as Diagnostics
    from twin.network.uds.server import UdsServer as UdsServer

_MODULES = {
    "Channel": "network",
    "Database": "dbc.database",
    "Diagnostics": "uds.diagnostics",
    "ENGINES": "engines.registry",
    "Filter": "network",
    "FrameBits": "frames.bits",
    "Frames": "engines.records",
    "LAST_BIT": "engines.engine",
    "Message": "network",
    "Network": "network",
    "Node": "network",
    "PeriodicMessage": "message_sets.periodic",
    "Route": "network",
    "Segment": "network",
    "UdsServer": "uds.server",
    "flash_sequence": "uds.client",
    "frame_bits": "frames.bits",
    "read_trace": "traces",
    "response_times": "message_sets.worst_case",
    "simulate_messages": "message_sets.simulate",
    "worst_frame_bits": "frames.bits",
    "write_trace": "traces",
}
__all__ = [*_MODULES]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
