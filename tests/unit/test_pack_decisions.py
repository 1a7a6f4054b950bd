"""What a controller decides for a pack: what modules share, which limits are ignored, what forbids it to be closed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from twin import resources
from twin.bms import codes
from twin.bms.codes import FaultCode, Level
from twin.bms.firmware.pack_decisions import PackDecisions, ignored
from twin.bms.firmware.pack_view import PackView
from twin.bms.site import Site
from twin.scenario import load
from twin.scenario.architecture import architecture_of

HOME = resources.folder("scenarios") / "one_home.yaml"


def _site(connection: str, bypass: bool) -> Site:
    home = load(HOME, [f"fleet.connection={connection}", f"plant.bypass={bypass}", "fleet.modules=3"])
    return architecture_of(home).site


PATHS: dict[str, tuple[str, bool, list[int], list[float]]] = {
    "in parallel each module is one": ("parallel", False, [3, 2, 0], [30.0, 21.0, 0.0]),
    "a string is one, if it is whole": ("series", False, [1, 0, 0], [10.0, 10.5, 0.0]),
    "a string with bypass is one while anybody is in it": ("series", True, [1, 1, 0], [10.0, 10.5, 0.0]),
}


@pytest.mark.parametrize(("connection", "bypass", "paths", "together_A"), PATHS.values(), ids=PATHS.keys())
def test_how_modules_share_a_current(connection: str, bypass: bool, paths: list[int], together_A: list[float]) -> None:
    site = _site(connection, bypass)
    closed = np.array([[1, 1, 1], [1, 1, 0], [0, 0, 0]], np.bool_)
    current_A = np.array([[10.0, 10.0, 10.0], [10.5, 10.5, 0.0], [0.0, 0.0, 0.0]])
    assert site.paths(closed).tolist() == paths
    assert site.together(current_A, closed).tolist() == together_A
    assert site.breaks == (connection == "series" and not bypass)


IGNORED = {
    "within the limit": (100.0, False),
    "a tenth and 5 A more": (115.0, False),
    "more": (115.1, True),
    "charging within": (-60.0, False),
    "charging more": (-60.1, True),
}


@pytest.mark.parametrize(("current_A", "expected"), IGNORED.values(), ids=IGNORED.keys())
def test_when_an_inverter_ignores_its_limits(current_A: float, expected: bool) -> None:
    """Charging is limited to 50 A, discharging to 100 A."""
    assert ignored(np.array([[50.0, 100.0]]), np.array([current_A])).tolist() == [expected]


def _view(level: Level, code: FaultCode) -> PackView:
    """Return two packs of three sound modules, and in the second pack a finding of the second module."""
    shape = 2, 3
    yes, zero = np.ones(shape, np.bool_), np.zeros(shape)
    found = zero.copy()
    found[1, 1] = 1.0
    volts, kelvins = zero + 3.3, zero + 298.0
    sound = PackView(
        *(yes, yes, zero, zero, zero + 0.5, zero + 10.0, zero + 52.8, volts, volts, kelvins, kelvins),
        *(~yes, np.zeros(shape, np.int64), zero + 1.0, zero + 1.0),
    )
    return replace(sound, level=found * level, code=found * code.number)


FORBIDS: dict[str, tuple[bool, Level, FaultCode, bool]] = {
    "a module that can open by itself": (False, Level.FATAL, codes.OVERTEMPERATURE, False),
    "one that has welded": (False, Level.FATAL, codes.CONTACTOR_WELDED, True),
    "one that nobody else can open": (True, Level.FATAL, codes.OVERTEMPERATURE, True),
    "one that only warns": (True, Level.WARNING, codes.OVERTEMPERATURE, False),
}


@pytest.mark.parametrize(("isolates", "level", "code", "expected"), FORBIDS.values(), ids=FORBIDS.keys())
def test_what_forbids_a_pack_to_be_closed(isolates: bool, level: Level, code: FaultCode, expected: bool) -> None:
    architecture = architecture_of(load(HOME, ["fleet.modules=3"]))
    decisions = PackDecisions(architecture.options, architecture.site, isolates=isolates)
    assert decisions.forbids(_view(level, code)).tolist() == [[False] * 3, [False, expected, False]]
