"""What the ECUs of a role run: versions of its firmware, each with the state of the ECUs that run it.

Every ECU of a role has a row. A version that nobody has booted yet costs nothing; one that somebody has keeps room for
all rows, so that an ECU that changes its version changes no array's shape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from twin.bms.architectures.architecture import Ecu
from twin.bms.codes import FaultCode
from twin.bms.firmware.firmware import Firmware, Inputs, Outputs, Reach, Service
from twin.bms.messages import Ecus
from twin.bms.rows import Rows
from twin.bms.schedule import Group
from twin.plant.action import Actuator

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Program:
    """One version of a role's firmware in all ECUs that may run it; ``guarded``: it is not ours, and may raise."""

    def __init__(self, firmware: Firmware[Any], rows: int, memory: Mapping[str, FloatArray], *, guarded: bool) -> None:
        self.firmware, self.guarded = firmware, guarded
        self.state = Rows(firmware.initial(rows, {**memory, "ecu": np.arange(rows, dtype=np.float64)}))
        self.level = np.zeros((rows, len(firmware.codes)), np.int8)

    def step(self, rows: IntArray, inputs: Inputs) -> Outputs:
        """Run the firmware on some rows and keep their new state."""
        after, outputs = self.firmware.step(self.state.take(rows), inputs)
        self.state.put(rows, after)
        return outputs

    def begin(self, rows: IntArray, memory: Mapping[str, FloatArray]) -> None:
        """Begin with this memory, as after power-on; what was found before and is no more will be told as cleared."""
        self.state.put(rows, self.firmware.initial(len(rows), {**memory, "ecu": rows.astype(np.float64)}))

    def service(self, rows: IntArray, what: Service, value: float) -> None:
        """Do to the ECUs what a service tool, or a mistake at their set-up, does."""
        self.state.put(rows, self.firmware.service(self.state.take(rows), what, value))

    def pending(self) -> NDArray[np.bool_]:
        """Return which ECUs, of all that may run it, are about to find something."""
        return self.firmware.pending(self.state.state)

    def healthy(self, row: int) -> bool:
        """Return what an ECU says of itself."""
        return bool(self.firmware.healthy(self.state.take(np.array([row])))[0])


class Role:
    """The ECUs of one role over all sites: row = site * (ECUs of the role a site) + which of them.

    All run ``firmware`` at first, which is ``replaced`` if it is not the architecture's own.
    """

    def __init__(
        self,
        firmware: Firmware[Any],
        ecus: Sequence[Ecu],
        sites: int,
        memory: Mapping[str, FloatArray],
        *,
        replaced: bool,
    ) -> None:
        self.firmware = firmware
        self.per_site = len(ecus)
        self.slot = np.array([ecu.slot for ecu in ecus], np.int64)
        self.pack = np.array([ecu.pack for ecu in ecus], np.int64)
        self.rows = rows = sites * self.per_site
        self.version = np.zeros(rows, np.int64)
        """Which version each ECU runs, or ran last if it is silent."""
        self.mixed = False
        """Whether any has ever run another than the first."""
        self._versions = [firmware]
        self._programs = {0: Program(firmware, rows, memory, guarded=replaced)}
        self._leaving_factory = memory
        self._remembered: dict[int, dict[str, FloatArray]] = {}
        self.spoilt = {kind: np.zeros(rows, np.bool_) for kind in ("stale", "anonymous")}
        self.reach: dict[Actuator, Reach] = {}
        self.believes: dict[str, Reach] = {}
        self.commands: dict[Actuator, FloatArray] = {}
        self.beliefs: dict[str, FloatArray] = {}
        self._make_room(firmware)

    def add(self, firmware: Firmware[Any]) -> int:
        """Take a further version, which nobody runs yet, and return its number.

        Raises ValueError where it commands or believes something that reaches elsewhere than in another version.
        """
        self._make_room(firmware)
        self._versions.append(firmware)
        return len(self._versions) - 1

    def _make_room(self, firmware: Firmware[Any]) -> None:
        """Let there be room for all that a version commands and believes."""
        self.commands |= self._room(self.reach, firmware.commands)
        self.beliefs |= self._room(self.believes, firmware.believes)

    def _room(self, known: dict[Any, Reach], more: Mapping[Any, Reach]) -> dict[Any, FloatArray]:
        for name, reach in more.items():
            if known.get(name, reach) != reach:
                raise ValueError(f"two versions differ in what {name!r} is: {known[name]} and {reach}")
        new = {name: reach for name, reach in more.items() if name not in known}
        known |= new
        return {name: np.full((self.rows, *reach.shape), np.nan) for name, reach in new.items()}

    def program(self, version: int) -> Program:
        """Return a version; raises what its ``initial`` raises when it is run for the first time."""
        if version not in self._programs:
            self._programs[version] = Program(self._versions[version], self.rows, self._leaving_factory, guarded=True)
        return self._programs[version]

    def program_of(self, row: int) -> Program:
        """Return what an ECU runs, or ran last."""
        return self.program(int(self.version[row]))

    def versions_of(self, rows: IntArray) -> Iterator[tuple[Program, IntArray | None]]:
        """Yield what ECUs run, and where in ``rows`` those are that do, None for all."""
        if not self.mixed:
            yield self._programs[0], None
            return
        version = self.version[rows]
        for one in np.unique(version).tolist():
            yield self.program(one), np.flatnonzero(version == one)

    def everyone(self) -> Iterator[tuple[Program, NDArray[np.bool_]]]:
        """Yield what ECUs run or ran, and which of all run it."""
        for version, program in self._programs.items():
            yield program, self.version == version

    def believe(self, program: Program, rows: IntArray, outputs: Outputs) -> None:
        """Keep what ECUs believe; those whose program has failed believe nothing."""
        running = rows if outputs.running is None else rows[outputs.running]
        if outputs.running is not None or program.firmware.believes.keys() != self.believes.keys():
            self.forget_beliefs(rows)
        for name, values in outputs.beliefs.items():
            self.beliefs[name][running] = values

    def forget_beliefs(self, rows: IntArray) -> None:
        """Keep that who is silent believes nothing."""
        for held in self.beliefs.values():
            held[rows] = np.nan

    def restart(self, row: int) -> None:
        """Let an ECU begin again with what it remembers over power-off."""
        self.program_of(row).begin(np.array([row]), {**self._memory(row), "restarts": np.ones(1)})

    def replace(self, row: int, memory: Mapping[str, float]) -> None:
        """Put another ECU in the place of one; it runs the same version and remembers ``memory``."""
        self._remembered.pop(row, None)
        self.program_of(row).begin(np.array([row]), {name: np.array([value]) for name, value in memory.items()})

    def boot(self, row: int, version: int, *, migrate: bool) -> None:
        """Let an ECU run a version: with the state of the one before, or as after power-on.

        Raises what the version's own code raises.
        """
        rows, before, program = np.array([row]), self.program_of(row), self.program(version)
        memory = {**self._memory(row), "ecu": rows.astype(np.float64)}
        if migrate:
            program.state.put(rows, program.firmware.migrate(before.state.take(rows), 1, memory))
        else:
            program.state.put(rows, program.firmware.initial(1, {**memory, "restarts": np.ones(1)}))
        self._remembered[row] = {name: value for name, value in memory.items() if name != "ecu"}
        self.version[row] = version
        self.mixed |= version != 0

    def take_over_findings(self, row: int, before: Program, now: Program) -> NDArray[np.bool_]:
        """Carry what an ECU has told over to its new version; return which codes of the old one that does not know."""
        known = {key: place for place, key in enumerate(_numbered(now.firmware.codes))}
        places = [known.get(key, -1) for key in _numbered(before.firmware.codes)]
        old = np.array(places, np.int64) >= 0
        level = np.zeros(len(known), np.int8)
        level[[place for place in places if place >= 0]] = before.level[row, old]
        now.level[row] = level
        return ~old

    def by_site(self, values: FloatArray, reach: Reach) -> FloatArray:
        """Return ``values[row, ...]`` as ``[site, ECU, ...]``, or where they reach slots as ``[site, slot, ...]``."""
        cells = reach.shape[bool(reach.slots) :]
        return values.reshape(-1, self.per_site * max(reach.slots, 1), *cells)

    def changed(self, actuator: Actuator, rows: IntArray, wanted: FloatArray) -> NDArray[np.bool_]:
        """Return where a set-point differs from the last one, ``wanted``'s shape, and remember it."""
        held = self.commands[actuator]
        different = held[rows] != wanted
        held[rows] = wanted
        return different

    def close(self) -> None:
        """Free what firmware holds."""
        for program in self._programs.values():
            program.firmware.close()

    def _memory(self, row: int) -> dict[str, FloatArray]:
        """Return the non-volatile memory of an ECU: what a version does not keep is as an earlier one left it."""
        state = self.program_of(row).state.take(np.array([row]))
        factory = {name: values[row : row + 1] for name, values in self._leaving_factory.items()}
        written = {name: values.copy() for name, values in self.program_of(row).firmware.memory(state).items()}
        return {**factory, **self._remembered.get(row, {}), **written}


class Crew(NamedTuple):
    """ECUs of a batch that run one version: ``[n]`` each."""

    role: Role
    program: Program
    ecu: IntArray
    """Which of its site's ECUs each is."""
    ecus: Ecus
    which: IntArray
    """The how-manieth of its role each is at its site."""
    rows: IntArray
    """Of the role's state."""

    @classmethod
    def of(cls, role: Role, program: Program, site: IntArray, ecu: IntArray, which: IntArray) -> Crew:
        """Return ECUs by their sites, their indices there, and the how-manieth of their role they are."""
        ecus = Ecus(site, role.pack[which], role.slot[which])
        return cls(role, program, ecu, ecus, which, site * role.per_site + which)

    def only(self, some: IntArray) -> Crew:
        """Return some of them."""
        return Crew.of(self.role, self.program, self.ecus.site[some], self.ecu[some], self.which[some])


class Crews:
    """The ECUs of all sites by role and version; ``roles`` in the order in which groups count them."""

    def __init__(self, ecus: Sequence[Ecu], roles: Sequence[Role]) -> None:
        self._ecus, self._roles = ecus, roles
        names = [role.firmware.role for role in roles]
        self._role = [names.index(ecu.role) for ecu in ecus]
        self._which = np.array([[one for one in ecus if one.role == ecu.role].index(ecu) for ecu in ecus], np.int64)
        self._crews: WeakKeyDictionary[Group, list[tuple[IntArray | None, Crew]]] = WeakKeyDictionary()

    def of_group(self, group: Group) -> list[tuple[IntArray | None, Crew]]:
        """Return the ECUs of a group by version, and which of the group they are; the same one tick after the other."""
        if group not in self._crews:
            role, which = self._roles[group.role], self._which[group.ecu]
            crews = list[tuple[IntArray | None, Crew]]()
            for program, some in role.versions_of(group.site * role.per_site + which):
                picked = slice(None) if some is None else some
                crews.append((some, Crew.of(role, program, group.site[picked], group.ecu[picked], which[picked])))
            self._crews[group] = crews
        return self._crews[group]

    def regroup(self) -> None:
        """Look anew who runs which version."""
        self._crews.clear()

    def of_one(self, site: int, ecu: int) -> Crew:
        """Return one ECU."""
        role, row = self.row(site, ecu)
        return Crew.of(role, role.program_of(row), np.array([site]), np.array([ecu]), self._which[[ecu]])

    def row(self, site: int, ecu: int) -> tuple[Role, int]:
        """Return the role of an ECU, and its row there."""
        role = self._roles[self._role[ecu]]
        return role, site * role.per_site + int(self._which[ecu])

    def ecus_of_module(self, slot: int) -> list[int]:
        """Return which ECUs of a site go with a module."""
        return [index for index, ecu in enumerate(self._ecus) if ecu.scope == "module" and ecu.slot == slot]


def _numbered(codes: Sequence[FaultCode]) -> list[tuple[str, int]]:
    """Return each code's name, and the how-manieth of this name it is."""
    seen: Counter[str] = Counter()
    numbered = []
    for code in codes:
        numbered.append((code.name, seen[code.name]))
        seen[code.name] += 1
    return numbered
