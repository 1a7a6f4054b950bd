"""Clients and servers of UDS on the buses of many sites: their tasks carry bytes between them and an engine's channel.

A task looks at what the bus has brought only when it is activated, and what it sends is released then; so buses may be
advanced lazily, from one activation to the next.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.network.engines.engine import Engine
from twin.network.engines.records import Outcome, Transfer
from twin.network.uds.server import Answer, UdsServer
from twin.network.uds.services import NEGATIVE, ResponseCode

IntArray = NDArray[np.int64]
_UNHEARD = (Outcome.NO_FLOW_CONTROL, Outcome.OVERFLOW, Outcome.REFUSED, Outcome.NOT_SENT, Outcome.LOST)
"""What may become of a request that its server never gets."""


@dataclass(frozen=True)
class ClientRules:
    """How long a client waits for an answer, from the confirmation of its request, or from *response pending*."""

    p2_ns: int = 1_000_000_000
    p2_star_ns: int = 6_000_000_000


@dataclass(frozen=True)
class Finished:
    """The end of a sequence."""

    time_ns: int
    result: Any
    """What the sequence returned."""


@dataclass
class _Client:
    sequence: Generator[bytes, bytes, Any]
    start_ns: int
    deadline_ns: int | None = None
    """None: no request has been confirmed that waits for an answer."""
    begun: bool = False


@dataclass
class Diagnostics:
    """One client and one server a site, at the two ends of a channel: the client sends its requests.

    ``servers`` by site; sites without one do not answer. ``finished`` are the ends of sequences, by site.
    """

    engine: Engine
    channel: int
    servers: Mapping[int, UdsServer]
    rules: ClientRules = field(default_factory=ClientRules)
    finished: dict[int, Finished] = field(default_factory=dict, init=False)
    _clients: dict[int, _Client] = field(default_factory=dict, init=False)
    _answers: dict[int, list[Answer]] = field(default_factory=dict, init=False)

    @property
    def running(self) -> list[int]:
        """The sites whose sequences have not ended."""
        return sorted(self._clients)

    def start(self, site: int, sequence: Generator[bytes, bytes, Any], time_ns: int) -> None:
        """Let a site's client begin a sequence at its first activation from ``time_ns`` on; it ends what it was at."""
        self._clients[site] = _Client(sequence, time_ns)
        self.finished.pop(site, None)

    def activate(self, now_ns: IntArray, transfers: Iterable[Transfer]) -> None:
        """Run the tasks of both ends of every site ``now_ns[site]``, after the bus has been advanced to it.

        ``transfers`` are all that the engine has told since the last activation, those of other channels too.
        """
        requests, answers = [], []
        for transfer in transfers:
            if transfer.link == 2 * self.channel:
                self._of_request(transfer, int(now_ns[transfer.site]))
            elif transfer.link == 2 * self.channel + 1 and transfer.outcome == Outcome.RECEIVED:
                requests += self._heard(transfer, int(now_ns[transfer.site]))
        for site, time_ns in enumerate(now_ns.tolist()):
            requests += self._due(site, time_ns)
            answers += self._answered(site, time_ns)
        self._send(2 * self.channel, requests, now_ns)
        self._send(2 * self.channel + 1, answers, now_ns)

    def run(self, until_ns: int, *, from_ns: int = 0, task_period_ns: int = 1_000_000) -> None:
        """Advance all sites from activation to activation until every sequence has ended, or to ``until_ns``."""
        for time_ns in range(from_ns, until_ns + 1, task_period_ns):
            now_ns = np.full(self.engine.count, time_ns, np.int64)
            self.engine.advance(now_ns)
            self.activate(now_ns, self.engine.take_transfers())
            if not self._clients:
                break

    def _of_request(self, transfer: Transfer, now_ns: int) -> None:
        """Take what became of a request: the server has it, the bus took it, or it failed."""
        client = self._clients.get(transfer.site)
        if transfer.outcome == Outcome.RECEIVED:
            server = self.servers.get(transfer.site)
            if server is not None:
                self._answers.setdefault(transfer.site, []).extend(server.answer(transfer.data, now_ns))
        elif client is not None and transfer.outcome == Outcome.SENT:
            client.deadline_ns = transfer.time_ns + self.rules.p2_ns
        elif client is not None and transfer.outcome in _UNHEARD:
            client.deadline_ns = now_ns  # nothing will come

    def _heard(self, transfer: Transfer, now_ns: int) -> list[tuple[int, bytes]]:
        """Give an answer to the client, and return the request that follows."""
        client = self._clients.get(transfer.site)
        if client is None or not client.begun:
            return []
        if transfer.data[0] == NEGATIVE and transfer.data[-1] == ResponseCode.RESPONSE_PENDING:
            client.deadline_ns = transfer.time_ns + self.rules.p2_star_ns
            return []
        return self._next(transfer.site, client, transfer.data, now_ns)

    def _due(self, site: int, now_ns: int) -> list[tuple[int, bytes]]:
        """Begin a sequence, or tell it that nothing has come."""
        client = self._clients.get(site)
        if client is None:
            return []
        if not client.begun and client.start_ns <= now_ns:
            client.begun = True
            return self._next(site, client, None, now_ns)
        if client.deadline_ns is not None and client.deadline_ns <= now_ns:
            return self._next(site, client, b"", now_ns)
        return []

    def _next(self, site: int, client: _Client, answer: bytes | None, now_ns: int) -> list[tuple[int, bytes]]:
        client.deadline_ns = None
        try:
            request = next(client.sequence) if answer is None else client.sequence.send(answer)
        except StopIteration as end:
            del self._clients[site]
            self.finished[site] = Finished(now_ns, end.value)
            return []
        return [(site, request)]

    def _answered(self, site: int, now_ns: int) -> list[tuple[int, bytes]]:
        """Return the answers whose instants have come."""
        waiting = self._answers.get(site, [])
        due = [answer for answer in waiting if answer.at_ns <= now_ns]
        if due:
            self._answers[site] = [answer for answer in waiting if answer.at_ns > now_ns]
        return [(site, answer.data) for answer in due]

    def _send(self, link: int, sent: list[tuple[int, bytes]], now_ns: IntArray) -> None:
        if sent:
            rows = np.array([site for site, _ in sent], np.int64)
            self.engine.transfer(link, rows, now_ns[rows], [data for _, data in sent])
