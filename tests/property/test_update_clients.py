"""Whatever befalls the sites and whatever they are told: in the end each runs one version, and can go on."""

from __future__ import annotations

import zlib
from collections import Counter

import numpy as np
import pytest

from tests.worlds.update_bench import QUICK, STEADY, Behaviour, Bench, Job, S, verifies
from twin.ota.causes import Cause
from twin.ota.client.wan import NEVER
from twin.ota.effects import Incident, PowerLoss, StorageFull, WanLoss
from twin.ota.messages import Orders
from twin.ota.states import FINAL, UpdateState

SITES, TROUBLE_S = 250, 300
TRANSFERS = (Cause.NONE, Cause.NONE, Cause.NONE, Cause.TRANSFER_TIMEOUT, Cause.TRANSFER_REFUSED, Cause.BUS_OFF)


def _incidents(draws: np.random.Generator) -> list[Incident]:
    kinds = (PowerLoss, PowerLoss, WanLoss, StorageFull)
    found: list[Incident] = []
    for site in range(SITES):
        for _ in range(draws.integers(0, 8)):
            begin_ns = int(draws.integers(0, TROUBLE_S * S))
            lasts_ns = int(draws.exponential(15.0) * S) + 1
            found.append(kinds[draws.integers(4)](begin_ns, begin_ns + lasts_ns, site))
    return found


def _outcome(site: int, job: Job) -> Cause:
    return TRANSFERS[zlib.crc32(f"{site} {job.ecu} {job.begin_ns}".encode()) % len(TRANSFERS)]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("step_ns", [S, 7 * S], ids=["1 s", "7 s"])
def test_no_site_is_left_with_a_mixture(seed: int, step_ns: int) -> None:
    draws = np.random.default_rng(seed)
    bench = Bench(SITES, QUICK, STEADY, _incidents(draws), step_ns=step_ns)
    bench.flash.outcome = _outcome
    bench.programs.behaviour[2] = Behaviour(crashes_after_ns=3 * S)
    while bench.time_ns < TROUBLE_S * S:
        sites = draws.choice(SITES, 40, replace=False)
        bench.clients.order(Orders(sites, draws.choice([1, 1, 2, 0, -1], 40)), bench.time_ns)
        bench.run(14)
    bench.run(1500)
    never = bench.clients.state == UpdateState.IDLE
    assert (never | np.isin(bench.clients.state, FINAL)).all()
    versions = bench.versions()
    assert all(len(set(of_site)) == 1 for of_site in versions)
    assert {of_site[0] for of_site in versions} == {0, 1}, "2 crashes, and never stays"
    slots = bench.clients.slots
    for (site, ecu), running in np.ndenumerate(slots.booted):
        assert slots.good[site, ecu, running]
        assert verifies(bench.flash.content[site][ecu][running])
    _is_told(bench)


def _is_told(bench: Bench) -> None:
    """Hold that the server has heard of every change of state, in the order of each site."""
    transitions, told = bench.clients.take_transitions(), bench.clients.take_told()
    assert (transitions.time_ns == told.time_ns).all()
    assert (transitions.site == told.site).all()
    states = Counter(transitions.state.tolist())
    assert states[UpdateState.SUCCESS] > 50
    assert states[UpdateState.ABORTED] > 20
    assert states[UpdateState.FAILURE] > 20
    assert (bench.clients.contact_ns < NEVER).all()
