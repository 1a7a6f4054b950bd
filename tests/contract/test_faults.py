"""Every kind of fault keeps what faults promise: stated in the gallery, told in the catalogue, told by known codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from twin import faults, resources
from twin.bms.codes import CATALOGUE
from twin.bms.effects import NEVER, Mishap
from twin.faults.catalogue import page
from twin.faults.clock_wrong import ClockWrong
from twin.faults.drawn import Drawing, Drawn
from twin.faults.fault import Deviation, Fault
from twin.faults.power_loss import PowerLoss
from twin.faults.storage_full import StorageFull
from twin.faults.update_attack import UpdateAttack
from twin.faults.update_fault import UpdateFault
from twin.faults.wan_loss import WanLoss
from twin.network.disturbances import Disturbance
from twin.network.engines.records import NodeState
from twin.ota.effects import Incident
from twin.plant.action import Action, Actuator, Replacement
from twin.plugins import discover
from twin.scenario import load
from twin.scenario.faults import Injected

KINDS: Mapping[str, type[Fault]] = discover(faults, Fault)  # type: ignore[type-abstract]
GALLERY = load(resources.folder("scenarios") / "fault_gallery.yaml").faults
OF_UPDATES: tuple[UpdateFault, ...] = (
    PowerLoss(site=3, start_s=60),
    WanLoss(site=3, start_s=60),
    ClockWrong(site=3, start_s=60, offset_s=-86400),
    StorageFull(site=3, start_s=60),
    UpdateAttack(site=3, start_s=60, attack="key_compromise", keys=("director.targets", "image.root#1")),
)
"""They change nothing without a rollout, so that the gallery cannot show them."""
STATED = {fault.kind: fault for fault in (*reversed(GALLERY), *OF_UPDATES)}
CODES = {code.name for code in CATALOGUE} | {state.name.lower() for state in NodeState}
"""What a BMS may say, and what its CAN controllers may."""
SPOILERS = {"stale_codes", "anonymous_events", *(fault.kind for fault in OF_UPDATES)}
"""They are about what the BMS says of other faults, or about updates, and no BMS says anything of them."""


def test_the_gallery_and_the_faults_of_updates_are_every_kind() -> None:
    assert STATED.keys() == KINDS.keys()


def test_the_catalogue_is_up_to_date() -> None:
    stored = Path(__file__).parents[2] / "docs" / "faults.md"
    assert stored.read_text() == page(), "run: python -m twin.faults.catalogue > docs/faults.md"


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_says_what_a_good_bms_would(kind: str) -> None:
    expected = KINDS[kind].expected
    assert bool(expected) == (kind not in SPOILERS)
    assert set(expected) <= CODES, sorted(set(expected) - CODES)
    assert len(set(expected)) == len(expected)
    assert KINDS[kind].source
    assert not (KINDS[kind].hazardous and kind in SPOILERS)


@pytest.mark.parametrize("kind", KINDS)
def test_effects_lie_in_the_time_of_their_fault(kind: str) -> None:
    fault = STATED[kind]
    effects = fault.effects()
    assert effects
    times_ns = [0 if isinstance(effect, Deviation) else effect.time_ns for effect in effects]
    assert times_ns == sorted(times_ns)
    assert times_ns[0] == fault.start_ns
    assert times_ns[-1] <= fault.end_ns
    for effect in effects:
        assert effect.change
        assert effect.site == fault.site
        if isinstance(effect, Action):
            assert effect.actuator in get_args(Actuator)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "duration_s" in KINDS[kind].model_fields])
def test_a_fault_that_lasts_some_time_ends(kind: str) -> None:
    fault = STATED[kind]
    if kind == "module_swap":
        assert isinstance(fault.effects()[-1], Replacement)
        return
    lasting = type(fault).model_validate(fault.model_dump() | {"duration_s": 7.0})
    assert lasting.end_ns == fault.start_ns + 7 * 10**9
    for_ever = type(fault).model_validate(fault.model_dump() | {"duration_s": None})
    assert for_ever.end_ns == NEVER
    assert _last_ns(lasting) == lasting.end_ns
    assert lasting.effects() != for_ever.effects()


def _last_ns(fault: Fault) -> int:
    """Return when the last of a fault's effects ends or happens."""
    times_ns = [0]
    for effect in fault.effects():
        if isinstance(effect, Mishap | Incident):
            times_ns.append(effect.end_ns)
        elif not isinstance(effect, Deviation):
            times_ns.append(effect.time_ns)
    return max(times_ns)


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_a_fault_does_reaches_somebody(kind: str) -> None:
    fault = STATED[kind]
    injected = Injected.of([fault], {fault.site: 0})
    bms = [*injected.deviations, *injected.actions, *injected.disturbances, *injected.mishaps]
    every = [*bms, *injected.incidents]
    assert len(every) == len(fault.effects())
    assert {effect.site for effect in every} == {0}
    assert [replace(effect, site=fault.site) for effect in every if isinstance(effect, Disturbance)] == [
        effect for effect in fault.effects() if isinstance(effect, Disturbance)
    ]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind].ranges is not None])
def test_a_kind_can_be_drawn_from_its_ranges(kind: str) -> None:
    ranges = KINDS[kind].ranges or {}
    assert ranges.keys() <= KINDS[kind].model_fields.keys()
    drawing = Drawing(Drawn(kinds=[kind], count_per_site=1), 1, 50, modules=2, cells=16, duration_s=100.0)
    drawn = [fault for site in range(50) for fault in drawing.of_site(site)]
    for name, reach in ranges.items():
        values = np.array([getattr(fault, name) for fault in drawn])
        assert ((values >= reach.low) & (values <= reach.high)).all()
        assert len(np.unique(values)) > 40
    if "start_s" in KINDS[kind].model_fields:
        assert len({fault.start_ns for fault in drawn}) == 50
