"""Contactors, stacks and swaps in the plant: what takes time, what is told, what is left when a module goes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.worlds.linear_module import CELL_OHM, CELLS, LINK, LINK_OHM, linear_plant
from twin import resources
from twin.errors import InputError
from twin.modelica import build
from twin.plant.action import Action, Actuator, PlantEvent, Replacement
from twin.plant.assembly import open_plant
from twin.plant.dc_bus import CLOSED, OPEN, PRECHARGE
from twin.plant.options import Plant as PlantOptions
from twin.plant.plant import Plant, Wiring
from twin.plant.switchgear import Movement

SECOND = 1_000_000_000
MS = 1_000_000
SLOW = Movement(close_ns=50 * MS, open_ns=20 * MS)
EMF_V, MODULE_OHM = CELLS * 3.25, CELLS * CELL_OHM


def tell(plant: Plant, second: int, *commands: tuple[int, Actuator, float, int]) -> list[PlantEvent]:
    """Advance by a second and return the events; a command is its millisecond, actuator, value and slot."""
    start_ns = second * SECOND
    actions = [Action(start_ns + ms * MS, 0, actuator, value, slot) for ms, actuator, value, slot in commands]
    return plant.advance(start_ns, start_ns + SECOND, actions)


def test_a_contactor_opens_late_and_says_when() -> None:
    plant = linear_plant(modules=2, movement=SLOW)
    plant.request_W[:] = 2000.0
    events = tell(plant, 0, (300, "module_state", OPEN, 1))
    assert events == [PlantEvent(320 * MS, 0, "contactor", 1, "the contactor opened")]
    whole = linear_plant(modules=2)
    whole.request_W[:] = 2000.0
    whole.advance(0, 320 * MS, [])
    assert plant.soc[0, 1, 0] == whole.soc[0, 1, 0]


def test_a_contactor_that_is_under_way_arrives_in_a_later_tick() -> None:
    plant = linear_plant(movement=SLOW)
    assert tell(plant, 0, (990, "pack_state", OPEN, 0)) == []
    assert plant.pack_state[0, 0] == CLOSED
    assert tell(plant, 1) == [PlantEvent(1010 * MS, 0, "contactor", -1, "pack 1: the main contactor opened", 0)]
    assert plant.pack_state[0, 0] == OPEN


def test_a_contactor_that_arrives_as_a_tick_begins_costs_no_sub_step() -> None:
    plant = linear_plant(movement=SLOW)
    tell(plant, 0, (980, "pack_state", OPEN, 0))
    steps = plant._modules.electrical.steps.copy()  # type: ignore[attr-defined]
    (event,) = tell(plant, 1)
    assert event.time_ns == SECOND
    assert plant._modules.electrical.steps - steps == 1  # type: ignore[attr-defined]


def test_what_is_cancelled_is_not_told() -> None:
    plant = linear_plant(movement=SLOW)
    assert tell(plant, 0, (300, "module_state", OPEN, 0), (310, "module_state", CLOSED, 0)) == []


def test_a_plant_with_contactors_under_way_can_be_restored() -> None:
    plant = linear_plant(sites=2, modules=2, movement=SLOW)
    plant.request_W[:] = 2000.0
    tell(plant, 0, (990, "module_state", OPEN, 1), (0, "insulation_ohm", 5e4, -1), (0, "module_welded", 1, 0))
    before = plant.snapshot()
    futures = []
    for _ in range(2):
        events = tell(plant, 1, (500, "module_state", OPEN, 0), (600, "inverter_extra_W", 300.0, -1))
        futures.append((events, plant.soc.copy(), plant.power_W.copy(), plant.module_state.copy()))
        plant.restore(before)
    assert [event.slot for event in futures[0][0]] == [1]
    assert futures[0][0] == futures[1][0]
    for first, second in zip(futures[0][1:], futures[1][1:], strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_welded_contactor_keeps_its_module_on_the_bus_bar() -> None:
    plant = linear_plant(modules=2, movement=SLOW)
    plant.request_W[:] = 2000.0
    tell(plant, 0, (0, "module_welded", 1, 0), (0, "module_state", OPEN, -1))
    assert plant.module_state[0].tolist() == [CLOSED, OPEN]
    assert plant.power_W[0] == 2000.0
    assert plant.current_A[0, 0] > 0.0
    # What a monitor sees outside of its open contactor gives the weld away, once it should be dead.
    assert plant.terminal_voltage_V[0, 1] == plant.bar_voltage_V[0, 0] == plant.bus_voltage_V[0]


def test_a_welded_main_contactor_holds_the_link_up() -> None:
    sound, welded = linear_plant(movement=SLOW), linear_plant(movement=SLOW)
    tell(welded, 0, (0, "pack_welded", 1, 0))
    for plant in (sound, welded):
        tell(plant, 1, (0, "pack_state", OPEN, 0))
        tell(plant, 2)
    assert welded.link_voltage_V[0] == pytest.approx(EMF_V)
    assert sound.link_voltage_V[0] == pytest.approx(EMF_V * np.exp(-1.98 / 10.0))
    assert sound.bar_voltage_V[0, 0] == pytest.approx(EMF_V)


def test_an_open_module_opens_the_string() -> None:
    plant = linear_plant(modules=4, connection="series")
    plant.request_W[:] = 5000.0
    tell(plant, 0)
    assert np.ptp(plant.current_A[0]) == 0.0
    assert plant.pack_current_A[0, 0] == plant.current_A[0, 0]
    assert plant.bus_voltage_V[0] * plant.current_A[0, 0] == pytest.approx(5000.0, rel=1e-12)
    tell(plant, 1, (0, "module_state", OPEN, 2))
    assert not plant.current_A.any()
    assert plant.power_W[0] == 0.0
    assert plant.bar_voltage_V[0, 0] == pytest.approx(plant.link_voltage_V[0])
    tell(plant, 2, (0, "pack_state", OPEN, 0))
    assert plant.bar_voltage_V[0, 0] == 0.0


def test_a_bypassed_module_leaves_the_others_to_deliver() -> None:
    plant = linear_plant(modules=4, connection="series", bypass=True)
    plant.request_W[:] = 5000.0
    tell(plant, 0)
    four_A, before_V = plant.current_A[0, 0], plant.bus_voltage_V[0]
    events = tell(plant, 1, (0, "module_state", OPEN, 2))
    assert plant.power_W[0] == 5000.0
    assert plant.current_A[0, 2] == 0.0
    assert plant.terminal_voltage_V[0, 2] == 0.0
    (current_A,) = set(plant.current_A[0, [0, 1, 3]].tolist())
    assert plant.pack_current_A[0, 0] == current_A
    assert current_A / four_A == pytest.approx(4.0 / 3.0, rel=0.02)
    # The capacitor of the link stands higher than the string does now, and empties into it.
    peak_A = (before_V - 3 * EMF_V) / (3 * MODULE_OHM + 4 * LINK_OHM)
    (inrush,) = (event for event in events if event.kind == "inrush")
    found_A = float(inrush.text.removesuffix(" A").split()[-1])
    assert found_A == pytest.approx(peak_A, rel=1e-3)


def test_a_string_with_all_modules_bypassed_conducts_nothing() -> None:
    plant = linear_plant(packs=2, modules=2, connection="series", bypass=True)
    plant.request_W[:] = 2000.0
    tell(plant, 0, (0, "module_state", OPEN, 0), (0, "module_state", OPEN, 1))
    assert plant.current_A[0, :2].tolist() == [0.0, 0.0]
    assert plant.power_W[0] == 2000.0


@pytest.mark.parametrize("modules", [2, 8, 16])
def test_stacks_of_a_hundred_to_eight_hundred_volts_pre_charge_and_deliver(modules: int) -> None:
    plant = linear_plant(modules=modules, connection="series", in_operation=False, movement=SLOW)
    plant.request_W[:] = 8000.0
    tell(plant, 0, (0, "module_state", CLOSED, -1), (0, "pack_state", PRECHARGE, 0))
    ohm = LINK.precharge_ohm + modules * (MODULE_OHM + LINK_OHM)
    charged = 1.0 - np.exp(-0.95 / (ohm * LINK.capacitance_F))
    assert plant.link_voltage_V[0] == pytest.approx(modules * EMF_V * charged, rel=1e-3)
    assert plant.power_W[0] == 0.0
    for second in range(1, 5):
        tell(plant, second)
    events = tell(plant, 5, (0, "pack_state", CLOSED, 0))
    assert [event.text for event in events] == ["pack 1: the main contactor closed"]
    assert plant.power_W[0] == 8000.0
    assert plant.bus_voltage_V[0] == pytest.approx(modules * EMF_V, rel=0.05)


def test_a_module_pre_charges_the_link_of_a_pack_that_has_no_contactor() -> None:
    plant = linear_plant(modules=2, in_operation=False, movement=Movement(packs_fixed=True))
    plant.request_W[:] = 2000.0
    tell(plant, 0, (0, "module_state", PRECHARGE, 0))
    ohm = LINK.precharge_ohm + MODULE_OHM + LINK_OHM
    charged_V = EMF_V * (1.0 - np.exp(-1.0 / (ohm * LINK.capacitance_F)))
    assert plant.link_voltage_V[0] == pytest.approx(charged_V, rel=1e-5)
    assert plant.bar_voltage_V[0, 0] == plant.terminal_voltage_V[0, 1] == plant.link_voltage_V[0]
    assert plant.power_W[0] == 0.0
    for second in range(1, 5):
        tell(plant, second)
    assert [event.kind for event in tell(plant, 5, (0, "module_state", CLOSED, 0))] == ["contactor"]
    assert plant.power_W[0] == 2000.0
    # The next one meets a link that is already up, and takes its share.
    tell(plant, 6, (0, "module_state", CLOSED, 1))
    assert plant.current_A[0, 0] == pytest.approx(plant.current_A[0, 1], rel=0.01)


def test_fixed_contactors_take_no_command() -> None:
    plant = linear_plant(modules=2, in_operation=False, movement=Movement(modules_fixed=True))
    assert plant.module_state[0].tolist() == [CLOSED, CLOSED]
    assert not {"module_state", "module_welded"} & plant.actuators
    assert {"pack_state", "pack_welded"} <= plant.actuators
    assert plant.bar_voltage_V[0, 0] == 0.0
    tell(plant, 0, (0, "pack_state", CLOSED, -1))
    assert plant.bus_voltage_V[0] == pytest.approx(EMF_V)


def test_an_unplugged_module_is_out_until_it_comes_back() -> None:
    plant = linear_plant(modules=2)
    plant.request_W[:] = 2000.0
    tell(plant, 0)
    events = tell(plant, 1, (0, "module_state", OPEN, 1), (100, "present", 0, 1))
    assert [event.kind for event in events] == ["contactor"]
    assert plant.present[0].tolist() == [True, False]
    tell(plant, 2, (0, "module_state", CLOSED, -1))
    assert plant.module_state[0].tolist() == [CLOSED, OPEN]
    tell(plant, 3, (0, "present", 1, 1), (1, "module_state", CLOSED, 1))
    assert plant.module_state[0].tolist() == [CLOSED, CLOSED]


def test_unplugging_a_module_under_load_draws_an_arc() -> None:
    plant = linear_plant()
    plant.request_W[:] = 2600.0
    tell(plant, 0)
    (event,) = tell(plant, 1, (250, "present", 0, 0))
    assert (event.time_ns, event.kind, event.slot) == (SECOND + 250 * MS, "arc", 0)
    assert "at 51 A" in event.text
    assert plant.power_W[0] == 0.0


def test_the_inverter_may_take_more_than_it_is_asked_for_and_ignore_its_limits() -> None:
    plant = linear_plant(modules=4)
    plant.request_W[:] = 500.0
    tell(plant, 0, (0, "inverter_extra_W", -3500.0, -1))
    assert plant.power_W[0] == -3000.0
    limit = Action(SECOND, 0, "power_limit_W", 1000.0)
    plant.advance(SECOND, 2 * SECOND, [limit])
    assert plant.power_W[0] == -1000.0
    tell(plant, 2, (0, "inverter_ignores", 1, -1))
    assert plant.power_W[0] == -3000.0
    plant.request_W[:] = -90_000.0
    tell(plant, 3)
    assert plant.power_W[0] == -8000.0
    tell(plant, 4, (0, "inverter_ignores", 0, -1))
    assert plant.power_W[0] == -1000.0


def test_coolant_that_is_lost_is_commanded_all_the_same() -> None:
    plant = linear_plant(modules=2)
    flow = plant._modules.inputs["cooling"].array
    tell(plant, 0, (0, "cooling", 0.8, -1), (1, "cooling_lost", 0.75, 1))
    np.testing.assert_allclose(flow.ravel(), [0.8, 0.2])
    tell(plant, 1, (0, "cooling", 1.0, 1))
    np.testing.assert_allclose(flow.ravel(), [0.8, 0.25])
    tell(plant, 2, (0, "cooling_lost", 0.0, 1))
    np.testing.assert_allclose(flow.ravel(), [0.8, 1.0])


def test_insulation_is_sound_until_it_is_not() -> None:
    plant = linear_plant(sites=2)
    tell(plant, 0, (0, "insulation_ohm", 2e4, -1))
    assert plant.insulation_ohm.tolist() == [2e4, 1e6]


def home(**options: object) -> Plant:
    settings = PlantOptions.model_validate(options)
    plant = open_plant(settings, Wiring(2, 1, 2, CELLS), {"soc_start": 0.5}, 298.15, in_operation=True)
    plant.request_W[:] = 3000.0
    return plant


def test_another_module_joins_a_running_system() -> None:
    plant, alone = home(), home()
    swap = Replacement(1200 * MS, 0, 1, soc=0.62, capacity_Ah=280.0, resistance_factor=1.3, temperature_K=290.0)
    plant.advance(0, SECOND, [Action(0, 0, "short_S", 5.0, 1, 4), Action(500 * MS, 0, "module_state", OPEN, 1)])
    events = plant.advance(SECOND, 2 * SECOND, [swap])
    assert events == []
    assert plant.module_state[0].tolist() == [CLOSED, OPEN]
    np.testing.assert_allclose(plant.soc[0, 1], 0.62, atol=1e-7)
    assert plant.temperature_K[0, 1].max() < 290.1
    assert plant.power_W[0] == 3000.0
    (event,) = plant.advance(2 * SECOND, 3 * SECOND, [Action(2 * SECOND, 0, "module_state", CLOSED, 1)])
    assert event.text == "the contactor closed"
    assert plant.present.all()
    charge_As = (plant.soc[0, 1] - 0.62) * 280.0 * 3600.0
    np.testing.assert_allclose(
        charge_As, -plant.current_A[0, 1] * 0.95, rtol=0.02
    )  # the short is gone with the old one
    for second in range(3):
        alone.advance(second * SECOND, (second + 1) * SECOND, [])
    assert np.array_equal(plant.soc[1], alone.soc[1])


def test_a_swap_under_load_is_told_and_the_bleed_resistor_is_that_of_the_plant() -> None:
    plant = home(bleed_ohm=10.0)
    plant.advance(0, SECOND, [])
    swap = Replacement(SECOND, 0, 0, soc=0.5, capacity_Ah=314.0, resistance_factor=1.0, temperature_K=298.15)
    (event,) = plant.advance(SECOND, 2 * SECOND, [swap, Action(SECOND + 1, 0, "bleed", 1.0, 0)])
    assert (event.kind, event.slot) == ("arc", 0)
    board_J = plant.signal("board_heat_J")[0, 0]
    assert board_J == pytest.approx((plant.cell_voltage_V[0, 0] ** 2).sum() / 10.0, rel=1e-3)


def test_a_bleed_resistor_that_the_fmu_does_not_know_is_refused(tmp_path: Path) -> None:
    ports = (resources.folder("fmus") / "module_electrical" / "ports.yaml").read_text()
    path = tmp_path / "plain.fmu"
    path.write_bytes(build.build("module_electrical", "2.0").read_bytes())
    without = "".join(line for line in ports.splitlines(keepends=True) if "bleed_ohm" not in line)
    path.with_name("plain.ports.yaml").write_text(without)
    assert home(electrical=str(path)).power_W.shape == (2,)
    with pytest.raises(InputError, match="bleed_ohm"):
        home(electrical=str(path), bleed_ohm=20.0)


def test_the_order_of_sites_and_modules_does_not_matter() -> None:
    """Of sites to the bit; of modules to rounding, as a bus bar adds them up in the order in which they stand."""
    soc = np.random.default_rng(5).uniform(0.3, 0.7, (3, 4))
    request_W, sites, modules = np.array([3000.0, -4000.0, 0.0]), [2, 0, 1], [3, 1, 0, 2]
    plain = linear_plant(sites=3, modules=4, soc=soc[..., None])
    moved = linear_plant(sites=3, modules=4, soc=soc[sites][..., None])
    turned = linear_plant(sites=3, modules=4, soc=soc[:, modules][..., None])
    plain.request_W[:], moved.request_W[:], turned.request_W[:] = request_W, request_W[sites], request_W
    for plant, site, slot in ((plain, 1, 1), (moved, 2, 1), (turned, 1, modules.index(1))):
        opening = Action(7 * SECOND + 300 * MS, site, "module_state", OPEN, slot)
        for second in range(20):
            plant.advance(second * SECOND, (second + 1) * SECOND, [opening] if second == 7 else [])
    assert np.array_equal(moved.soc, plain.soc[sites])
    assert np.array_equal(moved.current_A, plain.current_A[sites])
    np.testing.assert_allclose(turned.soc, plain.soc[:, modules], rtol=1e-13)
    np.testing.assert_allclose(turned.current_A, plain.current_A[:, modules], rtol=1e-9, atol=1e-9)


def test_a_restored_plant_knows_again_which_contactors_are_open() -> None:
    plant = linear_plant(modules=2)
    plant.request_W[:] = 2000.0
    tell(plant, 0, (0, "module_state", OPEN, 1))
    before = plant.snapshot()
    tell(plant, 1, (0, "module_state", CLOSED, 1))
    assert plant.current_A[0, 1] != 0.0
    plant.restore(before)
    tell(plant, 1)
    assert plant.current_A[0, 1] == 0.0
