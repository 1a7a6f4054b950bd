"""Runs on disk: what they hold, how they are written so that a kill costs little, and how they are read."""

from twin.record.manifest import output_problem, scenario_of
from twin.record.schema import LEVELS, UNKNOWN, Column, Signal, of_detail
from twin.record.writer import RunWriter

__all__ = ["LEVELS", "UNKNOWN", "Column", "RunWriter", "Signal", "of_detail", "output_problem", "scenario_of"]
