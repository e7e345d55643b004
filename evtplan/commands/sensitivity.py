"""`evtplan sensitivity`: which input moves the VM limit most, and where the best ABI changes."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evtplan.commands.names import names_in
from evtplan.commands.output import FormatOption, OutputOption, emit
from evtplan.commands.where import pairs_in
from evtplan.errors import EvtplanError, UnknownNameError
from evtplan.export.record import Column, Record, Section

if TYPE_CHECKING:
    from evtplan.plans.sensitivity import Sensitivity
    from evtplan.plans.sizing import SizingInputs

__all__ = ["sensitivity"]

_COLUMNS = (
    Column("rank", "#"),
    Column("abi", "ABI"),
    Column("input"),
    Column("value", "now"),
    Column("plus_one", "+1"),
    Column("minus_one", "−1"),
    Column("plus_tenth", "+10 %"),
    Column("minus_tenth", "−10 %"),
    Column("derivative_estimate", "∂ estimate"),
    Column("derivative_limit", "∂ limit"),
)

_POINTS = (
    Column("quantity"),
    Column("measure", "best by"),
    Column("first_value", "from"),
    Column("best_before", "best before"),
    Column("best_from", "best from there"),
)


def sensitivity(
    fleet: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FLEET]...",
            help="Fleet files (TOML) or domain configurations; - is stdin. Without any, by numbers "
            "with --set.",
            show_default=False,
        ),
    ] = None,
    numbers: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="An input by name or letter (events_per_vm=64, P=131072), repeated for each; what "
            "is left out has the value that size takes.",
            show_default=False,
        ),
    ] = None,
    abi: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="ABI, also several, or all.  [default: fifo, or the fleet's own]",
            show_default=False,
        ),
    ] = None,
    break_even: Annotated[
        str | None,
        typer.Option(
            metavar="QUANTITY",
            help="Quantity along which to look for the values at which the best of all ABIs "
            "changes; of a fleet also an input as the table names it, or guest.NAME.count.  "
            "[default: events_per_vm by numbers, vms for a fleet]",
            show_default=False,
        ),
    ] = None,
    format_name: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Rank the inputs by how far each moves the VM limit; show where the best ABI changes."""
    from evtplan.abi import ABIS

    abis = names_in(abi, "ABI", ABIS)
    if fleet:
        if numbers:
            raise EvtplanError("--set is for sizing by numbers; the fleet says it itself")
        found, points = _of_fleet(fleet, abis, break_even)
    else:
        found, points = _by_numbers(abis or ("fifo",), numbers or [], break_even)
    emit(_record(found, points), format_name, output)


_Answer = tuple["Sensitivity", list[dict[str, Any]]]


def _by_numbers(abis: tuple[str, ...], numbers: list[str], quantity: str | None) -> _Answer:
    from evtplan.abi import ABIS
    from evtplan.plans.crossings import points_by_numbers
    from evtplan.plans.sensitivity import Sensitivity, sensitivity_by_numbers

    given = _inputs(abis[0], numbers)
    found = [sensitivity_by_numbers(replace(given, abi=name)) for name in abis]
    compared = abis if len(abis) > 1 else tuple(ABIS)
    points = points_by_numbers(
        [replace(given, abi=name) for name in compared], quantity or "events_per_vm"
    )
    notes = dict.fromkeys(note for item in found for note in item.notes)
    effects = tuple(effect for item in found for effect in item.effects)
    return Sensitivity(effects, tuple(notes)), points


def _inputs(abi: str, numbers: list[str]) -> "SizingInputs":
    from dataclasses import fields

    from evtplan.formulas import vocabulary
    from evtplan.plans.sizing import SizingInputs

    known = {field.name for field in fields(SizingInputs)} - {"abi", "xen", "arch"}
    letters = {
        q.letter: q.name
        for q in (getattr(vocabulary, name) for name in vocabulary.__all__)
        if q.name in known
    }
    values: dict[str, Any] = {}
    for name, value in pairs_in(numbers):
        field = letters.get(name, name)
        if field not in known:
            raise UnknownNameError("input", name, sorted(known | set(letters)))
        if values.get(field, value) != value:
            raise EvtplanError(
                f"contradictory values for {field}: {values[field]} and {value}", "give it once"
            )
        values[field] = value
    if "events_per_vm" not in values:
        raise EvtplanError("nothing to size", "give --set events_per_vm=…, or a fleet file")
    return SizingInputs(abi=abi, **values)


def _of_fleet(files: list[str], abis: tuple[str, ...], quantity: str | None) -> _Answer:
    from evtplan.abi import ABIS
    from evtplan.fleet.readers.load import load_fleet
    from evtplan.plans.fleet_crossings import points_by_fleet
    from evtplan.plans.sensitivity import sensitivity_of_fleet

    fleet = load_fleet(files)
    compared = abis if len(abis) > 1 else tuple(ABIS)
    points = points_by_fleet(fleet, compared, quantity or "vms", 1)
    return sensitivity_of_fleet(fleet, abis), points


def _record(found: "Sensitivity", points: list[dict[str, Any]]) -> Record:
    rows = tuple(
        {name: _plain(value) for name, value in asdict(effect).items()} for effect in found.effects
    )
    notes = list(found.notes)
    for binding in dict.fromkeys((e.abi, e.vm_limit, e.binding) for e in found.effects):
        notes.insert(0, f"{binding[0]}: {binding[1]} VMs fit; {binding[2]} run out first")
    if not points:
        notes.append("no other ABI becomes the best along that quantity")
    sections = (Section("break_even", "Where the best ABI changes", tuple(points), _POINTS),)
    return Record(
        command="sensitivity",
        rows=rows,
        columns=_shown(rows),
        title="VMs gained or lost (whole VMs; ∂ is VMs per unit)",
        sections=sections if points else (),
        notes=tuple(notes),
    )


def _shown(rows: tuple[Mapping[str, Any], ...]) -> tuple[Column, ...]:
    several = len({row["abi"] for row in rows}) > 1
    return tuple(
        column
        for column in _COLUMNS
        if (several or column.name != "abi") and any(row[column.name] is not None for row in rows)
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else float(value)
    return value
