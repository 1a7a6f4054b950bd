"""While images travel, control traffic keeps to the bounds that are found before anything runs."""

from __future__ import annotations

import numpy as np
import pytest

from tests.worlds.site_transfers import MS, PACK, S, Transfers, image_of
from twin.analysis.bus_bounds import bounds_of, site_bounds
from twin.network.message_sets.worst_case import MessageBound
from twin.network.network import Network
from twin.network.options import Bus
from twin.ota.causes import Cause
from twin.ota.distribution.options import FlashOptions
from twin.scenario import load

ALL = "all"
LAST = "Module08_Temperatures2"
"""Of what is sent periodically, that of the lowest priority."""


def cycles_ns(transfers: Transfers, names: str, period_ns: int) -> dict[int, int]:
    """Let messages be sent so often, each at a phase of its own, and return them with their periods."""
    found: dict[int, int] = {}
    for layout in transfers.wires.layouts:
        if layout.cycle_ns is not None and names in (ALL, layout.name):
            transfers.cycle(layout.name, period_ns, layout.identifier * 7_919_311 % period_ns)
            found |= dict.fromkeys(transfers.wires.sent(transfers.wires.layout(layout.name)), period_ns)
    return found


def worst_ns(transfers: Transfers, bounds: dict[int, MessageBound]) -> dict[str, tuple[int, int]]:
    """Return latency and bound of every message."""
    latency_ns = transfers.buses.statistics.latency_max_ns.max(axis=0)
    names = transfers.wires.network.messages
    return {
        names[message].name: (int(latency_ns[message]), bound.response_ns or 0) for message, bound in bounds.items()
    }


SEGMENTS = ({"name": "second", "nodes": ["Module0[5-8]"], "gateway": "Pack1"},)
BUSES = {
    "one bus": (Bus(), 50 * MS),
    "125 kbit/s": (Bus(bitrate_bit_s=125_000), 250 * MS),
    "behind a gateway": (Bus.model_validate({"segments": SEGMENTS}), 50 * MS),
}


@pytest.mark.parametrize(("bus", "period_ns"), BUSES.values(), ids=BUSES)
def test_all_messages_keep_to_their_bounds(bus: Bus, period_ns: int) -> None:
    """Three ECUs are written at once, so that diagnostic frames wait all the time; at 125 kbit/s one waits too long."""
    transfers = Transfers(modules=8, bus=bus, image=image_of(40_000))
    cycles = cycles_ns(transfers, ALL, period_ns)
    transfers.begin(PACK, 1, 8)
    assert Cause.NONE in {one.cause for one in transfers.finish(200 * S)}
    bounds = bounds_of(transfers.wires.network, cycles)
    worst = worst_ns(transfers, bounds)
    assert len(worst) > 60
    assert not {name: pair for name, pair in worst.items() if not 0 < pair[0] <= pair[1]}


def test_a_frame_of_a_transfer_may_stand_before_any_other() -> None:
    """The last message alone would never wait; now it does, as long as its bound says that it may."""
    transfers = Transfers(modules=8, image=image_of(40_000))
    cycles = cycles_ns(transfers, LAST, 10 * MS + 1_000)
    transfers.begin(PACK)
    transfers.finish(60 * S)
    network = transfers.wires.network
    alone = Network(network.segments, network.nodes, network.messages)
    ((seen_ns, bound_ns),) = worst_ns(transfers, bounds_of(network, cycles)).values()
    ((_, alone_ns),) = worst_ns(transfers, bounds_of(alone, cycles)).values()
    assert alone_ns < seen_ns <= bound_ns
    assert bound_ns - alone_ns == 135 * 2_000


def test_diagnostic_frames_are_less_urgent_than_all_that_is_periodic() -> None:
    layouts = Transfers(modules=16).wires.layouts
    carrying = [one.identifier for one in layouts if "_Diagnostic" in one.name]
    assert len(carrying) == 2 * 17
    assert min(carrying) > max(one.identifier for one in layouts if one.cycle_ns is not None)


def test_a_fleet_that_is_not_updated_has_no_gateway() -> None:
    (segment,) = site_bounds(load("one_home", ())).segments
    assert "Gateway" not in {message.sender for message in segment.messages}


def test_what_goes_on_is_what_goes_on_without_a_transfer() -> None:
    """Not one control frame is lost or overwritten."""
    counts = []
    for updated in (False, True):
        transfers = Transfers(modules=4, image=image_of(40_000), flash=FlashOptions(block_size=4))
        cycles = cycles_ns(transfers, ALL, 20 * MS)
        if updated:
            transfers.begin(PACK, 1, 2, 3, 4)
        transfers.advance(10 * S)
        statistics = transfers.buses.statistics
        chosen = np.array(sorted(cycles))
        assert not statistics.overwritten[0].any()
        assert not statistics.dropped[0].any()
        counts.append(statistics.frames[0, chosen].tolist())
    assert counts[0] == counts[1]
