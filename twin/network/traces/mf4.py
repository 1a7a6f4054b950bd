"""Writing MF4 by asammdf, in the channel names of ASAM's bus logging, which python-can reads.

python-can's own writer takes 180 us a frame and dates the file by the clock of the machine; this one takes columns.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from twin.errors import InputError, Problem
from twin.network.engines.records import FrameFlag
from twin.network.frames.bits import FD_LENGTHS
from twin.network.traces.recording import Recording

_BLOCK = 100_000


def asammdf() -> Any:
    """Return the module asammdf, an optional one. Raises InputError, which says what to install."""
    try:
        import asammdf
    except ImportError:
        problem = Problem("MF4 needs asammdf, which is not installed", suggestion="pip install bms-twin[mf4]")
        raise InputError(problem) from None
    return asammdf


def write(file: Path, recording: Recording, start: datetime, on_frames: Callable[[int], None]) -> None:
    """Write frames, error frames and remote frames into a group each; stamps count from ``start``."""
    mdf = asammdf().MDF(version="4.10")
    mdf.header.start_time = start
    error, remote = recording.has(FrameFlag.ERROR), recording.has(FrameFlag.REMOTE)
    done = 0
    try:
        for name, mask in (("Data", ~error & ~remote), ("Error", error), ("Remote", remote & ~error)):
            which = np.flatnonzero(mask)
            for first in range(0, len(which), _BLOCK):
                block = recording.select(which[first : first + _BLOCK])
                _add(mdf, f"CAN_{name}Frame", block, new=first == 0)
                done += len(block)
                on_frames(done)
        with file.open("w+b") as target:
            mdf.save(target, compression=2)
    finally:
        mdf.close()


def _add(mdf: Any, name: str, block: Recording, *, new: bool) -> None:
    from asammdf import Signal
    from asammdf.blocks import v4_constants as constants
    from asammdf.blocks.v4_blocks import SourceInformation

    samples, time_s = _samples(name, block), block.time_ns * 1e-9
    if new:
        source = SourceInformation(source_type=constants.SOURCE_BUS, bus_type=constants.BUS_TYPE_CAN)
        mdf.append(Signal(name=name, samples=samples, timestamps=time_s, source=source))
    else:
        mdf.extend(len(mdf.groups) - 1, [(time_s, None), (samples, None)])


def _samples(name: str, block: Recording) -> Any:
    """Return the rows of a group; error frames carry no data, and remote frames have no place for any."""
    whole = name == "CAN_DataFrame"
    length = np.zeros(len(block), np.uint8) if name == "CAN_ErrorFrame" else block.length
    columns = {
        "BusChannel": block.channel + 1,  # 0 stands for any
        "ID": block.identifier,
        "IDE": block.has(FrameFlag.EXTENDED),
        "DLC": np.searchsorted(FD_LENGTHS, length),
        "DataLength": length if whole else np.zeros(len(block), np.uint8),
        "Dir": np.zeros(len(block), np.uint8),
    }
    if name != "CAN_RemoteFrame":
        columns["DataBytes"] = block.payload if whole else np.zeros_like(block.payload)
        columns["EDL"] = block.has(FrameFlag.FD) & whole
        columns["BRS"] = block.has(FrameFlag.BIT_RATE_SWITCH) & whole
        columns["ESI"] = np.zeros(len(block), np.uint8)
    types = [
        (f"{name}.{column}", "<u4" if column == "ID" else "u1", values.shape[1:]) for column, values in columns.items()
    ]
    samples = np.zeros(len(block), np.dtype(types))
    for column, values in columns.items():
        samples[f"{name}.{column}"] = values
    return samples
