"""What a site's update client does about one thing that happens to it.

Rules:

- Nothing is downloaded, written or started while the battery is not in the stated conditions or the window is closed.
- The running slot is never written. ECUs are written one after the other, what others depend on first.
- All ECUs of a release change over together, on trial; each boot takes one of a new slot's attempts.
- If all are well after the check, all are marked good. If one is not, all go back to what ran before.
- What is decided survives a power loss: writing begins anew, changing over and going back are finished.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from twin.ota.causes import Cause
from twin.ota.client.bootloaders import Bootloaders
from twin.ota.client.conditions import SiteView, met
from twin.ota.client.download import Line, end_of
from twin.ota.client.incidents import Incidents
from twin.ota.client.journal import Journal, Transfer, Transition
from twin.ota.client.options import ClientOptions, nanoseconds
from twin.ota.client.phases import ON_TRIAL, RETRIED, REVOCABLE, STATES, WRITING_FLAGS, Phase, Update
from twin.ota.client.ports import EcuImage, Ecus, Installer, Offer, Verifier, Window
from twin.ota.client.wan import NEVER, Lines
from twin.ota.states import UpdateState
from twin.streams import stream

WAN = -1
"""In place of an ECU: what goes to the gateway."""
CANCEL = -1
"""An order to give up what is under way."""
NOTHING = -2
"""No order."""


@dataclass(frozen=True, eq=False)
class Surroundings:
    """All that the clients of a shard act through."""

    verifier: Verifier
    installer: Installer
    ecus: Ecus
    window: Window
    lines: Lines
    incidents: Incidents


class Machine:
    """The update clients of a shard, one event of one site at a time.

    What it asks of installer and ECUs begins at the tick's end, and is asked by ``act``, unless the power goes before.
    """

    def __init__(
        self, options: ClientOptions, seed: int, sites: NDArray[np.int64], ecus: int, around: Surroundings
    ) -> None:
        self._options, self._seed, self._sites, self._around = options, seed, sites, around
        self.journal = Journal()
        self.bootloaders = Bootloaders(options, len(sites), ecus, around.ecus, self.journal)
        self.slots, self._every_ecu = self.bootloaders.slots, range(ecus)
        self.updates: dict[int, Update] = {}
        self.phase = np.zeros(len(sites), np.int8)
        self.state = np.zeros(len(sites), np.int8)
        self.due_ns = np.full(len(sites), NEVER, np.int64)
        """When each site next does something by itself."""
        self.blocked = np.zeros(len(sites), np.bool_)
        """Whether all that it does then is to look whether conditions or window let it go on."""
        self.ordered = np.full(len(sites), NOTHING, np.int64)
        """What the server wants that the site has not learnt."""
        self.powered = np.ones(len(sites), np.bool_)
        self._acts: list[Callable[[], None]] = []
        self._handlers: dict[int, Callable[[int, int], None]] = {
            Phase.WAITING: self._go_on,
            Phase.DOWNLOADING: self._downloaded,
            Phase.SWITCHING: self._switched,
            Phase.BOOTING: self._booted,
            Phase.CHECKING: self._checked,
            Phase.COMMITTING: self._committed,
            Phase.RETURNING: self._turned_back,
            Phase.RETURNED: self._returned,
        }

    def begin_tick(self, end_ns: int, view: SiteView) -> None:
        """Set what the batteries are like, and from when on what is asked of others can begin."""
        self._end_ns, self._view = end_ns, view

    def act(self) -> None:
        """Ask of others what has been decided."""
        for act in self._acts:
            act()
        self._acts.clear()

    # What the server wants.

    def order(self, site: int, release: int, time_ns: int) -> None:
        """Note what the server wants of a site, until the site asks."""
        self.ordered[site] = release
        if release < 0 or self.phase[site] != Phase.IDLE:
            return
        update = self.updates.setdefault(site, Update())
        update.release, update.attempt = release, 1
        if self.state[site] != UpdateState.PENDING:
            self._report(site, time_ns, UpdateState.PENDING, Cause.NONE)
            self.journal.tell(site)

    def learn(self, site: int, time_ns: int) -> None:
        """Let a site learn its order, unless it is past the point at which it can obey."""
        release, update = int(self.ordered[site]), self.updates.setdefault(site, Update())
        at_it = self.phase[site] != Phase.IDLE and release == update.release
        too_late = release == CANCEL and self.phase[site] not in REVOCABLE
        if at_it or too_late:
            self.ordered[site] = NOTHING
        elif self.phase[site] not in REVOCABLE:
            return  # it is obeyed afterwards
        elif release == CANCEL:
            self._give_up(site, time_ns)
        elif (offer := self._offer(site, release, time_ns)).news:
            self._give_up(site, time_ns)
            update.release, update.attempt = release, 1
            self._consider(site, time_ns, offer)

    def _give_up(self, site: int, time_ns: int) -> None:
        """Break off what is under way, or was never begun, for the campaign wants something else."""
        idle, pending = self.phase[site] == Phase.IDLE, self.state[site] == UpdateState.PENDING
        if not idle or (pending and self.ordered[site] == CANCEL):
            self._break_off(site, time_ns)
            self._end(site, time_ns, UpdateState.ABORTED, Cause.CANCELLED)
        self.ordered[site] = NOTHING

    # What happens to a site.

    def due(self, site: int, time_ns: int) -> None:
        """Do what the site has set itself for this instant."""
        self.due_ns[site], self.blocked[site] = NEVER, False
        self._handlers[int(self.phase[site])](site, time_ns)

    def finished(self, site: int, ecu: int, cause: Cause, time_ns: int) -> None:
        """A transfer into an ECU has ended."""
        update = self.updates.get(site)
        image = None if update is None else update.writing
        if update is None or image is None or image.ecu != ecu or time_ns < update.begun_ns:
            return  # it has been given up meanwhile
        if cause is not Cause.NONE:
            self._stop_writing(site, time_ns, cause)
            self._failed(site, time_ns, cause)
            return
        update.writing = None
        self.slots.write(site, ecu, image.version, image.size_bytes, verified=image.refused is Cause.NONE)
        self._transferred(site, ecu, time_ns, image.size_bytes, image.refused)
        if image.refused is not Cause.NONE:
            self._failed(site, time_ns, image.refused)
        else:
            self._go_on(site, time_ns)

    def crashed(self, site: int, ecu: int, time_ns: int) -> None:
        """A program has ended, and the bootloader starts what it finds."""
        if not self.powered[site]:
            return
        self._write_flags(site, time_ns)
        ready_ns = self._boot(site, [ecu])
        if self.phase[site] in ON_TRIAL and ecu in dict(self.updates[site].trial):
            self._enter(site, time_ns, Phase.BOOTING, ready_ns, Cause.BOOT_FAILED)

    def power_lost(self, site: int, time_ns: int) -> None:
        """Gateway and ECUs are off: what was being written is torn."""
        self._acts.clear()
        self.powered[site] = False
        self.bootloaders.off(site, time_ns)
        self._write_flags(site, time_ns)
        phase = Phase(self.phase[site])
        if phase in (Phase.DOWNLOADING, Phase.INSTALLING):
            self._break_off(site, time_ns)
            self._enter(site, time_ns, Phase.WAITING, NEVER, Cause.POWER_LOST)
        elif phase not in (Phase.IDLE, Phase.WAITING):
            self._enter(site, time_ns, phase, NEVER, Cause.POWER_LOST)
        self.due_ns[site] = NEVER

    def power_back(self, site: int) -> None:
        """Every ECU boots, and what was decided goes on once they run."""
        self.powered[site] = True
        self._acts.append(partial(self._around.installer.power_on, site, self._end_ns))
        ready_ns = self._boot(site, self._every_ecu)
        phase = Phase(self.phase[site])
        if phase in ON_TRIAL:
            self._enter(site, ready_ns, Phase.BOOTING, ready_ns, Cause.POWER_LOST)
        elif phase in (Phase.SWITCHING, Phase.RETURNING):
            self._enter(site, ready_ns, phase, self._flagged_ns(site, ready_ns))
        elif phase is not Phase.IDLE:
            self.due_ns[site] = ready_ns

    # From the order to the images in the gateway.

    def _go_on(self, site: int, time_ns: int) -> None:
        """Do what comes next, as soon as nothing is in the way."""
        update = self.updates[site]
        obstacle, again_ns = self._obstacle(site, time_ns)
        if obstacle is Cause.NONE:
            self._advance(site, time_ns)
            return
        if self.phase[site] != Phase.WAITING:
            self._enter(site, time_ns, Phase.WAITING, again_ns, obstacle)
        self.blocked[site] = True
        gives_up_ns = update.begun_ns + nanoseconds(self._options.patience_s)
        if time_ns >= gives_up_ns:
            self._end(site, time_ns, UpdateState.FAILURE, obstacle)
        else:
            self.due_ns[site] = min(again_ns, gives_up_ns)

    def _obstacle(self, site: int, time_ns: int) -> tuple[Cause, int]:
        """Return what is in the way of going on, and when to look again."""
        clock_ns = self._around.incidents.clock_ns(site, time_ns)
        opens_ns = self._around.window.opens_ns(site, clock_ns)
        if opens_ns > clock_ns:
            return Cause.WINDOW_CLOSED, NEVER if opens_ns == NEVER else time_ns + opens_ns - clock_ns
        if not met(self._options.conditions, self._view, site):
            return Cause.CONDITIONS_UNMET, time_ns + nanoseconds(self._options.look_s)
        return Cause.NONE, time_ns

    def _advance(self, site: int, time_ns: int) -> None:
        update = self.updates[site]
        if update.offer is None:
            self._ask(site, time_ns)
            return
        changing = [image for image in update.offer.images if not self._has(site, image)]
        missing = [image for image in changing if not self.slots.holds(site, image.ecu, image.version)]
        if not changing:
            self._end(site, time_ns, UpdateState.SUCCESS, Cause.NONE)
        elif missing and not update.stored:
            self._download(site, time_ns, update.offer)
        elif missing:
            self._write(site, time_ns, missing[0])
        else:
            update.trial = tuple((image.ecu, self.slots.spare(site, image.ecu)) for image in changing)
            self._enter(site, time_ns, Phase.SWITCHING, self._flagged_ns(site, time_ns))

    def _has(self, site: int, image: EcuImage) -> bool:
        first = self.slots.first[site, image.ecu]
        return bool(self.slots.version[site, image.ecu, first] == image.version)

    def _ask(self, site: int, time_ns: int) -> None:
        """Ask for the release once more."""
        update = self.updates[site]
        up_ns = self._around.lines.up_from_ns(site, time_ns)
        if up_ns > time_ns:
            self.due_ns[site] = up_ns
            return
        offer = self._offer(site, update.release, time_ns)
        if offer.news:
            self._consider(site, time_ns, offer)
        else:
            self.due_ns[site] = time_ns + nanoseconds(self._options.poll_s)

    def _offer(self, site: int, release: int, time_ns: int) -> Offer:
        incidents = self._around.incidents
        clock_ns, attacks = incidents.clock_ns(site, time_ns), incidents.attacks(site, time_ns)
        return self._around.verifier.offer(site, release, time_ns, clock_ns, attacks)

    def _consider(self, site: int, time_ns: int, offer: Offer) -> None:
        """Take an offer whose metadata verify; what the gateway keeps of its images need not be fetched again."""
        update = self.updates[site]
        if offer.metadata is not Cause.NONE:
            self._failed(site, time_ns, offer.metadata)
            return
        if offer.images != update.images:
            update.images, update.kept_bytes, update.stored = offer.images, 0, False
        update.offer = offer
        if self.phase[site] != Phase.WAITING:
            self._enter(site, time_ns, Phase.WAITING, NEVER)
        self._go_on(site, time_ns)

    def _download(self, site: int, time_ns: int, offer: Offer) -> None:
        update, around = self.updates[site], self._around
        rest_bytes = offer.download_bytes - update.kept_bytes
        line = Line(
            around.lines.finish_ns(site, time_ns, rest_bytes, offer.rate_bit_s),
            float(around.lines.rate_bit_s[site]),
            around.incidents.full_from_ns(site, time_ns),
        )
        end_ns, update.cause = end_of(self._options, offer, line, time_ns)
        self._enter(site, time_ns, Phase.DOWNLOADING, end_ns)

    def _downloaded(self, site: int, time_ns: int) -> None:
        update = self.updates[site]
        self._keep(site, time_ns, update.cause)
        if update.cause is Cause.NONE:
            update.stored = True
            self._go_on(site, time_ns)
            return
        if update.cause is Cause.IMAGE_REFUSED:
            update.kept_bytes = 0
        self._failed(site, time_ns, update.cause)

    def _keep(self, site: int, time_ns: int, outcome: Cause) -> None:
        """Add what the download has brought to what the gateway keeps."""
        update = self.updates[site]
        assert update.offer is not None
        rest_bytes = update.offer.download_bytes - update.kept_bytes
        came_bytes = self._around.lines.received_bytes(site, update.begun_ns, time_ns, update.offer.rate_bit_s)
        update.kept_bytes += min(came_bytes, rest_bytes)
        self._transferred(site, WAN, time_ns, min(came_bytes, rest_bytes), outcome)

    # From the gateway into the flash.

    def _write(self, site: int, time_ns: int, image: EcuImage) -> None:
        update = self.updates[site]
        self._enter(site, time_ns, Phase.INSTALLING, NEVER)
        update.writing, update.begun_ns = image, self._end_ns
        slot = self.slots.spare(site, image.ecu)
        self._acts.append(partial(self._around.installer.begin, site, image.ecu, image.version, slot, self._end_ns))

    def _stop_writing(self, site: int, time_ns: int, outcome: Cause) -> None:
        """Note how far the writing has got that ends now."""
        update = self.updates[site]
        assert update.writing is not None
        image, update.writing = update.writing, None
        begun = update.begun_ns < self._end_ns
        written_bytes = self._around.installer.written_bytes(site) if begun else -1
        if written_bytes >= 0:
            self.slots.write(site, image.ecu, image.version, written_bytes, verified=False)
        self._transferred(site, image.ecu, time_ns, max(written_bytes, 0), outcome)

    def _transferred(self, site: int, ecu: int, end_ns: int, size_bytes: int, outcome: Cause) -> None:
        begin_ns = self.updates[site].begun_ns
        self.journal.transfers.append(Transfer(site, ecu, begin_ns, max(begin_ns, end_ns), size_bytes, outcome))

    def _break_off(self, site: int, time_ns: int) -> None:
        """Leave the download or the writing that is under way, and keep what there is."""
        outcome = Cause.CANCELLED if self.powered[site] else Cause.POWER_LOST
        if self.phase[site] == Phase.DOWNLOADING:
            self._keep(site, time_ns, outcome)
        elif self.phase[site] == Phase.INSTALLING:
            self._stop_writing(site, time_ns, outcome)
            self._acts.append(partial(self._around.installer.cancel, site))

    # From the flash to a version that runs for good, or back.

    def _switched(self, site: int, time_ns: int) -> None:
        self._write_flags(site, NEVER)
        trial = self.updates[site].trial
        ready_ns = self._boot(site, [ecu for ecu, slot in trial if self.slots.booted[site, ecu] != slot])
        self._enter(site, time_ns, Phase.BOOTING, ready_ns)

    def _booted(self, site: int, time_ns: int) -> None:
        if all(self.slots.booted[site, ecu] == slot for ecu, slot in self.updates[site].trial):
            self._enter(site, time_ns, Phase.CHECKING, time_ns + nanoseconds(self._options.check_s))
        else:
            self._turn_back(site, time_ns, Cause.BOOT_FAILED)

    def _checked(self, site: int, time_ns: int) -> None:
        update, ecus = self.updates[site], self._around.ecus
        if self._around.incidents.power_ns[site] < self._end_ns:
            return  # ECUs answer at the tick's end, and have no power by then
        if all(ecus.healthy(site, ecu, update.begun_ns) for ecu, _ in update.trial):
            self._enter(site, time_ns, Phase.COMMITTING, self._flagged_ns(site, time_ns))
        else:
            self._turn_back(site, time_ns, Cause.HEALTH_CHECK_FAILED)

    def _committed(self, site: int, time_ns: int) -> None:
        self._write_flags(site, NEVER)
        self._end(site, time_ns, UpdateState.SUCCESS, Cause.NONE)

    def _turn_back(self, site: int, time_ns: int, cause: Cause) -> None:
        self.updates[site].cause = cause
        self._enter(site, time_ns, Phase.RETURNING, self._flagged_ns(site, time_ns), cause)

    def _turned_back(self, site: int, time_ns: int) -> None:
        self._write_flags(site, NEVER)
        trial = self.updates[site].trial
        ready_ns = self._boot(site, [ecu for ecu, slot in trial if self.slots.booted[site, ecu] == slot])
        self._enter(site, time_ns, Phase.RETURNED, ready_ns)

    def _returned(self, site: int, time_ns: int) -> None:
        self._failed(site, time_ns, self.updates[site].cause)

    def _write_flags(self, site: int, time_ns: int) -> None:
        phase = Phase(self.phase[site])
        if phase in WRITING_FLAGS:
            self.bootloaders.write_flags(site, phase, self.updates[site], time_ns)

    def _flagged_ns(self, site: int, time_ns: int) -> int:
        """Return when the boot flags of all ECUs are written if that begins now."""
        return time_ns + self.bootloaders.flags_ns * len(self.updates[site].trial)

    def _boot(self, site: int, ecus: Iterable[int]) -> int:
        """Reset ECUs at the tick's end, and return when they run."""
        versions = [(ecu, self.slots.boot(site, ecu)) for ecu in ecus]
        self._acts.append(partial(self.bootloaders.start, site, versions, self._end_ns))
        return self._end_ns + self.bootloaders.boot_ns

    # Where all ways lead.

    def _failed(self, site: int, time_ns: int, cause: Cause) -> None:
        """Try again later where that may help, or give up."""
        update = self.updates[site]
        if cause not in RETRIED or update.attempt >= self._options.attempts:
            self._end(site, time_ns, UpdateState.FAILURE, cause)
            return
        update.attempt += 1
        update.offer = None
        self._enter(site, time_ns, Phase.WAITING, time_ns + self._backoff_ns(site), cause)

    def _backoff_ns(self, site: int) -> int:
        """Return how long a site waits before its present attempt."""
        update, options = self.updates[site], self._options
        wait_s = min(options.backoff_s * options.backoff_factor ** (update.attempt - 2), options.backoff_most_s)
        draws = stream(self._seed, "site", int(self._sites[site]), "update retry", update.release, update.attempt)
        return nanoseconds(wait_s * (1.0 + options.jitter * draws.random()))

    def _end(self, site: int, time_ns: int, state: UpdateState, cause: Cause) -> None:
        update = self.updates[site]
        self.phase[site], self.due_ns[site] = Phase.IDLE, NEVER
        update.offer, update.trial = None, ()
        self._report(site, time_ns, state, cause)

    def _enter(self, site: int, time_ns: int, phase: Phase, due_ns: int, cause: Cause = Cause.NONE) -> None:
        """Begin a phase; a change of state, and whatever has a cause, is reported."""
        state = STATES[phase]
        self.phase[site], self.due_ns[site], self.blocked[site] = phase, due_ns, False
        self.updates[site].begun_ns = time_ns
        if state != self.state[site] or cause is not Cause.NONE:
            self._report(site, time_ns, state, cause)

    def _report(self, site: int, time_ns: int, state: UpdateState, cause: Cause) -> None:
        update = self.updates[site]
        self.state[site] = state
        self.journal.note(Transition(time_ns, site, state, cause, update.release, update.attempt))
