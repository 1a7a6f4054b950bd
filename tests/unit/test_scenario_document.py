"""YAML 1.2 as plain data, with the line of every key and value."""

from __future__ import annotations

import contextlib
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.errors import InputError
from twin.scenario.document import dotted, parse, read

SCALARS = [
    ("1e3", 1000),
    ("1.5", 1.5),
    ("3.0", 3),
    (".5", 0.5),
    ("-2", -2),
    ("0x1F", 31),
    ("0o17", 15),
    ("017", 17),
    ("off", "off"),
    ("yes", "yes"),
    ("true", True),
    ("null", None),
    ("~", None),
    ("", None),
    ("12 h", "12 h"),
    ("12:30:00", "12:30:00"),
    ("1_000", "1_000"),
    ("2026-06-21", "2026-06-21"),
    ("'1'", "1"),
    ("!!str 1", "1"),
    (".inf", math.inf),
]

BROKEN = [
    (
        "a: [1,\nb: 2\n",
        [
            "f.yaml:3: broken YAML: expected ',' or ']', but got '<stream end>' "
            "(while parsing a flow sequence from line 1)"
        ],
    ),
    ("a: 1\n  b: 2\n", ["f.yaml:2: broken YAML: mapping values are not allowed here"]),
    ("a: *b\n", ["f.yaml:1: broken YAML: found undefined alias 'b'"]),
    (
        "a: 1\n---\nb: 2\n",
        ["f.yaml:2: broken YAML: but found another document (expected a single document in the stream from line 1)"],
    ),
    ("[" * 5000, ["f.yaml: broken YAML: nested too deeply"]),
    (
        "a: 1\nb: {c: 1, c: 2}\na: 2\n",
        [
            "f.yaml:2: b.c: duplicate key; it stands in line 2 already",
            "f.yaml:3: a: duplicate key; it stands in line 1 already",
        ],
    ),
    ("a: !secret x\n", ["f.yaml:1: a: tag !secret is not used here"]),
    ("a: &x [*x]\n", ["f.yaml:1: a[0]: an alias that contains itself"]),
    ("[1, 2]: 3\n", ["f.yaml:1: a key that is no text"]),
]


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_scalars_follow_the_core_schema(text: str, value: Any) -> None:
    found = parse(f"key: {text}\n", "f.yaml").data["key"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("text", "problems"), BROKEN)
def test_broken_files(text: str, problems: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        parse(text, "f.yaml")
    assert [str(problem) for problem in caught.value.problems] == problems


def test_places() -> None:
    document = parse("a: 1\nb:\n  - {c: 1,\n     d: 2}\n  - 5\n", "f.yaml")
    assert document.data == {"a": 1, "b": [{"c": 1, "d": 2}, 5]}
    lines = {dotted(path): place.line for path, place in document.places.items()}
    assert lines == {"a": 1, "b": 2, "b[0]": 3, "b[0].c": 3, "b[0].d": 4, "b[1]": 5}
    assert document.place(("b", 0, "x", "y")).line == 3
    assert document.place(("z",)).line == 1


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.yaml: cannot be read: No such file"):
        read(tmp_path / "missing.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9\n")
    with pytest.raises(InputError, match=r"latin\.yaml: is no UTF-8 text: byte 9"):
        read(tmp_path / "latin.yaml")


def test_aliases_cannot_blow_up() -> None:
    layers = "".join(f"k{i}: &k{i} [{', '.join([f'*k{i - 1}'] * 10)}]\n" for i in range(1, 9))
    with pytest.raises(InputError, match="more than 100000 values"):
        parse("k0: &k0 [1]\n" + layers, "f.yaml")


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InputError):
        document = parse(text, "f.yaml")
        assert document.place(("anything",)).line == 1


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(max_codepoint=0xFFFF), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcé ", max_size=4), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("json")


@given(JSON_VALUES)
@settings(max_examples=60)
def test_json_in_a_line_is_read_as_yaml_would_be(folder: Path, value: Any) -> None:
    file = folder / "f.json"
    file.write_text(json.dumps({"key": value}) + "\n")

    found, expected = read(file), parse(file.read_text(), str(file))

    assert repr(found.data) == repr(expected.data)
    assert (found.places, found.root) == (expected.places, expected.root)


def test_json_has_escapes_of_its_own(folder: Path) -> None:
    file = folder / "f.json"
    file.write_text(json.dumps({"name": "\U0001f50b", "power_W": 1.0}))

    assert read(file).data == {"name": "\U0001f50b", "power_W": 1}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "1: b.c: duplicate key; it stands in line 1 already"),
        ('{"a": 1,\n "b": 2,\n "a": 3}', "3: a: duplicate key; it stands in line 1 already"),
        ('{"a": [1, "b": 2}', "1: broken YAML: expected ',' or ']'"),
        ('{"<<": 1}', "1: a key that is no text"),
        ("[" * 1500, " broken YAML: nested too deeply"),
    ],
    ids=["a key twice in a line", "a key twice", "broken", "merge", "deep"],
)
def test_json_is_refused_as_yaml_is(folder: Path, text: str, problem: str) -> None:
    file = folder / "f.json"
    file.write_text(text)

    with pytest.raises(InputError) as caught:
        read(file)

    assert str(caught.value.problems[0]).startswith(f"{file}:{problem}")
