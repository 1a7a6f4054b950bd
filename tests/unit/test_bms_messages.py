"""Frames by type: what ECUs send over real buses is what their readers find, slot by slot and pack by pack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from twin.bms.messages import Ecus, MessageTable
from twin.network.dbc.database import Database, bus_messages
from twin.network.engines.engine import Engine
from twin.network.engines.registry import ENGINES
from twin.network.options import Bus, FurtherSegment
from twin.network.site import SiteNetwork, site_network

SITES, PACKS, MODULES = 3, 2, 2
LATER_NS = 1_000_000_000


def ecus(per_site: int, modules_each: int) -> Ecus:
    """Every ECU of a role at every site: monitors have one module each, controllers as many as their pack."""
    site, number = (table.ravel() for table in np.indices((SITES, per_site)))
    slot = number * modules_each
    return Ecus(site, slot // MODULES, slot)


MONITORS, CONTROLLERS = ecus(PACKS * MODULES, 1), ecus(PACKS, MODULES)


def delivered(wires: SiteNetwork, table: MessageTable, frames: Any, sender: Ecus) -> Engine:
    """Send frames at every site, and let the buses carry them."""
    buses = ENGINES["native"](wires.network, SITES)
    table.send(buses, frames, sender, np.zeros(len(sender.site), np.int64))
    buses.advance(np.full(SITES, LATER_NS))
    return buses


@pytest.fixture(
    scope="module",
    params=[Bus(), Bus(segments=(FurtherSegment(name="inverter", nodes=["Inverter"], gateway="Pack1"),))],
    ids=["one segment", "the inverter on a segment of its own"],
)
def wires(request: pytest.FixtureRequest) -> SiteNetwork:
    return site_network(bus_messages(Database.load("home_battery"), PACKS, MODULES), request.param)


@pytest.fixture(scope="module")
def table(wires: SiteNetwork) -> MessageTable:
    return MessageTable(wires, PACKS, MODULES)


def test_a_controller_hears_its_own_modules(wires: SiteNetwork, table: MessageTable) -> None:
    soc = 10.0 * MONITORS.site + MONITORS.slot
    buses = delivered(
        wires, table, {"Module_State": {"SOC": soc, "Voltage": 50.0}, "Module_Temperatures1": {}}, MONITORS
    )
    received = table.read(buses, ("Module_State", "Module_Temperatures1"), "pack", CONTROLLERS)
    expected = 10.0 * CONTROLLERS.site[:, None] + CONTROLLERS.slot[:, None] + np.arange(MODULES)
    np.testing.assert_allclose(received["Module_State"]["SOC"], expected)
    np.testing.assert_array_equal(received["Module_State"]["Voltage"], 50.0)
    assert (received["Module_Temperatures1"].time_ns > received["Module_State"].time_ns).all()
    silent = table.read(buses, ("Module_CellVoltages1",), "pack", CONTROLLERS)["Module_CellVoltages1"]
    assert (silent.time_ns == -1).all()


def test_packs_hear_the_other_packs_and_monitors_their_own(wires: SiteNetwork, table: MessageTable) -> None:
    current_A = CONTROLLERS.pack + 0.5
    frames = {"Pack_State": {"Current": current_A}, "Pack_Command": {"CloseRequest": CONTROLLERS.pack + 1.0}}
    buses = delivered(wires, table, frames, CONTROLLERS)
    heard = table.read(buses, ("Pack_State",), "pack", CONTROLLERS)["Pack_State"]
    other = 1 - CONTROLLERS.pack
    rows = np.arange(len(other))
    np.testing.assert_allclose(heard["Current"][rows, other], other + 0.5)
    assert (heard.time_ns[rows, CONTROLLERS.pack] == -1).all(), "a controller does not receive its own frames"
    command = table.read(buses, ("Pack_Command",), "module", MONITORS)["Pack_Command"]
    np.testing.assert_array_equal(command["CloseRequest"], MONITORS.pack + 1.0)
    assert command.time_ns.shape == (len(MONITORS.site),)


def test_only_the_first_pack_speaks_to_the_inverter(wires: SiteNetwork, table: MessageTable) -> None:
    frames = {"Pack_Limits": {}, "Inverter_Limits": {"ChargeVoltageLimit": 50.0 + CONTROLLERS.pack}}
    buses = delivered(wires, table, frames, CONTROLLERS)
    names = [message.name for message in wires.network.messages]
    sent = dict(zip(names, buses.statistics.frames.sum(0).tolist(), strict=True))
    assert {name: count for name, count in sent.items() if count} == {
        "Pack1_Limits": SITES,
        "Pack2_Limits": SITES,
        "Inverter_Limits": SITES,
    }
    inverter = Ecus(np.arange(SITES), np.zeros(SITES, np.int64), np.zeros(SITES, np.int64))
    heard = table.read(buses, ("Inverter_Limits",), "site", inverter)["Inverter_Limits"]
    assert heard["ChargeVoltageLimit"].tolist() == [50.0] * SITES
    by_pack = table.read(buses, ("Inverter_Limits",), "pack", CONTROLLERS)["Inverter_Limits"]
    assert (by_pack.time_ns == -1).all(), "it is not for packs"


def test_peers_hear_all_modules_of_the_site_but_themselves() -> None:
    """Of their own pack and of others; the inverter, and who looks after a pack, hear them all or theirs."""
    layouts = bus_messages(Database.load("home_battery_distributed"), PACKS, MODULES, controllers=False)
    wires = site_network(layouts, Bus())
    table = MessageTable(wires, PACKS, MODULES)
    soc = 10.0 * MONITORS.site + MONITORS.slot
    frames = {"Module_State": {"SOC": soc}, "Module_Limits": {"Peers": MONITORS.slot}}
    buses = delivered(wires, table, frames, MONITORS)
    received = table.read(buses, ("Module_State", "Module_Limits"), "module", MONITORS)
    slots = np.arange(PACKS * MODULES)
    own = slots == MONITORS.slot[:, None]
    state, limits = received["Module_State"], received["Module_Limits"]
    np.testing.assert_array_equal(state.time_ns == -1, own)
    np.testing.assert_array_equal(limits.time_ns == -1, own)
    expected = 10.0 * MONITORS.site[:, None] + slots
    np.testing.assert_allclose(state["SOC"][~own], expected[~own])
    np.testing.assert_array_equal(limits["Peers"][~own], np.broadcast_to(slots, own.shape)[~own])
    inverter = Ecus(np.arange(SITES), np.zeros(SITES, np.int64), np.zeros(SITES, np.int64))
    heard = table.read(buses, ("Module_State", "Module_Limits"), "site", inverter)
    assert (heard["Module_Limits"].time_ns >= 0).all()
    np.testing.assert_allclose(heard["Module_State"]["SOC"], 10.0 * np.arange(SITES)[:, None] + slots)


def test_what_is_silenced_is_not_sent(wires: SiteNetwork) -> None:
    table = MessageTable(wires, PACKS, MODULES)
    layout = [one.name for one in table.layouts].index("Module02_State")
    table.silence(SITES, [1], [layout])
    buses = delivered(wires, table, {"Module_State": {}}, MONITORS)
    received = table.read(buses, ("Module_State",), "pack", CONTROLLERS)["Module_State"]
    assert np.argwhere(received.time_ns.reshape(SITES, -1) == -1).tolist() == [[1, 1]]


def test_pages_of_frames_that_share_names(tmp_path: Path) -> None:
    """Both frames have a signal Page that selects another one, by other values."""
    nodes = [f"Module{number:02}" for number in range(1, PACKS * MODULES + 1)]
    text = f'VERSION ""\n\nNS_ :\n\nBS_:\n\nBU_: {" ".join(nodes)} Pack1 Pack2\n\n'
    for number, node in enumerate(nodes):
        for frame, page in ((1, 1), (2, 2)):
            text += f"BO_ {16 * frame + number} {node}_Part{frame}: 2 {node}\n"
            text += ' SG_ Page M : 0|4@1+ (1,0) [0|0] "" Pack1,Pack2\n'
            text += f' SG_ Value m{page} : 8|8@1+ (1,0) [0|0] "" Pack1,Pack2\n\n'
    path = tmp_path / "pages.dbc"
    path.write_text(text)
    wires = site_network(bus_messages(Database.load(path), PACKS, MODULES), Bus())
    table = MessageTable(wires, PACKS, MODULES)
    buses = delivered(wires, table, {f"Module_Part{frame}": {"Page": 2.0, "Value": 7.0} for frame in (1, 2)}, MONITORS)
    received = table.read(buses, ("Module_Part1", "Module_Part2"), "pack", CONTROLLERS)
    assert np.isnan(received["Module_Part1"]["Value"]).all()
    np.testing.assert_array_equal(received["Module_Part2"]["Value"], 7.0)
