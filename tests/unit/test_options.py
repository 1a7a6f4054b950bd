"""Options say in the JSON Schema what their docstrings say."""

from __future__ import annotations

from typing import Generic, TypeVar

from twin.options import Options, descriptions

T = TypeVar("T")


class Pump(Options):
    """A pump."""

    flow: float = 1.0
    """How much it moves,
    in an hour."""
    head: float = 2.0
    kind: str = "pump"
    """Each states its own."""


class Geared(Pump, Generic[T]):
    """One with a gear."""

    kind: str = "geared"
    head: float = 3.0
    """How high."""
    gear: T
    """Which one."""


def test_what_is_stated_again_has_no_inherited_text() -> None:
    assert descriptions(Pump) == {"flow": "How much it moves,\nin an hour.", "kind": "Each states its own."}
    texts = {"flow": "How much it moves,\nin an hour.", "head": "How high.", "gear": "Which one."}
    assert descriptions(Geared) == descriptions(Geared[int]) == texts


def test_the_schema_has_the_texts() -> None:
    properties = Geared[int].model_json_schema()["properties"]
    said = {name: option["description"] for name, option in properties.items() if "description" in option}
    assert said == descriptions(Geared)
    assert properties["gear"]["type"] == "integer"
