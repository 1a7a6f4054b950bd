"""The tables of a rollout in a run: what was planned, what each site did, what the campaign and its gates decided.

Whoever has the facts gives them as plain columns; names, types, units and the meaning of numbers are stated here. The
page docs/decisions/0043-record-of-a-rollout.md says why they are cut like this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from twin.ota.causes import Cause
from twin.ota.states import UpdateState
from twin.record.schema import Array, Column

STATES: Final = {state.name.lower(): int(state) for state in UpdateState}
CAUSES: Final = {cause.name.lower(): int(cause) for cause in Cause}
ROLES: Final = {"rest": 0, "canary": 1, "baseline": 2}
"""What a site is for while gates look at a group."""
PATHS: Final = {"wan": 0, "bus": 1}
"""How an image travels: from the server to the site, or from its gateway to an ECU."""
VERDICTS: Final = {"wait": 0, "pass": 1, "stop": 2}
"""What a gate has come to."""
OUTCOMES: Final = {"no_effect": 0, "detected": 1, "outside_promise": 2, "undetected": 3}
"""What came of an attack: nothing; a check refused it; the standard does not promise to notice; it should have been."""


@dataclass(frozen=True)
class Facts:
    """What one column of a table holds."""

    dtype: type[np.generic]
    long_name: str
    unit: str = "1"
    flags: Mapping[str, int] | None = None

    def column(self, values: Sequence[Any] | Array, dim: str) -> Column:
        """Return the values as a column along ``dim``."""
        return Column(np.asarray(values, self.dtype), (dim,), self.unit, self.long_name, self.flags)


@dataclass(frozen=True)
class TableFacts:
    """One table: what a row of it is, and its columns."""

    row: str
    """Also the dimension of its columns."""
    columns: Mapping[str, Facts]


def _instant(long_name: str) -> Facts:
    return Facts(np.float64, f"{long_name}, from the start of the run", "s")


def _end(long_name: str) -> Facts:
    return Facts(np.float64, f"{long_name}, from the start of the run; inf: not within it", "s")


# Not "site" but "site_id": inside a group of the run, "site" is the run's own coordinate.
_SITE: Final = Facts(np.int64, "site")
_RELEASE: Final = Facts(np.int32, "number of the release: 0 what the fleet ran at first, 1 what is rolled out")
_GROUP: Final = Facts(np.int32, "group of the campaign, from 0; -1: none")
_ECU: Final = Facts(np.str_, "ECU, as its node on the bus is called")
_ECU_ROLE: Final = Facts(np.str_, "role of the ECU")
_TEXT: Final = Facts(np.str_, "the same in words")

ROWS_OF_SITES: Final = ("ota_transition", "ota_version", "ota_transfer", "ota_outage", "ota_attack")
"""What rows are in tables to which every shard of a fleet adds those of its sites."""

TABLES: Final[Mapping[str, TableFacts]] = {
    "ota_releases": TableFacts(
        "ota_image",
        {
            "release": _RELEASE,
            "role": _ECU_ROLE,
            "version": Facts(np.str_, "version of the firmware"),
            "size": Facts(np.int64, "size of the image", "byte"),
        },
    ),
    "ota_plan": TableFacts(
        "ota_target",
        {
            "site_id": _SITE,
            "group": _GROUP,
            "role": Facts(np.int8, "what the site is for while gates look", flags=ROLES),
        },
    ),
    "ota_transitions": TableFacts(
        "ota_transition",
        {
            "time_s": _instant("when the site came into the state"),
            "site_id": _SITE,
            "state": Facts(np.int8, "state of the site's update from then on", flags=STATES),
            "cause": Facts(np.int8, "why it left its last state", flags=CAUSES),
            "release": Facts(np.int32, "release that the update is about"),
            "attempt": Facts(np.int32, "how-manieth attempt, from 1"),
        },
    ),
    "ota_versions": TableFacts(
        "ota_version",
        {
            "site_id": _SITE,
            "ecu": _ECU,
            "role": _ECU_ROLE,
            "version": Facts(np.str_, "version that the ECU ran"),
            "release": Facts(np.int32, "release that the version belongs to; -1: to none, such as an attacker's image"),
            "begin_s": _instant("when the ECU began to run it"),
            "end_s": _end("when the ECU ceased to run it"),
        },
    ),
    "ota_transfers": TableFacts(
        "ota_transfer",
        {
            "site_id": _SITE,
            "path": Facts(np.int8, "how the image travels", flags=PATHS),
            "ecu": Facts(np.str_, "ECU that the image is for; empty: the whole site"),
            "begin_s": _instant("when it began"),
            "end_s": _end("when it ended"),
            "bytes": Facts(np.int64, "bytes that arrived", "byte"),
            "cause": Facts(np.int8, "why it ended early; none: it was finished", flags=CAUSES),
        },
    ),
    "ota_decisions": TableFacts(
        "ota_decision",
        {
            "time_s": _instant("when it was decided"),
            "kind": Facts(np.str_, "what was decided, as a code"),
            "group": _GROUP,
            "text": _TEXT,
        },
    ),
    "ota_orders": TableFacts(
        "ota_order",
        {
            "time_ns": Facts(np.int64, "when the update server wanted it, from the start of the run", "ns"),
            "site_id": _SITE,
            "release": Facts(np.int32, "release that the site is to run; -1: give up what is under way"),
        },
    ),
    "ota_gates": TableFacts(
        "ota_look",
        {
            "time_s": _instant("when the gate looked"),
            "group": _GROUP,
            "behaviour": Facts(np.str_, "what it looked at"),
            "canary": Facts(np.float64, "mean of the canaries, in the behaviour's unit"),
            "baseline": Facts(np.float64, "mean of the sites that they are compared with, in the behaviour's unit"),
            "p_value": Facts(np.float64, "chance of such a difference if the versions were alike"),
            "alpha": Facts(np.float64, "p value below which a difference counts, corrected for metrics and looks"),
            "canaries": Facts(np.int64, "canaries that were looked at"),
            "baselines": Facts(np.int64, "sites that they are compared with"),
            "worse": Facts(np.int8, "1: the canaries behave worse"),
            "verdict": Facts(np.int8, "what the gate came to at this look, over all behaviours", flags=VERDICTS),
            "text": _TEXT,
        },
    ),
    "ota_outages": TableFacts(
        "ota_outage",
        {
            "site_id": _SITE,
            "begin_s": _instant("when the site could not reach the server any more"),
            "end_s": _end("when it could again"),
        },
    ),
    "ota_attacks": TableFacts(
        "ota_attack",
        {
            "site_id": _SITE,
            "attack": Facts(np.str_, "what the attacker does, in Uptane's words"),
            "keys": Facts(np.str_, "keys that the attacker has, by role; empty: none"),
            "ecu": Facts(np.str_, "kind of ECU that was to be deceived: primary, or the role of a secondary"),
            "verification": Facts(np.str_, "how that ECU verifies: full or partial"),
            "begin_s": _instant("when it began"),
            "outcome": Facts(np.int8, "what came of it", flags=OUTCOMES),
            "noticed_s": _end("when it was noticed first"),
            "check": Facts(np.str_, "check that noticed it; empty: none did"),
            "ran": Facts(np.int8, "1: an image ran that no verification had passed"),
            "text": _TEXT,
        },
    ),
}
"""Every table of a rollout by its name in run.h5; a run has those that somebody wrote."""


def rollout_table(name: str, columns: Mapping[str, Sequence[Any] | Array]) -> Mapping[str, Column]:
    """Return plain columns as the table ``name`` of ``TABLES``, for ``RunWriter.table``.

    Every column is a sequence or an array ``[row]``, enumerations as their numbers or members. Raises ValueError if a
    column is missing, unknown or of another length.
    """
    facts = TABLES[name]
    if set(columns) != set(facts.columns):
        wrong = sorted(set(columns) ^ set(facts.columns))
        raise ValueError(f"{name}: columns missing or unknown: {wrong}")
    if len({len(values) for values in columns.values()}) > 1:
        raise ValueError(f"{name}: columns of different lengths")
    return {column: one.column(columns[column], facts.row) for column, one in facts.columns.items()}
