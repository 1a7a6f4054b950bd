"""How much memory this process holds, and held at most since it was last asked to forget."""

from __future__ import annotations

import contextlib
import re
import resource
import sys
from pathlib import Path
from typing import Final

_STATUS: Final = Path("/proc/self/status")
_CLEAR: Final = Path("/proc/self/clear_refs")
_FORGET_PEAK: Final = "5"
"""Resets the peak of resident memory, since Linux 4.0: proc_pid_clear_refs(5)."""


def forget_peak() -> None:
    """Begin a new peak; where the system cannot, the peak stays that of the whole process."""
    with contextlib.suppress(OSError):
        _CLEAR.write_text(_FORGET_PEAK)


def peak_MB() -> float:
    """Return the most resident memory since ``forget_peak``."""
    return _status_MB("VmHWM") or _ever_MB()


def resident_MB() -> float:
    """Return the resident memory now, or the most ever where the system does not say."""
    return _status_MB("VmRSS") or _ever_MB()


def _status_MB(name: str) -> float | None:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", _STATUS.read_text(), re.M)
    except OSError:
        return None
    return int(found[1]) * 1024 / 1e6 if found else None


def _ever_MB() -> float:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6
