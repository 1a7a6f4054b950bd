"""What every fault code and every diagnosis promises."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.worlds.watched_module import MODULE, Readings, Run, World
from twin.bms import codes
from twin.bms.codes import CATALOGUE, PROTECTION_CODES, FaultCode, Level, place_name
from twin.bms.diagnosis.diagnoses import KINDS, Diagnoses
from twin.bms.diagnosis.diagnosis import Diagnosis
from twin.bms.limit_levels import Limits
from twin.bms.rows import each

ROOT = Path(__file__).parents[2]
VERBS = (
    *("Calibrate", "Check", "Compare", "Confirm", "Disconnect", "Do", "Follow", "Inspect", "Isolate", "Leave", "Let"),
    *("Measure", "Reduce", "Replace", "Report", "Set", "Stop", "Switch", "Take", "Tighten", "Update"),
)
"""With which an instruction may begin."""
STABLE = {
    1: "cell_overvoltage",
    2: "cell_undervoltage",
    3: "overtemperature",
    4: "undertemperature",
    5: "overcurrent",
    6: "deep_discharge",
    7: "thermal_runaway",
    8: "cell_imbalance",
    10: "module_silent",
    11: "precharge_failed",
    12: "insulation_low",
    13: "main_contactor_welded",
    14: "protocol_mismatch",
    15: "ecu_restarted",
    16: "bus_errors",
    17: "limits_ignored",
    18: "module_replaced",
    19: "module_fatal",
    20: "pack_overcurrent",
    21: "peers_disagree",
    22: "numbering_implausible",
    23: "task_late",
    24: "clock_deviates",
    30: "voltage_implausible",
    31: "open_sense_wire",
    32: "voltage_stuck",
    33: "voltage_noisy",
    34: "temperature_implausible",
    35: "temperature_stuck",
    36: "current_implausible",
    37: "reading_stale",
    38: "balancing_disturbs_measurement",
    40: "high_resistance",
    41: "internal_short",
    42: "weak_cell",
    43: "cooling_failed",
    44: "capacity_mismatch",
    50: "contactor_welded",
    51: "contactor_stuck_open",
    60: "balancing_ineffective",
    61: "balancing_wrong_cell",
}
"""Numbers that are on buses and in logs: never changed, never used again. A new code adds a line."""

each_code = pytest.mark.parametrize("code", CATALOGUE, ids=lambda code: code.name)
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code.name)


def test_numbers_are_unique_stable_and_fit_a_byte() -> None:
    assert {code.number: code.name for code in CATALOGUE} == STABLE
    assert len({code.name for code in CATALOGUE}) == len(CATALOGUE) == len(STABLE)
    assert all(0 < number < 256 for number in STABLE)


def test_the_catalogue_has_every_code_that_there_is() -> None:
    assert {code for code in vars(codes).values() if isinstance(code, FaultCode)} == set(CATALOGUE)


@each_code
def test_texts_are_for_people(code: FaultCode) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code.name)
    assert code.remedy.split()[0] in VERBS
    for text in (code.title, code.cause, code.remedy):
        assert len(text) > 8, text
        assert not text.endswith("."), text
        assert not re.search(r"_|\b(NaN|row|array|threshold|debounce)\b", text), text
    assert code.title[0].islower() or code.title.startswith("DC")
    assert code.cause[0].islower()


@each_code
def test_sentences_name_the_battery_the_value_and_its_unit(code: FaultCode) -> None:
    place = place_name(1, 5, 3 if code.place == "cell" else -1)
    raised, cleared = (code.sentence(level, place, 300.0) for level in (Level.WARNING, Level.OK))
    assert raised.startswith("pack 2, module 6")
    assert code.title in raised
    told = {"K": "26.9 degC", "delta_K": "300.0 K", "K/s": "300.00 K/s", "ohm": "300 ohm", "1": "300"}
    assert told.get(code.unit, f"300.000 {code.unit}") in raised
    assert cleared == f"{raised} (cleared)"
    assert "nan" not in code.sentence(Level.OK, place, float("nan"))


def test_places_count_from_one_and_name_the_battery_first() -> None:
    assert place_name(0, 2, 15) == "pack 1, module 3, cell 16"
    assert place_name(3, -1) == "pack 4"
    assert place_name(-1, -1) == "the whole site"


def test_the_page_is_what_its_script_writes() -> None:
    script = runpy.run_path(str(ROOT / "docs/make_fault_codes.py"))
    assert (ROOT / "docs/fault-codes.md").read_text(encoding="utf-8") == script["page"]()


def test_what_protects_comes_first_and_every_diagnosis_has_a_code_of_its_own() -> None:
    found = [kind.code for kind in KINDS]
    assert tuple(found[: len(PROTECTION_CODES)]) == PROTECTION_CODES
    assert len(set(found)) == len(found)
    assert set(found) <= set(CATALOGUE)


@each_kind
def test_a_diagnosis_has_limits_of_its_sign(kind: type[Diagnosis[Any]]) -> None:
    levels = kind().levels(Limits())
    assert levels.falling == (kind.sign < 0)
    assert any(levels is getattr(Limits(), name) or levels == getattr(Limits(), name) for name in Limits.model_fields)


@each_kind
def test_a_diagnosis_says_something_about_cells_that_exist(kind: type[Diagnosis[Any]]) -> None:
    world = Run(World(duty=lambda time_s: float(int(time_s) // 20 % 2), flow=1.0, current_A=lambda time_s: time_s))
    place = world.diagnoses.codes.index(kind.code)
    for _, found in world.looks(45):
        value, cell = found.value[:, place], found.cell[:, place]
        assert not np.isinf(value).any()
        assert ((cell >= -1) & (cell < MODULE.cells))[~np.isnan(value)].all()


@each_kind
def test_a_diagnosis_remembers_arrays_of_rows(kind: type[Diagnosis[Any]]) -> None:
    sizes: list[int] = []

    def note(part: Any) -> Any:
        sizes.append(len(part))
        return part

    each(note, kind().initial(3, MODULE))
    assert set(sizes) <= {3}


def test_what_is_remembered_keeps_its_shape_and_type() -> None:
    """So that it can be put back row by row, and carried over to another version of the firmware."""
    world = Run(
        World(breaks=_jumps, wrong_s=5.0, current_A=lambda time_s: 10.0 * time_s, duty=lambda time_s: time_s % 3 / 3)
    )
    before = _kinds(world.watch)
    for _ in world.looks(45):
        assert _kinds(world.watch) == before


def _jumps(readings: Readings, time_s: float) -> None:
    readings.temperature_K[1, 3] += 20.0
    readings.voltage_V[1, 3] += 0.02 * (time_s > 15.0)


def _kinds(state: Any) -> list[tuple[Any, Any]]:
    kinds: list[tuple[Any, Any]] = []

    def note(part: Any) -> Any:
        kinds.append((part.shape, part.dtype))
        return part

    each(note, state)
    return kinds


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.code not in PROTECTION_CODES], ids=lambda kind: kind.code.name
)
def test_no_code_is_stale(kind: type[Diagnosis[Any]]) -> None:
    """Once a value is back, and a fatal one was cleared, nothing is told of it any more."""
    diagnoses = Diagnoses(Limits(), MODULE)
    place = diagnoses.codes.index(kind.code)
    watch, time_ns = diagnoses.initial(1), np.zeros(1, np.int64)
    protection, thresholds = watch.protection, diagnoses.thresholds
    good = np.full((1, len(diagnoses.codes)), np.nan)
    good[0, place] = -1e9 * kind.sign
    bad = -good
    for second in (0, 1000):
        protection = protection.step(bad, time_ns + second * 1_000_000_000, thresholds)
    assert protection.level[0, place] > 0
    protection = protection.step(good, time_ns + 1001 * 1_000_000_000, thresholds).clear(np.ones(1, np.bool_))
    protection = protection.step(good, time_ns + 1002 * 1_000_000_000, thresholds)
    assert (protection.level == 0).all()
    assert (protection.began_ns == -1).all()
