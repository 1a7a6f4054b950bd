"""The base of every part's options: frozen, and unknown keys are mistakes."""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import BaseModel, ConfigDict


def _describe(schema: dict[str, Any], kind: type[BaseModel]) -> None:
    """Write what the docstrings of options say into the JSON Schema of their kind."""
    texts = descriptions(kind)
    for name, field in kind.model_fields.items():
        if name in texts:
            schema["properties"][field.alias or name]["description"] = texts[name]


class Options(BaseModel):
    """Options of one part, as a scenario states them."""

    # Pydantic's use_attribute_docstrings reads every source as its class is made: half a second of every start.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, json_schema_extra=_describe)


@cache
def descriptions(kind: type[BaseModel]) -> dict[str, str]:
    """Return what the docstrings under the options of a kind say, by name; inherited options keep theirs."""
    texts: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        # What a generic kind becomes for a type has no source of its own; the generic one is among the bases.
        if issubclass(base, Options) and base.__pydantic_generic_metadata__["origin"] is None:
            inherited = {name: text for name, text in texts.items() if name not in base.__annotations__}
            texts = inherited | _docstrings(base)
    return texts


def _docstrings(kind: type[Options]) -> dict[str, str]:
    """Return the strings that stand under the annotations of a class."""
    (stated,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(stated, ast.ClassDef)
    return {
        option.target.id: inspect.cleandoc(text.value.value)
        for option, text in pairwise(stated.body)
        if isinstance(option, ast.AnnAssign) and isinstance(option.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }
