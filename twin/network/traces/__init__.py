"""Traces: recorded frames in the file formats that CAN tools open, written and read through python-can."""

from twin.network.traces.formats import FORMATS as FORMATS
from twin.network.traces.formats import Format as Format
from twin.network.traces.formats import format_named as format_named
from twin.network.traces.formats import format_of as format_of
from twin.network.traces.readers import read_trace as read_trace
from twin.network.traces.recording import FrameKind as FrameKind
from twin.network.traces.recording import Recording as Recording
from twin.network.traces.writers import write_trace as write_trace
