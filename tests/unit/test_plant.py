"""The plant on modules that can be worked out by hand: actions, sub-steps, pre-charge, events, quarantine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.worlds.linear_module import CAPACITY_AH, CELLS, LINK_OHM, linear_plant
from twin.plant.action import Action, PlantEvent
from twin.plant.dc_bus import Contactor
from twin.plant.plant import Plant

SECOND = 1_000_000_000
HALF = SECOND // 2


def beside_contactors(events: list[PlantEvent]) -> list[PlantEvent]:
    """Return what the plant has told, but for the contactors that have done what they were told."""
    return [event for event in events if event.kind != "contactor"]


def charge_drawn_As(plant: Plant, site: int = 0, start: float = 0.5) -> float:
    return float((start - plant.soc[site].mean()) * 3600.0 * CAPACITY_AH)


def test_a_tick_moves_the_charge_that_the_power_takes() -> None:
    plant = linear_plant(modules=2)
    plant.request_W[:] = 4000.0
    assert plant.advance(0, SECOND, []) == []
    current_A = plant.current_A[0]
    assert plant.power_W[0] == 4000.0
    assert plant.bus_voltage_V[0] * current_A.sum() == pytest.approx(4000.0, rel=1e-13)
    assert charge_drawn_As(plant) == pytest.approx(current_A.mean() * 1.0, rel=1e-9)
    # The bus sits below the modules by the links, on the mean of the step.
    assert plant.bus_voltage_V[0] == pytest.approx(plant.module_voltage_V[0, 0] - LINK_OHM * current_A[0], abs=2e-3)


def test_the_bus_sees_the_mean_emf_of_the_step() -> None:
    plant = linear_plant()
    plant.request_W[:] = 4000.0
    before_V = CELLS * (3.0 + 0.5 * plant.soc[0, 0].mean())
    plant.advance(0, 60 * SECOND, [Action(0, 0, "balancing_current_A", 50.0)])
    plant.advance(60 * SECOND, 120 * SECOND, [])
    after_V = CELLS * (3.0 + 0.5 * plant.soc[0, 0].mean())
    start_V = plant._modules.signals.emf_V[0, 0, 0] + (before_V - after_V) / 2
    drop_V = (CELLS * 1e-3 + LINK_OHM) * plant.current_A[0, 0]
    assert plant.bus_voltage_V[0] == pytest.approx((start_V + after_V) / 2 - drop_V, abs=5e-4)


def test_an_action_takes_effect_at_its_own_instant() -> None:
    plant = linear_plant()
    plant.request_W[:] = 4000.0
    events = plant.advance(0, SECOND, [Action(SECOND // 4, 0, "module_state", Contactor.OPEN)])
    assert events == [PlantEvent(SECOND // 4, 0, "contactor", 0, "the contactor opened")]
    assert plant.current_A[0, 0] == 0.0
    assert plant.power_W[0] == 0.0
    full = linear_plant()
    full.request_W[:] = 4000.0
    full.advance(0, SECOND // 4, [])
    assert charge_drawn_As(plant) == charge_drawn_As(full)


def test_an_action_at_the_start_of_the_tick_costs_no_sub_step() -> None:
    plant = linear_plant()
    plant.request_W[:] = 4000.0
    plant.advance(0, SECOND, [Action(0, 0, "module_state", Contactor.OPEN)])
    assert charge_drawn_As(plant) == 0.0


@pytest.mark.parametrize("time_ns", [-1, SECOND, 2 * SECOND])
def test_an_action_outside_of_the_tick_is_refused(time_ns: int) -> None:
    with pytest.raises(ValueError, match="outside of the tick"):
        linear_plant().advance(0, SECOND, [Action(time_ns, 0, "module_state", Contactor.OPEN)])


def test_the_others_do_not_notice_the_sub_steps_of_one() -> None:
    soc = np.linspace(0.3, 0.7, 5)[:, None, None]
    quiet, busy = linear_plant(sites=5, modules=2, soc=soc), linear_plant(sites=5, modules=2, soc=soc)
    actions = [Action(t, 3, "balancing_current_A", 2.0, 1, 4) for t in (HALF + 7, HALF, HALF)]
    for plant, todo in ((quiet, []), (busy, actions)):
        plant.request_W[:] = [0.0, 1000.0, -2000.0, 3000.0, 7000.0]
        plant.advance(0, SECOND, todo)
    others = [0, 1, 2, 4]
    for name in ("cell_voltage_V", "soc", "temperature_K", "current_A", "bus_voltage_V"):
        assert np.array_equal(getattr(quiet, name)[others], getattr(busy, name)[others]), name
    moved = (quiet.soc - busy.soc)[3, 1] * 3600.0 * CAPACITY_AH
    assert moved[4] == pytest.approx(1.0, rel=1e-3)
    assert abs(np.delete(moved, 4)).max() < 1e-2


def test_a_site_with_actions_gets_the_same_bits_alone() -> None:
    soc = np.linspace(0.3, 0.7, 4)[:, None, None]
    fleet, alone = linear_plant(sites=4, modules=2, soc=soc), linear_plant(modules=2, soc=soc[2])
    actions = [
        Action(HALF, 1, "module_state", Contactor.OPEN, 0),
        Action(HALF + 1, 2, "pack_state", Contactor.OPEN),
        Action(HALF + 2, 2, "pack_state", Contactor.PRECHARGE),
    ]
    fleet.request_W[:] = 3000.0
    alone.request_W[:] = 3000.0
    for k in range(3):
        here = [replace(action, time_ns=action.time_ns + k * SECOND) for action in actions]
        fleet.advance(k * SECOND, (k + 1) * SECOND, here)
        alone.advance(k * SECOND, (k + 1) * SECOND, [replace(action, site=0) for action in here if action.site == 2])
        for name in ("cell_voltage_V", "temperature_K", "current_A", "bus_voltage_V", "link_voltage_V"):
            assert np.array_equal(getattr(fleet, name)[2], getattr(alone, name)[0]), name


def test_the_last_action_of_an_instant_wins() -> None:
    plant = linear_plant()
    plant.advance(
        0, SECOND, [Action(HALF, 0, "module_state", Contactor.OPEN), Action(HALF, 0, "module_state", Contactor.CLOSED)]
    )
    assert plant.module_state[0, 0] == Contactor.CLOSED


def test_actions_are_taken_in_the_order_of_time() -> None:
    plant = linear_plant()
    plant.advance(
        0,
        SECOND,
        [Action(HALF, 0, "module_state", Contactor.CLOSED), Action(HALF - 1, 0, "module_state", Contactor.OPEN)],
    )
    assert plant.module_state[0, 0] == Contactor.CLOSED


def test_minus_one_means_all() -> None:
    plant = linear_plant(packs=2, modules=2)
    plant.advance(0, SECOND, [Action(0, 0, "balancing_current_A", 3.6), Action(0, 0, "pack_state", 0, slot=2)])
    np.testing.assert_allclose((0.5 - plant.soc) * 3600.0 * CAPACITY_AH, 3.6, rtol=1e-6)
    assert plant.pack_state[0].tolist() == [Contactor.CLOSED, Contactor.OPEN]


def test_the_inverter_stays_within_rating_and_limits() -> None:
    plant = linear_plant(modules=4)
    plant.request_W[:] = 20_000.0
    plant.advance(0, SECOND, [])
    assert plant.power_W[0] == 8000.0
    plant.advance(SECOND, 2 * SECOND, [Action(SECOND, 0, "power_limit_W", 1500.0, cell=1)])
    assert plant.power_W[0] == 1500.0
    plant.request_W[:] = -20_000.0
    plant.advance(2 * SECOND, 3 * SECOND, [])
    assert plant.power_W[0] == -8000.0
    plant.advance(3 * SECOND, 4 * SECOND, [Action(3 * SECOND, 0, "power_limit_W", 0.0, cell=0)])
    assert plant.power_W[0] == 0.0
    plant.advance(4 * SECOND, 5 * SECOND, [Action(4 * SECOND, 0, "power_limit_W", 9000.0)])
    assert plant.power_W[0] == -8000.0
    plant.request_W[:] = 20_000.0
    plant.advance(5 * SECOND, 6 * SECOND, [])
    assert plant.power_W[0] == 8000.0


def test_a_pack_pre_charges_and_closes_without_inrush() -> None:
    plant = linear_plant(modules=2, in_operation=False)
    plant.request_W[:] = 2000.0
    start = [Action(0, 0, "module_state", Contactor.CLOSED), Action(0, 0, "pack_state", Contactor.PRECHARGE)]
    assert beside_contactors(plant.advance(0, SECOND, start)) == []
    assert plant.power_W[0] == 0.0
    emf_V = CELLS * 3.25
    assert plant.link_voltage_V[0] == pytest.approx(emf_V * (1 - np.exp(-1.0 / 0.5)), rel=1e-3)
    plant.advance(SECOND, 5 * SECOND, [])
    closing = [Action(5 * SECOND, 0, "pack_state", Contactor.CLOSED)]
    assert beside_contactors(plant.advance(5 * SECOND, 6 * SECOND, closing)) == []
    assert plant.power_W[0] == 2000.0


def test_a_pack_that_closes_onto_an_empty_link_is_reported() -> None:
    plant = linear_plant(modules=2, in_operation=False)
    closing = [Action(0, 0, "module_state", Contactor.CLOSED), Action(HALF, 0, "pack_state", Contactor.CLOSED)]
    (event,) = beside_contactors(plant.advance(0, SECOND, closing))
    assert (event.time_ns, event.site, event.kind, event.slot) == (HALF, 0, "inrush", -1)
    peak_A = 2 * CELLS * 3.25 / (CELLS * 1e-3 + LINK_OHM)
    assert f"{peak_A:.0f} A" in event.text
    assert plant.advance(SECOND, 2 * SECOND, []) == []


def test_only_the_closing_of_a_contactor_is_an_inrush() -> None:
    plant = linear_plant(inrush_limit_A=1.0)
    plant.request_W[:] = 4000.0
    assert plant.advance(0, SECOND, []) == []
    assert plant.advance(SECOND, 2 * SECOND, []) == []


def test_infeasible_power_is_reported_once_and_the_inverter_takes_nothing() -> None:
    plant = linear_plant()
    resistance = Action(0, 0, "contact_ohm", 1.0, 0, 3)
    plant.request_W[:] = 4000.0
    plant.advance(0, SECOND, [resistance])
    (event,) = plant.advance(SECOND, 2 * SECOND, [])
    assert (event.time_ns, event.kind) == (SECOND, "infeasible_power")
    assert plant.power_W[0] == 0.0
    assert plant.advance(2 * SECOND, 3 * SECOND, []) == []
    plant.request_W[:] = 100.0
    assert plant.advance(3 * SECOND, 4 * SECOND, []) == []
    assert plant.power_W[0] == 100.0


def test_a_long_step_is_cut_into_equal_parts_where_the_loop_gain_is_high() -> None:
    plant = linear_plant(sites=2)
    plant.request_W[:] = 3000.0
    plant.advance(0, 3600 * SECOND, [Action(0, 1, "module_state", Contactor.OPEN)])
    # 3600 s times 2.2e-5 V/As over 18 mohm: a gain of 4.4, and more as the resistance falls with the warmth
    busy, idle = plant._modules.electrical.steps  # type: ignore[attr-defined]
    assert 9 <= busy <= 11
    assert idle == 1
    fine = linear_plant(sites=1)
    fine.request_W[:] = 3000.0
    for k in range(360):
        fine.advance(10 * k * SECOND, 10 * (k + 1) * SECOND, [])
    assert plant.soc[0, 0, 0] == pytest.approx(fine.soc[0, 0, 0], abs=2e-4)


def test_the_cap_of_sub_steps_is_reported_once() -> None:
    plant = linear_plant(substeps=4)
    (event,) = plant.advance(0, 3600 * SECOND, [])
    assert (event.kind, event.site, event.slot) == ("substep_cap", 0, -1)
    assert plant._modules.electrical.steps.tolist() == [4]  # type: ignore[attr-defined]
    assert plant.advance(3600 * SECOND, 7200 * SECOND, []) == []


def test_a_failing_module_takes_its_site_out_and_no_other() -> None:
    plant, sound = linear_plant(sites=3, modules=2), linear_plant(sites=3, modules=2)
    for each in (plant, sound):
        each.request_W[:] = 1000.0
    failing = [Action(HALF, 1, "contact_ohm", np.nan, 1, 2), Action(HALF + 1, 1, "cooling", 1.0)]
    (event,) = plant.advance(0, SECOND, failing)
    assert (event.time_ns, event.site, event.kind, event.slot) == (HALF, 1, "quarantine", 1)
    assert event.text == "the electrical FMU reports ERROR: instance 3 met a resistance that is no number"
    assert plant.failed.tolist() == [False, True, False]
    assert plant.status[1].tolist() == [0, 3]
    electrical, thermal = plant._modules.electrical, plant._modules.thermal
    assert electrical.steps.tolist() == [1, 1, 2, 2, 1, 1]  # type: ignore[attr-defined]
    assert thermal.steps.tolist() == [1, 1, 2, 1, 1, 1]  # type: ignore[attr-defined]
    sound.advance(0, SECOND, [])
    assert plant.advance(SECOND, 2 * SECOND, [Action(SECOND + 1, 1, "module_state", Contactor.OPEN)]) == []
    sound.advance(SECOND, 2 * SECOND, [])
    for name in ("cell_voltage_V", "soc", "temperature_K", "current_A", "bus_voltage_V", "power_W", "housing_K"):
        found, expected = getattr(plant, name), getattr(sound, name)
        assert np.isnan(found[1]).all(), name
        assert np.array_equal(found[[0, 2]], expected[[0, 2]]), name


def test_the_heat_of_a_step_is_handed_over_to_the_joule() -> None:
    plant = linear_plant()
    plant.request_W[:] = 5000.0
    thermal = plant._modules.thermal
    handed_J = 0.0
    for k in range(5):
        plant.advance(k * SECOND, (k + 1) * SECOND, [])
        handed_J += float(thermal.inputs[0, :CELLS].sum())
    assert handed_J == pytest.approx(float(plant._modules.signals.heat_J.sum()), rel=1e-12)


def test_extra_heat_goes_into_its_cell_and_bleeding_into_the_housing() -> None:
    plant = linear_plant()
    plant.advance(0, SECOND, [Action(0, 0, "extra_heat_W", 100.0, 0, 5), Action(0, 0, "bleed", 1.0)])
    warming_K = plant.temperature_K[0, 0] - 298.15
    assert warming_K[5] == pytest.approx(100.0 / 5000.0, rel=1e-3)
    assert not np.delete(warming_K, 5).any()
    assert plant.housing_K[0, 0] == pytest.approx(1e-3 * 3.0 * CELLS)


def test_a_restored_plant_goes_on_to_the_same_bits() -> None:
    plant = linear_plant(sites=2, modules=2, soc=np.array([0.4, 0.6])[:, None, None])
    plant.request_W[:] = [3000.0, -3000.0]
    plant.advance(0, SECOND, [Action(HALF, 0, "bleed", 0.5, 0, 1)])
    before = plant.snapshot()
    later = [Action(SECOND + HALF, 1, "pack_state", 0), Action(SECOND + HALF, 0, "contact_ohm", np.nan, 1, 1)]
    futures = []
    for _ in range(2):
        events = plant.advance(SECOND, 2 * SECOND, later)
        arrays = [plant.soc, plant.temperature_K, plant.current_A, plant.link_voltage_V, plant.failed, plant.pack_state]
        futures.append((events, [array.copy() for array in arrays]))
        plant.restore(before)
    assert futures[0][0] == futures[1][0]
    assert [event.kind for event in futures[0][0]] == ["quarantine", "contactor"]
    for first, second in zip(futures[0][1], futures[1][1], strict=True):
        np.testing.assert_array_equal(first, second)
