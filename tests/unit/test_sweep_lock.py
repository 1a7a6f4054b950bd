"""One coordinator a study, and how one that died is told from one that lives elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from twin.errors import InputError
from twin.sweep.lock import DEAD_S, Beat, beat_of, sole_coordinator


def _write(study: Path, beat: Beat) -> None:
    (study / "coordinator.json").write_text(json.dumps(asdict(beat)))


def _dead_pid() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def _enter(study: Path) -> None:
    with sole_coordinator(study, "now"):
        pass


def _beat(age_s: float = 0.0, **changes: Any) -> Beat:
    """Return a beat of this process, now, but for what is changed."""
    return replace(Beat("token", "2026-01-01T00:00:00+00:00"), time_s=time.time() - age_s, **changes)


@pytest.mark.parametrize(
    ("beat", "alive"),
    [
        pytest.param(lambda: _beat(), True, id="this process"),
        pytest.param(lambda: _beat(age_s=1e9), True, id="this process, silent: stopped perhaps, but not dead"),
        pytest.param(lambda: _beat(process_started_s=0.0), False, id="another process that had the number"),
        pytest.param(lambda: _beat(pid=_dead_pid()), False, id="a dead process"),
        pytest.param(lambda: _beat(host="elsewhere"), True, id="another host, just now"),
        pytest.param(lambda: _beat(age_s=DEAD_S + 1, host="elsewhere"), False, id="another host, silent"),
        pytest.param(lambda: _beat(state="finished"), False, id="finished"),
        pytest.param(lambda: _beat(host="elsewhere", state="cancelled"), False, id="cancelled elsewhere"),
    ],
)
def test_who_lives(beat: Callable[[], Beat], *, alive: bool) -> None:
    assert beat().alive == alive


def test_a_second_coordinator_is_refused(tmp_path: Path) -> None:
    first = sole_coordinator(tmp_path, "now")
    with first, pytest.raises(InputError, match=rf"is run by process {os.getpid()} on .*--cancel"):
        _enter(tmp_path)


def test_one_that_runs_elsewhere_is_left_alone(tmp_path: Path) -> None:
    _write(tmp_path, _beat(host="elsewhere"))
    with pytest.raises(InputError, match=r"on elsewhere.*if it is dead, wait until that is 60 s"):
        _enter(tmp_path)
    beat = beat_of(tmp_path)
    assert beat is not None
    assert beat.host == "elsewhere"


def test_a_dead_one_is_followed(tmp_path: Path) -> None:
    _write(tmp_path, _beat(pid=_dead_pid()))
    with sole_coordinator(tmp_path, "now") as pulse:
        beat = beat_of(tmp_path)
        assert beat is not None
        assert (beat.token, beat.pid, beat.alive) == (pulse.token, os.getpid(), True)
        pulse.end("finished")
    beat = beat_of(tmp_path)
    assert beat is not None
    assert (beat.state, beat.alive) == ("finished", False)


def test_the_lock_holds_before_the_first_sign_of_life(tmp_path: Path) -> None:
    """Two that start in the same moment: the system lets one have it."""
    with sole_coordinator(tmp_path, "now"):
        (tmp_path / "coordinator.json").unlink()
        with pytest.raises(InputError, match="just beginning"):
            _enter(tmp_path)


def test_a_sign_of_life_comes_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twin.sweep.lock.BEAT_S", 0.05)
    with sole_coordinator(tmp_path, "now") as pulse:
        pulse.progress = lambda: {"done": 7}
        end_s = time.monotonic() + 5.0
        while (beat := beat_of(tmp_path)) is None or not beat.progress:
            assert time.monotonic() < end_s
            time.sleep(0.02)
    assert beat.progress == {"done": 7}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"token": 1}'])
def test_a_broken_sign_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "coordinator.json").write_text(text)
    assert beat_of(tmp_path) is None
