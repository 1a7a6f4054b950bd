"""What is wrong with a rollout is refused before anything runs, all at once, by ``twin check`` and ``twin run``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.worlds.commands import Done, run_all
from tests.worlds.rollout_homes import RELEASE
from twin.ota.images.image import Image

HOMES = "name: x\nstart: 2026-06-21T12:00:00+08:00\nduration_s: 600\nfleet: {sites: 6, modules: 2}\n"
MONITOR, CONTROLLER = Path(RELEASE["module_monitor"]), Path(RELEASE["pack_controller"])
INVERTER = MONITOR.parents[3] / "twin" / "bms" / "firmware" / "inverter_control.py"
NEEDS = "from twin.bms.firmware.{module} import {base}\n\n\nclass Needy({base}):\n    version = '2.5.0'\n    {line}\n"
BOTH = f"pack_controller: {CONTROLLER}, module_monitor: {MONITOR}"


@dataclass(frozen=True)
class Case:
    """What stands in s.yaml from its fifth line on, and what is said of it."""

    scenario: str
    says: list[str] = field(default_factory=list)


CASES = {
    "flash, a gate and a threshold, and an image": Case(
        """\
ota:
  release:
    pack_controller: garbage.img
  flash: {slot_bytes: 128 KiB}
  campaign:
    policy:
      kind: canary
      canaries: 2
      error_threshold: 120
      gates: {behaviours: [{behaviour: bus_lood}]}
""",
        [
            "s.yaml:8: ota.flash.slot_bytes: found '128 KiB'; expected a whole number",
            "s.yaml:13: ota.campaign.policy.error_threshold: found 120; expected at most 100.0",
            "s.yaml:14: ota.campaign.policy.gates.behaviours[0].behaviour: 'bus_lood' is no behaviour: "
            "did you mean bus_load?",
            "{folder}/garbage.img: ota.release.pack_controller: is no firmware image: expected TWINIMG1 at its begin",
        ],
    ),
    "images and a policy": Case(
        """\
ota:
  release:
    pack_controller: garbage.img
    module_monitor: truncated.img
    module_minder: monitor.img
    inverter: other.img
  flash: {slot_bytes: 131072}
  campaign:
    policy:
      kind: hawkbit
      error_threshold: 120
""",
        [
            "s.yaml:9: ota.release.module_minder: no such role; "
            "expected one of module_monitor, pack_controller, inverter",
            "s.yaml:15: ota.campaign.policy.error_threshold: found 120; expected a percentage from 0 to 100",
            "{folder}/monitor.img: ota.release.module_minder: has 262144 bytes; expected at most ota.flash.slot_bytes, "
            "131072",
            "{folder}/garbage.img: ota.release.pack_controller: is no firmware image: expected TWINIMG1 at its begin",
            "{folder}/truncated.img: ota.release.module_monitor: is truncated: 100000 bytes; its manifest says 262144",
            "{folder}/monitor.img: ota.release.module_minder: it is firmware of 'module_monitor'; "
            "expected 'module_minder'",
            "{folder}/other.img: ota.release.inverter: unknown hardware id 'inverter-r9'; "
            "the inverter is a 'inverter-r1'",
        ],
    ),
    "a circle, and a campaign that never ends": Case(
        """\
ota:
  release: {pack_controller: needy_controller.py, module_monitor: needy_monitor.py}
  campaign: {decide_s: 0.7, window: {opens: "01:00", closes: "05:00"}, commands: [{do: pause, time_s: 5}]}
""",
        [
            "s.yaml:6: ota.release: its dependencies go in a circle: pack_controller -> module_monitor -> "
            "pack_controller; no order of installing it can work",
            "s.yaml:7: ota.campaign.decide_s: found 0.7; expected a multiple of step_s, 1 (1 is one)",
            "s.yaml:7: ota.campaign.policy: it does not finish within the run's 600 s, even if every site succeeded at "
            "once: not everybody would be done; the last that happened: pause (must_finish: false allows that)",
        ],
    ),
    "a file that is not there, and one that is no image": Case(
        "ota:\n  release: {pack_controller: nope.py, module_monitor: nothing}\n",
        [
            "s.yaml:6: ota.release.pack_controller: there is no file {folder}/nope.py",
            "nothing: ota.release.module_monitor: no such file; expected a firmware image",
        ],
    ),
    "a dependency that nothing meets": Case(
        "ota:\n  release: {pack_controller: needy_controller.py}\n  campaign: {must_finish: false}\n",
        ["s.yaml:6: ota.release.pack_controller: needs module_monitor >=2.5.0; found 1.0.0"],
    ),
    "faults of updates where there are none": Case(
        "faults:\n  - {kind: storage_full, site: 0, start_s: 0}\n"
        "  - {kind: update_attack, site: 1, attack: freeze, start_s: 0}\n",
        [
            "s.yaml:6: faults[0].kind: found storage_full; it befalls updates, and the scenario has no ota",
            "s.yaml:7: faults[1].kind: found update_attack; it befalls updates, and the scenario has no ota",
        ],
    ),
    "an ECU that no image gets to, and firmware for other buses": Case(
        f"ota:\n  release:\n    inverter: {INVERTER}\n    module_monitor: deaf.py\n",
        [
            "{folder}/deaf.py:4: ota.release.module_monitor: it reads 'Nothing_Such'; found no such message on the "
            "buses of a site",
            "s.yaml:7: ota.release.inverter: the CAN database has no Inverter_DiagnosticRequest and "
            "Inverter_DiagnosticResponse: no image gets to the inverter (expected some of module_monitor, "
            "pack_controller)",
        ],
    ),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the same files beside each scenario."""
    root = tmp_path_factory.mktemp("mistakes")
    for name, case in CASES.items():
        folder = root / _slug(name)
        folder.mkdir()
        (folder / "s.yaml").write_text(HOMES + case.scenario)
        _write_files(folder)
    return root


def _write_files(folder: Path) -> None:
    image = Image.of_source(MONITOR)
    (folder / "monitor.img").write_bytes(image.data)
    (folder / "truncated.img").write_bytes(image.data[:100_000])
    (folder / "garbage.img").write_text("no image, and nobody has signed it")
    source = folder / "inverter.py"
    source.write_text(NEEDS.format(module="inverter_control", base="InverterControl", line=""))
    (folder / "other.img").write_bytes(Image.of_source(source, hardware_id="inverter-r9", size_bytes=65536).data)
    for name, base, line in (
        ("needy_controller", "PackController", "requires = {'module_monitor': '>=2.5.0'}"),
        ("needy_monitor", "ModuleMonitor", "requires = {'pack_controller': '>=2.5.0'}"),
        ("deaf", "ModuleMonitor", "reads = ('Nothing_Such',)"),
    ):
        module = "pack_controller" if base == "PackController" else "module_monitor"
        (folder / f"{name}.py").write_text(NEEDS.format(module=module, base=base, line=line))


def _slug(name: str) -> str:
    return name.replace(" ", "_").replace(",", "")


@pytest.fixture(scope="module")
def done(root: Path) -> dict[tuple[str, str], Done]:
    """What came of every case, by command."""
    asked = [(name, command) for name in CASES for command in ("check s.yaml", "run s.yaml -o out")]
    results = run_all([(command.split(), root / _slug(name)) for name, command in asked])
    return dict(zip(asked, results, strict=True))


@pytest.mark.parametrize("command", ["check s.yaml", "run s.yaml -o out"])
@pytest.mark.parametrize("name", CASES)
def test_every_mistake_is_named_and_nothing_is_written(
    root: Path, done: dict[tuple[str, str], Done], name: str, command: str
) -> None:
    result, folder = done[name, command], root / _slug(name)
    says = sorted(f"error: {text.format(folder=folder)}" for text in CASES[name].says)
    assert sorted(result.errors[:-1]) == says
    count = len(says)
    assert result.errors[-1] == f"{count} mistake{'s' if count > 1 else ''} in the input; nothing was written"
    assert (result.code, result.output, result.changed) == (2, "", [])
