"""When a download that begins now will end, and how."""

from __future__ import annotations

from dataclasses import dataclass

from twin.ota.causes import Cause
from twin.ota.client.options import ClientOptions, nanoseconds
from twin.ota.client.ports import Offer


@dataclass(frozen=True)
class Line:
    """What a download meets."""

    finish_ns: int
    """When all that the metadata state will have come."""
    rate_bit_s: float
    """Between outages."""
    full_ns: int
    """When the storage will be full."""


def end_of(options: ClientOptions, offer: Offer, line: Line, begin_ns: int) -> tuple[int, Cause]:
    """Return when a download ends that begins at ``begin_ns``, and why it is for nothing, if it is.

    - No room: neither the storage as it is nor another's data may stand against the stated size.
    - Slow retrieval: a rate below the least one is borne for ``slow_s``.
    - Endless data: nothing is read beyond the stated size, and more than that is refused.
    """
    if line.full_ns <= begin_ns or offer.download_bytes > options.storage_bytes:
        return begin_ns, Cause.STORAGE_FULL
    endless = offer.sent_bytes is not None and offer.sent_bytes > offer.download_bytes
    whole = offer.content or (Cause.IMAGE_REFUSED if endless else Cause.NONE)
    ends = [
        (line.finish_ns, whole),
        (begin_ns + nanoseconds(options.download_limit_s), Cause.DOWNLOAD_FAILED),
        (line.full_ns, Cause.STORAGE_FULL),
    ]
    if min(line.rate_bit_s, offer.rate_bit_s) < options.least_rate_bit_s:
        ends.append((begin_ns + nanoseconds(options.slow_s), Cause.DOWNLOAD_FAILED))
    return min(ends)
