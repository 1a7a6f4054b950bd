"""What metrics look at in a run: the signals, the truth about its faults, what the BMS said, what contactors did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from twin.analysis.contactors import Contactors
from twin.analysis.findings import Finding, findings_by_site
from twin.analysis.isolations import Isolation, isolations
from twin.analysis.rollout import Rollout
from twin.analysis.thinning import Floats
from twin.analysis.truth import TrueFault, faults_of
from twin.analysis.update_service import UpdateService
from twin.analysis.view import RunView
from twin.analysis.visibility import Visibility, visibilities
from twin.errors import InputError
from twin.scenario import Fleet, Scenario, expand
from twin.scenario.rules import Rules

_WORDS: Final = {
    "scenario": "the scenario that made it",
    "contactors": "events of contactors",
    "truth": "the table of the truth about faults",
    "faults": "faults in its truth",
    "hazards": "hazardous faults in its truth",
    "rollout": "a rollout",
    "since": "the instants since which findings hold",
}


@dataclass(frozen=True)
class Block:
    """Some sites of a run: their rows, and values of signals ``[site, ..., time]``."""

    rows: slice
    values: tuple[npt.NDArray[Any], ...]


class Evidence:
    """One run, as far as metrics ask."""

    def __init__(self, run: RunView) -> None:
        self.run = run

    @classmethod
    def of(cls, folder: Path) -> Evidence:
        """Return the evidence in a run's folder. Raises InputError if the folder is not one of a run."""
        return cls(RunView(folder))

    @cached_property
    def sites(self) -> tuple[int, ...]:
        """Numbers of the sites, by row."""
        return tuple(map(int, self.run.sites))

    @cached_property
    def scenario(self) -> Scenario | None:
        """The scenario of the run, None where its folder does not hold one that can be read today."""
        return None if isinstance(self.run.scenario, InputError) else self.run.scenario

    @property
    def known_scenario(self) -> Scenario:
        """The scenario, by those who need it."""
        assert self.scenario, "the metric needs 'scenario' and does not say so"
        return self.scenario

    @cached_property
    def fleet(self) -> Fleet:
        """The values of the sites at the start."""
        return expand(self.known_scenario, self.sites)

    @cached_property
    def faults(self) -> tuple[TrueFault, ...]:
        """The truth about faults, in the order of time; empty if there is none."""
        return faults_of(self.run)

    @cached_property
    def hazards(self) -> tuple[TrueFault, ...]:
        """The faults that should lead to an isolation."""
        return tuple(fault for fault in self.faults if fault.hazardous)

    @cached_property
    def findings(self) -> dict[int, tuple[Finding, ...]]:
        """What ECUs said by site, in the order of time."""
        return findings_by_site(self.run.events)

    @cached_property
    def contactors(self) -> Contactors:
        """What contactors did."""
        return Contactors(self)

    @cached_property
    def isolations(self) -> Mapping[TrueFault, Isolation]:
        """The hazardous faults that were isolated, and how."""
        return isolations(self)

    @cached_property
    def visibilities(self) -> tuple[Visibility, ...]:
        """What the BMS made of each fault, in their order."""
        return visibilities(self.faults, self.findings, self.pack_of)

    @cached_property
    def pack_of(self) -> tuple[int, ...]:
        """The pack of each slot; empty where the run has no slots."""
        root = self.run.root
        if "pack" in root:
            return tuple(map(int, root["pack"].values))
        return tuple(0 for _ in range(root.sizes.get("slot", 0)))

    @property
    def rollout(self) -> Rollout:
        """The run's rollout, by those who need it."""
        assert self.run.rollout, "the metric needs 'rollout' and does not say so"
        return self.run.rollout

    @cached_property
    def update_service(self) -> UpdateService:
        """What the run's updates cost while they went on."""
        return UpdateService(self, self.rollout)

    @property
    def rules(self) -> Rules:
        """The limits that the run is to keep; of a run without a scenario, none, and the usual band of balance."""
        return self.scenario.rules if self.scenario else Rules()

    @property
    def bleed_ohm(self) -> float:
        """Resistance of a cell's balancing resistor."""
        return self.known_scenario.plant.bleed_ohm

    @property
    def end_ns(self) -> int:
        """The end of the run."""
        return round(float(self.run.time_s[-1]) * 1e9) if self.run.has_rows else 0

    @cached_property
    def row_s(self) -> Floats:
        """The time that each row stands for: since the row before."""
        return np.diff(self.run.time_s, prepend=0.0)

    def has(self, need: str) -> bool:
        """Say whether the run holds what a metric needs; ``a|b``: one of them is enough."""
        known = {
            "scenario": lambda: self.scenario is not None,
            "contactors": lambda: self.contactors.known,
            "truth": lambda: self.run.has("truth/kind"),
            "faults": lambda: bool(self.faults),
            "hazards": lambda: bool(self.hazards),
            "rollout": lambda: self.run.rollout is not None,
        }
        return known[need]() if need in known else self.run.first_of(*need.split("|")) is not None

    def what_is(self, need: str) -> str:
        """Return the words for what a run lacks."""
        if need in ("faults", "hazards") and not self.has("truth"):
            need = "truth"
        return _WORDS.get(need) or f"the signal {need.replace('|', ' or ')}"

    def blocks(self, *names: str) -> Iterator[Block]:
        """Yield signals by blocks of sites, so that any fleet fits into memory."""
        root = self.run.root
        largest = max(names, key=lambda name: root[name].size)
        for rows, values in self.run.fleet.blocks(largest):
            others = (values if name == largest else root[name].isel(site=rows).values for name in names)
            yield Block(rows, tuple(np.asarray(one) for one in others))

    def row_at(self, time_ns: int) -> int:
        """Return the last row that is not after an instant; -1 before the first."""
        return int(np.searchsorted(self.run.time_s, time_ns * 1e-9 + 1e-9, side="right")) - 1
