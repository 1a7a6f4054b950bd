"""What must agree between the fields of a scenario.

A check reads single values through a ``View``, which gives None for what is wrong in itself: so the checks run beside
the validation of the fields, and one reading of the file shows every mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from twin import faults as fault_kinds
from twin import resources
from twin.dispatch.dispatch import Dispatch
from twin.dispatch.frequency_response import FrequencyResponse
from twin.errors import InputError, Problem
from twin.faults.fault import CellFault, Fault
from twin.faults.update_fault import UpdateFault
from twin.ota.campaign.mistakes import mistakes as campaign_mistakes
from twin.ota.distribution.options import FlashOptions
from twin.ota.options import Ota
from twin.plugins import discover
from twin.scenario.complaints import suggestion
from twin.scenario.document import KeyPath, key_path
from twin.scenario.files import is_path, named
from twin.scenario.models import CELLS, MOST_SLOTS, PROFILES, Scenario
from twin.scenario.profiles.profile import Profile, Window
from twin.scenario.releases import releases_of

MOST_TICKS = 10**9


@dataclass(frozen=True)
class Mistake:
    """A disagreement, at the field that is to be changed."""

    path: KeyPath
    message: str
    suggestion: str | None = None


@dataclass(frozen=True)
class View:
    """The values of a scenario that are right in themselves."""

    data: Mapping[str, Any]

    def get(self, *path: str) -> Any:
        """Return the value of a field, its default where it is not given, or None where it is wrong or missing."""
        return _value(Scenario, self.data, path)

    def faults(self) -> Iterator[tuple[int, View]]:
        """Yield the faults with their positions, whatever their kind; their fields are read by ``common``."""
        faults = self.data.get("faults")
        for index, fault in enumerate(faults if isinstance(faults, list) else ()):
            if isinstance(fault, dict):
                yield index, View(fault)

    def common(self, name: str) -> Any:
        """Return a field that says where a fault is."""
        return _value(CellFault, self.data, (name,))

    def window(self) -> Window | None:
        """Return the time that the run covers."""
        start, duration_s = self.get("start"), self.get("duration_s")
        return None if start is None or duration_s is None else Window(start, nanoseconds(duration_s))


def nanoseconds(time_s: float) -> int:
    """Return a time of a scenario in whole nanoseconds."""
    return round(time_s * 1e9)


def _value(model: type[BaseModel], data: Any, path: tuple[str, ...]) -> Any:
    name, *rest = path
    field = model.model_fields[name]
    if not isinstance(data, Mapping):
        return None
    if rest:
        inner: Any = field.annotation
        return _value(inner, data.get(name, {}), tuple(rest))
    if name not in data:
        return None if field.is_required() else field.get_default(call_default_factory=True)
    try:
        return _adapter(model, name).validate_python(data[name])
    except ValidationError:
        return None


@cache
def _adapter(model: type[BaseModel], name: str) -> TypeAdapter[Any]:
    """Return what validates a field; pydantic takes a millisecond to make one, and a study loads many scenarios."""
    field = model.model_fields[name]
    annotation: Any = Annotated[field.annotation, field]
    return TypeAdapter(annotation)


def mistakes(view: View) -> Iterator[Mistake | Problem]:
    """Yield everything in a scenario that does not agree."""
    for check in _CHECKS:
        yield from check(view)


def _steps(view: View) -> Iterator[Mistake]:
    step_s, duration_s = view.get("step_s"), view.get("duration_s")
    if step_s is None:
        return
    step_ns = nanoseconds(step_s)
    for path in (("duration_s",), ("record", "period_s")):
        yield from _multiple(path, view.get(*path), "step_s", step_s)
    if duration_s is not None and nanoseconds(duration_s) // step_ns > MOST_TICKS:
        yield Mistake(("duration_s",), f"found {duration_s / step_s:.3g} steps; expected at most {MOST_TICKS:.0g}")


def _pace(view: View) -> Iterator[Mistake]:
    """Yield the times that do not divide each other, and energy management that long steps cannot follow."""
    pace = view.get("pace")
    if pace is None:
        return
    yield from _multiple(("pace", "limited_s"), pace.limited_s, "step_s", view.get("step_s"))
    yield from _multiple(("pace", "quiet_s"), pace.quiet_s, "pace.limited_s", pace.limited_s)
    for path in (("duration_s",), ("record", "period_s")):
        yield from _multiple(path, view.get(*path), "pace.quiet_s", pace.quiet_s)
    dispatch = view.get("dispatch")
    if isinstance(dispatch, FrequencyResponse):
        found = f"found {dispatch.kind}, which asks for another power with every change of the grid's frequency"
        yield Mistake(("pace",), f"{found}; expected no pace: there are no quiet minutes")


def _multiple(path: KeyPath, value_s: float | None, unit: str, unit_s: float | None) -> Iterator[Mistake]:
    if value_s is None or unit_s is None or nanoseconds(value_s) % nanoseconds(unit_s) == 0:
        return
    close = f"{nanoseconds(value_s) // nanoseconds(unit_s) * unit_s or unit_s:g} is one"
    yield Mistake(path, f"found {value_s:g}; expected a multiple of {unit}, {unit_s:g}", close)


def _slots(view: View) -> Iterator[Mistake]:
    packs, modules = view.get("fleet", "packs"), view.get("fleet", "modules")
    if packs is not None and modules is not None and packs * modules > MOST_SLOTS:
        found = f"found {packs} packs of {modules}, {packs * modules} modules a site"
        yield Mistake(("fleet", "modules"), f"{found}; expected at most {MOST_SLOTS}")


def _fault_places(view: View) -> Iterator[Mistake]:
    packs, modules = view.get("fleet", "packs"), view.get("fleet", "modules")
    slots = packs * modules if packs is not None and modules is not None else None
    limits = {"site": view.get("fleet", "sites"), "module": slots, "cell": CELLS}
    for index, fault in view.faults():
        for name, count in limits.items():
            number = fault.common(name)
            if number is not None and count is not None and number >= count:
                yield Mistake(("faults", index, name), f"found {number}; expected {_range(count)}")


def _pairs(view: View) -> Iterator[Mistake]:
    """Yield the faults of two modules, or cells, of which there are not so many."""
    packs, modules = view.get("fleet", "packs"), view.get("fleet", "modules")
    if packs is None or modules is None:
        return
    kinds, slots = _fault_kinds(), packs * modules
    for index, fault in view.faults():
        kind, other = kinds.get(str(fault.data.get("kind"))), fault.data.get("other")
        if kind is None:
            continue
        if kind.least_modules > slots:
            found = f"found {slots} module a site; this fault needs {kind.least_modules}"
            yield Mistake(("faults", index, "kind"), found)
        count = CELLS if "cell" in kind.model_fields else slots
        if isinstance(other, int) and other >= count:
            yield Mistake(("faults", index, "other"), f"found {other}; expected {_range(count)}")


def _update_faults(view: View) -> Iterator[Mistake]:
    """Yield the faults of updates where there are none."""
    if view.data.get("ota") is not None:
        return
    kinds = _fault_kinds()
    for index, fault in view.faults():
        if issubclass(kinds.get(str(fault.data.get("kind")), Fault), UpdateFault):
            found = f"found {fault.data['kind']}; it befalls updates, and the scenario has no ota"
            yield Mistake(("faults", index, "kind"), found)


def _drawn(view: View) -> Iterator[Mistake]:
    drawn, duration_s = view.get("drawn"), view.get("duration_s")
    if drawn is None or duration_s is None:
        return
    if drawn.from_s >= duration_s:
        yield Mistake(("drawn", "from_s"), f"found {drawn.from_s:g}; the run ends at {duration_s:g}")
    if drawn.until_s is not None and drawn.until_s > duration_s:
        yield Mistake(("drawn", "until_s"), f"found {drawn.until_s:g}; the run ends at {duration_s:g}")


@cache
def _fault_kinds() -> Mapping[str, type[Fault]]:
    return discover(fault_kinds, Fault)  # type: ignore[type-abstract]


def _range(count: int) -> str:
    return f"0 to {count - 1}" if count > 1 else "0, the only one"


def _profiles(view: View) -> Iterator[Problem]:
    window = view.window()
    for name in PROFILES:
        profile = view.get(name)
        if window is not None and isinstance(profile, Profile):
            yield from profile.problems(window)


def _dispatch(view: View) -> Iterator[Mistake]:
    dispatch = view.get("dispatch")
    if not isinstance(dispatch, Dispatch):
        return
    for name in dispatch.needs:
        if view.get(name) == Scenario.model_fields[name].default:
            found = f"found {dispatch.kind} and no {name}"
            yield Mistake(("dispatch", "kind"), f"{found}; expected a {name} for it to act on")


def _campaign(view: View) -> Iterator[Mistake]:
    """Yield what of a rollout's campaign does not fit the fleet and the run."""
    campaign, sites, seed = _of_ota(view, "campaign"), view.get("fleet", "sites"), view.get("seed")
    start, duration_s = view.get("start"), view.get("duration_s")
    if None in (campaign, sites, seed, start, duration_s):
        return
    yield from _instants(view, campaign.decide_s)
    for mistake in campaign_mistakes(campaign, sites, seed, start, duration_s):
        yield Mistake(("ota", "campaign", *mistake.path), mistake.message)


def _of_ota(view: View, name: str) -> Any:
    """Return a part of what is said of updates, None where it is wrong or there are none."""
    return _value(Ota, view.data.get("ota"), (name,))


def _instants(view: View, decide_s: float) -> Iterator[Mistake]:
    """Yield that server and sites, which meet between ticks, could not meet as often as is stated."""
    pace = view.get("pace")
    unit, unit_s = ("pace.quiet_s", pace.quiet_s) if pace else ("step_s", view.get("step_s"))
    if unit_s and nanoseconds(unit_s) % nanoseconds(decide_s):
        yield from _multiple(("ota", "campaign", "decide_s"), decide_s, unit, unit_s)


def _release(view: View) -> Iterator[Mistake | Problem]:
    """Yield what is wrong with the images of a rollout, as far as they, the sites and the flash are stated."""
    release, flash = _of_ota(view, "release"), _of_ota(view, "flash")
    around = {name: view.get(name) for name in ("fleet", "plant", "bus", "bms")}
    if None in (release, *around.values()):
        return
    ota = Ota.model_construct(release=release, flash=flash or FlashOptions())
    try:
        releases_of(Scenario.model_construct(**around, ota=ota), ota)
    except InputError as error:
        missing = [
            f"ota.release.{role}" for role, name in ota.release.items() if is_path(name) and not Path(name).is_file()
        ]
        for problem in error.problems:
            keys = key_path(problem.path or "")
            if keys[:1] != ("ota",) or problem.path in missing:
                continue  # it is told elsewhere: of an ECU's first firmware by who builds it, of no file below
            yield problem if problem.file else Mistake(keys, problem.message, problem.suggestion)


def _files(view: View) -> Iterator[Mistake]:
    for path, name in named(view.data):
        file = Path(name)
        if not file.is_file():
            beside = [other.name for other in sorted(file.parent.glob(f"*{file.suffix}"))]
            yield Mistake(path, f"there is no file {name}", suggestion(file.name, beside))


def _models_and_database(view: View) -> Iterator[Mistake]:
    models = sorted({file.parent.name for file in resources.folder("fmus").glob("*/*.mo")})
    databases = [file.stem for file in sorted((resources.folder("data") / "can").glob("*.dbc"))]
    fields = ((("plant", "electrical"), models), (("plant", "thermal"), models), (("bus", "database"), databases))
    given: list[tuple[KeyPath, Any, list[str]]] = [(path, view.get(*path), names) for path, names in fields]
    programs = view.get("bms", "firmware") or {}
    given += [(("bms", "firmware", role), name, models) for role, name in programs.items()]
    for path, name, names in given:
        if names and name is not None and name not in names and not is_path(name):
            expected = f"expected {', '.join(names)}, or the path of a file"
            yield Mistake(path, f"found {name!r}; {expected}", suggestion(name, names))


_CHECKS: tuple[Callable[[View], Iterator[Mistake | Problem]], ...] = (
    _steps,
    _pace,
    _slots,
    _fault_places,
    _pairs,
    _update_faults,
    _drawn,
    _files,
    _profiles,
    _dispatch,
    _models_and_database,
    _campaign,
    _release,
)
