"""A pool: N instances of one FMU, stepped together through arrays.

Three implementations keep this one promise (``twin/plant/backends/``): the native one, an FMPy one that judges it, and
a PyFMI one where PyFMI is installed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


class Status(IntEnum):
    """What became of an instance; anything above WARNING is quarantined and is stepped no more."""

    OK = 0
    WARNING = 1
    DISCARD = 2
    ERROR = 3
    FATAL = 4
    NOT_FINITE = 10
    """The step succeeded, and an output is NaN or infinite."""


class Snapshot:
    """The state of every instance of a pool at one moment; valid for the pool that took it."""


class Pool(ABC):
    """N instances of one FMU in co-simulation.

    ``inputs[count, len(input_names)]`` is written by the caller and read by ``step``;
    ``outputs[count, len(output_names)]`` and ``status[count]`` are written by ``initialize``, ``step`` and ``restore``.
    All three are C-contiguous and stay the same arrays for the life of the pool. Columns are scalars: an array variable
    ``v`` of three elements takes the columns ``v[1]``, ``v[2]``, ``v[3]``, in FMI 3.0 as in FMI 2.0.
    """

    count: int
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    inputs: FloatArray
    outputs: FloatArray
    status: NDArray[np.int32]

    @abstractmethod
    def initialize(self, parameters: Mapping[str, ArrayLike], start_s: float = 0.0) -> None:
        """Set parameters and start values, then initialise every instance with ``inputs`` as they stand.

        ``parameters`` maps a scalar name (``capacity_Ah[3]``) to a number or an array of ``count`` numbers, an array
        variable (``capacity_Ah``) to ``[n]`` or ``[count, n]`` numbers.
        """

    @abstractmethod
    def step(self, time_s: ArrayLike, step_s: ArrayLike, mask: NDArray[np.bool_] | None = None) -> None:
        """Step every healthy instance under ``mask`` from ``time_s`` by ``step_s``: scalars, or one an instance.

        An instance that fails keeps its status; its outputs become NaN, and it is stepped no more.
        """

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """Return the state of all instances."""

    @abstractmethod
    def restore(self, snapshot: Snapshot, mask: NDArray[np.bool_] | None = None) -> None:
        """Put the instances under ``mask`` back to what they were, statuses and outputs included."""

    @abstractmethod
    def serialize(self, instance: int) -> bytes:
        """Return one instance's state as bytes that another process can restore."""

    @abstractmethod
    def deserialize(self, instance: int, state: bytes) -> None:
        """Give one instance a serialised state, of itself or of another instance."""

    @abstractmethod
    def replace(self, instances: Sequence[int], parameters: Mapping[str, ArrayLike], time_s: float) -> None:
        """Put new instances in the place of old ones, initialised at ``time_s``.

        Rows of ``parameters`` are in the order of ``instances``; one that is not given has its start value.
        """

    @abstractmethod
    def reset(self, instances: Sequence[int], time_s: float) -> None:
        """Initialise instances again with the parameters that they have, at ``time_s``."""

    @abstractmethod
    def message(self, instance: int) -> str:
        """Return why an instance is quarantined, in the FMU's own words where it logged any; empty if it is healthy."""

    @abstractmethod
    def close(self) -> None:
        """Free every instance and the library."""
