"""Update clients over real transfers: UDS over ISO-TP on the bus of every site, into the flash of its ECUs."""

from __future__ import annotations

import numpy as np

from tests.worlds.site_transfers import MS, S, Transfers
from tests.worlds.update_bench import QUICK, STEADY, Programs, Server, said, well
from twin.ota.causes import Cause
from twin.ota.client.client import Clients
from twin.ota.client.incidents import Incidents
from twin.ota.client.machine import Surroundings
from twin.ota.client.ports import AlwaysOpen
from twin.ota.client.wan import Lines
from twin.ota.effects import PowerLoss
from twin.ota.messages import Orders
from twin.ota.states import FINAL

ECUS = 3
STEP_NS = 500 * MS


def test_power_losses_while_images_go_over_the_bus() -> None:
    sites, draws = 24, np.random.default_rng(3)
    transfers = Transfers(sites=sites, image=np.random.default_rng(4).bytes(40_000))
    transfers.cycle("Pack1_Limits", 100 * MS)
    losses = [PowerLoss(at_ns, at_ns + 3 * S, site) for site, at_ns in enumerate(_instants(draws, sites))]
    server = Server(ECUS, {0: b"factory", 1: transfers.image})
    bus = transfers.distribution

    def checked(site: int, ecu: int, version: int, time_ns: int, silent_ns: int) -> None:
        content = bus.content(site, ecu, 1)
        assert not version or (content.complete and content.checked), "torn, and started all the same"
        bus.boot(site, ecu, time_ns, silent_ns)

    programs = Programs(checked)
    programs.running = {(site, ecu): (0, 0) for site in range(sites) for ecu in range(ECUS)}
    lines = Lines(STEADY, 1, range(sites), 10**15)
    around = Surroundings(server, bus, programs, AlwaysOpen(), lines, Incidents(sites, losses))
    clients = Clients(QUICK, 1, range(sites), ECUS, around)
    view = well(sites)
    clients.order(Orders(np.arange(sites), np.ones(sites, np.int64)), 0)
    for end_ns in range(STEP_NS, 70 * S, STEP_NS):
        clients.lose_power(end_ns)
        transfers.advance(end_ns)
        programs.advance(end_ns)
        clients.step(end_ns, slice(None), view)
    assert np.isin(clients.state, FINAL).all()
    assert {version for version, _ in programs.running.values()} == {1}
    assert len(programs.running) == sites * ECUS
    torn = [one for one in clients.take_transfers() if one.outcome == Cause.POWER_LOST and one.ecu >= 0]
    assert len(torn) > sites / 4
    assert any(0 < one.size_bytes < 40_000 for one in torn)
    transitions = clients.take_transitions()
    assert sum(said(transitions, site)[-1] == "SUCCESS" for site in range(sites)) == sites


def _instants(draws: np.random.Generator, sites: int) -> list[int]:
    """Return instants within the time in which images go over the bus."""
    return [round(at_s * S) for at_s in draws.uniform(8.0, 22.0, sites)]
