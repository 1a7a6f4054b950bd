"""Firmware of one's own in a run: an FMU or a Python file in the place of a role's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import twin
from tests.worlds import failing_inverter
from tests.worlds.command import twin as command
from tests.worlds.solutions import inverter_ramp
from twin.cli.execute import execute
from twin.errors import InputError
from twin.scenario import load
from twin.scenario.architecture import architecture_of

HOMES = """\
name: Homes with an inverter of their own
start: 2026-06-21T12:00:00+08:00
duration_s: 60
fleet: {sites: 2, modules: 4}
plant: {inverter: {rated_power_W: 50 kW}}
"""
FMU = "bms.firmware.inverter=inverter_control"
CAREFUL = '''\
"""An inverter that takes nine tenths of what the battery allows."""

from __future__ import annotations

from typing import ClassVar

from twin.bms.firmware.firmware import Firmware, Outputs
from twin.bms.firmware.inverter_control import InverterControl, InverterState


class Careful(Firmware[InverterState]):
    role: ClassVar[str] = "inverter"
    scope: ClassVar = "site"
    version: ClassVar[str] = "careful"
    reads: ClassVar[tuple[str, ...]] = InverterControl.reads
    sends: ClassVar[tuple[str, ...]] = InverterControl.sends
    commands = InverterControl.commands

    def __init__(self, options, site):
        self._usual = InverterControl(options, site)

    def initial(self, rows, memory):
        return self._usual.initial(rows, memory)

    def step(self, state, inputs):
        state, outputs = self._usual.step(state, inputs)
        return state, Outputs(outputs.frames, {"power_limit_W": outputs.commands["power_limit_W"] * SHARE}, None, {})
'''


def run(folder: Path, name: str, *overrides: str, shards: int = 1) -> Path:
    """Run the homes in ``folder`` into ``folder / name``."""
    (folder / "homes.yaml").write_text(HOMES)
    execute(load(folder / "homes.yaml", overrides), folder / name, quiet=True, shards=shards)
    return folder / name


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two runs: ``usual``, and ``fmu`` with the ramp."""
    folder = tmp_path_factory.mktemp("homes")
    run(folder, "usual")
    run(folder, "fmu", FMU)
    return folder


def test_limits_ramp_as_in_closed_form_and_all_else_is_as_usual(homes: Path) -> None:
    """Both inverters hear the same limits: from those that the usual one keeps follow those of the ramp."""
    usual, ramped = twin.open_run(homes / "usual"), twin.open_run(homes / "fmu")
    allowed_W = np.stack([usual[f"{name}_limit_W"] for name in ("charge", "discharge")], axis=-1)
    kept_W = np.stack([ramped[f"{name}_limit_W"] for name in ("charge", "discharge")], axis=-1)
    ramp_W = np.zeros((2, 2))
    for second in range(allowed_W.shape[1]):
        ramp_W = inverter_ramp.step(ramp_W, allowed_W[:, second], 1.0)
        np.testing.assert_allclose(kept_W[:, second], np.minimum(ramp_W, allowed_W[:, second]), atol=4.0)
    assert (allowed_W - kept_W).max() > 200.0
    assert np.abs(allowed_W - kept_W)[:, -1].max() < 40.0
    for name, tolerance in {"power_W": 1.0, "soc": 5e-4, "module_soc": 1e-3, "cell_voltage_V": 1e-3}.items():
        np.testing.assert_allclose(ramped[name].isel(time=-1), usual[name].isel(time=-1), atol=tolerance, err_msg=name)
    assert ramped.attrs["firmware"].endswith("inverter inverter_control")


def test_the_bytes_do_not_depend_on_who_steps_the_fmus(homes: Path, tmp_path: Path) -> None:
    other = run(tmp_path, "again", FMU, "plant.threads=2", shards=2)
    first, again = (twin.open_run(path).to_dataset() for path in (homes / "fmu", other))
    assert [name for name in first.data_vars if first[name].values.tobytes() != again[name].values.tobytes()] == []


def test_an_fmu_of_a_path_travels_with_its_run(tmp_path: Path) -> None:
    failing_inverter.build(tmp_path)
    run(tmp_path, "run", f"bms.firmware.inverter={tmp_path}/failing.fmu", "duration_s=20")
    kept = sorted(path.name for path in (tmp_path / "run" / "inputs").iterdir())
    assert kept == ["firmware-inverter-failing.fmu", "firmware-inverter-failing.ports.yaml"]
    told = twin.open_run(tmp_path / "run")["events"].to_dataset()
    crashed = told.isel(event=np.flatnonzero(told["code"].values == "program_failed"))
    assert sorted(crashed["site_id"].values.tolist()) == [0, 1]
    text = str(crashed["message"].values[0])
    assert text.startswith("the whole site: the program of the inverter has failed, and it is silent: ")
    for name in ("failing.fmu", "failing.ports.yaml"):
        (tmp_path / name).unlink()
    again = command("rerun", tmp_path / "run", "--site", "1", "-o", tmp_path / "again", "--quiet")
    assert again.returncode == 0, again.stderr


def test_a_python_file_takes_the_place_of_firmware(homes: Path, tmp_path: Path) -> None:
    (tmp_path / "careful.py").write_text(CAREFUL.replace("SHARE", "0.9"))
    run(tmp_path, "careful", f"bms.firmware.inverter={tmp_path}/careful.py")
    careful, usual = twin.open_run(tmp_path / "careful"), twin.open_run(homes / "usual")
    np.testing.assert_allclose(careful["discharge_limit_W"], 0.9 * usual["discharge_limit_W"], atol=1.0)
    assert (tmp_path / "careful" / "inputs" / "firmware-inverter-careful.py").is_file()


BAD_FILES: dict[str, tuple[str, str, str]] = {
    "a syntax error": ("def step(", "def step((", "careful.py:25: SyntaxError"),
    "a module that is not there": ("from typing", "import nowhere\nfrom typing", "careful.py:5: ModuleNotFoundError"),
    "a mistake when it is made": ("(options, site)", "(options.speed_m_s)", "careful.py:20: AttributeError"),
    "no firmware": ("(Firmware[InverterState])", "", "careful.py: expected one class of Firmware, found none"),
    "another role": (
        '"inverter"',
        '"heater"',
        "careful.py:11: it is firmware of the site's 'heater'; expected the site's 'inverter'",
    ),
    "a message that there is not": (
        "InverterControl.reads",
        '("Weather_Report",)',
        "careful.py:11: it reads 'Weather_Report'; found no such message on the buses of a site",
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_python_file_that_does_not_fit_is_refused(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in CAREFUL
    (tmp_path / "careful.py").write_text(CAREFUL.replace(old, new, 1))
    (tmp_path / "homes.yaml").write_text(f"{HOMES}bms: {{firmware: {{inverter: careful.py}}}}\n")
    architecture = architecture_of(load(tmp_path / "homes.yaml"))
    with pytest.raises(InputError) as refusal:
        architecture.firmware()
    assert expected in str(refusal.value)


def test_an_fmu_is_checked_before_it_is_built(tmp_path: Path) -> None:
    shutil.copyfile(failing_inverter.build(tmp_path), tmp_path / "other.fmu")
    (tmp_path / "other.ports.yaml").write_text("outputs:\n  - {variable: p, signal: power_limit_W, unit: V, size: 2}\n")
    (tmp_path / "homes.yaml").write_text(f"{HOMES}bms: {{firmware: {{inverter: other.fmu, invertor: other.fmu}}}}\n")
    done = command("check", tmp_path / "homes.yaml")
    assert done.returncode == 2
    assert "homes.yaml:6: bms.firmware.invertor: no such role" in done.stderr
    assert "did you mean inverter?" in done.stderr
    (tmp_path / "homes.yaml").write_text(f"{HOMES}bms: {{firmware: {{inverter: other.fmu}}}}\n")
    done = command("check", tmp_path / "homes.yaml")
    assert done.returncode == 2
    assert "other.ports.yaml:2: outputs[0].unit: 'V' is the wrong unit; expected W" in done.stderr
