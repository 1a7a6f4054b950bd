"""A site's network from its database: who is where, who hears what, what gateways carry."""

from __future__ import annotations

from dataclasses import replace

import pytest

from twin.errors import InputError
from twin.network.dbc.database import Database, bus_messages
from twin.network.network import Message
from twin.network.options import Bus, FurtherSegment
from twin.network.site import SiteNetwork, site_network

LAYOUTS = bus_messages(Database.load("home_battery"), packs=1, modules=2)
INVERTER_BUS = FurtherSegment(
    name="inverter", nodes=["Inverter"], gateway="Pack1", bitrate_bit_s=250_000, delay_s=0.002
)
MODULE_BUS = FurtherSegment(name="modules", nodes=["Module*"], gateway="Pack1", delay_s=0.001)


def layout_of(name: str) -> int:
    return [layout.name for layout in LAYOUTS].index(name)


def segments_of(wires: SiteNetwork, name: str) -> dict[int, str]:
    """Return the name of the node that sends a message, by segment."""
    network, index = wires.network, layout_of(name)
    return {
        segment: network.nodes[network.messages[message].node].name
        for (layout, segment), message in sorted(wires.copies.items())
        if layout == index
    }


def carried(wires: SiteNetwork) -> list[tuple[str, str, str, int]]:
    """Return every route as names: message, gateway's controller, segment it goes to, delay."""
    network = wires.network
    return [
        (
            network.messages[route.message].name,
            network.nodes[route.node].name,
            network.segments[network.segment_of(route.to)].name,
            route.delay_ns,
        )
        for route in network.routes
    ]


def test_one_segment_carries_every_message_once() -> None:
    wires = site_network(LAYOUTS, Bus())
    assert [message.name for message in wires.network.messages] == [layout.name for layout in LAYOUTS]
    assert wires.origins.tolist() == [list(range(len(LAYOUTS)))]
    assert {"Module01", "Module02", "Pack1", "Inverter"} <= set(wires.controllers)
    assert not {"Module03", "Pack2"} & set(wires.controllers), "ECUs that the site has not"


def test_ecus_hear_what_the_database_says_they_receive() -> None:
    wires = site_network(LAYOUTS, Bus())
    heard = {ecu: {L.name for i, L in enumerate(LAYOUTS) if wires.box(ecu, i) >= 0} for ecu in wires.controllers}
    for ecu in wires.controllers:
        assert heard[ecu] == {layout.name for layout in LAYOUTS if ecu in layout.receivers}
    assert wires.box("Module01", layout_of("Module01_State")) == -1


def test_a_gateway_sends_its_own_messages_where_they_are_wanted() -> None:
    wires = site_network(LAYOUTS, Bus(segments=(INVERTER_BUS,)))
    assert segments_of(wires, "Inverter_Limits") == {1: "Pack1.inverter"}
    assert segments_of(wires, "Pack1_Command") == {0: "Pack1"}
    assert segments_of(wires, "Inverter_Heartbeat") == {1: "Inverter"}, "the gateway hears it there"
    assert carried(wires) == []
    assert wires.box("Pack1", layout_of("Inverter_Heartbeat")) >= 0
    assert wires.box("Inverter", layout_of("Inverter_Limits")) >= 0


def test_a_gateway_carries_what_others_want() -> None:
    """Modules behind the pack's controller, and a listener on the hub that wants their states."""
    layouts = [
        replace(layout, receivers=(*layout.receivers, "Monitor")) if layout.name == "Module01_State" else layout
        for layout in LAYOUTS
    ]
    wires = site_network(layouts, Bus(segments=(MODULE_BUS, INVERTER_BUS)))
    assert segments_of(wires, "Module01_State") == {0: "Pack1", 1: "Module01"}
    assert segments_of(wires, "Module02_State") == {1: "Module02"}
    assert carried(wires) == [("Module01_State", "Pack1.modules", "can", 1_000_000)]
    assert wires.box("Monitor", layout_of("Module01_State")) >= 0


def test_one_gateway_passes_a_message_straight_from_one_further_segment_to_another() -> None:
    layouts = [
        replace(layout, receivers=("Inverter", "Monitor")) if layout.name == "Module01_State" else layout
        for layout in LAYOUTS
    ]
    wires = site_network(layouts, Bus(segments=(MODULE_BUS, INVERTER_BUS)))
    assert segments_of(wires, "Module01_State") == {0: "Pack1", 1: "Module01", 2: "Pack1.inverter"}
    assert carried(wires) == [
        ("Module01_State", "Pack1.modules", "can", 1_000_000),
        ("Module01_State", "Pack1.modules", "inverter", 2_000_000),
    ]


def test_a_message_passes_two_gateways_by_the_hub() -> None:
    layouts = [
        replace(layout, receivers=("Inverter",)) if layout.name == "Module01_State" else layout for layout in LAYOUTS
    ]
    far = FurtherSegment(name="far", nodes=["Inverter"], gateway="Module02", delay_s=0.003)
    near = FurtherSegment(name="near", nodes=["Module01"], gateway="Pack1")
    wires = site_network(layouts, Bus(segments=(far, near)))
    assert segments_of(wires, "Module01_State") == {0: "Pack1", 1: "Module02.far", 2: "Module01"}
    assert [hop for hop in carried(wires) if hop[0] == "Module01_State"] == [
        ("Module01_State", "Pack1.near", "can", 1_000_000),
        ("Module01_State", "Module02", "far", 3_000_000),
    ]


MISTAKES = {
    "nobody of that name": (
        [FurtherSegment(name="a", nodes=["Invertor"], gateway="Pack1")],
        ["bus.segments[0]: no ECU is called Invertor; there are Pack1, Module01, Module02, Inverter"],
    ),
    "two segments of one name, and an ECU on both": (
        [INVERTER_BUS, INVERTER_BUS],
        [
            "bus.segments[0].name: a second segment 'inverter'",
            "bus.segments[1].name: a second segment 'inverter'",
            "bus.segments[1].nodes: Inverter is on inverter already",
        ],
    ),
    "a gateway that is not on the first segment, and one that is nowhere": (
        [
            FurtherSegment(name="a", nodes=["Inverter"], gateway="Module01"),
            FurtherSegment(name="b", nodes=["Module01"], gateway="Pack9"),
        ],
        [
            "bus.segments[0].gateway: Module01 is on b; a gateway stands on can",
            "bus.segments[1].gateway: found 'Pack9'; expected one of Pack1, Module01, Module02, Inverter",
        ],
    ),
    "nobody left to acknowledge": (
        [FurtherSegment(name="a", nodes=["Inverter", "Module*"], gateway="Pack1")],
        ["bus: Pack1 is alone on its segment: nobody acknowledges its frames"],
    ),
}


@pytest.mark.parametrize(("segments", "problems"), MISTAKES.values(), ids=MISTAKES)
def test_segments_that_do_not_fit_are_refused(segments: list[FurtherSegment], problems: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        site_network(LAYOUTS, Bus(segments=tuple(segments)))
    assert [str(problem) for problem in caught.value.problems] == problems


def test_a_data_bit_rate_below_the_nominal_one_is_impossible() -> None:
    with pytest.raises(InputError, match="found 250000 bit/s; expected at least the nominal bit rate, 500000 bit/s"):
        site_network(LAYOUTS, Bus(data_bitrate_bit_s=250_000))


def test_messages_beside_the_database_come_last_and_may_not_take_an_identifier_twice() -> None:
    wires = site_network(LAYOUTS, Bus(), [("Module02", Message("Babble", 0, 8, 0))])
    last = wires.network.messages[-1]
    assert (last.name, wires.network.nodes[last.node].name) == ("Babble", "Module02")
    with pytest.raises(InputError, match="identifier 0x100 is Pack1_Command's already"):
        site_network(LAYOUTS, Bus(), [("Module02", Message("Babble", 0x100, 8, 0))])
