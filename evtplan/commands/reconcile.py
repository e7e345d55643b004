"""`evtplan reconcile`: a plan against what a live host shows, and what room is left."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from evtplan.commands.output import FormatOption, OutputOption, emit
from evtplan.commands.telling import tell
from evtplan.errors import EvtplanError, InputError
from evtplan.export.record import Column, Record, Section

if TYPE_CHECKING:
    from evtplan.fleet.model import Fleet
    from evtplan.fleet.observed.model import Observation
    from evtplan.plans.reconciliation import Reconciliation

__all__ = ["reconcile"]

# What a person reads; files carry every column of DomainRow. With a plan, its kinds have a table
# of their own.
_SEEN = (
    Column("domain", "dom"),
    Column("abi", "ABI"),
    Column("ports"),
    Column("interdomain"),
    Column("xen_consumer", "Xen's"),
    Column("ioreq_servers", "ioreq"),
    Column("unbound"),
    Column("ipi", "IPI"),
    Column("virq", "VIRQ"),
    Column("pirq", "PIRQ"),
    Column("local_per_vcpu", "per VCPU"),
    Column("pending"),
    Column("masked"),
    Column("linked"),
    Column("busy"),
)
_PLANNED = (
    Column("domain", "dom"),
    Column("guest"),
    Column("abi", "ABI"),
    Column("vcpus_seen", "VCPUs"),
    Column("local_per_vcpu", "per VCPU"),
    Column("expected_ports", "planned"),
    Column("ports", "seen"),
    Column("not_shown_ports", "not shown"),
    Column("unexplained_ports", "unexplained"),
    Column("free_ports", "free"),
)
# Columns that are left out of the table where they say nothing.
_ONLY_IF_SET = frozenset(
    ["unbound", "pirq", "xen_consumer", "ioreq_servers", "not_shown_ports", "linked", "busy"]
)

_KINDS = (
    Column("domain", "dom"),
    Column("guest"),
    Column("kind"),
    Column("expected"),
    Column("seen"),
    Column("not_shown", "not shown"),
    Column("unexplained"),
    Column("detail", "seen as"),
)

_BACKENDS = (
    Column("backend", "backend domain"),
    Column("domain"),
    Column("guest"),
    Column("expected"),
    Column("seen"),
    Column("guest_side", "guest's side"),
    Column("unexplained"),
)

_HEADROOM = (
    Column("domain"),
    Column("abi", "ABI"),
    Column("used"),
    Column("limit"),
    Column("free"),
    Column("own", "its own"),
    Column("ports_for_vms", "for VMs"),
    Column("vms", "VMs"),
    Column("more_vms", "more such VMs"),
)

# Reasons printed when --strict fails; the rest are counted.
_MOST_REASONS = 10


def reconcile(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="[FLEET]... DUMP",
            help="The fleet as planned (any files that evtplan size reads), and last what the host "
            "shows: the console's dump of debug key e, lsevtchn's output, or /proc/interrupts. "
            "Without a fleet, the dump is only read and checked for itself. - is stdin.",
            show_default=False,
        ),
    ],
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="NAME=DOMIDS",
            help="Which domains a guest of the fleet is, such as web=3,5-9 (repeat it). Others are "
            "matched by their ports, the most alike first.",
            show_default=False,
        ),
    ] = None,
    by_order: Annotated[
        bool,
        typer.Option(
            "--by-order", help="Match by order alone: the fleet's first guest is the lowest domain."
        ),
    ] = False,
    domain: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=32751,
            help="Domain number of a dump that does not say it (lsevtchn, /proc/interrupts).",
        ),
    ] = None,
    dump_format: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="NAME",
            help="The dump's format: debug-key-e, lsevtchn, proc-interrupts.  [default: by its "
            "content]",
            show_default=False,
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Exit 1 when plan and host disagree, or the dump contradicts itself; data first.",
        ),
    ] = False,
    format_name: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Hold a fleet against what a live host shows; what is unexplained, and what room is left."""
    from evtplan.plans.reconciliation import reconcile as reconciled

    *plan, dump = files
    fleet = _fleet(plan, dump)
    if fleet is None and (mapping or by_order):
        raise EvtplanError("--map and --by-order need a fleet", "give it before the dump")
    seen = _observation(dump, plan, dump_format, domain)
    answer = reconciled(seen, fleet, mapping=_mapping(mapping or []), by_order=by_order)
    emit(_record(answer, seen), format_name, output)
    if strict:
        _gate(answer)


def _fleet(plan: list[str], dump: str) -> "Fleet | None":
    from evtplan.fleet.readers.load import load_fleet

    if not plan:
        return None
    if [*plan, dump].count("-") > 1:
        raise EvtplanError("only one of the files can be stdin")
    return load_fleet(plan)


def _observation(
    dump: str, plan: list[str], dump_format: str | None, domain: int | None
) -> "Observation":
    from evtplan.fleet.observed.load import load_observation

    try:
        return load_observation(dump, format_name=dump_format, domain=domain)
    except InputError as error:
        if plan and "no event channels" in error.reason:
            hint = f"{error.hint}; the dump comes last, after the fleet's files"
            raise InputError(error.path, error.reason, hint=hint) from error
        raise


def _mapping(given: list[str]) -> dict[int, str]:
    """Domain number to guest, from `NAME=1,3-5`."""
    found: dict[int, str] = {}
    for text in given:
        name, equals, numbers = text.rpartition("=")
        if not equals or not name or not numbers:
            raise EvtplanError(f"--map {text!r} is not NAME=DOMIDS", "for example --map web=3,5-9")
        for part in numbers.split(","):
            for number in _range(part.strip(), text):
                if found.get(number, name) != name:
                    raise EvtplanError(f"--map makes domain {number} two guests")
                found[number] = name
    return found


def _range(part: str, text: str) -> range:
    low, dash, high = part.partition("-")
    if not (low.isascii() and low.isdigit() and (not dash or (high.isascii() and high.isdigit()))):
        raise EvtplanError(f"--map {text!r}: {part!r} is no domain number or range")
    if max(len(low), len(high)) > 5 or int(high or low) > 32751:
        raise EvtplanError(f"--map {text!r}: domain numbers go up to 32751")
    if dash and int(high) < int(low):
        raise EvtplanError(f"--map {text!r}: the range {part} is empty")
    return range(int(low), int(high or low) + 1)


def _record(answer: "Reconciliation", seen: "Observation") -> Record:
    rows = tuple(asdict(row) for row in answer.rows)
    shown = tuple(
        column
        for column in (_PLANNED if answer.kinds else _SEEN)
        if any(row[column.name] is not None for row in rows)
        and (column.name not in _ONLY_IF_SET or any(row[column.name] for row in rows))
    )
    sections = []
    if answer.kinds:
        kinds = tuple(row for row in answer.kinds if row["expected"] or row["seen"])
        columns = tuple(
            c for c in _KINDS if c.name != "not_shown" or any(row["not_shown"] for row in kinds)
        )
        sections.append(Section("kinds", "Expected and seen, by kind", kinds, columns))
    if answer.backends:
        columns = tuple(
            c for c in _BACKENDS if any(row[c.name] is not None for row in answer.backends)
        )
        title = "Other ends in backend domains"
        sections.append(Section("backends", title, answer.backends, columns))
    if answer.headroom:
        sections.append(Section("headroom", "Headroom", answer.headroom, _HEADROOM))
    present = {section.name for section in sections}
    return Record(
        command="reconcile",
        rows=rows,
        columns=shown,
        title="Event channels seen" if not answer.kinds else "Event channels, planned and seen",
        sections=tuple(sections),
        notes=answer.notes,
        extra={
            "dump": {
                "format": seen.format,
                "line": seen.line,
                "dumps": seen.dumps,
                "truncated": bool(seen.truncated),
                "cannot_show": list(seen.cannot_show),
            },
            "disagreements": list(answer.disagreements),
            # A table without rows is not shown; who reads the file finds it empty.
            **{name: [] for name in ("kinds", "backends", "headroom") if name not in present},
        },
    )


def _gate(answer: "Reconciliation") -> None:
    for text in answer.disagreements[:_MOST_REASONS]:
        tell(f"error: {text}")
    more = len(answer.disagreements) - _MOST_REASONS
    if more > 0:
        tell(f"error: and {more} more disagreements")
    if answer.disagreements:
        raise typer.Exit(1)
