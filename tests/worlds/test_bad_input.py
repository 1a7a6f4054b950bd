"""Bad input as a user meets it: exit code 2, every mistake at its place, nothing written, no traceback."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.worlds.command import ROOT, twin
from tests.worlds.commands import Done, changed, files, run_all
from tests.worlds.fmus.build import Flaw, build
from tests.worlds.runs import World, write_run
from twin import resources
from twin.errors import InputError
from twin.modelica.build import build as build_model
from twin.scenario import Scenario, load, placed
from twin.shards import Shards, Whole

RIGHT = "name: x\nstart: 2026-06-21T12:00:00+08:00\nduration_s: 5\n"
ELECTRICAL_PORTS = resources.folder("fmus") / "module_electrical" / "ports.yaml"
DATABASE = resources.folder("data") / "can" / "home_battery.dbc"


@dataclass(frozen=True)
class Case:
    """One command; ``scenario`` is what stands in s.yaml from its fourth line on, ``{parts}`` the shared files."""

    arguments: str
    says: list[str]
    scenario: str = ""
    files: dict[str, str] = field(default_factory=dict)


RUN = "run s.yaml -o out"
CASES = {
    # The scenario
    "no scenario file": Case("run nope.yaml -o out", ["nope.yaml: cannot be read: No such file or directory"]),
    "a folder for a scenario": Case("run . -o out", [".: cannot be read: Is a directory"]),
    "broken YAML": Case(
        RUN,
        [
            "s.yaml:4: broken YAML: expected the node content, but found '<stream end>' "
            "(while parsing a flow node from line 4)"
        ],
        "faults: [",
    ),
    "several mistakes at once": Case(
        f"{RUN} --set fleet.nope=1 --set seed --set bms.period_s=0",
        [
            "s.yaml:4: fleet.packs: found 9; expected at most 4",
            "s.yaml:4: fleet.sitse: unknown key (did you mean sites?)",
            "s.yaml:5: step_s: '3 kg' has the wrong unit; expected second",
            "s.yaml:6: faults[0].cell: found 16; expected 0 to 15",
            "--set seed: is no path=value (expected e.g. --set fleet.sites=3)",
            "--set fleet.nope=1: fleet.nope: unknown key (known: sites, packs, modules, connection, spread)",
            "--set bms.period_s=0: bms.period_s: found 0; expected more than 0",
        ],
        "fleet: {sitse: 3, packs: 9}\nstep_s: 3 kg\nfaults: [{kind: weak_cell, site: 0, cell: 16}]\n",
    ),
    "twin check finds the same": Case(
        "check s.yaml --set fleet.sites=0",
        [
            "s.yaml:4: fleet.modules: found 'two'; expected a whole number",
            "--set fleet.sites=0: fleet.sites: found 0; expected at least 1",
        ],
        "fleet: {modules: two}",
    ),
    # Profiles
    "a profile with NaN and an empty field": Case(
        RUN,
        [
            "{folder}/a.csv:3: a_W: found 'nan'; expected a finite number",
            "{folder}/a.csv:5: a_W: found nothing; expected a finite number",
        ],
        "load: {kind: csv, file: a.csv}",
        {"a.csv": "time_s,a_W\n0,1\n1,nan\n2,3\n3,\n4,1\n5,1\n"},
    ),
    "a profile with a gap, and one that is too short": Case(
        RUN,
        [
            "{folder}/a.csv:4: gap of 3 s before this row; expected rows at most 1.5 s apart",
            "{folder}/b.csv:3: ends 3 s before the run; expected data up to its end",
        ],
        "load: {kind: csv, file: a.csv}\npv: {kind: csv, file: b.csv}",
        {"a.csv": "time_s,a_W\n0,1\n1,1\n4,3\n5,1\n6,1\n", "b.csv": "time_s,b_kW\n0,1\n1,1\n"},
    ),
    # CAN databases
    "no such database": Case(
        RUN, ["s.yaml:4: bus.database: there is no file {folder}/nope.dbc"], "bus: {database: nope.dbc}"
    ),
    "a broken database": Case(
        RUN,
        ['{parts}/broken.dbc:2: not a DBC file that can be read: Invalid syntax at line 2, column 1: ">>!<<!! no DBC"'],
        "bus: {database: ../parts/broken.dbc}",
    ),
    "twin check reads the database, and prints nothing before": Case(
        "check s.yaml",
        ['{parts}/broken.dbc:2: not a DBC file that can be read: Invalid syntax at line 2, column 1: ">>!<<!! no DBC"'],
        "bus: {database: ../parts/broken.dbc}",
    ),
    "a database without what the BMS needs, and an FMU that is none": Case(
        RUN,
        [
            "{parts}/other.dbc: Pack1_Command: no such message, which the BMS needs (did you mean Pack1_Comand?)",
            "{parts}/other.dbc: Module01_State.Counter: no such signal, which the BMS needs (did you mean Count?)",
            "{parts}/other.dbc: Module02_State: its layout is not that of Module01_State; expected the same",
            "{parts}/text.fmu: no FMU: it is no ZIP archive",
        ],
        "bus: {database: ../parts/other.dbc}\nplant: {electrical: ../parts/text.fmu}\n",
    ),
    # FMUs
    "no such FMU, no such model": Case(
        RUN,
        [
            "s.yaml:4: plant.electrical: there is no file {folder}/nope.fmu",
            "s.yaml:4: plant.thermal: found 'modul_thermal'; expected inverter_control, module_electrical, "
            "module_thermal, verification_cell, or the path of a file (did you mean module_thermal?)",
        ],
        "plant: {electrical: nope.fmu, thermal: modul_thermal}",
    ),
    "no FMU inside": Case(
        RUN,
        ["{parts}/empty.fmu: no FMU: there is no modelDescription.xml in it"],
        "plant: {electrical: ../parts/empty.fmu}",
    ),
    "an FMU without its ports file": Case(
        RUN,
        ["{parts}/alone.ports.yaml: cannot read the ports file: No such file or directory"],
        "plant: {thermal: ../parts/alone.fmu}",
    ),
    "an FMU for another platform": Case(
        RUN,
        ["{parts}/vax.fmu: no binary for this platform: found vax; expected binaries/linux64/tank.so"],
        "plant: {electrical: ../parts/vax.fmu}",
    ),
    "an FMU without a symbol": Case(
        RUN,
        ["{parts}/symbol.fmu: missing symbol fmi2DoStep in tank.so"],
        "plant: {electrical: ../parts/symbol.fmu}",
    ),
    "ports that the FMU has not, and ports that the plant has not": Case(
        RUN,
        [
            "{parts}/variables.ports.yaml:3: inputs[0].variable: no variable 'curent_A' in {parts}/variables.fmu "
            "(did you mean 'current_A'?)",
            "{parts}/variables.ports.yaml:14: outputs[2].variable: no variable 'sok[1]' in {parts}/variables.fmu "
            "(did you mean 'soc[1]'?)",
            "{parts}/signals.ports.yaml:3: inputs[0].unit: 'V' is the wrong unit; expected W",
            "{parts}/signals.ports.yaml:5: inputs[2].signal: unknown signal 'ambient' (did you mean 'ambient_K'?)",
            "{parts}/signals.ports.yaml: inputs: the signal 'ambient_K' [K] is missing",
        ],
        "plant: {electrical: ../parts/variables.fmu, thermal: ../parts/signals.fmu}",
    ),
    "PyFMI is not installed": Case(
        f"{RUN} --set plant.fmi=2.0",
        ["s.yaml:4: plant.backend: the backend 'pyfmi' is not installed (conda install -c conda-forge pyfmi)"],
        "plant: {backend: pyfmi}",
    ),
    # Folders
    "the output folder exists": Case(
        "run s.yaml -o out",
        ["out: the output folder exists (choose another one, or replace it: --force)"],
        files={"out/kept.txt": "kept"},
    ),
    "the output folder is not one of a run": Case(
        "run s.yaml -o out --force",
        ["out: the output folder is not one of a run: nothing is replaced"],
        files={"out/kept.txt": "kept"},
    ),
    "the output folder cannot be made": Case(
        "run s.yaml -o s.yaml/out", ["s.yaml/out: cannot create the output folder: Not a directory"]
    ),
    "the run that is replaced holds the input": Case(
        "run ../parts/run/scenario.yaml -o ../parts/run --force",
        ["{root}/parts/run/inputs/a.csv: the scenario needs this file, which is in the folder that would be replaced"],
    ),
    "a report of no run": Case(
        "report .", [".: not a run folder: it holds no manifest.json (expected the folder of 'twin run')"]
    ),
    "a report of nothing": Case("report nope", ["nope: no such run folder"]),
    "a report of a file": Case(
        "report ../parts/run/run.h5",
        ["../parts/run/run.h5: not a run folder: it holds no manifest.json (give the folder, ../parts/run)"],
    ),
    "a report of a site that does not exist": Case(
        "report ../parts/run --site 9", ["../parts/run: no site 9 in this run (it has 100 to 103)"]
    ),
    "a report to a place that does not exist": Case(
        "report ../parts/run -o no/x.html", ["no/x.html: cannot write the report: No such file or directory"]
    ),
    "a rerun of no run": Case(
        "rerun . --site 0", [".: not a run folder: it holds no manifest.json (expected the folder of 'twin run')"]
    ),
    "a rerun of a site that does not exist": Case(
        "rerun ../parts/run --site 104", ["../parts/run: --site: found 104; the run has the sites 0 to 103"]
    ),
    # FMUs by themselves
    "a model that does not exist": Case(
        "fmu build module_thermal nosuch",
        [
            "{fmus}/nosuch: no model 'nosuch' (one of inverter_control, module_electrical, module_thermal, "
            "verification_cell)",
        ],
    ),
    "a check of a text": Case("fmu check ../parts/text.fmu", ["../parts/text.fmu: is no FMU: not a zip archive"]),
    "a check of an archive": Case(
        "fmu check ../parts/empty.fmu",
        [
            "../parts/empty.fmu: has no model description that can be read: "
            "\"There is no item named 'modelDescription.xml' in the archive\""
        ],
    ),
    "a check of nothing": Case("fmu check nope.fmu", ["nope.fmu: no such file; expected an FMU"]),
}

USAGE = {
    "no output": ("run s.yaml", "Missing option '-o' / '--output'"),
    "no such command": ("runn", "No such command 'runn'"),
    "no such option": ("run s.yaml -o out --sahrds 2", "No such option: --sahrds"),
    "no number": ("rerun . --site two", "Invalid value for '--site'"),
    "no shards": ("run s.yaml -o out --shards 0", "Invalid value for '--shards'"),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the shared files in ``parts``, and a folder for each case."""
    root = tmp_path_factory.mktemp("bad_input")
    _make_parts(root / "parts")
    for name, case in CASES.items():
        folder = root / _slug(name)
        folder.mkdir()
        (folder / "s.yaml").write_text(RIGHT + case.scenario)
        for file, text in case.files.items():
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(text)
    return root


def _make_parts(parts: Path) -> None:
    parts.mkdir()
    for name, flaw in (("vax", Flaw(platform="vax")), ("symbol", Flaw(defines=("WITHOUT_DO_STEP",)))):
        shutil.move(build(parts, "2.0", flaw), parts / f"{name}.fmu")
        shutil.copyfile(ELECTRICAL_PORTS, parts / f"{name}.ports.yaml")
    with zipfile.ZipFile(parts / "empty.fmu", "w") as archive:
        archive.writestr("readme.txt", "no FMU")
    (parts / "text.fmu").write_text("no FMU")
    for name in ("empty", "text"):
        shutil.copyfile(ELECTRICAL_PORTS, parts / f"{name}.ports.yaml")
    shutil.copyfile(build_model("module_thermal", "2.0"), parts / "alone.fmu")
    _foreign(
        parts, "variables", "module_electrical", ("variable: current_A", "variable: curent_A"), (": soc,", ": sok,")
    )
    _foreign(parts, "signals", "module_thermal", ("unit: W", "unit: V"), ("signal: ambient_K", "signal: ambient"))
    text = DATABASE.read_text()
    (parts / "broken.dbc").write_text(text.replace("\nNS_ :", "!! no DBC\nNS_ :", 1))
    commands, first, states = text.partition("BO_ 288 Module01_State:")
    commands = commands.replace("Pack1_Command", "Pack1_Comand")
    states = states.replace("SG_ Counter", "SG_ Count", 1).replace("(0.1,0)", "(0.2,0)", 1)
    (parts / "other.dbc").write_text(commands + first + states)
    write_run(parts / "run", World(duration_s=60.0))
    (parts / "run" / "inputs").mkdir()
    (parts / "run" / "inputs" / "a.csv").write_text("time_s,a_W\n0,1\n5,1\n")
    (parts / "run" / "scenario.yaml").write_text(
        f"{RIGHT}fleet: {{sites: 104}}\nload: {{kind: csv, file: inputs/a.csv}}\n"
    )


def _foreign(parts: Path, name: str, model: str, *changes: tuple[str, str]) -> Path:
    """Write a sound FMU of a model with a ports file in which something is another, once each."""
    path = parts / f"{name}.fmu"
    shutil.copyfile(build_model(model, "2.0"), path)
    text = (resources.folder("fmus") / model / "ports.yaml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path.with_suffix(".ports.yaml").write_text(text)
    return path


def _slug(name: str) -> str:
    return name.replace(" ", "_").replace(",", "")


@pytest.fixture(scope="module")
def parts_before(root: Path) -> dict[str, str]:
    return files(root / "parts")


@pytest.fixture(scope="module")
def done(root: Path, parts_before: dict[str, str]) -> dict[str, Done]:
    """What came of every case."""
    results = run_all([(case.arguments.split(), root / _slug(name)) for name, case in CASES.items()])
    return dict(zip(CASES, results, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_every_mistake_is_named_and_nothing_is_written(root: Path, done: dict[str, Done], name: str) -> None:
    if "PyFMI" in name and importlib.util.find_spec("pyfmi"):
        pytest.skip("PyFMI is installed")
    case, result = CASES[name], done[name]
    folder = root / _slug(name)
    places = {"folder": folder, "parts": folder / ".." / "parts", "root": root, "fmus": resources.folder("fmus")}
    count = len(case.says)
    verdict = f"{count} mistake{'s' if count > 1 else ''} in the input; nothing was written"
    assert result.errors == [*(f"error: {text.format_map(places)}" for text in case.says), verdict]
    assert (result.code, result.output, result.changed) == (2, "", [])


def test_the_files_that_cases_share_are_what_they_were(
    root: Path, parts_before: dict[str, str], done: dict[str, Done]
) -> None:
    assert len(done) == len(CASES)
    assert not changed(parts_before, files(root / "parts"))


def test_another_process_says_and_ends_alike(root: Path) -> None:
    folder = root / _slug("no scenario file")
    result = twin("run", "nope.yaml", "-o", "out", cwd=folder)
    assert result.returncode == 2
    assert result.stderr.startswith("error: nope.yaml: cannot be read: No such file or directory\n")
    assert not (folder / "out").exists()


def test_what_a_shard_finds_is_said_alike(root: Path, done: dict[str, Done]) -> None:
    name = "a database without what the BMS needs, and an FMU that is none"
    folder = root / _slug(name)
    before = files(folder)
    result = twin("run", "s.yaml", "-o", "out", "--shards", "2", "--set", "fleet.sites=2", cwd=folder)
    assert result.stderr.splitlines() == done[name].errors
    assert (result.returncode, result.stdout, changed(before, files(folder))) == (2, "", [])


@pytest.mark.parametrize(
    ("file", "reason"),
    [("vax.fmu", "no binary for this platform: found vax"), ("symbol.fmu", "missing symbol fmi2DoStep in tank.so")],
)
def test_fmu_check_tells_that_a_valid_fmu_cannot_run_here(root: Path, file: str, reason: str) -> None:
    (result,) = run_all([(["fmu", "check", file], root / "parts")])
    assert "\nValid.\n" in result.output
    assert f"cannot run here: {file}: {reason}" in result.output
    assert (result.code, result.errors, result.changed) == (1, [], [])


@pytest.mark.parametrize("name", USAGE)
def test_mistakes_of_the_command_line(root: Path, usage: dict[str, Done], name: str) -> None:
    result = usage[name]
    assert USAGE[name][1] in "\n".join(result.errors)
    assert (result.code, result.output, result.changed) == (2, "", [])


@pytest.fixture(scope="module")
def usage(root: Path) -> dict[str, Done]:
    folder = root / _slug("no scenario file")
    return dict(zip(USAGE, run_all([(line.split(), folder) for line, _ in USAGE.values()]), strict=True))


def _short_circuited(folder: Path) -> tuple[Path, Scenario]:
    """Return a scenario whose second fault needs an input that its FMU has no port for, and its file."""
    fmu = _foreign(folder, "sound", "module_electrical", ("variable: short_S", "variable: gone"))
    ports = fmu.with_suffix(".ports.yaml")
    ports.write_text("".join(line for line in ports.read_text().splitlines(keepends=True) if "gone" not in line))
    file = folder / "s.yaml"
    faults = "faults:\n  - {kind: weak_cell, site: 0}\n  - {kind: internal_short, site: 1, start_s: 0}\n"
    file.write_text(f"{RIGHT}fleet: {{sites: 2}}\nplant: {{electrical: sound.fmu}}\n{faults}")
    return file, load(file)


@pytest.mark.parametrize("shards", [1, 2])
def test_a_fault_that_the_fmu_cannot_have(tmp_path: Path, shards: int) -> None:
    file, scenario = _short_circuited(tmp_path)
    engine = Whole(scenario, None, profile=False) if shards == 1 else Shards(scenario, [[0], [1]], profile=False)
    with engine, pytest.raises(InputError) as caught, placed(file):
        engine.ready()
    (problem,) = caught.value.problems
    assert str(problem) == (
        f"{file}:8: faults[1]: internal_short acts on 'short_S'; "
        f"found no such input among the ports of {tmp_path}/sound.fmu and module_thermal"
    )


def _state(process: subprocess.Popen[str]) -> str:
    """Return what a process does: R runs, S sleeps."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2][0]


def test_ctrl_c_before_the_run_leaves_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "s.yaml")
    process = subprocess.Popen(
        [sys.executable, "-m", "twin", "run", "s.yaml", "-o", "out"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # else what pytest was started with holds
    )
    with (tmp_path / "s.yaml").open("w"):  # opens as soon as the command waits for the scenario's text
        while _state(process) != "S":  # CPython loses a KeyboardInterrupt that comes in the middle of open()
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
    # Polars, which asammdf imports, lets an interrupted read go on: it is its end that shows the interrupt.
    errors = process.communicate(timeout=600)[1]
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert not (tmp_path / "out").exists()
