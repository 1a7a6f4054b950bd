"""Sites with update clients, and what they act through: a server, a bus, and ECUs whose flash has real bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from twin.ota.causes import Cause
from twin.ota.client.client import Clients
from twin.ota.client.conditions import SiteView
from twin.ota.client.incidents import Incidents
from twin.ota.client.journal import Transitions
from twin.ota.client.machine import Surroundings
from twin.ota.client.options import ClientOptions, Wan
from twin.ota.client.ports import AlwaysOpen, EcuImage, Failed, Finished, Offer, Window
from twin.ota.client.wan import Lines
from twin.ota.effects import Attack, Incident, WanLoss
from twin.ota.messages import Orders
from twin.ota.states import UpdateState

S = 10**9
IMAGE_BYTES = 20_000
PAGE_BYTES = 512
Checked = Callable[[int, int, int, int, int], None]
"""Of site, ECU, version, time and silence of a boot."""
QUICK = ClientOptions(poll_s=10, look_s=5, boot_s=2, check_s=10, backoff_s=30, backoff_most_s=300, flags_s=0.1)
STEADY = Wan(bandwidth_bit_s=80_000, bandwidth_spread=0, latency_s=0.1, outages_per_day=0)
"""A bundle of 20,000 bytes takes 2.1 s."""


def image(version: int) -> bytes:
    """Return an image that ends with the digest of what is before."""
    body = np.random.default_rng(version).bytes(IMAGE_BYTES - 32)
    return body + hashlib.sha256(body).digest()


def verifies(content: bytes) -> bool:
    return len(content) > 32 and hashlib.sha256(content[:-32]).digest() == content[-32:]


def well(sites: int) -> SiteView:
    """Return batteries that may be updated."""
    soc, current_A, low_K, high_K = (np.full(sites, value) for value in (0.6, 10.0, 295.0, 300.0))
    return SiteView(soc, current_A, low_K, high_K, np.ones(sites, np.bool_), np.ones(sites, np.bool_))


@dataclass
class Job:
    ecu: int
    version: int
    slot: int
    begin_ns: int
    done: bool = False


class Flash:
    """The bus and the flash of all ECUs, an image in 0.5 s of erasing and 4 s of writing, page by page."""

    ERASE_NS, WRITE_NS = S // 2, 4 * S

    def __init__(self, sites: int, ecus: int, images: dict[int, bytes]) -> None:
        self.images = images
        self.content = [[[images[0], b""] for _ in range(ecus)] for _ in range(sites)]
        self.outcome: Callable[[int, Job], Cause] = lambda site, job: Cause.NONE
        self.jobs: dict[int, Job] = {}
        self._cut_ns: dict[int, int] = {}
        self._finished: list[Finished] = []
        self._written: dict[int, int] = {}
        self._off = set[int]()

    def begin(self, site: int, ecu: int, version: int, slot: int, time_ns: int) -> None:
        assert site not in self.jobs, "one transfer a site"
        assert site not in self._off, "no transfer without power"
        self.jobs[site] = Job(ecu, version, slot, time_ns)
        self._written[site] = -1

    def cancel(self, site: int) -> None:
        self.jobs.pop(site, None)

    def power_off(self, site: int, time_ns: int) -> None:
        self._cut_ns[site] = time_ns

    def power_on(self, site: int, time_ns: int) -> None:
        self._off.discard(site)

    def written_bytes(self, site: int) -> int:
        return self._written[site]

    def take_finished(self) -> list[Finished]:
        taken, self._finished = self._finished, []
        return taken

    def checked(self, site: int, ecu: int, version: int, time_ns: int, silent_ns: int) -> None:
        """Hold that a slot has what a bootloader starts."""
        there = [content for content in self.content[site][ecu] if content == self.images[version]]
        assert there, "a bootloader started what the flash does not have"
        assert all(verifies(content) for content in there)

    def advance(self, end_ns: int) -> None:
        for site, job in list(self.jobs.items()):
            until_ns = min(end_ns, self._cut_ns.get(site, end_ns))
            self._write(site, job, until_ns, torn=site in self._cut_ns)
            if job.begin_ns + self.ERASE_NS + self.WRITE_NS < until_ns:
                self.jobs.pop(site)
                done_ns = job.begin_ns + self.ERASE_NS + self.WRITE_NS
                self._finished.append(Finished(done_ns, site, job.ecu, self.outcome(site, job)))
        for site in self._cut_ns:
            self.jobs.pop(site, None)
            self._off.add(site)
        self._cut_ns.clear()

    def _write(self, site: int, job: Job, until_ns: int, *, torn: bool) -> None:
        if until_ns <= job.begin_ns:
            return
        whole, spent_ns = self.images[job.version], until_ns - job.begin_ns - self.ERASE_NS
        done = int(np.clip(len(whole) * spent_ns // self.WRITE_NS, 0, len(whole)))
        done -= done % PAGE_BYTES if done < len(whole) else 0
        garbage = b"\x5a" * PAGE_BYTES if torn and done < len(whole) else b""
        self.content[site][job.ecu][job.slot] = whole[:done] + garbage
        self._written[site] = done


@dataclass
class Behaviour:
    """What a version does: it may crash so long after it began to run, or not be well."""

    crashes_after_ns: int | None = None
    crashes_on: tuple[int, ...] = (0, 1, 2)
    """ECUs."""
    healthy: bool = True


@dataclass
class Programs:
    """What runs on the ECUs of all sites; ``checked`` looks whether the flash really has what is to be started."""

    checked: Checked
    behaviour: dict[int, Behaviour] = field(default_factory=dict)
    running: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    """(version, since when) by site and ECU."""
    boots: list[tuple[int, int, int, int, bool]] = field(default_factory=list)
    _off_ns: dict[int, int] = field(default_factory=dict)

    def boot(self, site: int, ecu: int, version: int, time_ns: int, *, silent_ns: int, migrate: bool) -> None:
        self.checked(site, ecu, version, time_ns, silent_ns)
        self.boots.append((time_ns, site, ecu, version, migrate))
        self.running[site, ecu] = version, time_ns + silent_ns

    def power_off(self, site: int, time_ns: int) -> None:
        self._off_ns[site] = time_ns

    def take_failures(self) -> list[Failed]:
        return sorted(self._crashes(), key=lambda crash: crash.time_ns)

    def advance(self, end_ns: int) -> None:
        self._end_ns = end_ns
        for site in self._off_ns:
            for key in [key for key in self.running if key[0] == site]:
                del self.running[key]
        self._off_ns.clear()

    def _crashes(self) -> list[Failed]:
        crashed = []
        for (site, ecu), (version, since_ns) in list(self.running.items()):
            behaviour = self.behaviour.get(version, Behaviour())
            after_ns = behaviour.crashes_after_ns if ecu in behaviour.crashes_on else None
            if after_ns is not None and since_ns + after_ns < self._end_ns:
                crashed.append(Failed(since_ns + after_ns, site, ecu, "crash"))
                del self.running[site, ecu]
        return crashed

    def healthy(self, site: int, ecu: int, since_ns: int) -> bool:
        version, began_ns = self.running.get((site, ecu), (-1, 0))
        return version >= 0 and began_ns <= since_ns and self.behaviour.get(version, Behaviour()).healthy


class Server:
    """Gives every site the release that it asks for, or what ``change`` makes of the offer."""

    def __init__(self, ecus: int, images: dict[int, bytes]) -> None:
        self.offers = {
            version: Offer(
                version,
                tuple(EcuImage(ecu, version, len(images[version])) for ecu in range(ecus)),
                len(images[version]),
            )
            for version in images
        }
        self.change: Callable[[Offer, int, Sequence[Attack]], Offer] = lambda offer, clock_ns, attacks: offer
        self.asked: list[tuple[int, int, int]] = []

    def offer(self, site: int, release: int, time_ns: int, clock_ns: int, attacks: Sequence[Attack]) -> Offer:
        self.asked.append((site, time_ns, clock_ns))
        return self.change(self.offers[release], clock_ns, attacks)


class Bench:
    """A shard of sites with three ECUs each, whose batteries are well unless ``view`` says otherwise."""

    def __init__(
        self,
        sites: int = 1,
        options: ClientOptions = QUICK,
        wan: Wan = STEADY,
        incidents: Sequence[Incident] = (),
        *,
        ecus: int = 3,
        step_ns: int = S,
        window: Window | None = None,
        numbers: Sequence[int] | None = None,
        seed: int = 1,
    ) -> None:
        images = {version: image(version) for version in (0, 1, 2)}
        numbers = range(sites) if numbers is None else numbers
        self.step_ns, self.time_ns, self.ecus = step_ns, 0, ecus
        self.flash, self.server = Flash(sites, ecus, images), Server(ecus, images)
        self.programs = Programs(self.flash.checked)
        losses = [one for one in incidents if isinstance(one, WanLoss)]
        self.lines = Lines(wan, seed, numbers, 10 * 86400 * S, losses)
        around = Surroundings(
            *(self.server, self.flash, self.programs, window or AlwaysOpen(), self.lines, Incidents(sites, incidents))
        )
        self.clients = Clients(options, seed, numbers, ecus, around)
        self.view = well(sites)
        self.programs.running = {(site, ecu): (0, 0) for site in range(sites) for ecu in range(ecus)}
        self._numbers = np.array(numbers)

    def order(self, release: int) -> None:
        self.clients.order(Orders(self._numbers, np.full(len(self._numbers), release)), self.time_ns)

    def run(self, seconds: float) -> Bench:
        for _ in range(round(seconds * S / self.step_ns)):
            self.time_ns += self.step_ns
            self.clients.lose_power(self.time_ns)
            self.flash.advance(self.time_ns)
            self.programs.advance(self.time_ns)
            self.clients.step(self.time_ns, slice(None), self.view)
        return self

    def versions(self) -> list[list[int]]:
        """Return what runs, ``[site][ecu]``; -1 where nothing does."""
        running = self.programs.running
        return [
            [running.get((site, ecu), (-1, 0))[0] for ecu in range(self.ecus)] for site in range(len(self._numbers))
        ]


def said(transitions: Transitions, site: int = 0) -> list[str]:
    """Return a site's states in order, each with its cause if it has one."""
    own = transitions.site == site
    return [
        UpdateState(state).name + (f" {Cause(cause).name}" if cause else "")
        for state, cause in zip(transitions.state[own], transitions.cause[own], strict=True)
    ]
