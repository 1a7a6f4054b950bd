"""Scenarios: the file that says all of a run, checked, and expanded to the values of every site."""

from twin.scenario.expand import Fleet as Fleet
from twin.scenario.expand import expand as expand
from twin.scenario.load import load as load
from twin.scenario.load import placed as placed
from twin.scenario.models import Scenario as Scenario
from twin.scenario.resolved import companions as companions
from twin.scenario.resolved import resolved as resolved
