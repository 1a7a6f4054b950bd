"""Builds the tank of this folder into FMUs: sound ones, and ones with a fault that an importer must name."""

from __future__ import annotations

import subprocess
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import fmpy

HERE = Path(__file__).parent
HEADERS = Path(fmpy.__file__).parent / "c-code"
TOKEN = "{tank}"


@dataclass(frozen=True)
class Variable:
    name: str
    causality: str
    shape: tuple[int, ...] = ()
    start: tuple[float, ...] = ()

    @property
    def attributes(self) -> str:
        fixed = ' variability="fixed"' if self.causality == "parameter" else ""
        return f'causality="{self.causality}"{fixed}'


VARIABLES = (
    Variable("inflow", "input", (), (0.0,)),
    Variable("command", "input", (), (0.0,)),
    Variable("load", "input", (3,), (0.0, 0.0, 0.0)),
    Variable("gain", "parameter", (), (2.0,)),
    Variable("weight", "parameter", (3,), (1.0, 2.0, 3.0)),
    Variable("level_start", "parameter", (), (0.5,)),
    Variable("level", "output"),
    Variable("total", "output", (3,)),
    Variable("grid", "output", (2, 2)),
)
INPUTS = ("inflow", "command", "load[1]", "load[2]", "load[3]")
OUTPUTS = ("level", "total[1]", "total[2]", "total[3]", "grid[1,1]", "grid[1,2]", "grid[2,1]", "grid[2,2]")


@dataclass(frozen=True)
class Flaw:
    """What is odd about an FMU; nothing by default."""

    core: str = "tank"
    defines: tuple[str, ...] = ()
    platform: str | None = None
    kind: str = "CoSimulation"
    flags: str = 'canGetAndSetFMU{state}="true" canSerializeFMU{state}="true"'
    token: str = TOKEN
    extra: dict[str, str] = field(default_factory=dict)


SOUND = Flaw()


def build(folder: Path, fmi: str, flaw: Flaw = SOUND) -> Path:
    """Compile the tank and pack it; returns the FMU's path."""
    folder.mkdir(parents=True, exist_ok=True)
    library = compile_library(folder, fmi, flaw)
    platform = flaw.platform or {"2.0": fmpy.platform, "3.0": fmpy.platform_tuple}[fmi]
    description = {"2.0": describe_2, "3.0": describe_3}[fmi](flaw)
    path = folder / f"tank_{fmi}.fmu"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("modelDescription.xml", description)
        archive.write(library, f"binaries/{platform}/tank{fmpy.sharedLibraryExtension}")
        for name, text in flaw.extra.items():
            archive.writestr(name, text)
    return path


def compile_library(folder: Path, fmi: str, flaw: Flaw) -> Path:
    library = folder / f"tank_{fmi}{fmpy.sharedLibraryExtension}"
    sources = [HERE / f"{flaw.core}.c", HERE / f"fmi{fmi[0]}.c"]
    flags = [
        "-O2",
        "-shared",
        "-fPIC",
        "-Wall",
        f"-I{HEADERS}",
        f'-DTOKEN="{TOKEN}"',
        *(f"-D{name}" for name in flaw.defines),
    ]
    subprocess.run(["gcc", *flags, *sources, "-lm", "-o", library], check=True)
    return library


def describe_2(flaw: Flaw) -> str:
    """Return the FMI 2.0 description: every element a scalar, value references are slots."""
    rows: list[str] = []
    outputs: list[str] = []
    for variable in VARIABLES:
        for element, name in enumerate(_elements(variable)):
            start = f' start="{variable.start[element]}"' if variable.start else ""
            attributes = f'name="{name}" valueReference="{len(rows)}" {variable.attributes}'
            rows.append(f"<ScalarVariable {attributes}><Real{start}/></ScalarVariable>")
            if variable.causality == "output":
                outputs.append(f'<Unknown index="{len(rows)}"/>')
    attributes = 'name="steps" valueReference="0" causality="local" variability="discrete"'
    rows.append(f"<ScalarVariable {attributes}><Integer/></ScalarVariable>")
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<fmiModelDescription fmiVersion="2.0" modelName="Tank" guid="{flaw.token}" generationDateAndTime="2026-01-01T00:00:00Z">
<{flaw.kind} modelIdentifier="tank" {flaw.flags.format(state="state")}/>
<LogCategories><Category name="logStatusError"/></LogCategories>
<DefaultExperiment tolerance="1e-7"/>
<ModelVariables>{"".join(rows)}</ModelVariables>
<ModelStructure>
<Outputs>{"".join(outputs)}</Outputs><InitialUnknowns>{"".join(outputs)}</InitialUnknowns>
</ModelStructure>
</fmiModelDescription>"""


def describe_3(flaw: Flaw) -> str:
    """Return the FMI 3.0 description: arrays, value references from 1."""
    rows: list[str] = []
    outputs: list[str] = []
    for reference, variable in enumerate(VARIABLES, 1):
        start = f' start="{" ".join(map(str, variable.start))}"' if variable.start else ""
        dimensions = "".join(f'<Dimension start="{size}"/>' for size in variable.shape)
        attributes = f'name="{variable.name}" valueReference="{reference}" {variable.attributes}{start}'
        rows.append(f"<Float64 {attributes}>{dimensions}</Float64>")
        if variable.causality == "output":
            outputs.append(f'<Output valueReference="{reference}"/>')
    rows.append('<Float64 name="time" valueReference="99" causality="independent"/>')
    rows.append('<Int32 name="steps" valueReference="100" causality="local"/>')
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<fmiModelDescription fmiVersion="3.0" modelName="Tank" instantiationToken="{flaw.token}">
<{flaw.kind} modelIdentifier="tank" {flaw.flags.format(state="State")}/>
<LogCategories><Category name="logStatusError"/></LogCategories>
<DefaultExperiment tolerance="1e-7"/>
<ModelVariables>{"".join(rows)}</ModelVariables>
<ModelStructure>{"".join(outputs)}{"".join(outputs).replace("Output", "InitialUnknown")}</ModelStructure>
</fmiModelDescription>"""


def _elements(variable: Variable) -> list[str]:
    if not variable.shape:
        return [variable.name]
    if len(variable.shape) == 1:
        return [f"{variable.name}[{i + 1}]" for i in range(variable.shape[0])]
    rows, columns = variable.shape
    return [f"{variable.name}[{i + 1},{j + 1}]" for i in range(rows) for j in range(columns)]
