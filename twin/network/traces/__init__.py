"""Traces: recorded frames in the file formats that CAN tools open, written and read through python-can.

Reader and writer are loaded when they are first used: python-can imports asammdf, and with it most of a second.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from twin.network.traces.formats import FORMATS as FORMATS
from twin.network.traces.formats import Format as Format
from twin.network.traces.formats import format_named as format_named
from twin.network.traces.formats import format_of as format_of
from twin.network.traces.recording import FrameKind as FrameKind
from twin.network.traces.recording import Recording as Recording

if TYPE_CHECKING:
    from twin.network.traces.readers import read_trace as read_trace
    from twin.network.traces.writers import write_trace as write_trace

_MODULES = {"read_trace": "readers", "write_trace": "writers"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
