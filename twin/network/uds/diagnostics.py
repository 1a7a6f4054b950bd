"""Clients and servers of UDS on the buses of many sites: their tasks carry bytes between them and an engine's channels.

The node that sends a channel's requests is the client, the other one the server. Both have a task with one period, at
its multiples. A task looks at what the bus has brought only when it is activated, and what it sends is released then:
a request is released at one activation, answered at the next one after it has come, heard at the next one after that.

Activations at which nothing can have come are left out: before a transfer can have ended (see ``outlook``; how much of
it is through is read off the engine's count of frames), before an answer may be sent, before a wait is over. So a
transfer that fails on its way may be noticed some activations late: with the next look, at most as long afterwards as
what was left of the transfer takes at least.

Sites go on independently; how far each is advanced, and in which pieces, changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.errors import SimulationError
from twin.network.engines.engine import Engine
from twin.network.engines.records import Outcome, Transfer
from twin.network.uds.outlook import Outlook
from twin.network.uds.server import Answer, UdsServer
from twin.network.uds.services import NEGATIVE, POSITIVE, ResponseCode

IntArray = NDArray[np.int64]
NEVER = 2**62
_UNHEARD = (Outcome.NO_FLOW_CONTROL, Outcome.OVERFLOW, Outcome.REFUSED, Outcome.NOT_SENT)
"""What may become of a request that its server never gets, as its sender knows."""
_OF_SENDER = (Outcome.SENT, *_UNHEARD)
_REQUEST, _ANSWER = 0, 1
"""The two links of a channel."""


@dataclass(frozen=True)
class ClientRules:
    """How long a client waits for an answer, from the confirmation of its request, or from *response pending*."""

    p2_ns: int = 1_000_000_000
    p2_star_ns: int = 6_000_000_000


@dataclass(frozen=True)
class Finished:
    """The end of a sequence."""

    time_ns: int
    site: int
    channel: int
    result: Any
    """What the sequence returned."""


@dataclass
class _Talk:
    """One client and one server, and what is on its way between them."""

    site: int
    channel: int
    server: UdsServer | None
    sequence: Generator[bytes, bytes, Any] | None
    """None: the client has been told to stop, and what is on its way comes to its end."""
    next_ns: int
    """Activation at which there may be something to do."""
    begun: bool = False
    request: bytes = b""
    """What waits for an answer."""
    deadline_ns: int | None = None
    """None: no request has been confirmed that waits for an answer."""
    inbox: list[Transfer] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    """What the server will send, not before their instants."""
    sending: list[int] = field(default_factory=lambda: [0, 0])
    """Transfers that have not been confirmed, by link."""
    frames_then: list[int] = field(default_factory=lambda: [0, 0])
    """What the engine will have counted of a link's frames when these are through."""


class Diagnostics:
    """The UDS tasks of all sites of an engine; ``servers`` by (site, channel), others do not answer.

    ``busy[site]``: a sequence has begun, or will, and not ended. ``reached_ns[site]``: how far the buses are.
    """

    def __init__(
        self,
        engine: Engine,
        servers: Mapping[tuple[int, int], UdsServer],
        rules: ClientRules | None = None,
        *,
        task_period_ns: int = 10_000_000,
    ) -> None:
        self.servers = servers
        self.busy: NDArray[np.bool_] = np.zeros(engine.count, np.bool_)
        self.reached_ns: IntArray = np.zeros(engine.count, np.int64)
        self._engine = engine
        self._rules = rules or ClientRules()
        self._period_ns = task_period_ns
        self._outlooks = [Outlook(engine.network, link) for link in range(2 * len(engine.network.channels))]
        self._next_ns = np.full(engine.count, NEVER, np.int64)
        self._cut_ns: dict[int, int] = {}
        self._talks: dict[int, dict[int, _Talk]] = {}
        self._finished: list[Finished] = []

    def start(self, site: int, channel: int, sequence: Generator[bytes, bytes, Any], time_ns: int) -> None:
        """Let a client begin a sequence at its first activation from ``time_ns`` on; it ends what it was at.

        Raises SimulationError if the site has been advanced beyond that.
        """
        if time_ns < self.reached_ns[site]:
            raise SimulationError("a sequence is to begin before the instant that its site has reached")
        talks = self._talks.setdefault(site, {})
        before = talks.get(channel)
        talk = _Talk(site, channel, self.servers.get((site, channel)), sequence, self._activation_ns(time_ns))
        if before is not None:
            talk.sending, talk.frames_then, talk.answers = before.sending, before.frames_then, before.answers
            talk.inbox = before.inbox
        talks[channel] = talk
        self._settle(site)

    def stop(self, site: int) -> None:
        """End the sequences of a site, without a result; what has been given to its bus is still sent and answered."""
        talks = self._talks.get(site, {})
        for channel, talk in list(talks.items()):
            talk.sequence, talk.deadline_ns = None, None
            if not talk.begun:
                del talks[channel]
        self._settle(site)

    def cut(self, site: int, time_ns: int) -> None:
        """End everything at a site at ``time_ns``, as when its power fails; servers begin anew.

        Whoever calls this also tells the engine what becomes of the nodes.
        Raises SimulationError if the site has been advanced beyond that.
        """
        if time_ns < self.reached_ns[site]:
            raise SimulationError("power is to fail before the instant that its site has reached")
        self._cut_ns[site] = min(time_ns, self._cut_ns.get(site, NEVER))
        self._settle(site)

    def advance(self, until_ns: IntArray) -> None:
        """Advance every site's buses up to its own instant ``until_ns[site]``, with all activations up to it."""
        while (due := np.flatnonzero(self._next_ns <= until_ns)).size:
            self.reached_ns[due] = self._next_ns[due]
            self._go(self.reached_ns)
            sent: defaultdict[int, list[tuple[int, bytes]]] = defaultdict(list)
            for site in due.tolist():
                self._look(site, sent)
            self._send(sent)
            for site in due.tolist():
                self._settle(site)
        np.maximum(self.reached_ns, until_ns, out=self.reached_ns)
        self._go(self.reached_ns)

    def take_finished(self) -> list[Finished]:
        """Return the ends of sequences since the last call, by (time, site, channel), and forget them."""
        finished, self._finished = self._finished, []
        return sorted(finished, key=lambda one: (one.time_ns, one.site, one.channel))

    def _go(self, until_ns: IntArray) -> None:
        self._engine.advance(until_ns)
        for transfer in self._engine.take_transfers():
            talk = self._talks.get(transfer.site, {}).get(transfer.link // 2)
            if talk is not None:
                talk.inbox.append(transfer)

    def _look(self, site: int, sent: defaultdict[int, list[tuple[int, bytes]]]) -> None:
        """Run the tasks of a site at the instant that it has reached."""
        now_ns = int(self.reached_ns[site])
        if self._cut_ns.get(site, NEVER) <= now_ns:
            self._lose(site, now_ns)
        for channel, talk in sorted(self._talks.get(site, {}).items()):
            if talk.next_ns <= now_ns:
                requests = self._client(talk, now_ns)
                sent[2 * channel] += [(site, request) for request in requests]
                sent[2 * channel + 1] += [(site, answer) for answer in _due(talk, now_ns)]

    def _lose(self, site: int, now_ns: int) -> None:
        del self._cut_ns[site]
        for talk in self._talks.pop(site, {}).values():
            if talk.server is not None:
                talk.server.power_off(now_ns)

    def _client(self, talk: _Talk, now_ns: int) -> list[bytes]:
        """Take what has come, by either end, and return the client's next request, if it is time for one."""
        requests: list[bytes] = []
        inbox, talk.inbox = talk.inbox, []
        for transfer in inbox:
            if transfer.link % 2 == _REQUEST:
                self._of_request(talk, transfer, now_ns)
            else:
                requests += self._of_answer(talk, transfer, now_ns)
        if not talk.begun:
            talk.begun = True
            requests += self._next(talk, None, now_ns)
        elif talk.deadline_ns is not None and talk.deadline_ns <= now_ns:
            requests += self._next(talk, b"", now_ns)
        return requests

    def _of_request(self, talk: _Talk, transfer: Transfer, now_ns: int) -> None:
        """Take what became of a request: the server has it, the bus took it, or it failed."""
        talk.sending[_REQUEST] -= transfer.outcome in _OF_SENDER
        if transfer.outcome == Outcome.RECEIVED:
            if talk.server is not None:
                talk.answers += talk.server.answer(transfer.data, now_ns)
        elif not talk.request or talk.sequence is None:
            return
        elif transfer.outcome == Outcome.SENT:
            talk.deadline_ns = transfer.time_ns + self._rules.p2_ns
        elif transfer.outcome in _UNHEARD:
            talk.deadline_ns = now_ns  # nothing will come
        elif transfer.outcome == Outcome.LOST:
            talk.sending[_REQUEST] = 0
            talk.deadline_ns = talk.deadline_ns or transfer.time_ns + self._rules.p2_ns

    def _of_answer(self, talk: _Talk, transfer: Transfer, now_ns: int) -> list[bytes]:
        """Give an answer to the client, and return the request that follows; one to something else is ignored."""
        talk.sending[_ANSWER] -= transfer.outcome in _OF_SENDER
        if transfer.outcome == Outcome.LOST:
            talk.sending[_ANSWER] = 0
        if transfer.outcome != Outcome.RECEIVED or not _answers(transfer.data, talk.request):
            return []
        if transfer.data[0] == NEGATIVE and transfer.data[-1] == ResponseCode.RESPONSE_PENDING:
            talk.deadline_ns = transfer.time_ns + self._rules.p2_star_ns
            return []
        return self._next(talk, transfer.data, now_ns)

    def _next(self, talk: _Talk, answer: bytes | None, now_ns: int) -> list[bytes]:
        talk.deadline_ns = None
        if talk.sequence is None:
            return []
        try:
            talk.request = next(talk.sequence) if answer is None else talk.sequence.send(answer)
        except StopIteration as end:
            talk.sequence, talk.request = None, b""
            self._finished.append(Finished(now_ns, talk.site, talk.channel, end.value))
            return []
        return [talk.request]

    def _send(self, sent: Mapping[int, Iterable[tuple[int, bytes]]]) -> None:
        for link, parts in sorted(sent.items()):
            for site, data in parts:
                self._account(self._talks[site][link // 2], link, data)
            rows = np.array([site for site, _ in parts], np.int64)
            if rows.size:
                self._engine.transfer(link, rows, self.reached_ns[rows], [data for _, data in parts])

    def _account(self, talk: _Talk, link: int, data: bytes) -> None:
        way, outlook = link % 2, self._outlooks[link]
        if not talk.sending[way]:
            talk.frames_then[way] = int(self._engine.statistics.frames[talk.site, outlook.message])
        talk.sending[way] += 1
        talk.frames_then[way] += outlook.frames(data)

    def _settle(self, site: int) -> None:
        """Find out when a site has to be looked at next, and forget what is over."""
        talks, now_ns = self._talks.get(site, {}), int(self.reached_ns[site])
        for channel, talk in list(talks.items()):
            if talk.begun and talk.next_ns <= now_ns:  # the others wait for what they waited for
                talk.next_ns = self._next_look_ns(talk, now_ns)
            if talk.next_ns == NEVER:
                del talks[channel]
        self.busy[site] = any(talk.sequence is not None for talk in talks.values())
        self._next_ns[site] = min([talk.next_ns for talk in talks.values()] + [self._cut_ns.get(site, NEVER)])
        if not talks:
            self._talks.pop(site, None)

    def _next_look_ns(self, talk: _Talk, now_ns: int) -> int:
        """Return the first activation after now at which there may be something to do; NEVER if there is nothing."""
        at_ns = [answer.at_ns for answer in talk.answers]
        if talk.deadline_ns is not None:
            at_ns.append(talk.deadline_ns)
        for way in (_REQUEST, _ANSWER):
            if talk.sending[way] > 0:
                outlook = self._outlooks[2 * talk.channel + way]
                left = talk.frames_then[way] - int(self._engine.statistics.frames[talk.site, outlook.message])
                at_ns.append(now_ns + outlook.least_ns(left))
        return self._activation_ns(max(now_ns + 1, min(at_ns))) if at_ns else NEVER

    def _activation_ns(self, time_ns: int) -> int:
        return -(-time_ns // self._period_ns) * self._period_ns


def _due(talk: _Talk, now_ns: int) -> list[bytes]:
    """Take the answers whose instants have come."""
    due = [answer.data for answer in talk.answers if answer.at_ns <= now_ns]
    if due:
        talk.answers = [answer for answer in talk.answers if answer.at_ns > now_ns]
    return due


def _answers(data: bytes, request: bytes) -> bool:
    """Tell whether ``data`` answers a request of this service."""
    if not request:
        return False
    return data[:2] == bytes([NEGATIVE, request[0]]) or data[0] == request[0] + POSITIVE
