"""Frames by type: what ECUs send over real buses is what their readers find, slot by slot and pack by pack."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from twin.bms.messages import Ecus, MessageTable
from twin.network.bus import BusEngine
from twin.network.database import Database
from twin.network.engines import ENGINES

SITES, PACKS, MODULES = 3, 2, 2
LATER_NS = 1_000_000_000


def ecus(per_site: int, modules_each: int) -> Ecus:
    """Every ECU of a role at every site: monitors have one module each, controllers as many as their pack."""
    site, number = (table.ravel() for table in np.indices((SITES, per_site)))
    slot = number * modules_each
    return Ecus(site, slot // MODULES, slot)


MONITORS, CONTROLLERS = ecus(PACKS * MODULES, 1), ecus(PACKS, MODULES)


def delivered(table: MessageTable, frames: Mapping[str, Mapping[str, Any]], sender: Ecus) -> BusEngine:
    """Send frames at every site, and let the buses carry them."""
    buses = ENGINES["native"](table.layouts, SITES, 500_000)
    table.send(buses, frames, sender, np.zeros(len(sender.site), np.int64))
    buses.advance(np.full(SITES, LATER_NS))
    return buses


@pytest.fixture(scope="module")
def table() -> MessageTable:
    return MessageTable(Database.load("home_battery"), PACKS, MODULES)


def test_a_controller_hears_its_own_modules(table: MessageTable) -> None:
    soc = 10.0 * MONITORS.site + MONITORS.slot
    buses = delivered(table, {"Module_State": {"SOC": soc, "Voltage": 50.0}, "Module_Temperatures1": {}}, MONITORS)
    received = table.read(buses, ("Module_State", "Module_Temperatures1"), "pack", CONTROLLERS)
    expected = 10.0 * CONTROLLERS.site[:, None] + CONTROLLERS.slot[:, None] + np.arange(MODULES)
    np.testing.assert_allclose(received["Module_State"]["SOC"], expected)
    np.testing.assert_array_equal(received["Module_State"]["Voltage"], 50.0)
    assert (received["Module_Temperatures1"].time_ns > received["Module_State"].time_ns).all()
    silent = table.read(buses, ("Module_CellVoltages1",), "pack", CONTROLLERS)["Module_CellVoltages1"]
    assert (silent.time_ns == -1).all()


def test_packs_hear_all_packs_and_monitors_their_own(table: MessageTable) -> None:
    current_A = CONTROLLERS.pack + 0.5
    frames = {"Pack_State": {"Current": current_A}, "Pack_Command": {"CloseRequest": CONTROLLERS.pack + 1.0}}
    buses = delivered(table, frames, CONTROLLERS)
    heard = table.read(buses, ("Pack_State",), "pack", CONTROLLERS)["Pack_State"]
    np.testing.assert_allclose(heard["Current"], np.tile([0.5, 1.5], (SITES * PACKS, 1)))
    command = table.read(buses, ("Pack_Command",), "module", MONITORS)["Pack_Command"]
    np.testing.assert_array_equal(command["CloseRequest"], MONITORS.pack + 1.0)
    assert command.time_ns.shape == (len(MONITORS.site),)


def test_only_the_first_pack_speaks_to_the_inverter(table: MessageTable) -> None:
    frames = {"Pack_Limits": {}, "Inverter_Limits": {"ChargeVoltageLimit": 50.0 + CONTROLLERS.pack}}
    buses = delivered(table, frames, CONTROLLERS)
    sent = {
        layout.name: int(count) for layout, count in zip(table.layouts, buses.statistics.frames.sum(0), strict=True)
    }
    assert {name: count for name, count in sent.items() if count} == {
        "Pack1_Limits": SITES,
        "Pack2_Limits": SITES,
        "Inverter_Limits": SITES,
    }
    inverter = Ecus(np.arange(SITES), np.zeros(SITES, np.int64), np.zeros(SITES, np.int64))
    heard = table.read(buses, ("Inverter_Limits",), "site", inverter)["Inverter_Limits"]
    assert heard["ChargeVoltageLimit"].tolist() == [50.0] * SITES
    by_pack = table.read(buses, ("Inverter_Limits",), "pack", CONTROLLERS)["Inverter_Limits"]
    assert (by_pack.time_ns[:, 1] == -1).all(), "the second pack has none"


def test_pages_of_frames_that_share_names(tmp_path: Path) -> None:
    """Both frames have a signal Page that selects another one, by other values."""
    nodes = [f"Module{number:02}" for number in range(1, PACKS * MODULES + 1)]
    text = f'VERSION ""\n\nNS_ :\n\nBS_:\n\nBU_: {" ".join(nodes)} Pack1 Pack2\n\n'
    for number, node in enumerate(nodes):
        for frame, page in ((1, 1), (2, 2)):
            text += f"BO_ {16 * frame + number} {node}_Part{frame}: 2 {node}\n"
            text += ' SG_ Page M : 0|4@1+ (1,0) [0|0] "" Pack1\n'
            text += f' SG_ Value m{page} : 8|8@1+ (1,0) [0|0] "" Pack1\n\n'
    path = tmp_path / "pages.dbc"
    path.write_text(text)
    table = MessageTable(Database.load(path), PACKS, MODULES)
    buses = delivered(table, {f"Module_Part{frame}": {"Page": 2.0, "Value": 7.0} for frame in (1, 2)}, MONITORS)
    received = table.read(buses, ("Module_Part1", "Module_Part2"), "pack", CONTROLLERS)
    assert np.isnan(received["Module_Part1"]["Value"]).all()
    np.testing.assert_array_equal(received["Module_Part2"]["Value"], 7.0)
