"""What is the same at every site of the readable engine: who receives what, and how a message becomes a frame."""

from __future__ import annotations

from collections.abc import Sequence

from twin.network.engines.simpy.frames import Instance, Timing, bits_of_frame
from twin.network.frames.bits import INTERFRAME_BITS, FrameFormat
from twin.network.network import Network, Route


class Wiring:
    """The network of all sites, looked up by message."""

    def __init__(self, network: Network, formats: Sequence[FrameFormat], format_of: Sequence[Sequence[int]]) -> None:
        count = range(len(network.messages))
        self.network = network
        self.formats = formats
        self.format_of = format_of
        """``[message][length]``: index into ``formats``."""
        self.timings = [Timing(segment) for segment in network.segments]
        self.order = network.priority_order()
        self.segment_of = [network.segment_of(message) for message in count]
        self.timing_of = [self.timings[segment] for segment in self.segment_of]
        self.bit_of = [1 << self.order.index(message) for message in count]
        """``[message]``: one bit, the lower the higher the priority."""
        self.receivers_of: list[list[tuple[int, int]]] = [[] for _ in count]
        """``[message]``: (node, box) each."""
        for box, (node, message) in enumerate(network.boxes):
            self.receivers_of[message].append((node, box))
        self.routes_of: list[list[Route]] = [[] for _ in count]
        for route in network.routes:
            self.routes_of[route.message].append(route)

    def message_of(self, offered: int) -> int:
        """Return the message of the highest priority of those whose bits are set."""
        return self.order[(offered & -offered).bit_length() - 1]

    def instance(self, message: int, length: int, payload: bytes, release_ns: int) -> Instance:
        """Return an instance of a message with so many bytes."""
        frame_format = self.formats[self.format_of[message][length]]
        bits = bits_of_frame(frame_format, payload[:length])
        return self.instance_of_bits(message, frame_format, payload, release_ns, bits.nominal_bits, bits.data_bits)

    def instance_of_bits(
        self,
        message: int,
        frame_format: FrameFormat,
        payload: bytes,
        release_ns: int,
        nominal_bits: int,
        data_bits: int,
    ) -> Instance:
        """Return an instance whose content takes so many bits, unless the message has a length of its own."""
        fixed_bits = self.network.messages[message].frame_bits
        if fixed_bits is not None:
            nominal_bits, data_bits = fixed_bits, 0
        elif not frame_format.bit_rate_switch:
            nominal_bits, data_bits = nominal_bits + data_bits, 0
        duration_ns = self.timing_of[message].duration_ns
        return Instance(
            message,
            release_ns,
            frame_format,
            payload,
            nominal_bits,
            data_bits,
            duration_ns(nominal_bits - INTERFRAME_BITS, data_bits),
            duration_ns(nominal_bits, data_bits),
            fixed_bits is not None,
        )
