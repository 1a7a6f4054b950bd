"""What a firmware is: ``step(state, inputs) -> state, outputs`` over rows that are ECUs of one role.

A firmware reads no clock, bus or sensor: what it may know is in its ``Inputs``, what it wants is in its ``Outputs``,
and what it remembers is in its state, a frozen dataclass of arrays whose axis 0 is the row (``twin.bms.rows``).
``memory`` is what of it survives a restart, ``migrate`` what another version takes over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import FaultCode
from twin.bms.rows import carried, leaves
from twin.plant.action import Actuator

if TYPE_CHECKING:
    from twin.bms.options import Bms
    from twin.bms.site import Site

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Signals = Mapping[str, FloatArray]
"""Values by name, ``[row]`` each."""
Contents = Mapping[str | tuple[str, ...], NDArray[Any] | float]
"""Values of a frame's signals: ``[row]``, or one for all rows; of several signals by their names, ``[signal, row]``."""
State = TypeVar("State")
Scope = Literal["module", "pack", "site"]
Service = Literal["clear", "early_close", "capacity"]
"""What a service tool, or a mistake at the set-up, does to an ECU: clear latched findings; close contactors without
waiting; take the capacity for so many times what it is."""

READERS: Final[Mapping[Scope, str]] = {"module": "Module{:02}", "pack": "Pack{}", "site": "Inverter"}
"""What databases call the ECUs of each scope."""


class Reach(NamedTuple):
    """How many values an ECU holds: one, one for each slot from its first, one a cell, or one a cell of each slot."""

    slots: int = 0
    cells: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """The axes behind the row."""
        return tuple(size for size in self if size)


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
    sensed: Mapping[str, NDArray[Any]]
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
    since_ns: IntArray
    """When it began, as the ECU saw it; -1 where it does not say."""


@dataclass(frozen=True)
class Outputs:
    """What an activation wants: frames to send, set-points to hold, findings, and what it believes (for the log)."""

    frames: Mapping[str, Contents]
    commands: Mapping[Actuator, FloatArray]
    findings: Findings | None
    beliefs: Signals
    running: IntArray | None = None
    """The rows that all this is of, None for all: the program of the others has failed, and they are silent."""
    crashed: tuple[tuple[int, str], ...] = ()
    """The rows whose program has failed in this activation, and why."""
    execution_ns: IntArray | None = None
    """From the activation to these outputs, ``[row]``; None: as long as the options of the BMS say. The next activation
    waits for the end; the watchdog ends what takes too long."""

    def only(self, some: IntArray) -> Outputs:
        """Return what some of the rows put out that all this is of."""
        findings = self.findings
        if findings is not None:
            findings = Findings(*(getattr(findings, part.name)[some] for part in fields(Findings)))
        return replace(
            self,
            frames={kind: _rows_of(contents, some) for kind, contents in self.frames.items()},
            commands={name: values[some] for name, values in self.commands.items()},
            findings=findings,
            beliefs={name: values[some] for name, values in self.beliefs.items()},
            execution_ns=None if self.execution_ns is None else self.execution_ns[some],
        )


def _rows_of(contents: Contents, some: IntArray) -> Contents:
    return {name: values[..., some] if np.ndim(values) else values for name, values in contents.items()}  # type: ignore[index]


class Firmware(ABC, Generic[State]):
    """One firmware of one role, made from the options of the BMS and from what a site consists of.

    Message types are the database's names without the number of the sender: ``Module_State`` is ``Module03_State`` for
    the monitor of slot 2.
    """

    role: ClassVar[str]
    scope: ClassVar[Scope]
    version: ClassVar[str]
    reads: ClassVar[tuple[str, ...]]
    sends: ClassVar[tuple[str, ...]]
    repeats: int = 1
    """How often it sends each frame in a period, evenly spaced."""
    codes: tuple[FaultCode, ...] = ()
    """What it can find, one column of its findings each."""
    commands: Mapping[Actuator, Reach] = MappingProxyType({})
    """The actuators that it sets."""
    believes: Mapping[str, Reach] = MappingProxyType({})
    """What it tells the log of its beliefs."""

    def __init__(self, options: Bms, site: Site) -> None:
        """Keep of both what is needed."""

    @abstractmethod
    def initial(self, rows: int, memory: Signals) -> State:
        """Return the state of ``rows`` ECUs after power-on, given their non-volatile memory ``memory[name][row]``."""

    @abstractmethod
    def step(self, state: State, inputs: Inputs) -> tuple[State, Outputs]:
        """Return the state after one activation, and what it puts out."""

    def service(self, state: State, what: Service, value: float) -> State:  # noqa: ARG002 - nothing, unless it says so
        """Return the state after a service of all rows."""
        return state

    def healthy(self, state: State) -> NDArray[np.bool_]:
        """Return what the ECUs' self-test says, ``[row]``: well, unless a version looks at itself."""
        return np.ones(len(next(leaves(state))), np.bool_)

    def pending(self, state: State) -> NDArray[np.bool_]:
        """Return which ECUs are about to find something: a limit is violated, not for its debounce yet, ``[row]``."""
        return np.zeros(len(next(leaves(state))), np.bool_)

    def memory(self, state: State) -> Signals:  # noqa: ARG002 - nothing, unless a firmware says otherwise
        """Return what the ECUs remember over power-off: what ``initial`` is given when they restart."""
        return {}

    def close(self) -> None:
        """Free what it holds beside its states; it is not stepped any more."""
        return

    def migrate(self, old: Any, rows: int, memory: Signals) -> State:
        """Return the state with which this version goes on from another version's ``old``, of whatever class.

        ``memory`` is what the other version remembers over power-off. What both keep by one name, in one shape and
        type, is taken over; the rest is as after power-on.
        """
        return carried(old, self.initial(rows, memory))
