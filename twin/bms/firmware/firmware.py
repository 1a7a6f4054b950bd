"""What a firmware is: ``step(state, inputs) -> state, outputs`` over rows that are ECUs of one role.

A firmware reads no clock, bus or sensor: what it may know is in its ``Inputs``, what it wants is in its ``Outputs``,
and what it remembers is in its state, a frozen dataclass of arrays whose axis 0 is the row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import FaultCode
from twin.plant.action import Actuator

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Signals = Mapping[str, FloatArray]
"""Values by name, ``[row]`` each."""
Contents = Mapping[str | tuple[str, ...], NDArray[Any] | float]
"""Values of a frame's signals: ``[row]``, or one for all rows; of several signals by their names, ``[signal, row]``."""
State = TypeVar("State")


@dataclass(frozen=True)
class Received:
    """The newest frame of one message type.

    A signal, ``received[name]``, and ``time_ns`` are ``[row]``, or ``[row, sender]`` where a pack's controller reads
    its modules; ``time_ns`` is when the frame's end was received, -1 if there was none.
    """

    names: tuple[str, ...]
    values: FloatArray
    """``[signal, row]`` or ``[signal, row, sender]``, in the order of ``names``."""
    time_ns: IntArray

    def __getitem__(self, name: str) -> FloatArray:
        """Return one signal."""
        signal: FloatArray = self.values[self.names.index(name)]
        return signal


@dataclass(frozen=True)
class Inputs:
    """What an activation may read: its instant, its number on the bus, its sensors, and what the bus had delivered."""

    time_ns: IntArray
    slot: IntArray
    sensed: Mapping[str, FloatArray]
    received: Mapping[str, Received]


@dataclass(frozen=True)
class Findings:
    """What the firmware's diagnosis says now: ``[row, code]``, in the order of ``Firmware.codes``."""

    level: NDArray[np.int8]
    slot: IntArray
    """-1: the whole pack. ``[row, 1]`` where it is the same for all codes, as may be ``cell``."""
    cell: IntArray
    """-1: the whole module."""
    value: FloatArray


@dataclass(frozen=True)
class Outputs:
    """What an activation wants: frames to send, set-points to hold, findings, and what it believes (for the log)."""

    frames: Mapping[str, Contents]
    commands: Mapping[Actuator, FloatArray]
    findings: Findings | None
    beliefs: Signals


class Firmware(ABC, Generic[State]):
    """One firmware of one role.

    Message types are the database's names without the number of the sender: ``Module_State`` is ``Module03_State`` for
    the monitor of slot 2.
    """

    role: ClassVar[str]
    scope: ClassVar[Literal["module", "pack", "site"]]
    version: ClassVar[str]
    reads: ClassVar[tuple[str, ...]]
    sends: ClassVar[tuple[str, ...]]
    codes: tuple[FaultCode, ...] = ()
    """What it can find, one column of its findings each."""
    commands: Mapping[Actuator, tuple[int, ...]] = MappingProxyType({})
    """The actuators that it sets, and the shape of a set-point: ``()``, or the number of cells."""
    believes: ClassVar[tuple[str, ...]] = ()
    """What it tells the log of its beliefs."""

    @abstractmethod
    def initial(self, rows: int, memory: Signals) -> State:
        """Return the state of ``rows`` ECUs after power-on, given their non-volatile memory ``memory[name][row]``."""

    @abstractmethod
    def step(self, state: State, inputs: Inputs) -> tuple[State, Outputs]:
        """Return the state after one activation, and what it puts out."""
