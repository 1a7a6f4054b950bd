"""Numbers with units: what is understood, what is refused, and how."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from twin.quantity import Kelvin, KelvinDifference, Seconds, magnitude, unit_named

UNDERSTOOD = [
    ("12 h", "second", 43200.0),
    ("12h", "second", 43200.0),
    ("  1_000 ", "second", 1000.0),
    ("1e3 s", "second", 1000.0),
    ("-.5 kA", "ampere", -500.0),
    ("25 degC", "kelvin", 298.15),
    ("25degC", "kelvin", 298.15),
    ("25 °C", "kelvin", 298.15),
    ("-5 degC", "kelvin", 268.15),
    ("314 Ah", "ampere_hour", 314.0),
    ("6 kWp", "watt", 6000.0),
    ("500 kbit/s", "bit / second", 500e3),
    ("45°", "degree", 45.0),
]

REFUSED = [
    ("3 kg", "second", "'3 kg' has the wrong unit; expected second"),
    ("3 C", "kelvin", "'3 C' has the wrong unit; expected kelvin"),
    ("1 fortnigth", "second", "'1 fortnigth' has a unit that is not known; expected second"),
    ("soon", "second", "'soon' is no number with a unit; expected e.g. 3.5 or '3.5 s'"),
    ("", "ampere_hour", "'' is no number with a unit; expected e.g. 3.5 or '3.5 Ah'"),
    ("12 $$", "second", "'12 $$' is no number with a unit; expected e.g. 3.5 or '3.5 s'"),
    ("12 (", "second", "'12 (' is no number with a unit; expected e.g. 3.5 or '3.5 s'"),
    ("1 2", "second", "'1 2' is no number with a unit; expected e.g. 3.5 or '3.5 s'"),
    ("1 h 30 min", "second", "'1 h 30 min' is no number with a unit; expected e.g. 3.5 or '3.5 s'"),
    ("inf", "second", "'inf' is no number with a unit; expected e.g. 3.5 or '3.5 s'"),
]


class Sample(BaseModel):
    wait_s: Seconds = 0.0
    air_K: Kelvin = 300.0
    swing_K: KelvinDifference = 0.0


@pytest.mark.parametrize(("text", "unit", "value"), UNDERSTOOD)
def test_understood(text: str, unit: str, value: float) -> None:
    assert magnitude(text, unit) == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize(("text", "unit", "message"), REFUSED)
def test_refused(text: str, unit: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        magnitude(text, unit)
    assert str(caught.value) == message


def test_a_difference_of_temperatures_has_no_zero_point() -> None:
    assert Sample(swing_K="2 K").swing_K == 2.0
    assert Sample(swing_K="2 delta_degC").swing_K == pytest.approx(2.0)
    with pytest.raises(ValidationError, match="'2 degC' is a temperature, not a difference"):
        Sample(swing_K="2 degC")


@pytest.mark.parametrize("value", [True, False])
def test_true_is_no_number(value: Any) -> None:
    with pytest.raises(ValidationError, match="is no number; expected a number of second"):
        Sample(wait_s=value)


def test_a_unit_by_its_name() -> None:
    assert unit_named("kW", "watt") == (1000.0, 0.0)
    factor, offset = unit_named("degC", "kelvin")
    assert factor * 25.0 + offset == pytest.approx(298.15)
    with pytest.raises(ValueError, match="wrong unit"):
        unit_named("kg", "watt")


@given(st.text(alphabet="0123456789.eE+-_ hskgK°µ/*()[]^%$\\'\"\n", max_size=12))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(magnitude(text, "second"), float)
