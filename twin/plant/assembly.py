"""Puts a plant together: builds or finds the FMUs, reads their ports, opens the pools and initialises every module."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from twin import resources
from twin.errors import InputError, Problem, attempt
from twin.modelica import build
from twin.modelica.archive import Version
from twin.plant.backends import open_pool
from twin.plant.backends.columns import Role, bind
from twin.plant.coupling import ELECTRICAL, THERMAL, CoupledModules
from twin.plant.dc_bus import Link
from twin.plant.fmu import Fmu, read
from twin.plant.inverter import Inverter
from twin.plant.options import Plant as PlantOptions
from twin.plant.plant import BusOptions, Plant, Wiring
from twin.plant.pool import FloatArray, Pool
from twin.plant.ports import Interface, Ports
from twin.plant.switchgear import Movement


def open_plant(
    options: PlantOptions,
    wiring: Wiring,
    parameters: Mapping[str, ArrayLike],
    temperature_start_K: ArrayLike,
    *,
    link_ohm: ArrayLike | None = None,
    in_operation: bool = False,
    modules_fixed: bool = False,
    packs_fixed: bool = False,
    soh: ArrayLike = 1.0,
    start_ns: int = 0,
) -> Plant:
    """Return a plant whose modules are initialised at ``start_ns``.

    ``parameters``: signals of ``twin.plant.coupling.ELECTRICAL``, such as ``capacity_Ah``, each ``[site, slot, cell]``;
    ``soh``: what cells have left of a new one's capacity, for their ageing, ``[site, slot, cell]``;
    ``temperature_start_K``, ``link_ohm`` (default: the options'): ``[site, slot]``; all may be broadcast.
    With ``in_operation`` all contactors are closed and the DC links charged, else everything is open and at 0 V.
    ``modules_fixed``, ``packs_fixed``: they have no contactors, and are joined for good.
    Raises InputError: no such model or FMU, a mistake in a ports file, an FMU that cannot be loaded.
    """
    pools = _open_pools(options, (wiring.sites, wiring.packs, wiring.modules), wiring.cells)
    modules = CoupledModules(*pools, (wiring.sites, wiring.packs, wiring.modules), wiring.cells)
    slots = wiring.sites, wiring.slots
    cells = {name: _spread(value, (*slots, wiring.cells)) for name, value in parameters.items()}
    try:
        board = _board(options, pools[1])
        every = {name: np.full(slots, value) for name, value in board.items()}
        modules.initialize(cells | every, _spread(temperature_start_K, slots).reshape(modules.shape), start_ns * 1e-9)
        soc = modules.signals.soc.reshape(*slots, wiring.cells)
        life = options.ageing.life(soc, soh=soh, start_ns=start_ns)
        if life is not None:
            modules.age(life.capacity_factor, life.resistance_growth)
    except InputError:
        modules.close()
        raise
    links_ohm = _spread(options.link_ohm if link_ohm is None else link_ohm, slots)
    movement = Movement(
        close_ns=round(options.contactor.close_s * 1e9),
        open_ns=round(options.contactor.open_s * 1e9),
        modules_fixed=modules_fixed,
        packs_fixed=packs_fixed,
    )
    plant = Plant(
        wiring,
        modules,
        Inverter(wiring.sites, options.inverter.rated_power_W),
        _bus(options, links_ohm, movement),
        life,
        board,
    )
    if in_operation:
        plant.close_contactors()
    return plant


def open_modules(options: PlantOptions, shape: tuple[int, ...], cells: int) -> CoupledModules:
    """Return modules arranged as ``shape``, not yet initialised."""
    return CoupledModules(*_open_pools(options, shape, cells), shape, cells)


def _open_pools(options: PlantOptions, shape: tuple[int, ...], cells: int) -> tuple[Pool, Ports, Pool, Ports]:
    """Return the pool of the electrical FMU and its ports, and those of the thermal one."""
    problems: list[Problem] = []
    electrical = attempt(problems, lambda: _open(options.electrical, ELECTRICAL, options, shape, cells))
    thermal = attempt(problems, lambda: _open(options.thermal, THERMAL, options, shape, cells))
    if electrical is None or thermal is None:
        for pool, _ in filter(None, (electrical, thermal)):
            pool.close()
        raise InputError(dict.fromkeys(problems))
    return *electrical, *thermal


def _board(options: PlantOptions, electrical: Ports) -> dict[str, float]:
    """Return the parameters that are the same for every module, as far as the FMU has them."""
    if any(port.signal == "bleed_ohm" for port in electrical.parameters):
        return {"bleed_ohm": options.bleed_ohm}
    if "bleed_ohm" in options.model_fields_set:
        raise InputError(Problem(f"{options.electrical} has no parameter for it", path="plant.bleed_ohm"))
    return {}


def _bus(options: PlantOptions, link_ohm: FloatArray, movement: Movement) -> BusOptions:
    inverter = options.inverter
    link = Link(inverter.link_F, inverter.precharge_ohm, inverter.discharge_ohm)
    return BusOptions(link, link_ohm, inverter.inrush_limit_A, options.substeps, options.bypass, movement)


def locate(name: str, fmi: Version) -> tuple[Path, Path]:
    """Return the FMU of that name and its ports file: a model of fmus/, built if need be, or the path of an FMU.

    Raises InputError if there is neither such a model nor such a file.
    """
    ports = ports_file(name)
    return (build.build(name, fmi) if name in build.models() else Path(name)), ports


def ports_file(name: str) -> Path:
    """Return the ports file of the FMU of that name, which need not be built.

    Raises InputError if there is neither such a model nor such a file.
    """
    if name in build.models():
        return resources.folder("fmus") / name / "ports.yaml"
    path = Path(name)
    if not path.is_file():
        close = difflib.get_close_matches(name, build.models(), n=1)
        suggestion = f"did you mean {close[0]!r}?" if close else f"models: {', '.join(build.models())}"
        raise InputError(Problem("neither a model of fmus/ nor an FMU file", file=name, suggestion=suggestion))
    return path.with_name(f"{path.stem}.ports.yaml")


def open_instances(name: str, ports: Ports, options: PlantOptions, count: int) -> Pool:
    """Return a pool of ``count`` instances of the FMU of that name, whose columns are those of ``ports``.

    Raises InputError if it cannot be built or loaded, and where ``ports`` name what it has not.
    """
    path, _ = locate(name, options.fmi)
    problems = list(_unknown_variables(read(path), ports))
    if problems:
        raise InputError(problems)
    return open_pool(
        path, count, ports.input_names, ports.output_names, backend=options.backend, threads=options.threads
    )


def _open(
    name: str, interface: Interface, options: PlantOptions, shape: tuple[int, ...], cells: int
) -> tuple[Pool, Ports]:
    ports = Ports.read(ports_file(name), interface, cells)
    return open_instances(name, ports, options, int(np.prod(shape))), ports


def _unknown_variables(fmu: Fmu, ports: Ports) -> Iterator[Problem]:
    """Yield what is wrong with the variables that ports name, at the line of each port."""
    roles: tuple[Role, ...] = ("input", "output", "parameter")
    for role, named in zip(roles, (ports.inputs, ports.outputs, ports.parameters), strict=True):
        for index, port in enumerate(named):
            try:
                bind(fmu, port.scalars, role)
            except InputError as error:
                problem = error.problems[0]  # of an array's elements the first one says it
                place = f"{role}s[{index}].variable"
                yield Problem(f"{problem.message} in {fmu.path}", ports.file, port.line, place, problem.suggestion)


def _spread(value: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    return np.ascontiguousarray(np.broadcast_to(np.asarray(value, dtype=np.float64), shape))
