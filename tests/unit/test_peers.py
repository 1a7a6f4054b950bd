"""What peers make of what they hear of each other, and the inverter of all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from twin import resources
from twin.bms import codes
from twin.bms.architectures.distributed import Distributed
from twin.bms.codes import Level
from twin.bms.firmware.firmware import Inputs, Received
from twin.bms.firmware.peer_view import PeerView
from twin.scenario import load
from twin.scenario.architecture import architecture_of

SECOND = 1_000_000_000
NOW_NS = 100 * SECOND
PACKS, MODULES = 2, 3
SLOTS = PACKS * MODULES


def _architecture(*overrides: str) -> Distributed:
    said = ("bms.architecture=distributed", f"fleet.packs={PACKS}", f"fleet.modules={MODULES}", *overrides)
    kind = architecture_of(load(resources.folder("scenarios") / "one_home.yaml", said))
    assert isinstance(kind, Distributed)
    return kind


def _inputs(slots: list[int], age_s: Any = 0.5, **told: Any) -> Inputs:
    """Return what ECUs at ``slots`` have received of all modules, ``[slot]`` each, and of themselves nothing."""
    default = {
        "SOC": 50.0,
        "Current": 10.0,
        "Voltage": 52.0,
        "Level": 0,
        "ContactorClosed": 1,
        "Balancing": 0,
        "Counter": 0,
        "FaultCode": 0,
        "ChargeCurrentLimit": 80.0,
        "DischargeCurrentLimit": 100.0,
        "LowestCellVoltage": 3.25,
        "Ready": 1,
        "ContactorState": 2,
        "Peers": 5,
        "Measures": 0,
    }
    values = {name: np.broadcast_to(told.get(name, one), (len(slots), SLOTS)) for name, one in default.items()}
    heard = np.arange(SLOTS) != np.array(slots)[:, None]
    age_ns = np.broadcast_to(np.asarray(age_s) * SECOND, heard.shape).astype(np.int64)
    latest_ns = np.where(heard, NOW_NS - age_ns, -1)
    names = tuple(values)
    everything = np.stack([np.where(heard, one, 0.0) for one in values.values()])
    received = Received(names, everything, latest_ns)
    frames = {"Module_State": received, "Module_Limits": received}
    return Inputs(np.full(len(slots), NOW_NS), np.array(slots), {}, frames)


def _view(slots: list[int], age_s: Any = 0.5, **told: Any) -> PeerView:
    return PeerView.of(_inputs(slots, age_s, **told), _architecture().site, 1.0)


def test_who_is_not_heard_for_three_and_a_half_periods_is_silent() -> None:
    view = _view([1], age_s=[0.1, 0.1, 3.4, 3.6, 0.1, 1000.0])
    assert view.heard.tolist() == [[True, False, True, False, True, False]]
    assert view.silent.tolist() == [[False, False, False, True, False, True]]
    assert view.heard_all.tolist() == [False]
    assert view.last_ns[0, 5] < 0 <= view.last_ns[0, 3]
    assert _view([1]).heard_all.tolist() == [True]
    assert not view.closed[0, 3], "what a silent one said last does not count"


ALL_WELL = [1, 1, 1, 1, 1, 1]
FIRST: dict[str, tuple[list[int], list[bool], bool, list[int]]] = {
    "everybody is ready": (ALL_WELL, [True] * SLOTS, True, [0]),
    "by packs": (ALL_WELL, [True] * SLOTS, False, [0, 3]),
    "the first is not ready": ([0, 1, 1, 1, 1, 1], [False, *[True] * 5], True, [1]),
    "a pack without anybody": ([0, 0, 0, 1, 1, 1], [False] * 3 + [True] * 3, False, [3]),
    "nobody": ([0] * SLOTS, [False] * SLOTS, True, []),
}


@pytest.mark.parametrize(("ready", "well", "everywhere", "first"), FIRST.values(), ids=FIRST.keys())
def test_the_lowest_number_among_those_that_are_ready_is_first(
    ready: list[int], well: list[bool], everywhere: bool, first: list[int]
) -> None:
    view = _view(list(range(SLOTS)), Ready=np.array(ready))
    assert np.flatnonzero(view.first(np.array(well), everywhere=everywhere)).tolist() == first


def test_all_pause_balancing_while_one_measures_the_insulation() -> None:
    measures = np.array([0, 1, 0, 0, 0, 0])
    assert _view([0, 1, 5], Measures=measures).measuring.tolist() == [True, False, True], "its own it knows itself"
    assert _view([0], age_s=10.0, Measures=measures).measuring.tolist() == [False], "who is silent measures no more"


def test_who_hears_nobody_is_first() -> None:
    assert _view([4], age_s=10.0).first(np.array([True]), everywhere=True).tolist() == [True]


def test_a_string_is_what_is_heard_and_ready_of_the_own_pack() -> None:
    view = _view(
        [0, 4],
        Voltage=np.array([50.0, 51.0, 52.0, 53.0, 54.0, 55.0]),
        LowestCellVoltage=np.array([3.0, 3.1, 3.2, 2.9, 3.0, 3.3]),
        Ready=np.array([1, 1, 1, 1, 1, 0]),
    )
    assert view.string_V.tolist() == [51.0 + 52.0, 53.0]
    assert view.lowest_V.tolist() == [3.1, 2.9]


INSULATION: dict[str, tuple[int, int, bool]] = {
    "somebody says that it is gone": (codes.INSULATION_LOW.number, Level.FATAL, True),
    "it is low": (codes.INSULATION_LOW.number, Level.WARNING, False),
    "something else is fatal": (codes.OVERTEMPERATURE.number, Level.FATAL, False),
}


@pytest.mark.parametrize(("code", "level", "failed"), INSULATION.values(), ids=INSULATION.keys())
def test_all_open_where_somebody_says_that_insulation_is_gone(code: int, level: int, failed: bool) -> None:
    said = np.array([0, 0, code, 0, 0, 0]), np.array([0, 0, level, 0, 0, 0])
    view = _view([0, 2], FaultCode=said[0], Level=said[1])
    assert view.insulation_failed.tolist() == [failed, False], "nobody hears himself"
    assert not _view([0], age_s=5.0, FaultCode=said[0], Level=said[1]).insulation_failed[0]


LIMITS = {"ChargeCurrentLimit": np.array([80.0, 80, 80, 60, 80, 80]), "DischargeCurrentLimit": 100.0}
INVERTER: dict[str, tuple[tuple[str, ...], dict[str, Any], float, list[float]]] = {
    "the least able counts for all": ((), {}, 0.5, [6 * 60.0 * 52, 6 * 100.0 * 52]),
    "an open one does not": ((), {"ContactorClosed": np.array([1, 1, 1, 0, 1, 1])}, 0.5, [5 * 80.0 * 52, 5 * 100 * 52]),
    "nobody is closed": ((), {"ContactorClosed": 0}, 0.5, [0.0, 0.0]),
    "nobody is heard": ((), {}, 9.0, [0.0, 0.0]),
    "strings share as one": (("fleet.connection=series",), {}, 0.5, [2 * 60.0 * 156, 2 * 100.0 * 156]),
    "a broken string gives nothing": (
        ("fleet.connection=series",),
        {"ContactorClosed": np.array([1, 1, 1, 0, 1, 1])},
        0.5,
        [80.0 * 156, 100.0 * 156],
    ),
    "a bypassed module leaves its string": (
        ("fleet.connection=series", "plant.bypass=true"),
        {"ContactorClosed": np.array([1, 0, 1, 0, 1, 1])},
        0.5,
        [2 * 80.0 * 104, 2 * 100.0 * 104],
    ),
}


@pytest.mark.parametrize(("overrides", "told", "age_s", "power_W"), INVERTER.values(), ids=INVERTER.keys())
def test_the_inverter_keeps_to_what_modules_say(
    overrides: tuple[str, ...], told: dict[str, Any], age_s: float, power_W: list[float]
) -> None:
    firmware = next(one for one in _architecture(*overrides).firmware() if one.scope == "site")
    heard = _inputs([-1], age_s, **LIMITS, **told)
    _, outputs = firmware.step(firmware.initial(1, {}), heard)
    assert outputs.commands["power_limit_W"].tolist() == [power_W]
    soc = outputs.beliefs["pack_soc"]
    assert soc.tolist() == [0.5] if power_W[0] else np.isnan(soc).all()
