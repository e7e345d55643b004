"""A capacity review of a fleet: everything a page about it needs, as data."""

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from evtplan.errors import InputError
from evtplan.fleet.model import Fleet
from evtplan.formulas import kernels
from evtplan.plans.answers import Sizing
from evtplan.plans.fleet_crossings import points_by_fleet
from evtplan.plans.fleet_sizing import size_fleet
from evtplan.plans.sensitivity import sensitivity_of_fleet
from evtplan.plans.settings import setting_named
from evtplan.plans.sweeps.axes import Axis
from evtplan.plans.sweeps.design import Sweep
from evtplan.plans.sweeps.fleets import FleetSubject
from evtplan.plans.validation.status import status as status_of

__all__ = ["Curve", "Report", "UsedFormula", "report_on", "validation_status"]

# Numbers of VMs at which the curves of a plot are computed.
_STEPS = 24
# Groups whose VCPUs and devices are varied: each is several sizings of the whole fleet.
_MOST_VARIED = 12
_LARGEST_VALIDATION = 2**26


@dataclass(frozen=True, slots=True)
class Curve:
    """Memory for event channels under one ABI as the mix grows, up to its VM limit.

    `points` are (VMs, bytes): event state and control blocks in guests and Xen, and Xen heap.
    """

    abi: str
    vm_limit: int
    binding: str
    points: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class UsedFormula:
    """A formula the figures came from: how it reads, and who says so."""

    name: str
    meaning: str
    kind: str
    certainty: str
    source: str
    latex: str
    mathml: str


@dataclass(frozen=True, slots=True)
class Report:
    """A review of `fleet`: its sizing under its own ABI and the others it is compared with.

    `break_even` has a row for each number of VMs at which another of the ABIs becomes the cheapest
    that carries the mix.
    """

    fleet: Fleet
    sizing: Sizing
    compared: Sizing
    effects: tuple[dict[str, Any], ...]
    effect_notes: tuple[str, ...]
    curves: tuple[Curve, ...]
    break_even: tuple[dict[str, Any], ...]
    formulas: tuple[UsedFormula, ...]
    validation: str


def report_on(
    fleet: Fleet, abis: tuple[str, ...], *, backends: int = 1, validation: str | None = None
) -> Report:
    """Review `fleet` under its host's ABI beside `abis`; `validation` is the file that
    `evtplan validate --format json` wrote, where there is one.

    Raises `UnknownNameError` for an ABI, `InputError` for that file.
    """
    own = fleet.host.abi
    every = tuple(dict.fromkeys((own, *abis)))
    status = validation_status(validation)
    sizing, used = _traced(lambda: size_fleet(fleet, (own,), backends=backends))
    compared = size_fleet(fleet, every, backends=backends, search_backends=False)
    curves = tuple(
        _curve(fleet, row.abi, row.vm_limit, row.binding, backends) for row in compared.rows
    )
    effects, notes = _effects(fleet, own, backends)
    return Report(
        fleet,
        sizing,
        compared,
        effects,
        notes,
        curves,
        tuple(_break_even(fleet, every, backends)),
        tuple(_used_formulas(used)),
        status,
    )


def validation_status(path: str | None) -> str:
    """What the validation of formulas against the engine said, in one sentence: the formulas, and
    where they are in the file the hosts built and the lives led.
    """
    if path is None:
        return f"{status_of(None)} and give --validation FILE"
    try:
        with open(path, "rb") as stream:
            data = stream.read(_LARGEST_VALIDATION + 1)
        found = json.loads(data)
        return status_of(found["rows"], (*found.get("hosts", ()), *found.get("lives", ())))
    except OSError as error:
        raise InputError(path, error.strerror or str(error)) from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(
            path, "this is no answer of evtplan validate", hint="evtplan validate --format json"
        ) from error


def _traced(compute: Callable[[], Sizing]) -> tuple[Sizing, set[str]]:
    """What `compute` gives, and the names of the book's kernels it called."""
    called: set[str] = set()
    places = kernels.__file__

    def note(frame: Any, event: str, _argument: Any) -> None:
        if event == "call" and frame.f_code.co_filename == places:
            called.add(frame.f_code.co_name)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        return compute(), called
    finally:
        sys.setprofile(before)


def _used_formulas(functions: Iterable[str]) -> Iterable[UsedFormula]:
    """The formulas of the kernels called `functions`, in the book's order."""
    from sympy import latex

    from evtplan.formulas.catalogue import BOOK  # SymPy: only to show how they read
    from evtplan.plans.mathml import mathml_of

    wanted = set(functions)
    for formula in BOOK.values():
        if formula.function_name in wanted:
            yield UsedFormula(
                formula.name,
                formula.meaning,
                formula.kind.value,
                formula.certainty.value,
                str(formula.source),
                latex(formula.equation),
                mathml_of(formula.equation),
            )


def _curve(fleet: Fleet, abi: str, vm_limit: int, binding: str, backends: int) -> Curve:
    most = max(vm_limit, 1)
    vms = sorted({max(1, most * step // _STEPS) for step in range(_STEPS + 1)})
    subject = FleetSubject(
        fleet,
        (("vms", setting_named(fleet, "vms")),),
        ((setting_named(fleet, "abi"), abi), (setting_named(fleet, "backends"), backends)),
    )
    names = ("vms", "total_bytes", "xenheap_bytes")
    sweep = Sweep(subject, (Axis("vms", tuple(vms)),), select=names)
    columns, _ = sweep.rows(0)
    rows = zip(*(columns[name].cells() for name in names), strict=True)
    points = tuple((count, pages + heap) for count, pages, heap in rows)
    return Curve(abi, vm_limit, binding, points if vm_limit else ())


def _break_even(fleet: Fleet, abis: tuple[str, ...], backends: int) -> Iterable[dict[str, Any]]:
    """From how many VMs on another ABI is the cheapest that carries the mix, or none is left."""
    none = "none of these ABIs"
    for point in points_by_fleet(fleet, abis, "vms", backends):
        yield {
            "vms_from": point["first_value"],
            "best_before": point["best_before"] or none,
            "best_from": point["best_from"] or none,
        }


def _effects(
    fleet: Fleet, abi: str, backends: int
) -> tuple[tuple[dict[str, Any], ...], tuple[str, ...]]:
    """What each input does to the VM limit, the strongest first; of many groups, of the largest."""
    found = sensitivity_of_fleet(fleet, (abi,), backends=backends, most_groups=_MOST_VARIED)
    names = ("rank", "input", "value", "plus_one", "minus_one", "plus_tenth", "minus_tenth")
    rows = (asdict(effect) for effect in found.effects)
    return tuple({name: row[name] for name in names} for row in rows), found.notes
