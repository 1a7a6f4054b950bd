"""How long an image takes to an ECU: the closed form of ISO-TP on an idle bus, and what the load adds to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.worlds.site_transfers import FIRST_MODULE, MS, PACK, PAYLOAD, S, Transfers, image_of
from twin.network.frames.bits import frame_bits
from twin.ota.causes import Cause
from twin.ota.distribution.options import FlashOptions

REQUEST, RESPONSE = 0x600, 0x620
"""Identifiers of the pack controller's diagnostic messages."""
BIT_NS = 2_000
EOF_TO_IDLE_BITS = 3


def wire_ns(identifier: int, data: bytes) -> int:
    """Return how long a frame takes, interframe space included."""
    return frame_bits(identifier, data).nominal_bits * BIT_NS


def single_ns(identifier: int, data: bytes) -> int:
    """Return the time from the release of a single frame until it is seen, on an idle bus."""
    return wire_ns(identifier, bytes([len(data)]) + data.ljust(7, b"\xcc")) - EOF_TO_IDLE_BITS * BIT_NS


def segmented_ns(data: bytes, flash: FlashOptions) -> int:
    """Return the time from the release of a first frame until the last consecutive frame is seen.

    All frames follow each other without a gap, where STmin does not hold the next one back: the first frame, a flow
    control, then consecutive frames; a further flow control after every full block.
    """
    control = bytes([0x30, flash.block_size, round(flash.stmin_s * 1e4) and 0xF0 + round(flash.stmin_s * 1e4)])
    control_ns = wire_ns(RESPONSE, control.ljust(8, b"\xcc"))
    first = bytes([0x10 | len(data) >> 8, len(data) & 0xFF]) + data[:6]
    parts = [data[start : start + 7] for start in range(6, len(data), 7)]
    end_ns = wire_ns(REQUEST, first) + control_ns
    for number, part in enumerate(parts, 1):
        begins_block = flash.block_size and number % flash.block_size == 1
        if begins_block and number > 1:
            end_ns += control_ns
        frame_ns = wire_ns(REQUEST, (bytes([0x20 | number & 0xF]) + part).ljust(8, b"\xcc"))
        last = number == len(parts)
        ends_block = flash.block_size and number % flash.block_size == 0
        held = not last and not ends_block
        end_ns += max(frame_ns, round(flash.stmin_s * 1e9)) if held else frame_ns
    return end_ns - EOF_TO_IDLE_BITS * BIT_NS


def steps(image: bytes, flash: FlashOptions) -> Iterator[tuple[int, int]]:
    """Yield the time on the wire of every request, and what the ECU then works on it."""
    erase_ns = -(-len(image) // flash.sector_bytes) * round(flash.erase_s * 1e9)
    check_ns = -(-len(image) // flash.sector_bytes) * round(flash.check_s * 1e9)
    area = (flash.slot_bytes).to_bytes(4, "big") + len(image).to_bytes(4, "big")
    for request in (b"\x10\x02", b"\x27\x01", b"\x27\x02" + bytes(4)):
        yield single_ns(REQUEST, request), 0
    yield segmented_ns(b"\x31\x01\xff\x00\x44" + area, flash), erase_ns
    yield segmented_ns(b"\x34\x00\x44" + area, flash), 0
    block_bytes = flash.block_bytes - 2
    for number, start in enumerate(range(0, len(image), block_bytes), 1):
        data = image[start : start + block_bytes]
        pages = -(-len(data) // flash.page_bytes)
        yield segmented_ns(bytes([0x36, number & 0xFF]) + data, flash), pages * round(flash.write_s * 1e9)
    yield single_ns(REQUEST, b"\x37"), 0
    yield single_ns(REQUEST, b"\x31\x01\xff\x01"), check_ns


def closed_form_ns(image: bytes, flash: FlashOptions, load: float = 0.0) -> int:
    """Return when a transfer that begins at 0 has ended.

    A request is looked at by the task after it has come; its answer is sent by the task after the work is done, and
    has come by the next one (a single frame takes 0.3 ms, the task's period is longer). More urgent frames that take a
    share ``load`` of the bus stretch what is on the wire by 1 / (1 - load).
    """
    period_ns = round(flash.task_period_s * 1e9)

    def task_ns(duration_ns: float) -> int:
        return -int(-duration_ns // period_ns) * period_ns

    return sum(
        task_ns(on_wire_ns / (1 - load)) + task_ns(work_ns) + period_ns for on_wire_ns, work_ns in steps(image, flash)
    )


IDLE = {
    "256 KiB": (FlashOptions(), 256 * 1024),
    "task of 1 ms": (FlashOptions(task_period_s=0.001), 30_000),
    "blocks of 8": (FlashOptions(block_size=8, task_period_s=0.001), 30_000),
    "STmin 0.4 ms": (FlashOptions(stmin_s=0.0004, task_period_s=0.001), 30_000),
    "STmin 0.4 ms and blocks of 8": (FlashOptions(block_size=8, stmin_s=0.0004, task_period_s=0.001), 30_000),
    "short TransferData": (FlashOptions(block_bytes=258, task_period_s=0.001), 30_000),
}


@pytest.mark.parametrize(("flash", "size"), IDLE.values(), ids=IDLE)
def test_on_an_idle_bus_the_closed_form_holds(flash: FlashOptions, size: int) -> None:
    """To the nanosecond: the end is the same activation of the client's task."""
    transfers = Transfers(flash=flash, image=image_of(size))
    transfers.begin(PACK)
    (ended,) = transfers.finish(60 * S)
    assert ended.cause == Cause.NONE
    assert ended.time_ns == closed_form_ns(transfers.image, flash)


def test_on_the_wire_every_block_takes_its_frames() -> None:
    flash = FlashOptions(block_size=16, stmin_s=0.0003)
    transfers = Transfers(flash=flash, image=image_of(9_000), logged=True)
    transfers.begin(PACK)
    transfers.finish(10 * S)
    blocks: list[tuple[int, int]] = []
    for frame in transfers.buses.take_log(0):
        if frame.identifier == REQUEST and frame.data[0] >> 4 == 1:
            blocks.append((frame.start_ns, frame.finish_ns))
        elif frame.identifier == REQUEST and frame.data[0] >> 4 == 2:
            blocks[-1] = blocks[-1][0], frame.finish_ns
    found = [end_ns - start_ns - EOF_TO_IDLE_BITS * BIT_NS for start_ns, end_ns in blocks if end_ns - start_ns > MS]
    assert found == [on_wire_ns for on_wire_ns, _ in steps(transfers.image, flash) if on_wire_ns > MS]


URGENT = ("Pack1_Command", "Pack1_State", "Pack1_Limits", "Module01_State", "Module02_State")


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_the_load_explains_the_rest(load: float) -> None:
    """Cyclic traffic of coprime periods; within 2 % of what is added, the model that the closed form states."""
    flash = FlashOptions(task_period_s=0.001)
    transfers = Transfers(flash=flash, image=image_of(64 * 1024))
    add_load(transfers, load)
    transfers.begin(PACK)
    (ended,) = transfers.finish(120 * S)
    found = urgent_load(transfers)
    assert found == pytest.approx(load, abs=0.02)
    idle_ns = closed_form_ns(transfers.image, flash)
    model_ns = closed_form_ns(transfers.image, flash, found)
    assert ended.time_ns - idle_ns == pytest.approx(model_ns - idle_ns, rel=0.02)


def add_load(transfers: Transfers, load: float) -> None:
    """Let more urgent messages take a share of the bus."""
    for place, name in enumerate(URGENT):
        length = transfers.wires.layouts[transfers.wires.layout(name)].length
        period_ns = round(len(URGENT) * wire_ns(0x100, bytes(PAYLOAD[:length])) / load) + 1_919 * (place - 2)
        transfers.cycle(name, period_ns, place * 100_000)


def urgent_load(transfers: Transfers) -> float:
    """Return the share of the bus that all but the transfer have taken."""
    statistics, now_ns = transfers.buses.statistics, int(transfers.distribution.reached_ns[0])
    network = transfers.wires.network
    carried = {message for one in network.channels for message in (one.request, one.response)}
    others_ns = sum(
        int(statistics.frames[0, message]) * wire_ns(one.identifier, bytes(PAYLOAD[: one.length]))
        for message, one in enumerate(network.messages)
        if message not in carried
    )
    return others_ns / now_ns


@pytest.mark.parametrize("period_s", [1.0, 0.1, 0.05])
def test_the_traffic_of_a_site_explains_the_rest(period_s: float) -> None:
    """All that 8 modules and their pack say, as often as a control task runs."""
    flash = FlashOptions(task_period_s=0.001)
    transfers = Transfers(modules=8, flash=flash, image=image_of(64 * 1024))
    site_traffic(transfers, round(period_s * S))
    transfers.begin(PACK)
    (ended,) = transfers.finish(120 * S)
    load = urgent_load(transfers)
    idle_ns, model_ns = (closed_form_ns(transfers.image, flash, share) for share in (0.0, load))
    assert load == pytest.approx(0.016 / period_s, rel=0.05)
    assert ended.time_ns - idle_ns == pytest.approx(model_ns - idle_ns, rel=0.02, abs=10 * MS)


def site_traffic(transfers: Transfers, period_ns: int) -> None:
    """Let all messages be sent that have a cycle in the database, at a phase for each sender."""
    for layout in transfers.wires.layouts:
        if layout.cycle_ns is not None:
            phase_ns = sum(layout.sender.encode()) * 7_919_311 % period_ns
            transfers.cycle(layout.name, period_ns, phase_ns)


@pytest.mark.parametrize("load", [0.0, 0.6])
def test_both_engines_agree(load: float) -> None:
    """To the nanosecond, with two ECUs at it at once."""

    def run(engine: str) -> tuple[list[tuple[int, int]], object]:
        transfers = Transfers(engine=engine, image=image_of(6_000))
        if load:
            add_load(transfers, load)
        transfers.begin(PACK, FIRST_MODULE)
        ends = [(one.ecu, one.time_ns) for one in transfers.finish(20 * S)]
        return ends, transfers.buses.statistics.latency_histogram.tolist()

    assert run("native") == run("simpy")
