"""The ends of a site's ISO-TP links: what they are told, what they release, and their timers.

What they do is decided by the state machines of ``twin.network.engines.iso_tp``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from twin.network.engines.iso_tp import Answer, End, LinkReceiver, LinkSender
from twin.network.engines.records import Outcome, Transfer
from twin.network.engines.simpy.agenda import LINKS, TRANSFERS, Agenda, Due
from twin.network.engines.simpy.frames import Instance
from twin.network.engines.simpy.ledger import Ledger
from twin.network.network import Channel, Network

ReleaseFrame = Callable[[int, bytes, int], Instance]
"""Lets a frame of a message be released at an instant: (message, frame, instant)."""


class _Beginning(NamedTuple):
    link: int
    data: bytes


class _LinkEnd:
    """One end of a link: a state machine at a node, and the message whose frames it releases."""

    def __init__(self, machine: LinkSender | LinkReceiver, message: int, node: int) -> None:
        self.machine = machine
        self.message = message
        self.node = node
        self.last: Instance | None = None
        """The frame that it released last."""
        self.timer_ns: int | None = None
        """What has been planned of the machine's deadlines last."""


class _Sender(_LinkEnd):
    machine: LinkSender


class _Receiver(_LinkEnd):
    machine: LinkReceiver


class Links:
    """All links of a site, two for every channel."""

    def __init__(
        self,
        network: Network,
        agenda: Agenda,
        ledger: Ledger,
        release: ReleaseFrame,
        is_on: Callable[[int], bool],
        is_listening: Callable[[int], bool],
    ) -> None:
        self._agenda = agenda
        self._ledger = ledger
        self._release = release
        self._is_on = is_on
        self._is_listening = is_listening
        self._senders: list[_Sender] = []
        self._receivers: list[_Receiver] = []
        for channel in network.channels:
            self._add(network, channel, channel.request, channel.response)
            self._add(network, channel, channel.response, channel.request)
        self._links_of: dict[int, list[int]] = {}
        """Of a message: the links whose data or flow control it carries."""
        for link, (sender, receiver) in enumerate(zip(self._senders, self._receivers, strict=True)):
            for message in (sender.message, receiver.message):
                self._links_of.setdefault(message, []).append(link)

    def transfer(self, link: int, time_ns: int, data: bytes) -> None:
        """Begin a transfer at an instant, or queue it there behind others of the link."""
        self._agenda.plan(time_ns, TRANSFERS + link, self._begin, _Beginning(link, data))

    def seen(self, instance: Instance, start_ns: int, *, by_sender: bool) -> None:
        """Tell the ends of links of a frame, link by link, the sender first."""
        message = instance.message
        if message not in self._links_of:
            return
        now_ns = self._agenda.now_ns
        frame = instance.payload[: instance.frame_format.length]
        for link in self._links_of[message]:
            sender, receiver = self._senders[link], self._receivers[link]
            if by_sender and instance is sender.last:
                self._do(link, sender, sender.machine.confirmed(now_ns, start_ns))
            if message == receiver.message and self._is_listening(sender.node):
                self._do(link, sender, sender.machine.flow_control(now_ns, frame))
            if message == sender.message and self._is_listening(receiver.node):
                self._do(link, receiver, receiver.machine.heard(now_ns, frame))

    def lose(self, node: int) -> None:
        """Lose all transfers of a node that is switched off."""
        for link, (sender, receiver) in enumerate(zip(self._senders, self._receivers, strict=True)):
            for end in (sender, receiver):
                if end.node == node:
                    self._do(link, end, end.machine.lost())

    def _add(self, network: Network, channel: Channel, data: int, reply: int) -> None:
        to_send, to_answer = network.messages[data], network.messages[reply]
        self._senders.append(_Sender(LinkSender(channel, to_send.length), data, to_send.node))
        self._receivers.append(_Receiver(LinkReceiver(channel), reply, to_answer.node))

    def _begin(self, due: Due) -> None:
        link, data = due.value
        sender = self._senders[link]
        if self._is_on(sender.node):
            self._do(link, sender, sender.machine.transfer(self._agenda.now_ns, data))
        else:
            self._do(link, sender, [End(Outcome.LOST)])

    def _do(self, link: int, end: _LinkEnd, answers: list[Answer]) -> None:
        """Release and note what an end of a link has answered, and set its timer."""
        now_ns = self._agenda.now_ns
        for answer in answers:
            if isinstance(answer, End):
                self._ledger.transfers.append(Transfer(self._ledger.site, now_ns, link, answer.outcome, answer.data))
            else:
                end.last = self._release(end.message, answer.frame, answer.time_ns)
        deadline_ns = end.machine.deadline_ns
        if deadline_ns is not None and deadline_ns != end.timer_ns:
            end.timer_ns = deadline_ns
            index = 2 * link + isinstance(end, _Receiver)
            self._agenda.plan(deadline_ns, LINKS + index, self._expire, (link, end))

    def _expire(self, due: Due) -> None:
        """Let an end of a link give up, unless what it awaits has come since."""
        link, end = due.value
        if end.machine.deadline_ns == self._agenda.now_ns:
            self._do(link, end, end.machine.expired(self._agenda.now_ns))
