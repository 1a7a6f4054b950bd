"""What attackers want, in the words of the Uptane standard 2.1.0, section 4.3."""

from __future__ import annotations

from enum import Enum


class Threat(Enum):
    """A kind of attack; its value is what reports call it."""

    EAVESDROP = "eavesdrop"
    DROP_REQUEST = "drop-request"
    SLOW_RETRIEVAL = "slow retrieval"
    FREEZE = "freeze"
    PARTIAL_BUNDLE = "partial bundle installation"
    ROLLBACK = "rollback"
    ENDLESS_DATA = "endless data"
    MIX_AND_MATCH = "mix-and-match"
    ARBITRARY_SOFTWARE = "arbitrary software"
