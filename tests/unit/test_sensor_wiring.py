"""Who reads what: modules at once, a central scan one after the other, packs what their contactor stands in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from twin import resources
from twin.bms.sensing import Measurement
from twin.bms.sensor_wiring import Outside, SensorWiring
from twin.scenario import load
from twin.scenario.architecture import architecture_of

SECOND = 1_000_000_000
SITES, PACKS, MODULES, CELLS = 2, 2, 2, 16
SLOTS = PACKS * MODULES


def _wiring(architecture: str, *overrides: str) -> SensorWiring:
    said = (f"bms.architecture={architecture}", f"fleet.packs={PACKS}", f"fleet.modules={MODULES}")
    home = load(resources.folder("scenarios") / "one_home.yaml", [*said, *overrides])
    return SensorWiring(architecture_of(home), SITES)


def _measured(time_ns: int) -> Measurement:
    """Return readings that tell when and where they were taken."""
    where: npt.NDArray[np.float64] = np.array(100.0 * np.arange(SITES)[:, None] + np.arange(SLOTS), np.float64)
    now = where + 1000.0 * (time_ns / SECOND)
    cells = now[..., None] + np.arange(CELLS) / 100.0
    fresh = np.ones((SITES, SLOTS), np.bool_)
    site = np.arange(SITES, dtype=float)
    return Measurement(cells, cells + 0.5, now + 0.1, now + 0.2, site + 48.0, site + 1e6, fresh)


def _outside() -> Outside:
    terminal_V = 50.0 + np.arange(SITES * SLOTS, dtype=float).reshape(SITES, SLOTS)
    return Outside(terminal_V, 60.0 + np.arange(SITES * PACKS, dtype=float).reshape(SITES, PACKS))


def _read(wiring: SensorWiring, ticks: int, step_ns: int = SECOND) -> Iterator[Mapping[str, Mapping[str, Any]]]:
    for tick in range(ticks):
        yield wiring.read(tick * step_ns, _measured(tick * step_ns), _outside())


@pytest.mark.parametrize(
    ("architecture", "module", "pack"),
    [
        ("hybrid", "module_monitor", "pack_controller"),
        ("distributed", "peer_monitor", None),
        ("centralized", None, "central_controller"),
    ],
)
def test_what_is_wired_where(architecture: str, module: str | None, pack: str | None) -> None:
    (read,) = _read(_wiring(architecture), 1)
    assert set(read) == {module, pack, "inverter"} - {None}
    assert read["inverter"] == {}
    if module:
        assert read[module]["cell_voltage_V"].shape == (SITES, SLOTS, CELLS)
        np.testing.assert_array_equal(read[module]["link_V"], _outside().terminal_V)
    if pack:
        scanned = {"cell_voltage_V", "temperature_K", "sampled_ns"}
        assert (set(read[pack]) >= scanned) == (module is None)
        assert {name for name in read[pack] if name not in scanned} == {
            "link_V",
            "bar_V",
            "insulation_ohm",
            "pack_current_A",
        }
        np.testing.assert_array_equal(read[pack]["bar_V"], _outside().bar_V)
        assert read[pack]["link_V"].tolist() == [[48.0] * PACKS, [49.0] * PACKS]


@pytest.mark.parametrize(("connection", "together"), [("parallel", np.sum), ("series", np.mean)])
def test_the_current_of_a_pack_is_that_of_its_modules(connection: str, together: Any) -> None:
    (read,) = _read(_wiring("centralized", f"fleet.connection={connection}"), 1)
    modules = _measured(0).current_A.reshape(SITES, PACKS, MODULES)
    np.testing.assert_allclose(read["central_controller"]["pack_current_A"], together(modules, axis=2))


def test_behind_a_module_of_a_string_is_the_link() -> None:
    (read,) = _read(_wiring("hybrid", "fleet.connection=series"), 1)
    assert read["module_monitor"]["link_V"].tolist() == [[48.0] * SLOTS, [49.0] * SLOTS]


SCANS = {
    "a module a tick": (4.0, SECOND),
    "all within a tick": (0.85, SECOND),
    "two a tick": (2.0, SECOND),
    "no common period": (2.7, SECOND),
    "ticks much finer than the scan": (0.85, SECOND // 10),
}


@pytest.mark.parametrize(("scan_s", "step_ns"), SCANS.values(), ids=SCANS.keys())
def test_a_scan_comes_round_to_one_module_after_the_other(scan_s: float, step_ns: int) -> None:
    """A slot is read at its share of the scan, and every scan later; in between it stays what it was."""
    scan_ns = round(scan_s * SECOND)
    due_ns = [[scan_ns * (slot + 1) // SLOTS + n * scan_ns for n in range(200)] for slot in range(SLOTS)]
    last_ns = [-1] * SLOTS
    for tick, read in enumerate(_read(_wiring("centralized", f"bms.scan_s={scan_s}"), 30, step_ns)):
        now_ns = tick * step_ns
        for slot in range(SLOTS):
            if any(now_ns - step_ns < one <= now_ns for one in due_ns[slot]):
                last_ns[slot] = now_ns
        seen = read["central_controller"]
        assert seen["sampled_ns"].tolist() == [np.reshape(last_ns, (PACKS, MODULES)).tolist()] * SITES
        for slot, sampled_ns in enumerate(last_ns):
            pack, module = divmod(slot, MODULES)
            expected = _measured(max(sampled_ns, 0))
            for name in ("cell_voltage_V", "temperature_K"):
                np.testing.assert_array_equal(seen[name][:, pack, module], getattr(expected, name)[:, slot])
    assert min(last_ns) > 0


def test_a_monitor_reads_at_every_tick() -> None:
    for tick, read in enumerate(_read(_wiring("hybrid"), 3)):
        seen = read["module_monitor"]
        assert (seen["sampled_ns"] == tick * SECOND).all()
        np.testing.assert_array_equal(seen["cell_voltage_V"], _measured(tick * SECOND).cell_voltage_V)


@pytest.mark.parametrize("architecture", ["hybrid", "centralized"])
def test_what_could_not_be_read_is_as_old_as_it_is(architecture: str) -> None:
    """A harness that is off from the third tick to the fifth."""
    wiring = _wiring(architecture, "bms.scan_s=0.5")
    sampled_s = []
    for tick in range(6):
        measured = _measured(tick * SECOND)
        if 2 <= tick < 4:
            fresh = measured.fresh.copy()
            fresh[1, 3] = False
            measured = replace(measured, fresh=fresh)
        read = wiring.read(tick * SECOND, measured, _outside())
        role = next(role for role in read if role != "inverter" and "sampled_ns" in read[role])
        of_slots = read[role]["sampled_ns"].reshape(SITES, SLOTS)
        sampled_s.append(int(of_slots[1, 3]) // SECOND)
        assert (np.delete(of_slots.ravel(), 7) // SECOND == (tick if tick or architecture == "hybrid" else -1)).all()
    assert sampled_s[1:] == [1, 1, 1, 4, 5]
