"""How much there is to simulate, to tell long runs from short ones before any of them has run."""

from __future__ import annotations

from typing import Final

from twin.scenario.architecture import ecus_of
from twin.scenario.models import Scenario

_MODULE: Final = 1 / 8
"""What the plant of a module costs beside an ECU, whose firmware and frames take longer; in large fleets up to 1."""


def size_of(scenario: Scenario) -> float:
    """Return how many steps of ECUs there are to simulate."""
    fleet = scenario.fleet
    of_site = len(ecus_of(scenario)) + _MODULE * fleet.packs * fleet.modules
    return scenario.duration_s / scenario.step_s * fleet.sites * of_site
