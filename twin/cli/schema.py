"""``twin schema``: the JSON Schema of scenarios, for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The file to write; standard output unless given.")
    ] = None,
) -> None:
    """Print the JSON Schema of scenarios: editors complete and check with it while one writes.

    Example: twin schema -o scenarios/scenario.schema.json
    """
    from twin.errors import InputError, Problem
    from twin.scenario.schema import schema_text

    if output is None:
        print(schema_text(), end="")
        return
    try:
        output.write_text(schema_text(), encoding="utf-8")
    except OSError as error:
        raise InputError(Problem(f"cannot be written: {error.strerror}", str(output))) from None
