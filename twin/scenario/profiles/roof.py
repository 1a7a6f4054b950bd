"""A fixed array on a roof: pvlib's solar position and Ineichen's clear sky, PVWatts for module and inverter.

Sky: Ineichen and Perez 2002 with the monthly Linke turbidity that pvlib ships. Plane of the array: isotropic sky
(Liu and Jordan 1963), ground albedo 0.25. Cell temperature: Faiman 2008, with pvlib's coefficients. Module, losses and
inverter: PVWatts 5 (Dobos 2014, NREL/TP-6A20-62641): 14 % system losses, inverter of 96 % nominal efficiency.
Left out: shading, reflection at the glass, the spectrum.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from twin.quantity import Degrees, Kelvin, Metres, MetresPerSecond, Seconds
from twin.scenario.profiles.profile import Profile, Window
from twin.scenario.spread import Azimuth, Draws, Power, Tilt

FloatArray = NDArray[np.float64]

_LOSSES = 0.14
_ZERO_CELSIUS_K = 273.15


@dataclass(frozen=True)
class _Sky:
    """Sun and irradiance at every knot, ``[n]``, angles in degrees, irradiances in W/m2."""

    zenith: FloatArray
    azimuth: FloatArray
    global_horizontal: FloatArray
    direct_normal: FloatArray
    diffuse_horizontal: FloatArray


class Roof(Profile):
    """Base of the profiles of PV that know the sun. Default place: Guangzhou, the maker's home and the demo's."""

    latitude_deg: Annotated[Degrees, Field(ge=-90, le=90)] = 23.13
    longitude_deg: Annotated[Degrees, Field(ge=-180, le=180)] = 113.26
    altitude_m: Annotated[Metres, Field(ge=-400, le=6000)] = 21.0
    peak_W: Power = Power(mean=5000.0)
    """Rated power of the array (1000 W/m2, 25 degC); the inverter takes as much."""
    tilt_deg: Tilt = Tilt()
    azimuth_deg: Azimuth = Azimuth()
    air_temperature_K: Annotated[Kelvin, Field(gt=200, lt=350)] = 301.15
    """Of the air around the array."""
    wind_m_s: Annotated[MetresPerSecond, Field(ge=0, le=50)] = 1.0
    temperature_coefficient: Annotated[float, Field(ge=-0.02, le=0)] = -0.0035
    """Change of the array's power with cell temperature, in 1/K; crystalline silicon (PVWatts 5, premium module)."""
    period_s: Annotated[Seconds, Field(ge=1, le=3600)] = 300.0
    """From knot to knot of the curve."""

    def cloudless(self, window: Window, draws: Draws) -> tuple[NDArray[np.int64], FloatArray]:
        """Return knots in ns since the start, and power at the inverter's AC side over the array's, ``[n, S]``."""
        period_ns = round(self.period_s * 1e9)
        knots_ns = np.arange(-(-window.duration_ns // period_ns) + 1, dtype=np.int64) * period_ns
        sky = self._sky(window, knots_ns)
        tilts = draws.per_site(self.tilt_deg, "tilt_deg")
        azimuths = draws.per_site(self.azimuth_deg, "azimuth_deg")
        # A row a site, each in a call of its own: the same bits for one site alone.
        values = np.stack([self._yield(sky, tilt, azimuth) for tilt, azimuth in zip(tilts, azimuths, strict=True)])
        return knots_ns, np.ascontiguousarray(values.T)

    def peaks_W(self, draws: Draws) -> FloatArray:
        """Return the rated power of each array, ``[S]``."""
        return draws.per_site(self.peak_W, "peak_W")

    def _sky(self, window: Window, knots_ns: NDArray[np.int64]) -> _Sky:
        import pandas as pd
        from pvlib.location import Location

        place = Location(self.latitude_deg, self.longitude_deg, altitude=self.altitude_m)
        times = pd.Timestamp(window.start).tz_convert("UTC") + pd.to_timedelta(knots_ns, unit="ns")
        with warnings.catch_warnings():
            # pvlib 0.16 uses names that pandas 3.1 deprecates.
            warnings.simplefilter("ignore", DeprecationWarning)
            sun = place.get_solarposition(times)
            sky = place.get_clearsky(times, model="ineichen", solar_position=sun)
        columns = (sun["apparent_zenith"], sun["azimuth"], sky["ghi"], sky["dni"], sky["dhi"])
        return _Sky(*(column.to_numpy(dtype=np.float64) for column in columns))

    def _yield(self, sky: _Sky, tilt_deg: float, azimuth_deg: float) -> FloatArray:
        """Return AC power over the array's rated power, ``[n]``."""
        from pvlib import inverter, irradiance, pvsystem, temperature

        plane = irradiance.get_total_irradiance(
            tilt_deg,
            azimuth_deg,
            sky.zenith,
            sky.azimuth,
            sky.direct_normal,
            sky.global_horizontal,
            sky.diffuse_horizontal,
            model="isotropic",
        )["poa_global"]
        air_degC = self.air_temperature_K - _ZERO_CELSIUS_K
        cell_degC = temperature.faiman(plane, air_degC, self.wind_m_s)
        direct = pvsystem.pvwatts_dc(plane, cell_degC, 1.0, self.temperature_coefficient) * (1.0 - _LOSSES)
        # Rated AC power 1: the inverter's DC rating is that over its nominal efficiency.
        return np.maximum(np.nan_to_num(inverter.pvwatts(direct, 1.0 / 0.96)), 0.0)
