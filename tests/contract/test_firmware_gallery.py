"""Every version in scenarios/firmware is loaded, installed while its home runs, and does exactly what its head says.

A home runs each file. The homes run twice: once they are given the files, and once their ECUs boot the version that
they have, at the same instant, so that whatever differs comes from the file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.worlds.small_fleet import SECOND, homes
from tests.worlds.updated_fleet import GALLERY, Updated, ecus_of, firmware_of
from twin.bms.controllers import SILENT, Controllers
from twin.bms.events import Failure
from twin.scenario import Scenario

FILES = sorted(GALLERY.glob("*/*.py"))
NAMES = [path.stem for path in FILES]
UPDATE_S, FAULT_S, END_S = 16, 40, 60
BOOT_S = 1.5
SIGNALS = (
    "module_soc",
    "pack_soc",
    "charge_limit_W",
    "discharge_limit_W",
    "bleed",
    "module_state",
    "pack_state",
    "power_W",
)
SCENARIO = homes(
    "hybrid",
    sites=len(FILES),
    duration_s=END_S,
    fleet={"modules": 2, "spread": {"soc": {"mean": 0.3, "cell_sd": 0.03}}},
    load={"power_W": 3000},
    bms={"balancing": {"kind": "passive_voltage", "threshold_V": 0.002, "minimum_V": 3.0}},
    faults=[
        {"kind": "voltage_sensor_offset", "site": site, "module": 0, "cell": 5, "start_s": FAULT_S, "offset_V": 0.5}
        for site in range(len(FILES))
    ],
)


class Runs(NamedTuple):
    """The homes with the files, and without."""

    new: Updated
    old: Updated


def _boot_all(roles: list[str], versions: list[int]) -> dict[int, Callable[[Controllers], None]]:
    def asked(controllers: Controllers) -> None:
        for site, (role, version) in enumerate(zip(roles, versions, strict=True)):
            for order, ecu in enumerate(ecus_of(controllers, role)):
                from_ns = (UPDATE_S + 5 * order) * SECOND
                controllers.boot(site, ecu, version, from_ns, silent_ns=round(BOOT_S * SECOND), migrate=True)

    return {UPDATE_S: asked}


@pytest.fixture(scope="module")
def runs() -> Runs:
    made = [firmware_of(path, SCENARIO) for path in FILES]
    roles = [one.role for one in made]
    versions = [1 + roles[:place].count(role) for place, role in enumerate(roles)]
    new = Updated(SCENARIO, made, _boot_all(roles, versions))
    return Runs(new, Updated(SCENARIO, [], _boot_all(roles, [0] * len(FILES))))


def _changed(runs: Runs, name: str) -> dict[str, int]:
    """Return which signals of a home differ, and from which second on."""
    site = NAMES.index(name)
    changed = {}
    for signal in SIGNALS:
        new, old = (run.signal(signal, site).reshape(END_S, -1) for run in runs)
        differs = (~np.isclose(new, old, rtol=0.0, atol=1e-12, equal_nan=True)).any(axis=1)
        if differs.any():
            changed[signal] = int(differs.argmax())
    return changed


def _found(run: Updated, name: str) -> list[tuple[int, str, int]]:
    return [(event.time_ns, event.code, int(event.level)) for event in run.events(NAMES.index(name))]


def _isolated_s(run: Updated, name: str) -> float:
    """Return when the module with the fault was told to open."""
    levels = [time_ns for time_ns, code, level in _found(run, name) if (code, level) == ("cell_overvoltage", 3)]
    return levels[0] * 1e-9


def _failures(run: Updated, name: str) -> list[Failure]:
    return [failure for failure in run.failures if failure.site == NAMES.index(name)]


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_file_says_what_it_is(path: Path) -> None:
    made = firmware_of(path, SCENARIO)
    text = path.read_text()
    assert made.version.startswith("2."), made.version
    assert f"| `{path.relative_to(GALLERY)}` | {made.role} |" in (GALLERY / "README.md").read_text()
    if path.parent.name == "bad":
        assert "What an operator would see" in text
        assert made.version == f"2.4.0-{path.stem.replace('_', '-')}"


@pytest.mark.parametrize("name", [path.stem for path in FILES if path.parent.name == "good"])
def test_a_healthy_version_changes_nothing_that_matters(runs: Runs, name: str) -> None:
    """SOC, limits, balancing, contactors and the instants of all findings are those of version 1.0.0."""
    assert _changed(runs, name) == {}
    assert _found(runs.new, name) == _found(runs.old, name)
    assert any(code == "cell_overvoltage" for _, code, _ in _found(runs.new, name))
    assert runs.new.signal("bleed", NAMES.index(name)).any(), "there was nothing to balance"


HARM: dict[str, set[str]] = {
    "chatty": set(),
    "crash_on_boot": {
        "pack_soc",
        "charge_limit_W",
        "discharge_limit_W",
        "power_W",
        "module_soc",
        "pack_state",
        "bleed",
    },
    "incompatible_protocol": {"charge_limit_W"},
    "leak": set(),
    "migration_loses_soc": {"module_soc", "pack_soc"},
    "slow_task": set(SIGNALS),
    "watchdog_under_load": set(SIGNALS),
    "wrong_balancing_sign": {"bleed", "module_soc", "pack_soc"},
    "wrong_limit": set(SIGNALS),
}
"""What may differ from version 1.0.0 at the home that runs it."""


@pytest.mark.parametrize(("name", "harm"), HARM.items(), ids=HARM)
def test_a_bad_version_does_the_harm_that_it_says_and_no_other(runs: Runs, name: str, harm: set[str]) -> None:
    changed = _changed(runs, name)
    assert changed.keys() <= harm
    assert bool(changed) == bool(harm)
    assert min(changed.values(), default=UPDATE_S) >= UPDATE_S


def test_every_bad_file_has_its_harm() -> None:
    assert sorted(HARM) == [path.stem for path in FILES if path.parent.name == "bad"]


def test_crash_on_boot_is_silent_after_its_first_activation(runs: Runs) -> None:
    (failure,) = _failures(runs.new, "crash_on_boot")
    assert UPDATE_S + BOOT_S <= failure.time_ns / SECOND <= UPDATE_S + BOOT_S + 1
    assert "ZeroDivisionError" in failure.why
    site = NAMES.index("crash_on_boot")
    assert runs.new.controllers.running[site, failure.ecu] == SILENT
    assert runs.new.signal("discharge_limit_W", site)[-1] == 0.0, "the inverter does not hear any limits"
    assert runs.new.signal("pack_state", site)[-1] == 2, "what it commanded holds"


def test_watchdog_bites_three_periods_after_a_task_that_began_under_load(runs: Runs) -> None:
    failures = _failures(runs.new, "watchdog_under_load")
    assert len(failures) == 2
    assert all("watchdog" in failure.why for failure in failures)
    begun_s = UPDATE_S + BOOT_S
    assert begun_s + 3 <= failures[0].time_ns / SECOND <= begun_s + 4
    assert not np.isfinite(runs.new.signal("module_soc", NAMES.index("watchdog_under_load"))[-1]).any()


def test_wrong_limit_isolates_late(runs: Runs) -> None:
    """By 4.3 s, rounded to a period either way."""
    late_s = _isolated_s(runs.new, "wrong_limit") - _isolated_s(runs.old, "wrong_limit")
    assert min(abs(late_s - 4.0), abs(late_s - 5.0)) < 1e-3
    assert min(_changed(runs, "wrong_limit").values()) >= FAULT_S, "nothing shows before"


def test_wrong_balancing_sign_bleeds_the_lowest_cells(runs: Runs) -> None:
    site = NAMES.index("wrong_balancing_sign")
    for run, highest in zip(runs, (False, True), strict=True):
        voltage_V, bled = (
            run.signal("cell_voltage_V", site)[25:FAULT_S, 1],
            run.signal("bleed", site)[25:FAULT_S, 1] > 0,
        )
        at_work = bled.any(axis=1)
        assert at_work.sum() >= 3
        for cell_V, cells in zip(voltage_V[at_work], bled[at_work], strict=True):
            assert (cell_V[cells].mean() > cell_V[~cells].mean()) == highest


def test_chatty_loads_the_bus_and_nothing_else(runs: Runs) -> None:
    load, usual = (run.signal("bus_load", NAMES.index("chatty"))[30:].mean() for run in runs)
    assert load > 30 * usual
    assert _failures(runs.new, "chatty") == []


def test_incompatible_protocol_forbids_charging_and_finds_nothing(runs: Runs) -> None:
    limit_W, usual_W = (run.signal("charge_limit_W", NAMES.index("incompatible_protocol"))[35] for run in runs)
    assert limit_W < 0.1 * usual_W
    assert _found(runs.new, "incompatible_protocol") == _found(runs.old, "incompatible_protocol")


def test_slow_task_sends_less_and_isolates_late(runs: Runs) -> None:
    load, usual = (run.signal("bus_load", NAMES.index("slow_task"))[30:].mean() for run in runs)
    assert load < 0.7 * usual
    late_s = _isolated_s(runs.new, "slow_task") - _isolated_s(runs.old, "slow_task")
    assert 0 < late_s < 5.0
    assert _failures(runs.new, "slow_task") == []


def test_migration_loses_soc_says_half(runs: Runs) -> None:
    new, old = (run.signal("module_soc", NAMES.index("migration_loses_soc"))[30] for run in runs)
    np.testing.assert_allclose(new, 0.5, atol=0.002)
    assert (np.abs(old - 0.5) > 0.05).all()


def test_leak_fails_six_hours_after_its_boot() -> None:
    """With tasks of a minute, so that the hours are affordable."""
    usual = homes("hybrid", duration_s=7 * 3600, bms={"period_s": 60}, load={"power_W": 100})
    hours = Scenario.model_validate({**usual.model_dump(), "step_s": 60.0, "record": {"period_s": 60}})
    made = firmware_of(GALLERY / "bad" / "leak.py", hours)

    def asked(controllers: Controllers) -> None:
        for ecu in ecus_of(controllers, made.role):
            controllers.boot(0, ecu, 1, 600 * SECOND, silent_ns=60 * SECOND, migrate=True)

    run = Updated(hours, [made], {10: asked})
    assert len(run.failures) == len(ecus_of(run.controllers, made.role))
    for failure in run.failures:
        assert 6.0 <= (failure.time_ns / SECOND - 660) / 3600 <= 6.05
        assert "MemoryError: the heap is full" in failure.why


def test_a_self_test_tells_before_and_after(runs: Runs) -> None:
    controllers: Any = runs.new.controllers
    for name, healthy in (("module_monitor_2_4_0", True), ("pack_controller_2_4_0", True), ("crash_on_boot", False)):
        site = NAMES.index(name)
        role = firmware_of(FILES[site], SCENARIO).role
        for ecu in ecus_of(controllers, role):
            assert controllers.healthy(site, ecu, (END_S - 5) * SECOND) == healthy, name
