"""Writes the databases of batteries: sixteen modules and four packs say the same things, so it is written once.

``python data/can/make_batteries.py`` writes six files beside this script: a home battery of modules in parallel and a
stack of modules in series, whose voltage needs a wider range, each for three architectures of its BMS. In ``hybrid``
(home_battery.dbc, stack_battery.dbc) monitors tell their pack's controller; in ``centralized`` the pack's controller is
wired to the cells and there are no monitors; in ``distributed`` there is no controller, and monitors tell each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from twin.bms.codes import CATALOGUE, INSULATION_LOW, FaultCode

MODULES = [f"Module{number:02}" for number in range(1, 17)]
PACKS = [f"Pack{number}" for number in range(1, 5)]
INVERTER = "Inverter"
GATEWAY = "Gateway"
CELLS = range(1, 17)
CYCLE_MS = 1000

LEVELS = {0: "ok", 1: "info", 2: "warning", 3: "fatal"}
CONTACTOR = {0: "open", 1: "closed"}
PACK_STATES = {0: "open", 1: "precharge", 2: "closed"}
FAULT_CODES = {0: "none"} | {code.number: code.name for code in CATALOGUE}


@dataclass(frozen=True)
class Signal:
    """One SG_ line; ``start`` None means right behind the signal before it."""

    name: str
    bits: int
    scale: float = 1
    unit: str = ""
    offset: float = 0
    signed: bool = False
    start: int | None = None
    highest: float | None = None
    initial: int = 0
    choices: dict[int, str] | None = None
    multiplexer: str = ""
    """Its own name in the multiplexer itself."""
    pages: Sequence[int] = ()
    """Values of the multiplexer for which the signal is part of the frame."""
    comment: str = ""

    def line(self, start: int, receivers: Sequence[str]) -> str:
        """Return the SG_ line of the signal at bit ``start``."""
        lowest_raw = -(1 << self.bits - 1) if self.signed else 0
        ends = sorted(raw * self.scale + self.offset for raw in (lowest_raw, lowest_raw + (1 << self.bits) - 1))
        lowest, highest = ends[0], ends[1] if self.highest is None else self.highest
        place = f"{start}|{self.bits}@1{'-' if self.signed else '+'}"
        values = f"({self.scale:g},{self.offset:g}) [{lowest:.10g}|{highest:.10g}]"
        page = " M" if self.multiplexer == self.name else f" m{self.pages[0]}" if self.pages else ""
        return f' SG_ {self.name}{page} : {place} {values} "{self.unit}" {",".join(receivers)}'


@dataclass(frozen=True)
class Message:
    """One BO_ block with everything that is said of it further down in the file."""

    identifier: int
    name: str
    length: int
    sender: str
    receivers: Sequence[str]
    comment: str
    signals: Sequence[Signal]
    cycle_ms: int = CYCLE_MS
    """0: sent when there is something to say."""

    def block(self) -> Iterator[str]:
        """Yield the lines of the BO_ block."""
        yield f"BO_ {self.identifier} {self.name}: {self.length} {self.sender}"
        next_bit = 0
        for signal in self.signals:
            start = next_bit if signal.start is None else signal.start
            yield signal.line(start, self.receivers)
            next_bit = start + signal.bits
        yield ""

    def comments(self) -> Iterator[str]:
        """Yield the CM_ lines."""
        yield f'CM_ BO_ {self.identifier} "{self.comment}";'
        for signal in self.signals:
            if signal.comment:
                yield f'CM_ SG_ {self.identifier} {signal.name} "{signal.comment}";'

    def attributes(self) -> Iterator[str]:
        """Yield the BA_ lines: cycle time, and what a signal says until its sender sets it."""
        if self.cycle_ms:
            yield f'BA_ "GenMsgCycleTime" BO_ {self.identifier} {self.cycle_ms};'
        else:
            yield f'BA_ "GenMsgSendType" BO_ {self.identifier} 1;'
        for signal in self.signals:
            if signal.initial:
                yield f'BA_ "GenSigStartValue" SG_ {self.identifier} {signal.name} {signal.initial};'

    def values(self) -> Iterator[str]:
        """Yield the VAL_ lines."""
        for signal in self.signals:
            if signal.choices:
                table = " ".join(f'{number} "{text}"' for number, text in signal.choices.items())
                yield f"VAL_ {self.identifier} {signal.name} {table} ;"

    def pages(self) -> Iterator[str]:
        """Yield the SG_MUL_VAL_ lines."""
        for signal in self.signals:
            if signal.pages:
                ranges = ", ".join(f"{page}-{page}" for page in signal.pages)
                yield f"SG_MUL_VAL_ {self.identifier} {signal.name} {signal.multiplexer} {ranges};"


def flag(name: str, start: int | None = None, comment: str = "") -> Signal:
    """Return a signal of one bit."""
    return Signal(name, 1, start=start, comment=comment)


@dataclass(frozen=True)
class System:
    """What a database is for."""

    name: str
    architecture: str
    pack_voltage: float
    """Resolution of the voltage of a pack, V."""

    @property
    def modules(self) -> list[str]:
        """Nodes of module monitors."""
        return [] if self.architecture == "centralized" else MODULES

    @property
    def packs(self) -> list[str]:
        """Nodes of pack controllers."""
        return [] if self.architecture == "distributed" else PACKS

    @property
    def file(self) -> str:
        """Name of the file."""
        return self.name + ("" if self.architecture == "hybrid" else f"_{self.architecture}") + ".dbc"


SYSTEMS = [
    System(name, architecture, pack_voltage)
    for name, pack_voltage in (("home_battery", 0.01), ("stack_battery", 0.1))
    for architecture in ("hybrid", "centralized", "distributed")
]


def value(
    stated: str,
    name: str,
    scale: float,
    unit: str,
    *,
    signed: bool = False,
    only: FaultCode | None = None,
    beside: FaultCode | None = None,
    comment: str = "",
) -> Signal:
    """Return the signal of a fault frame for the codes whose value is ``stated`` in this unit."""
    pages = [code.number for code in CATALOGUE if code.unit == stated and code is not beside and only in (None, code)]
    return Signal(name, 16, scale, unit, signed=signed, start=24, multiplexer="Code", pages=pages, comment=comment)


COUNTER = Signal("Counter", 4, comment="Counts the frames of this sender, so that lost ones show.")


def state(voltage: float) -> tuple[Signal, ...]:
    """Return what modules and packs say of themselves, the voltage in steps of ``voltage``."""
    return (
        Signal("SOC", 16, 0.01, "%", highest=100, comment="State of charge as the sender estimates it."),
        Signal("Current", 16, 0.1, "A", signed=True, comment="Positive when the battery discharges."),
        Signal("Voltage", 16, voltage, "V"),
    )


LEVEL = Signal("Level", 2, choices=LEVELS, comment="Most severe finding that is present now.")
FAULT_CODE = Signal("FaultCode", 8, start=56, choices=FAULT_CODES, comment="What that finding is.")
FAULT = (
    Signal("Code", 8, choices=FAULT_CODES, multiplexer="Code", comment="What was found; the value's unit hangs on it."),
    Signal("Level", 2, choices=LEVELS, comment="How severe it is now; ok: it has cleared."),
    Signal("Module", 6, comment="Where: the module's number, 0 for the whole pack."),
    Signal("Cell", 8, comment="Where: the cell's number, 0 for the whole module."),
    value("V", "Voltage", 0.01, "V"),
    value("K", "Temperature", 0.1, "degC", signed=True),
    value("delta_K", "TemperatureDifference", 0.1, "K", signed=True),
    value("K/s", "TemperatureRate", 0.001, "K/s", signed=True),
    value("A", "Current", 0.1, "A", comment="A magnitude."),
    value("ohm", "Insulation", 100, "ohm", only=INSULATION_LOW),
    value("ohm", "Resistance", 1e-6, "ohm", beside=INSULATION_LOW),
    value("s", "Duration", 0.1, "s", comment="Such as the time since the last frame heard."),
    value("1", "Ratio", 0.001, "1", signed=True, comment="Or what the code counts."),
)
ABILITY = (
    Signal("ChargeCurrentLimit", 16, 0.1, "A", comment="Of this module."),
    Signal("DischargeCurrentLimit", 16, 0.1, "A", comment="Of this module."),
    Signal("LowestCellVoltage", 16, 0.001, "V", comment="Of this module; what its peers' balancing aims at."),
    Signal("Ready", 1, comment="No finding forbids this module to close its contactor."),
    Signal("ContactorState", 2, choices=PACK_STATES),
    Signal("Peers", 5, comment="How many others it hears."),
    flag("Measures", comment="Its insulation monitor measures: nobody should balance."),
)
COMMAND = (
    Signal("CloseRequest", 16, comment="Bit n asks module n + 1 to close its contactor, or to keep it closed."),
    Signal("LowestCellVoltage", 16, 0.001, "V", comment="Of all cells of the pack; what balancing aims at."),
    flag("BalancingAllowed"),
    Signal("PackState", 3, choices=PACK_STATES, comment="State of the pack's main contactor."),
    COUNTER,
)
LIMITS = (
    Signal("ChargeCurrentLimit", 16, 0.1, "A", comment="Highest charging current of the pack."),
    Signal("DischargeCurrentLimit", 16, 0.1, "A", comment="Highest discharging current of the pack."),
    Signal("Modules", 8, comment="Modules that deliver: closed, behind a closed main contactor."),
    Signal("Temperature", 8, 0.5, "degC", offset=-40, comment="Of the hottest cell."),
)
HEALTH = (
    Signal("SOH", 16, 0.01, "%", highest=200, initial=10000, comment="Capacity over a new module's, as estimated."),
    Signal("Resistance", 16, 0.1, "%", initial=1000, comment="Over a new module's, as estimated."),
)
EXTREMES = (
    Signal("HighestCellVoltage", 16, 0.001, "V"),
    Signal("LowestCellVoltage", 16, 0.001, "V"),
    Signal("HighestCell", 8, comment="Counting through all modules of the pack from 0."),
    Signal("LowestCell", 8, comment="Counting through all modules of the pack from 0."),
    Signal("HighestTemperature", 8, 0.5, "degC", offset=-40),
    Signal("LowestTemperature", 8, 0.5, "degC", offset=-40),
)
ISO_TP = tuple(Signal(f"Byte{place}", 8) for place in range(8))


def module_messages(number: int, system: System) -> Iterator[Message]:
    """Yield the messages of one module monitor; the last hex digit of an identifier is the module's number less 1."""
    node, digit = MODULES[number - 1], number - 1
    peers = [module for module in MODULES if module != node]
    hearers = [*peers, INVERTER] if system.architecture == "distributed" else PACKS
    logger = [INVERTER] if system.architecture == "distributed" else PACKS
    contactor = Signal("ContactorClosed", 1, choices=CONTACTOR)
    signals = (*state(0.01), LEVEL, contactor, flag("Balancing"), COUNTER, FAULT_CODE)
    if system.architecture == "distributed":
        yield Message(0x100 + digit, f"{node}_Limits", 8, node, hearers, f"What module {number} can do.", ABILITY)
    yield Message(0x120 + digit, f"{node}_State", 8, node, hearers, f"State of module {number}.", signals)
    for frame in range(1, 5):
        cells = CELLS[4 * (frame - 1) : 4 * frame]
        signals = tuple(Signal(f"CellVoltage{cell:02}", 16, 0.001, "V") for cell in cells)
        comment = f"Voltages of cells {cells[0]} to {cells[-1]} of module {number}."
        yield Message(0x400 + 0x10 * frame + digit, f"{node}_CellVoltages{frame}", 8, node, logger, comment, signals)
    for frame in range(1, 3):
        cells = CELLS[8 * (frame - 1) : 8 * frame]
        temperatures = [Signal(f"CellTemperature{cell:02}", 8, 0.5, "degC", offset=-40) for cell in cells]
        comment = f"Temperatures of cells {cells[0]} to {cells[-1]} of module {number}."
        yield Message(
            0x440 + 0x10 * frame + digit, f"{node}_Temperatures{frame}", 8, node, logger, comment, temperatures
        )
    comment = f"How module {number} has aged."
    yield Message(0x470 + digit, f"{node}_Health", 4, node, logger, comment, HEALTH)
    yield from events(node, 0x140 + digit, 0x610 + digit, 0x630 + digit)


def events(node: str, fault: int, request: int, response: int) -> Iterator[Message]:
    """Yield what an ECU and the gateway say to each other when there is something to say."""
    what = f"Sent by {node} when a finding appears, gets better or worse, or clears."
    yield Message(fault, f"{node}_Fault", 5, node, [GATEWAY], what, FAULT, 0)
    what = f"ISO-TP frames of UDS requests to {node}, and flow control of its responses."
    yield Message(request, f"{node}_DiagnosticRequest", 8, GATEWAY, [node], what, ISO_TP, 0)
    what = f"ISO-TP frames of UDS responses of {node}, and flow control of the requests."
    yield Message(response, f"{node}_DiagnosticResponse", 8, node, [GATEWAY], what, ISO_TP, 0)


def pack_messages(number: int, system: System) -> Iterator[Message]:
    """Yield the messages of one pack controller."""
    node, digit = PACKS[number - 1], number - 1
    if system.architecture == "hybrid":
        yield Message(0x100 + digit, f"{node}_Command", 5, node, MODULES, f"Pack {number} to its modules.", COMMAND)
    others = [pack for pack in PACKS if pack != node]
    signals = (*state(system.pack_voltage), LEVEL, FAULT_CODE)
    yield Message(0x110 + digit, f"{node}_State", 8, node, others, f"State of pack {number}.", signals)
    comment = f"What pack {number} can take and give."
    yield Message(0x118 + digit, f"{node}_Limits", 6, node, others, comment, LIMITS)
    if system.architecture == "centralized":
        comment = f"The highest and the lowest cell of pack {number}."
        yield Message(0x150 + digit, f"{node}_Extremes", 8, node, [*others, INVERTER], comment, EXTREMES)
    yield from events(node, 0x130 + digit, 0x600 + digit, 0x620 + digit)


def inverter_messages(system: System) -> Iterator[Message]:
    """Yield the low-voltage inverter protocol that many batteries speak, known by its first maker, Pylontech.

    Stacks say it with a coarser voltage. Where no controller speaks for the battery, only the inverter says something.
    """
    own_sign = "On the wire positive when charging, hence the negative factor: positive means discharging here."
    limits = (
        Signal("ChargeVoltageLimit", 16, 0.1, "V", comment="Voltage at which charging ends."),
        Signal("ChargeCurrentLimit", 16, 0.1, "A", signed=True, comment="Highest charging current, a magnitude."),
        Signal("DischargeCurrentLimit", 16, 0.1, "A", signed=True, comment="Highest discharging current, a magnitude."),
        Signal("DischargeVoltageLimit", 16, 0.1, "V", comment="Voltage at which discharging ends."),
    )
    measurements = (
        Signal("Voltage", 16, system.pack_voltage, "V", signed=True),
        Signal("Current", 16, -0.1, "A", signed=True, comment=own_sign),
        Signal("Temperature", 16, 0.1, "degC", signed=True),
    )
    if system.packs:
        yield from (
            _to_inverter(0x351, "Inverter_Limits", 8, "What the battery lets the inverter do.", limits),
            _to_inverter(0x355, "Inverter_Soc", 4, "Charge and health.", (_percent("SOC"), _percent("SOH"))),
            _to_inverter(0x356, "Inverter_Measurements", 6, "What the battery measures.", measurements),
            _to_inverter(0x359, "Inverter_Alarms", 7, "Protection (has acted), alarms (may soon act).", [*_alarms()]),
            _to_inverter(0x35C, "Inverter_Requests", 2, "What the battery asks for.", [*_requests()]),
            _to_inverter(0x35E, "Inverter_Maker", 8, "The maker's name, padded with blanks.", _text("PYLON   ")),
        )
    alive = Signal("Counter", 8, comment="Real inverters leave it 0; this one counts its frames.")
    hearers = PACKS[:1] if system.packs else MODULES
    yield Message(0x305, "Inverter_Heartbeat", 8, INVERTER, hearers, "The inverter is alive.", (alive,))


def _to_inverter(identifier: int, name: str, length: int, comment: str, signals: Sequence[Signal]) -> Message:
    return Message(identifier, name, length, PACKS[0], [INVERTER], comment, signals)


def _percent(name: str) -> Signal:
    return Signal(name, 16, 1, "%", highest=100)


def _alarms() -> Iterator[Signal]:
    for byte, kind in ((0, "Protection"), (2, "Alarm")):
        for bit, finding in ((1, "Overvoltage"), (2, "Undervoltage"), (3, "Overtemperature"), (4, "Undertemperature")):
            yield flag(f"{finding}{kind}", 8 * byte + bit)
        yield flag(f"DischargeOvercurrent{kind}", 8 * byte + 7)
        yield flag(f"ChargeOvercurrent{kind}", 8 * byte + 8)
        yield flag("SystemErrorProtection" if kind == "Protection" else "CommunicationAlarm", 8 * byte + 11)
    yield Signal("Modules", 8, start=32, comment="How many modules are on line.")
    yield Signal("Mark1", 8, initial=ord("P"), comment="Always P.")
    yield Signal("Mark2", 8, initial=ord("N"), comment="Always N.")


def _requests() -> Iterator[Signal]:
    yield flag("FullCharge", 3, "Asks for a charge to the top, so that SOC can be calibrated.")
    yield flag("ForceCharge2", 4, "Charge soon: the battery is nearly empty.")
    yield flag("ForceCharge1", 5, "Charge now: the battery is about to shut down.")
    yield flag("DischargeEnable", 6)
    yield flag("ChargeEnable", 7)


def _text(text: str) -> list[Signal]:
    return [Signal(f"Character{place}", 8, initial=ord(letter)) for place, letter in enumerate(text, 1)]


def messages(system: System) -> list[Message]:
    """Return all messages by identifier, which is also their priority on the bus."""
    found = [message for number in range(1, len(system.modules) + 1) for message in module_messages(number, system)]
    found += [message for number in range(1, len(system.packs) + 1) for message in pack_messages(number, system)]
    return sorted([*found, *inverter_messages(system)], key=lambda message: message.identifier)


HEADER = """VERSION "1"

NS_ :

BS_:
"""
OVERVIEW = (
    "Commands, states and faults win arbitration over telemetry, and telemetry over diagnostics. Messages have a cycle "
    "time of 1 s, but for faults and diagnostics (UDS over ISO-TP), which are sent when there is something to say. "
    "Written by make_batteries.py."
)
WHAT = {
    "home_battery": "A home battery: modules of 16 cells in parallel, an inverter, a gateway, one bus of 500 kbit/s.",
    "stack_battery": "A stack: modules of 16 cells in series, an inverter, a gateway, one bus of 500 kbit/s.",
}
WHO = {
    "hybrid": "Up to four packs and sixteen modules; a monitor a module, a controller a pack.",
    "centralized": "Up to four packs; their controllers are wired to the cells, modules have no nodes.",
    "distributed": "Up to sixteen modules, peers without a controller above them.",
}
DEFINITIONS = """BA_DEF_ "BusType" STRING ;
BA_DEF_ "Baudrate" INT 10000 1000000;
BA_DEF_ BO_ "GenMsgCycleTime" INT 0 65535;
BA_DEF_ BO_ "GenMsgSendType" ENUM "cyclic","event";
BA_DEF_ SG_ "GenSigStartValue" INT 0 65535;
BA_DEF_DEF_ "BusType" "CAN";
BA_DEF_DEF_ "Baudrate" 500000;
BA_DEF_DEF_ "GenMsgCycleTime" 0;
BA_DEF_DEF_ "GenMsgSendType" "cyclic";
BA_DEF_DEF_ "GenSigStartValue" 0;
BA_ "BusType" "CAN";
BA_ "Baudrate" 500000;"""


def node_comments(system: System) -> Iterator[str]:
    """Yield what each node is."""
    for number, node in enumerate(system.modules, 1):
        yield f'CM_ BU_ {node} "Monitor of module {number}: measures, estimates, balances, protects.";'
    for number, node in enumerate(system.packs, 1):
        yield f'CM_ BU_ {node} "Controller of pack {number}: limits and contactors.";'
    yield f'CM_ BU_ {INVERTER} "The inverter on the DC link.";'
    yield f'CM_ BU_ {GATEWAY} "The way out, where a site has one: it reports faults and updates the others.";'


def database(system: System) -> str:
    """Return the text of a DBC file."""
    everything = messages(system)
    lines = [HEADER, f"BU_: {' '.join([*system.modules, *system.packs, INVERTER, GATEWAY])}", ""]
    lines += [line for message in everything for line in message.block()]
    lines += [f'CM_ "{WHAT[system.name]} {WHO[system.architecture]} {OVERVIEW}";', *node_comments(system)]
    lines += [line for message in everything for line in message.comments()]
    lines += [DEFINITIONS]
    lines += [line for message in everything for line in message.attributes()]
    lines += [line for message in everything for line in message.values()]
    lines += [line for message in everything for line in message.pages()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for one in SYSTEMS:
        Path(__file__).with_name(one.file).write_text(database(one), encoding="ascii")
