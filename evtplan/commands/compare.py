"""`evtplan compare`: ABIs, fleets and hosts side by side, and where the best of them changes."""

from dataclasses import asdict, replace
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evtplan.commands.configuration import (
    BackendBasePortsOption,
    BackendsOption,
    CopiesOption,
    EventsPerVmOption,
    FailUnderOption,
    GuestPageBytesOption,
    PagesOption,
    VcpusOption,
    VmsOption,
    WordsPerPageOption,
    fleet_given,
    inputs_given,
)
from evtplan.commands.fleet_files import FromOption
from evtplan.commands.names import abis_in, names_in
from evtplan.commands.output import FormatOption, OutputOption, chosen_format, emit
from evtplan.commands.telling import tell
from evtplan.errors import EvtplanError
from evtplan.export.record import Column, Record, Section

if TYPE_CHECKING:
    from evtplan.fleet.model import Fleet
    from evtplan.plans.comparison import Comparison

__all__ = ["compare"]

_SHOWN = (
    Column("abi", "ABI"),
    Column("fleet", "fleet"),
    Column("xen", "Xen release"),
    Column("arch", "architecture"),
    Column("vm_limit", "VM limit"),
    Column("vm_limit_vs_reference_percent", "  against the reference, %"),
    Column("binding", "what runs out first"),
    Column("backends_to_lift", "backends until that lifts"),
    Column("vms", "VMs planned"),
    Column("headroom_vms", "headroom, VMs"),
    Column("events_per_vm", "channels per VM (E_V)"),
    Column("usable_ports_per_domain", "usable ports per domain"),
    Column("domu_ports", "ports in all domUs"),
    Column("backend_ports", "ports in the fullest backend"),
    Column("backend_headroom_ports", "ports left there"),
    Column("domu_array_pages", "array pages, domUs"),
    Column("backend_array_pages", "array pages, backends"),
    Column("control_block_pages", "control block pages"),
    Column("total_pages", "pages, total"),
    Column("total_pages_vs_reference_percent", "  against the reference, %"),
    Column("total_bytes", "bytes of these pages"),
    Column("xenheap_bytes", "Xen heap bytes"),
    Column("memory_bytes", "memory, bytes"),
    Column("memory_bytes_vs_reference_percent", "  against the reference, %"),
    Column("memory_bytes_per_vm", "memory per VM, bytes"),
    Column("vm_limit_pages", "VM limit by pages"),
    Column("vm_limit_backend_ports", "VM limit by backend ports"),
    Column("vm_limit_domu_ports", "VM limit by domU ports"),
    Column("vm_limit_domids", "VM limit by domain IDs"),
    Column("priorities", "priorities"),
    Column("protocol_holds", "protocol holds"),
)

_POINTS = (
    Column("fleet"),
    Column("quantity"),
    Column("first_value", "from"),
    Column("measure", "best by"),
    Column("best_before", "before"),
    Column("best_from", "from there"),
)

_CHANGES = (
    Column("fleet"),
    Column("xen", "Xen"),
    Column("abi", "ABI"),
    Column("quantity"),
    Column("before"),
    Column("now"),
    Column("change"),
    Column("change_percent", "change, %"),
)
# The same with every key, as files have it.
_CHANGED = (Column("fleet"), Column("xen"), Column("arch"), *_CHANGES[2:])


def compare(
    fleet: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FLEET]...",
            help="Fleet files or domain configurations, each a fleet of its own; - is stdin. "
            "Without any, compare by numbers with --events-per-vm.",
            show_default=False,
        ),
    ] = None,
    abi: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="ABIs to compare (repeat it or separate with commas), or all: 2l-32, 2l-64, "
            "3l-32, 3l-64, fifo-draft-a, fifo.  [default: all]",
            show_default=False,
        ),
    ] = None,
    together: Annotated[
        bool, typer.Option("--together", help="Take all files as one fleet.")
    ] = False,
    vms: VmsOption = None,
    events_per_vm: EventsPerVmOption = None,
    vcpus: VcpusOption = None,
    pages: PagesOption = None,
    words_per_page: WordsPerPageOption = None,
    backends: BackendsOption = None,
    backend_base_ports: BackendBasePortsOption = None,
    xen: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RELEASE",
            help="Xen releases to compare, 4.3 to 4.22.  [default: the fleet's, or 4.22]",
            show_default=False,
        ),
    ] = None,
    arch: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Host architectures to compare: x86-64, arm64, arm32.  [default: the fleet's, "
            "or x86-64]",
            show_default=False,
        ),
    ] = None,
    guest_page_bytes: GuestPageBytesOption = None,
    copies: CopiesOption = None,
    from_format: FromOption = None,
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="ABI, fleet, release or architecture that relative columns are against (%).  "
            "[default: the first column]",
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Order by this column, as JSON names it."),
    ] = None,
    descending: Annotated[
        bool, typer.Option("--descending", help="The largest first, with --sort.")
    ] = False,
    break_even: Annotated[
        str | None,
        typer.Option(
            metavar="QUANTITY",
            help="Quantity along which another ABI becomes the best: events_per_vm, vms, vcpus, "
            "backend_base_ports, pages, words_per_page; of a fleet also guest.NAME.vcpus, "
            "guest.NAME.vif, guest.NAME.count, host.dom0_vcpus and the like.  [default: "
            "events_per_vm by numbers, vms for a fleet]",
            show_default=False,
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="An earlier comparison saved as JSON: add what changed since. Formats of one "
            "table (csv, jsonl, parquet) have the changes alone.",
        ),
    ] = None,
    fail_under: FailUnderOption = None,
    format_name: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Compare ABIs, fleets or hosts: ports, pages, memory, how many VMs fit, break-even points."""
    from evtplan.abi import ARCHITECTURES, RELEASES

    if descending and sort is None:
        raise EvtplanError("--descending needs --sort", "see evtplan compare --help")
    given = {
        "vms": vms,
        "vcpus": vcpus,
        "events_per_vm": events_per_vm,
        "pages": pages,
        "words_per_page": words_per_page,
        "backends": backends,
        "backend_base_ports": backend_base_ports,
        "guest_page_bytes": guest_page_bytes,
        "copies": copies,
        "from_format": from_format,
    }
    hosts = list(
        product(
            names_in(xen, "Xen release", RELEASES) or (None,),
            names_in(arch, "architecture", ARCHITECTURES) or (None,),
        )
    )
    how = {"reference": reference, "sort": sort, "descending": descending}
    earlier = _earlier(against)
    asked = abi or ["all"]
    abis_in(asked, ())  # a slip in a name is told before files are read
    if fleet:
        fleets = _fleets(fleet, together, given)
        abis, remark = abis_in(asked, [a or f.host.arch for f in fleets for _, a in hosts])
        found = _by_fleet(fleets, hosts, abis, break_even, given, how)
    else:
        abis, remark = abis_in(asked, [name or "x86-64" for _, name in hosts])
        found = _by_numbers(hosts, abis, break_even, given, how)
    if remark:
        found = replace(found, notes=(remark, *found.notes))
    one_table = chosen_format(format_name, output) in ("csv", "jsonl", "parquet")
    emit(_record(found, against, earlier, one_table), format_name, output)
    _gate(found, fail_under)


def _fleets(files: list[str], together: bool, given: dict[str, Any]) -> "list[Fleet]":
    """The fleets to compare; one without a name of its own is called after its file."""
    from pathlib import PurePath

    if together or len(files) == 1:
        return [fleet_given(files, given)]
    if files.count("-") > 1:
        raise EvtplanError("- is given twice, but stdin can be read only once")
    stems = ["stdin" if path == "-" else PurePath(path).stem for path in files]
    fleets = []
    for path, stem in zip(files, stems, strict=True):
        fleet = fleet_given([path], given)
        # Files of one name in several directories are told apart by their paths.
        name = stem if stems.count(stem) == 1 else path
        fleets.append(replace(fleet, name=name) if fleet.name == "fleet" else fleet)
    return fleets


def _by_fleet(
    fleets: "list[Fleet]",
    hosts: list[tuple[str | None, str | None]],
    abis: tuple[str, ...],
    break_even: str | None,
    given: dict[str, Any],
    how: dict[str, Any],
) -> "Comparison":
    from evtplan.plans.comparison import compare as compare_fleets

    hosted = []
    for fleet, (xen, arch) in product(fleets, hosts):
        host = replace(fleet.host, xen=xen or fleet.host.xen, arch=arch or fleet.host.arch)
        hosted.append(replace(fleet, host=host))
    options = {name: given[name] for name in ("backends", "guest_page_bytes") if given[name]}
    return compare_fleets(hosted, abis, quantity=break_even or "vms", **options, **how)


def _by_numbers(
    hosts: list[tuple[str | None, str | None]],
    abis: tuple[str, ...],
    break_even: str | None,
    given: dict[str, Any],
    how: dict[str, Any],
) -> "Comparison":
    from evtplan.plans.comparison import compare_numbers

    inputs = []
    for xen, arch in hosts:
        inputs.extend(inputs_given(abis, {**given, "xen": xen, "arch": arch}))
    return compare_numbers(inputs, quantity=break_even or "events_per_vm", **how)


def _earlier(path: str | None) -> tuple[dict[str, Any], ...]:
    from evtplan.fleet.readers.load import read_text
    from evtplan.plans.earlier import read_earlier

    return () if path is None else read_earlier(path, read_text(path))


def _record(
    found: "Comparison", against: str | None, earlier: tuple[dict[str, Any], ...], one_table: bool
) -> Record:
    from evtplan.plans.earlier import changes_between

    rows = tuple(asdict(row) for row in found.rows)
    changes = changes_between(earlier, rows)
    if against is not None and one_table:
        return Record(command="compare", rows=changes, columns=_CHANGED, notes=found.notes)
    sections = [Section("break_even", "Break-even points", found.break_evens, _of(found, _POINTS))]
    if not found.break_evens:
        sections[0] = replace(sections[0], title="Break-even points: none")
    if against is not None:
        title = f"Changes against {against}" + ("" if changes else ": none")
        sections.append(Section("changes", title, changes, _of(found, _CHANGES)))
    return Record(
        command="compare",
        rows=rows,
        columns=tuple(c for c in _SHOWN if any(row[c.name] is not None for row in rows)),
        title="Comparison",
        transpose=True,
        sections=tuple(sections),
        notes=found.notes,
    )


def _of(found: "Comparison", columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """`columns`, without the fleet's where there is none."""
    named = any(row.fleet is not None for row in found.rows)
    return columns if named else tuple(c for c in columns if c.name != "fleet")


def _gate(found: "Comparison", fail_under: int | None) -> None:
    short = [row for row in found.rows if fail_under is not None and row.vm_limit < fail_under]
    for row in short:
        name = " ".join(part for part in (row.fleet, row.abi) if part)
        tell(
            f"error: {name}: {row.vm_limit} VMs fit, fewer than {fail_under}: "
            f"{row.binding} runs out first"
        )
    if short:
        raise typer.Exit(1)
