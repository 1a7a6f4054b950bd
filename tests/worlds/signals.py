"""The signals of the small world's runs: every name that the report knows, with the resolution of good instruments."""

from __future__ import annotations

from typing import Final

from twin.record.schema import LEVELS, Signal

_SITE: Final = ("site",)
_SLOT: Final = ("site", "slot")
_CELL: Final = ("site", "slot", "cell")
_DISCHARGE: Final = "positive: the battery discharges"
_LOAD: Final = "positive: consumed by the site"
_PACK_STATES: Final = {"unknown": -1, "open": 0, "precharge": 1, "closed": 2}

SIGNALS: Final[tuple[Signal, ...]] = (
    Signal("bus_voltage_V", _SITE, "V", "voltage of the DC bus", 1e-3),
    Signal("power_W", _SITE, "W", "battery power at the DC bus", 0.1, sign=_DISCHARGE),
    Signal("request_W", _SITE, "W", "battery power that the site asks for", 0.1, sign=_DISCHARGE),
    Signal("load_W", _SITE, "W", "power of the site's load", 0.1, sign=_LOAD),
    Signal("pv_W", _SITE, "W", "power of the site's photovoltaics", 0.1, sign="positive: produced"),
    Signal("ambient_K", _SITE, "K", "ambient temperature", 1e-2),
    Signal("charge_limit_W", _SITE, "W", "highest charging power that the BMS permits", 1.0),
    Signal("discharge_limit_W", _SITE, "W", "highest discharging power that the BMS permits", 1.0),
    Signal("pack_soc", _SITE, "1", "state of charge as the pack controller estimates it", 1e-5),
    Signal("pack_state", _SITE, "1", "state of the pack's contactors", flags=_PACK_STATES),
    Signal("bus_load", _SITE, "1", "share of time that the CAN bus is busy", 1e-5),
    Signal("module_voltage_V", _SLOT, "V", "module terminal voltage", 1e-3),
    Signal("current_A", _SLOT, "A", "module current", 1e-3, sign=_DISCHARGE),
    Signal("housing_K", _SLOT, "K", "temperature of the module housing", 1e-2),
    Signal("module_soc", _SLOT, "1", "state of charge as the module monitor estimates it", 1e-5),
    Signal("module_state", _SLOT, "1", "state of the module's contactor", flags=_PACK_STATES),
    Signal("level", _SLOT, "1", "severity of the worst violated limit", flags={"unknown": -1, **LEVELS}),
    Signal("cell_voltage_V", _CELL, "V", "cell terminal voltage", 1e-4),
    Signal("soc", _CELL, "1", "true state of charge", 1e-5),
    Signal("temperature_K", _CELL, "K", "cell temperature", 1e-2),
    Signal("bleed", _CELL, "1", "duty of the cell's balancing resistor", 1e-2),
)
