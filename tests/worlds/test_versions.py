"""ECUs that boot other versions, crash, lose their power: what the pack does meanwhile, and what is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.worlds.small_fleet import SECOND, homes
from tests.worlds.updated_fleet import Asked, Updated, ecus_of
from twin.bms.catalogue.fault_code import FaultCode
from twin.bms.controllers import SILENT, Controllers
from twin.bms.firmware.firmware import Inputs, Outputs
from twin.bms.firmware.module_monitor import ModuleMonitor, MonitorState
from twin.scenario import Scenario
from twin.scenario.architecture import architecture_of

RUN_S, BOOT_AT_S = 60, 25
HOME = homes("hybrid", duration_s=RUN_S, sites=2)


def _boot(role: str, silent_s: float, *, which: int = 0, version: int = 0, migrate: bool = True) -> dict[int, Asked]:
    """Return that one ECU of the first home boots."""

    def asked(controllers: Controllers) -> None:
        ecu, silent_ns = ecus_of(controllers, role)[which], round(silent_s * SECOND)
        controllers.boot(0, ecu, version, BOOT_AT_S * SECOND, silent_ns=silent_ns, migrate=migrate)

    return {BOOT_AT_S: asked}


def _made(kind: Any, scenario: Scenario = HOME) -> Any:
    return kind(scenario.bms, architecture_of(scenario).site)


@pytest.fixture(scope="module")
def undisturbed() -> Updated:
    return Updated(HOME, [], {})


RIDES: dict[str, tuple[str, float, bool]] = {
    "a monitor that is away for a second": ("module_monitor", 1.0, False),
    "a monitor that is away for three seconds": ("module_monitor", 3.0, True),
    "a controller that is away for three seconds": ("pack_controller", 3.0, False),
}


@pytest.mark.parametrize(("role", "silent_s", "told"), RIDES.values(), ids=RIDES)
def test_a_pack_rides_through_a_boot_under_load(undisturbed: Updated, role: str, silent_s: float, told: bool) -> None:
    """Contactors hold, and the load is served; of a module nothing is said within its timeout of 3.5 periods."""
    run = Updated(HOME, [], _boot(role, silent_s))
    assert (run.signal("pack_state")[BOOT_AT_S:] == 2).all()
    assert (run.signal("module_state")[BOOT_AT_S:] == 2).all()
    np.testing.assert_allclose(run.signal("power_W")[BOOT_AT_S:], undisturbed.signal("power_W")[BOOT_AT_S:], rtol=1e-3)
    assert bool(run.events(code="module_silent")) == told
    assert run.controllers.restarts[0].sum() == 1
    assert not [event for event in run.events(site=1) if event.time_ns >= BOOT_AT_S * SECOND]


def test_an_inverter_stops_without_limits_and_goes_on_with_them() -> None:
    run = Updated(HOME, [], _boot("pack_controller", 15.0))
    power_W = run.signal("power_W")
    assert (run.signal("pack_state")[BOOT_AT_S:] == 2).all(), "the controller's drivers hold"
    stopped = np.flatnonzero(power_W[BOOT_AT_S:] < 1.0)
    assert 9 <= stopped[0] <= 12, "limits are good for ten periods"
    assert power_W[-1] > 1900.0


def test_a_boot_without_migration_opens_and_begins_again() -> None:
    run = Updated(HOME, [], _boot("pack_controller", 1.0, migrate=False))
    state = run.signal("pack_state")[BOOT_AT_S:]
    assert state[0] == 2
    assert (state == 0).any()
    assert state[-1] == 2
    assert [event.level for event in run.events(code="ecu_restarted")][:1] == [1]


def test_a_second_without_power_opens_everything_at_its_instant() -> None:
    off_ns = BOOT_AT_S * SECOND + 370_000_000

    def off(controllers: Controllers) -> None:
        controllers.power_off(0, off_ns)

    def on(controllers: Controllers) -> None:
        assert (controllers.running[0] == SILENT).all()
        assert not controllers.healthy(0, 0, 0)
        for ecu in range(len(controllers.ecus)):
            controllers.boot(0, ecu, 0, (BOOT_AT_S + 5) * SECOND, silent_ns=SECOND, migrate=False)

    run = Updated(HOME, [], {BOOT_AT_S: off, BOOT_AT_S + 5: on})
    during = slice(BOOT_AT_S, BOOT_AT_S + 5)
    assert (run.signal("pack_state")[during] == 0).all()
    assert (run.signal("module_state")[during] == 0).all()
    assert np.isnan(run.signal("module_soc")[during]).all()
    assert run.signal("pack_state")[-1] == 2
    soc = run.signal("module_soc")
    np.testing.assert_allclose(soc[BOOT_AT_S + 8], soc[BOOT_AT_S - 1], atol=0.001)
    assert (run.controllers.running == 0).all()


class Fragile(ModuleMonitor):
    """A version that fails where its module is at the second place, after a while."""

    version = "fragile"

    def step(self, state: MonitorState, inputs: Inputs) -> tuple[MonitorState, Outputs]:
        if ((inputs.slot == 1) & (inputs.time_ns >= 40 * SECOND)).any():
            raise IndexError("no such place")
        return super().step(state, inputs)


def _update_all(controllers: Controllers) -> None:
    for site in range(2):
        for ecu in ecus_of(controllers, "module_monitor"):
            controllers.boot(site, ecu, 1, BOOT_AT_S * SECOND, silent_ns=SECOND // 2, migrate=True)


def test_rows_that_raise_are_found_and_silenced_alone() -> None:
    def back(controllers: Controllers) -> None:
        controllers.boot(0, 1, 0, 46 * SECOND, silent_ns=SECOND, migrate=False)

    run = Updated(HOME, [_made(Fragile)], {BOOT_AT_S: _update_all, 46: back})
    assert [(failure.site, failure.ecu) for failure in run.failures] in ([(0, 1), (1, 1)], [(1, 1), (0, 1)])
    assert {failure.why for failure in run.failures} == {"IndexError: no such place"}
    monitors = run.controllers.running[:, :3].tolist()
    assert monitors == [[1, 0, 1], [1, SILENT, 1]]
    assert np.isnan(run.signal("module_soc", 1)[-1]).tolist() == [False, True, False]
    assert np.isfinite(run.signal("module_soc", 0)[-1]).all(), "the bootloader's other slot runs again"
    assert [event.code for event in run.events(0, source="firmware")] == ["program_failed"]


class Extended(ModuleMonitor):
    """A version with a code of its own before all others, and without balancing."""

    version = "extended"

    def __init__(self, *made_from: Any) -> None:
        super().__init__(*made_from)
        own = FaultCode(9999, "novelty", "something new", "1", "the new version", "Look at it")
        self.codes = (own, *self.codes[1:])
        self.commands = {"module_state": self.commands["module_state"]}

    def step(self, state: MonitorState, inputs: Inputs) -> tuple[MonitorState, Outputs]:
        after, outputs = super().step(state, inputs)
        assert outputs.findings is not None
        level = outputs.findings.level.copy()
        level[:, 0] = 1
        told = {name: values for name, values in outputs.commands.items() if name in self.commands}
        return after, replace(outputs, commands=told, findings=replace(outputs.findings, level=level))


def test_versions_may_differ_in_codes_and_commands() -> None:
    """What stays true is not told again, and what a version does not hold is let go."""
    low = {"cell_undervoltage_V": {"info": 3.4, "warning": 2.7, "fatal": 2.5, "debounce_s": 0.7, "hysteresis": 0.01}}
    bleeds = {"kind": "passive_voltage", "threshold_V": 1e-5, "minimum_V": 3.0}
    home = homes("hybrid", sites=2, duration_s=RUN_S, bms={"limits": low, "balancing": bleeds})
    run = Updated(home, [_made(Extended, home)], {BOOT_AT_S: lambda controllers: _update_all(controllers)})
    of_module = [event for event in run.events(0) if event.slot == 0 and event.source == "module_monitor"]
    told = [(event.code, int(event.level)) for event in of_module]
    assert told.count(("cell_undervoltage", 1)) == 1, "it was found before and is found after"
    assert ("cell_undervoltage", 0) not in told
    assert told.count(("novelty", 1)) == 1
    bleed = run.signal("bleed")
    assert bleed[BOOT_AT_S - 10 : BOOT_AT_S].any()
    assert not bleed[BOOT_AT_S + 2 :].any()


def test_own_firmware_that_raises_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of the simulator's must not look like one of the simulated world's."""

    def broken(monitor: ModuleMonitor, state: MonitorState, inputs: Inputs) -> tuple[MonitorState, Outputs]:
        raise IndexError("ours")

    monkeypatch.setattr(ModuleMonitor, "step", broken)
    with pytest.raises(IndexError, match="ours"):
        Updated(HOME, [], {})


def test_a_reset_brings_a_crashed_program_back() -> None:
    resets = [{"kind": "ecu_reset", "site": 0, "module": 1, "start_s": 45, "duration_s": 1}]
    home = homes("hybrid", resets, sites=2, duration_s=RUN_S)
    run = Updated(home, [_made(Fragile, home)], {BOOT_AT_S: _update_all})
    assert [failure.site for failure in run.failures].count(0) == 2, "it runs until it fails again"
    assert [failure.site for failure in run.failures].count(1) == 1
