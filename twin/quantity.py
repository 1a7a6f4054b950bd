"""Numbers of a scenario: plain SI floats whose field name ends in the unit, or text with a unit, ``"12 h"``."""

from __future__ import annotations

import re
import tokenize
from functools import cache, lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_NUMBER = re.compile(r"\s*([-+]?(?:\d[\d_]*\.?[\d_]*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*)", re.DOTALL)


@cache
def _registry() -> Any:
    import pint  # costs a quarter of a second: only where a scenario spells a unit out

    registry: Any = pint.UnitRegistry()
    registry.define("ampere_hour = ampere * hour = Ah")
    registry.define("kilowatt_peak = kilowatt = kWp")
    return registry


def _parse(text: str, unit: str) -> Any:
    """Return ``text`` as a pint quantity; a bare number counts as one of ``unit``."""
    import pint

    registry = _registry()
    complaint = f"{text!r} is no number with a unit; expected e.g. 3.5 or '3.5 {registry.Unit(unit):~C}'"
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(complaint)
    number, name = match.groups()
    try:
        return registry.Quantity(float(number.replace("_", "")), registry.parse_units(name.strip() or unit))
    except pint.UndefinedUnitError:
        raise ValueError(f"{text!r} has a unit that is not known; expected {unit}") from None
    except (ValueError, TypeError, AttributeError, AssertionError, SyntaxError, tokenize.TokenError, pint.PintError):
        # What pint's parser raises depends on where in the text it stumbles.
        raise ValueError(complaint) from None


@lru_cache(4096)  # a study loads the same text for every point
def magnitude(text: str, unit: str, *, difference: bool = False) -> float:
    """Return ``text``, such as ``"12 h"``, ``"12h"`` or ``"25 degC"``, as a number of ``unit``.

    A ``difference`` has no zero point: ``"2 K"`` is one, ``"2 degC"`` is a temperature and refused.

    Raises ValueError if it is no number with a unit, or if its unit measures something else.
    """
    import pint

    quantity = _parse(text, unit)
    try:
        value, zero = (float(q.to(unit).magnitude) for q in (quantity, type(quantity)(0.0, quantity.units)))
    except pint.DimensionalityError:
        raise ValueError(f"{text!r} has the wrong unit; expected {unit}") from None
    if difference and zero != 0.0:
        raise ValueError(f"{text!r} is a temperature, not a difference of two; expected e.g. '2 K'")
    return value


def unit_named(name: str, unit: str) -> tuple[float, float]:
    """Return ``(factor, offset)`` such that ``factor * x + offset`` turns ``x`` of the unit ``name`` into ``unit``.

    Raises ValueError if ``name`` is no unit, or measures something else.
    """
    offset = magnitude(f"0 {name}", unit)
    return magnitude(f"1 {name}", unit) - offset, offset


def _of(unit: str, *, difference: bool = False) -> tuple[BeforeValidator, WithJsonSchema]:
    def convert(value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError(f"{str(value).lower()} is no number; expected a number of {unit}")
        return magnitude(value, unit, difference=difference) if isinstance(value, str) else value

    text = {"type": "string", "description": f"a number with a unit of {unit}", "pattern": r"^\s*[-+]?[0-9.]"}
    return BeforeValidator(convert), WithJsonSchema({"anyOf": [{"type": "number"}, text]})


Seconds = Annotated[float, *_of("second")]
Hertz = Annotated[float, *_of("hertz")]
Amperes = Annotated[float, *_of("ampere")]
AmpereHours = Annotated[float, *_of("ampere_hour")]
Volts = Annotated[float, *_of("volt")]
Ohms = Annotated[float, *_of("ohm")]
OhmsPerVolt = Annotated[float, *_of("ohm / volt")]
Farads = Annotated[float, *_of("farad")]
Siemens = Annotated[float, *_of("siemens")]
Watts = Annotated[float, *_of("watt")]
KilowattHours = Annotated[float, *_of("kilowatt_hour")]
Kelvin = Annotated[float, *_of("kelvin")]
KelvinDifference = Annotated[float, *_of("kelvin", difference=True)]
Degrees = Annotated[float, *_of("degree")]
Metres = Annotated[float, *_of("metre")]
MetresPerSecond = Annotated[float, *_of("metre / second")]
BitsPerSecond = Annotated[float, *_of("bit / second")]
