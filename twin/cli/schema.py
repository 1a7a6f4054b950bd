"""``twin schema``: the JSON Schema of scenarios or studies, for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The file to write; standard output unless given.")
    ] = None,
    study: Annotated[bool, typer.Option("--study", help="Of studies, instead of scenarios.")] = False,
) -> None:
    """Print the JSON Schema of scenarios, or of studies: editors complete and check with it while one writes.

    Example: twin schema -o scenarios/scenario.schema.json
    """
    from twin.errors import InputError, Problem
    from twin.scenario.schema import schema_text as of_scenarios
    from twin.sweep.study.schema import schema_text as of_studies

    text = of_studies() if study else of_scenarios()
    if output is None:
        print(text, end="")
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(Problem(f"cannot be written: {error.strerror}", str(output))) from None
