"""``twin ota``: build firmware images, lay repositories out, and see what comes of attacks on them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from twin.cli import ota_preview

if TYPE_CHECKING:
    from twin.ota.attacks.outcome import AttackOutcome
    from twin.ota.images.image import Image
    from twin.ota.repository.repositories import Repositories

app = typer.Typer(
    help="Preview a rollout, build firmware images, lay out their repositories, and try attacks on them.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("preview")(ota_preview.command)
START = "2026-01-01T00:00:00+00:00"
_Sources = Annotated[
    list[str],
    typer.Option(
        "--release",
        metavar="ROLE=PATH",
        help="An image, Python file or FMU for the ECUs of a role.",
        show_default=False,
    ),
]
_Seed = Annotated[int, typer.Option(help="From which all keys are made.")]
_Start = Annotated[str, typer.Option(help="When simulated time begins, with a time zone.")]


@app.command("image")
def image_command(
    source: Annotated[Path, typer.Argument(help="A Python file with one class of Firmware, an FMU, or an image.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The image to write.", show_default=False)
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Show what an image says of itself; build nothing.")] = False,
    role: Annotated[
        str | None, typer.Option(help="Whose firmware it is, e.g. pack_controller; what the source says, unless given.")
    ] = None,
    version: Annotated[
        str | None, typer.Option(help="Three numbers, e.g. 2.4.0; what the source says, unless given.")
    ] = None,
    hardware_id: Annotated[
        str | None, typer.Option(help="The model of ECU that it runs on; that of the role, unless given.")
    ] = None,
    release_counter: Annotated[
        int | None, typer.Option(help="Never falls from image to image; 20400 for 2.4.0, unless given.")
    ] = None,
    needs: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE=VERSIONS", help="What other ECUs have to run, e.g. module_monitor=>=2.3.0."),
    ] = None,
    size_kib: Annotated[int, typer.Option(min=1, help="Size of the image, and of the flash that it fills.")] = 256,
) -> None:
    """Build a firmware image from a Python file or an FMU, or show one.

    An image is one file as long as the flash that it fills: a manifest, the firmware, and 0xFF. The same source makes
    the same bytes. What the options leave open is taken from the source: a Python class says role, version,
    release_counter and requires (what other ECUs have to run); an FMU says its version.

    Example: twin ota image pack_controller_2_4_0.py -o pack_controller.img
    """
    from twin.errors import InputError, Problem
    from twin.ota.images.image import Image

    if show:
        return _show(Image.read(source))
    if output is None:
        raise InputError(Problem("expected a file to write: -o FILE", str(source)))
    stated = {"version": version, "hardware_id": hardware_id, "release_counter": release_counter}
    dependencies = dict(_pair(text, "--needs") for text in needs) if needs else None
    size_bytes = size_kib * 1024
    image = Image.of_source(source, role, size_bytes=size_bytes, **stated, dependencies=dependencies)
    output.write_bytes(image.data)
    _show(image)
    return None


@app.command("repo")
def repo_command(
    folder: Annotated[Path, typer.Argument(help="A folder to write to; empty or new.", show_default=False)],
    release: _Sources,
    seed: _Seed = 1,
    start: _Start = START,
) -> None:
    """Write the Director and the Image repository of a release, signed, in the layout of TUF's clients.

    Keys are made from the seed: good for rehearsals, and for nothing else. Metadata expire as simulated time goes on.

    Example: twin ota repo served --release pack_controller=pack_controller.img
    """
    from twin.ota.repository.layout import write

    for path in write(_repositories(release, seed, start), folder, release=1, time_ns=0):
        print(path)


@app.command("attacks")
def attacks_command(
    release: _Sources,
    seed: _Seed = 1,
    start: _Start = START,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="How to print it.")] = "text",
) -> None:
    """Show what comes of each attack on a release: at a primary, which verifies fully, and at a secondary, partially.

    Every row is tried: the offer is forged with whatever keys are stolen, and verified. At a secondary the attacker is
    inside the site. Exit code 1 where an attack went unnoticed of which the Uptane standard says that it should not.

    Example: twin ota attacks --release pack_controller=pack_controller.img --format json
    """
    from twin.ota.attacks.outcome import Laboratory
    from twin.ota.images.manifest import hardware_id
    from twin.ota.verification.verifier import Verifier

    repositories = _repositories(release, seed, start)
    inventory = {role: hardware_id(role) for role in repositories.releases[0].images}
    rows = list(Laboratory(repositories, Verifier(repositories.start, inventory)).table())
    if form == "json":
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        _print_outcomes(rows)
    if any(row.outcome == "undetected" for row in rows):
        raise typer.Exit(1)


def _repositories(sources: list[str], seed: int, start: str) -> Repositories:
    """Return the repositories of a release for ECUs that run what ships with the package.

    Raises InputError with everything that is wrong with the sources.
    """
    from twin.bms import firmware
    from twin.bms.firmware.firmware import Firmware
    from twin.errors import InputError, Problem
    from twin.ota.images.manifest import hardware_id
    from twin.ota.images.release import Release
    from twin.ota.repository.options import RepositoryOptions
    from twin.ota.repository.repositories import Repositories
    from twin.plugins import discover

    shipped = discover(firmware, Firmware).values()  # type: ignore[type-abstract]
    factory = Release.factory(kind for kind in shipped if hasattr(kind, "role"))
    named = dict(_pair(text, "--release") for text in sources)
    hardware = {role: hardware_id(role) for role in factory.images}
    new = Release.of(named, hardware, factory.running)
    try:
        begin = datetime.fromisoformat(start)
    except ValueError:
        raise InputError(Problem(f"{start!r} is no time; expected one such as {START}", path="--start")) from None
    if begin.tzinfo is None:
        raise InputError(Problem(f"{start!r} has no time zone; expected one such as {START}", path="--start"))
    return Repositories([factory.of_roles(new.images.keys()), new], RepositoryOptions(), seed, begin)


def _pair(text: str, option: str) -> tuple[str, str]:
    from twin.errors import InputError, Problem

    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise InputError(Problem(f"{text!r} names no role and value; expected ROLE=...", path=option))
    return name, value


def _show(image: Image) -> None:
    """Print an image's manifest and hash."""
    said = image.manifest.model_dump(exclude={"ports"})
    said["dependencies"] = ", ".join(f"{role} {needed}" for role, needed in said["dependencies"].items()) or "none"
    for name, value in {**said, "sha256": image.sha256}.items():
        print(f"{name:16} {value}")


def _print_outcomes(rows: Iterable[AttackOutcome]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("attack", "stolen keys", "ECU", "outcome", "noticed by", "check", title="What comes of attacks")
    for row in rows:
        outcome = row.outcome.replace("_", " ") + (", its image runs" if row.ran else "")
        keys = " ".join(row.keys)
        style = "red" if row.outcome == "undetected" else None
        table.add_row(row.attack, keys, row.ecu, outcome, row.noticed_by, row.check, style=style)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, 160)  # a file or a pipe has no edge to wrap at
    console.print(table)
