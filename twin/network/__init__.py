"""CAN networks: frames to the bit, databases and codecs, buses computed exactly, their analysis, traces and transfers.

The names below are the public ones; they are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twin.network.database import Database as Database
    from twin.network.frames import FrameBits as FrameBits
    from twin.network.frames import frame_bits as frame_bits
    from twin.network.frames import worst_frame_bits as worst_frame_bits
    from twin.network.network import Node as Node
    from twin.network.periodic import PeriodicMessage as PeriodicMessage
    from twin.network.records import Frames as Frames
    from twin.network.simulate import simulate_messages as simulate_messages
    from twin.network.traces import read_trace as read_trace
    from twin.network.traces import write_trace as write_trace
    from twin.network.worst_case import response_times as response_times

_MODULES = {
    "Database": "database",
    "FrameBits": "frames",
    "frame_bits": "frames",
    "worst_frame_bits": "frames",
    "Node": "network",
    "PeriodicMessage": "periodic",
    "Frames": "records",
    "response_times": "worst_case",
    "simulate_messages": "simulate",
    "read_trace": "traces",
    "write_trace": "traces",
}
__all__ = [*_MODULES]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
