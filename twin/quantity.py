"""Numbers of a scenario: plain SI floats whose field name ends in the unit, or text with a unit, ``"12 h"``."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema


@cache
def _registry() -> Any:
    import pint  # costs a quarter of a second: only where a scenario spells a unit out

    registry = pint.UnitRegistry()
    registry.define("ampere_hour = ampere * hour = Ah")
    return registry


def magnitude(text: str, unit: str) -> float:
    """Return ``text``, such as ``"12 h"`` or ``"25 degC"``, as a number of ``unit``.

    Raises ValueError if it is no number with a unit, or if its unit measures something else.
    """
    import pint

    registry = _registry()
    try:
        number, _, name = text.strip().partition(" ")
        quantity = registry.Quantity(float(number.replace("_", "")), name.strip() or unit)
    except (ValueError, AttributeError, pint.PintError):
        raise ValueError(f"{text!r} is no number with a unit; expected e.g. 3.5 or '3.5 {unit}'") from None
    try:
        return float(quantity.to(unit).magnitude)
    except pint.DimensionalityError:
        raise ValueError(f"{text!r} has the wrong unit; expected {unit}") from None


def _of(unit: str) -> tuple[BeforeValidator, WithJsonSchema]:
    def convert(value: Any) -> Any:
        return magnitude(value, unit) if isinstance(value, str) else value

    schema = {"anyOf": [{"type": "number"}, {"type": "string", "description": f"a number with a unit of {unit}"}]}
    return BeforeValidator(convert), WithJsonSchema(schema)


Seconds = Annotated[float, *_of("second")]
Amperes = Annotated[float, *_of("ampere")]
AmpereHours = Annotated[float, *_of("ampere_hour")]
Volts = Annotated[float, *_of("volt")]
Ohms = Annotated[float, *_of("ohm")]
Farads = Annotated[float, *_of("farad")]
Siemens = Annotated[float, *_of("siemens")]
Watts = Annotated[float, *_of("watt")]
KilowattHours = Annotated[float, *_of("kilowatt_hour")]
Kelvin = Annotated[float, *_of("kelvin")]
BitsPerSecond = Annotated[float, *_of("bit / second")]
