"""Questions to a batch queue by its own programs, and times as they spell them."""

from __future__ import annotations

import getpass
import subprocess

_ANSWER_S = 10.0
"""Longest wait for a queue's answer."""


def ask(*command: str, given: str | None = None) -> str:
    """Return what a command of the queue prints. Raises OSError with its complaint if it fails or does not answer."""
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=_ANSWER_S, check=False)
    except subprocess.TimeoutExpired:
        raise OSError(f"{command[0]} does not answer within {_ANSWER_S:.0f} s") from None
    if done.returncode != 0:
        raise OSError(f"{command[0]}: {' '.join((done.stderr or done.stdout).split()) or 'failed without a word'}")
    return done.stdout


def clock(time_s: float) -> str:
    """Return a time as queues spell it, ``60:00:00``, whole minutes rounded up."""
    minutes = -(-int(time_s) // 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:00"


def user() -> str:
    """Return whose jobs are meant."""
    return getpass.getuser()
