"""Firmware of every architecture: restarts, services, and what another version's state is worth."""

from __future__ import annotations

from dataclasses import dataclass, fields, make_dataclass
from typing import Any

import numpy as np
import pytest

from twin import resources
from twin.bms.firmware.firmware import Firmware, Inputs, Outputs, Received
from twin.bms.rows import leaves
from twin.scenario import load
from twin.scenario.architecture import architecture_of
from twin.site_buses import site_messages

SECOND = 1_000_000_000
ROWS, MODULES, CELLS = 3, 2, 16
ROLES = {
    "module_monitor": "hybrid",
    "pack_controller": "hybrid",
    "inverter": "hybrid",
    "central_controller": "centralized",
    "peer_monitor": "distributed",
    "inverter of peers": "distributed",
}


@dataclass(frozen=True)
class Bench:
    """Firmware on a bench: sensors that read a sound module, and a bus on which nobody else speaks."""

    firmware: Firmware[Any]
    signals: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, role: str) -> Bench:
        home = load(resources.folder("scenarios") / "one_home.yaml", [f"bms.architecture={ROLES[role]}"])
        all_of = architecture_of(home).firmware()
        firmware = next(one for one in all_of if one.role == role.split(" of ")[0])
        names = {layout.name: tuple(signal.name for signal in layout.signals) for layout in site_messages(home)}
        return cls(firmware, names)

    def memory(self) -> dict[str, np.ndarray[Any, Any]]:
        per_row = (MODULES,) if self.firmware.role == "central_controller" else ()
        return {"soc": np.full((ROWS, *per_row), 0.4)}

    def inputs(self, time_s: float) -> Inputs:
        firmware = self.firmware
        time_ns = np.full(ROWS, round(time_s * SECOND))
        modules = (MODULES,) if firmware.role == "central_controller" else ()
        sensed = {
            "cell_voltage_V": np.full((ROWS, *modules, CELLS), 3.3),
            "temperature_K": np.full((ROWS, *modules, CELLS), 298.0),
            "current_A": np.full(ROWS, 10.0),
            "module_V": np.full(ROWS, 52.8),
            "link_V": np.full(ROWS, 52.8),
            "bar_V": np.full(ROWS, 52.8),
            "pack_current_A": np.full(ROWS, 20.0),
            "insulation_ohm": np.full(ROWS, 1e6),
            "sampled_ns": np.repeat(time_ns[:, None], MODULES, axis=1) if modules else time_ns,
        }
        return Inputs(time_ns, np.zeros(ROWS, np.int64), sensed, {kind: self._unheard(kind) for kind in firmware.reads})

    def _unheard(self, kind: str) -> Received:
        one = {"Module": "Module01", "Pack": "Pack1"}.get(kind.split("_")[0], kind.split("_")[0])
        names = self.signals[f"{one}_{kind.split('_', 1)[1]}"]
        of_modules = kind.startswith("Module_")
        senders = (MODULES,) if of_modules else (1,) if self.firmware.scope == "pack" else ()
        return Received(names, np.zeros((len(names), ROWS, *senders)), np.full((ROWS, *senders), -1))

    def run(self, state: Any, seconds: range) -> tuple[Any, Outputs]:
        for second in seconds:
            state, outputs = self.firmware.step(state, self.inputs(second))
        return state, outputs


@pytest.fixture(params=ROLES)
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench.of(request.param)


def _rows(state: Any) -> list[int]:
    return [len(leaf) for leaf in leaves(state)]


def _bits(state: Any) -> list[bytes]:
    return [leaf.tobytes() for leaf in leaves(state)]


def test_a_state_keeps_its_shapes_and_types(bench: Bench) -> None:
    """Rows are taken and put back every activation: no array may change what it is."""
    before = bench.firmware.initial(ROWS, bench.memory())
    after, _ = bench.run(before, range(4))
    assert [(leaf.shape, leaf.dtype) for leaf in leaves(after)] == [(leaf.shape, leaf.dtype) for leaf in leaves(before)]
    assert set(_rows(after)) == {ROWS}


def test_outputs_are_what_the_firmware_says_of_itself(bench: Bench) -> None:
    firmware = bench.firmware
    _, outputs = bench.run(firmware.initial(ROWS, bench.memory()), range(3))
    assert set(outputs.frames) == set(firmware.sends)
    for wanted, reaches in ((outputs.commands, firmware.commands), (outputs.beliefs, firmware.believes)):
        assert {name: values.shape for name, values in wanted.items()} == {
            name: (ROWS, *reach.shape) for name, reach in reaches.items()
        }
    if outputs.findings is None:
        assert firmware.codes == ()
        return
    shape = ROWS, len(firmware.codes)
    for values in vars(outputs.findings).values():
        assert np.broadcast_shapes(values.shape, shape) == shape
    assert outputs.findings.level.shape == outputs.findings.since_ns.shape == shape


def test_what_is_remembered_over_power_off_is_enough_to_begin_again(bench: Bench) -> None:
    firmware = bench.firmware
    state, _ = bench.run(firmware.initial(ROWS, bench.memory()), range(60))
    again = firmware.initial(ROWS, {**firmware.memory(state), "restarts": np.ones(ROWS)})
    assert [leaf.shape for leaf in leaves(again)] == [leaf.shape for leaf in leaves(state)]
    for name, values in firmware.memory(state).items():
        np.testing.assert_array_equal(firmware.memory(again)[name], values)
    if firmware.memory(state):
        assert (firmware.memory(state)["soc"] < 0.4).all(), "it has counted 10 A for a minute"


def _of_another_version(state: Any, without: str) -> Any:
    """Return a state as another version might keep it: one thing fewer, one more, and classes of its own."""
    old = {field.name: getattr(state, field.name) for field in fields(state) if field.name != without}
    old["news"] = np.zeros(ROWS)
    return make_dataclass("Older", list(old), frozen=True)(*old.values())


def test_another_version_goes_on_from_what_both_know(bench: Bench) -> None:
    firmware = bench.firmware
    state, _ = bench.run(firmware.initial(ROWS, bench.memory()), range(60))
    memory = {**bench.memory(), **firmware.memory(state)}
    assert _bits(firmware.migrate(state, ROWS, memory)) == _bits(state)
    new = firmware.initial(ROWS, memory)
    for without in [field.name for field in fields(state)]:
        migrated = firmware.migrate(_of_another_version(state, without), ROWS, memory)
        for field in fields(state):
            source = new if field.name == without else state
            assert _bits(getattr(migrated, field.name)) == _bits(getattr(source, field.name)), field.name
        bench.run(migrated, range(60, 63))


def test_migration_from_nothing_is_power_on(bench: Bench) -> None:
    new = bench.firmware.initial(ROWS, bench.memory())
    assert _bits(bench.firmware.migrate(None, ROWS, bench.memory())) == _bits(new)


@pytest.mark.parametrize("role", [role for role in ROLES if not role.startswith("inverter")])
def test_a_wrong_capacity_is_kept_and_taken_back(role: str) -> None:
    bench = Bench.of(role)
    state, _ = bench.run(bench.firmware.initial(ROWS, bench.memory()), range(3))
    doubled = bench.firmware.service(state, "capacity", 2.0)
    assert _bits(doubled) != _bits(state)
    assert _bits(bench.firmware.service(doubled, "capacity", 0.5)) == _bits(state)


@pytest.mark.parametrize("role", ["module_monitor", "peer_monitor"])
def test_twice_the_capacity_halves_what_is_counted(role: str) -> None:
    bench = Bench.of(role)
    start = bench.firmware.initial(ROWS, bench.memory())
    counted = [
        0.4 - bench.firmware.memory(bench.run(bench.firmware.service(start, "capacity", factor), range(60))[0])["soc"]
        for factor in (1.0, 2.0)
    ]
    np.testing.assert_allclose(counted[0], 2.0 * counted[1], rtol=1e-6)
    np.testing.assert_allclose(counted[0], 10.0 * 59.0 / 3600.0 / 314.0, rtol=0.02)
