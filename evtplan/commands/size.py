"""`evtplan size`: what a fleet or so many like VMs cost, how many fit, what runs out first."""

from typing import TYPE_CHECKING, Annotated

import typer

from evtplan.commands.configuration import (
    AbiOption,
    ArchOption,
    BackendBasePortsOption,
    BackendsOption,
    CopiesOption,
    DriverDomainsOption,
    EventsPerVmOption,
    FailUnderOption,
    FleetArgument,
    GuestPageBytesOption,
    PagesOption,
    VcpusOption,
    VmsOption,
    WordsPerPageOption,
    XenOption,
    refuse,
    sized,
)
from evtplan.commands.fleet_files import FromOption
from evtplan.commands.output import FormatOption, OutputOption, chosen_format, emit
from evtplan.commands.telling import tell
from evtplan.commands.where import FormulasOption
from evtplan.export.record import Column, Record, Section, rows_of

if TYPE_CHECKING:
    from evtplan.plans.answers import Sizing

__all__ = ["size"]

# What a person reads, in the order a planner asks; files carry every column of SizingRow.
_SHOWN = (
    Column("abi", "ABI"),
    Column("fleet", "fleet"),
    Column("xen", "Xen release"),
    Column("vm_limit", "VM limit"),
    Column("binding", "what runs out first"),
    Column("backends_to_lift", "backends until that lifts"),
    Column("vms", "VMs planned"),
    Column("headroom_vms", "headroom, VMs"),
    Column("events_per_vm", "channels per VM (E_V)"),
    Column("vcpus", "VCPUs per VM"),
    Column("words_per_page", "event words per page (E_P)"),
    Column("pages", "pages available (P)"),
    Column("backends", "backend domains"),
    Column("driver_domains", "driver domains (D)"),
    Column("usable_ports_per_domain", "usable ports per domain"),
    Column("domu_ports", "ports in all domUs"),
    Column("backend_ports", "ports in the fullest backend"),
    Column("backend_headroom_ports", "ports left there"),
    Column("domu_array_pages", "array pages, domUs"),
    Column("backend_array_pages", "array pages, backends"),
    Column("total_array_pages", "array pages, total"),
    Column("total_array_pages_bound", "draft's bound, 2 per VM"),
    Column("control_block_pages", "control block pages, 1 per VCPU"),
    Column("control_block_bytes", "control block bytes"),
    Column("total_pages", "pages, total"),
    Column("total_bytes", "bytes, total"),
    Column("guest_page_bytes", "kernels' page, bytes"),
    Column("guest_memory_bytes", "kernels' memory for them, bytes"),
    Column("xenheap_pages_per_domu", "Xen heap pages per domU"),
    Column("xenheap_bytes", "Xen heap bytes"),
    Column("vm_limit_estimate", "estimate P ÷ (1 + E_V/E_P)"),
    Column("vm_limit_second_method", "second method P − (128 + D·128)"),
    Column("methods_differ_percent", "the two apart, %"),
    Column("vm_limit_pages", "VM limit by pages, exact"),
    Column("vm_limit_backend_ports", "VM limit by backend ports"),
    Column("vm_limit_domu_ports", "VM limit by domU ports"),
    Column("vm_limit_domids", "VM limit by domain IDs"),
)

_LIMITS = (
    Column("abi", "ABI"),
    Column("limit", "limit"),
    Column("vms", "VMs"),
    Column("binds", "binds"),
    Column("why", "why"),
)

_GROUPS = (
    Column("abi", "ABI"),
    Column("group"),
    Column("type"),
    Column("vms", "VMs"),
    Column("vcpus", "VCPUs"),
    Column("ports_per_domu", "ports, domU"),
    Column("backend_ports_per_vm", "ports, backend"),
    Column("headroom_ports", "ports left, domU"),
    Column("domu_array_pages", "array pages, domUs"),
    Column("backend_array_pages", "array pages, backends"),
    Column("control_block_pages", "control block pages"),
    Column("total_pages", "pages, total"),
    Column("total_bytes", "bytes, total"),
    Column("xenheap_bytes", "Xen heap bytes"),
)

_DEVICES = (
    Column("name"),
    Column("device"),
    Column("count"),
    Column("domu_ports", "ports, domU"),
    Column("backend_ports", "ports, backend"),
    Column("backend"),
    Column("kind"),
    Column("rule"),
)


def size(
    fleet: FleetArgument = None,
    abi: AbiOption = None,
    vms: VmsOption = None,
    events_per_vm: EventsPerVmOption = None,
    vcpus: VcpusOption = None,
    pages: PagesOption = None,
    words_per_page: WordsPerPageOption = None,
    backends: BackendsOption = None,
    backend_base_ports: BackendBasePortsOption = None,
    driver_domains: DriverDomainsOption = None,
    xen: XenOption = None,
    arch: ArchOption = None,
    guest_page_bytes: GuestPageBytesOption = None,
    copies: CopiesOption = None,
    from_format: FromOption = None,
    by_device: Annotated[
        bool,
        typer.Option(
            "--by-device",
            help="Add a row a device: channels on either side. Formats of one table (csv, jsonl, "
            "parquet) have these rows alone.",
        ),
    ] = False,
    fail_under: FailUnderOption = None,
    own: FormulasOption = None,
    format_name: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Size a host: event channels and pages, how many VMs fit, what runs out first."""
    if not fleet:
        refuse({"--by-device": by_device or None}, "needs a fleet")
    given = {
        "vms": vms,
        "vcpus": vcpus,
        "events_per_vm": events_per_vm,
        "pages": pages,
        "words_per_page": words_per_page,
        "backends": backends,
        "backend_base_ports": backend_base_ports,
        "driver_domains": driver_domains,
        "xen": xen,
        "arch": arch,
        "guest_page_bytes": guest_page_bytes,
        "copies": copies,
        "from_format": from_format,
    }
    sizing = sized(fleet or [], abi, given)
    one_table = chosen_format(format_name, output) in ("csv", "jsonl", "parquet")
    record = _record(sizing, by_device, one_table)
    if own and not (by_device and one_table):
        record = _with_own(record, own)
    emit(record, format_name, output)
    _gate(sizing, fail_under)


def _record(sizing: "Sizing", by_device: bool, one_table: bool) -> Record:
    if by_device and one_table:
        return Record(command="size", rows=sizing.devices, notes=sizing.notes)
    rows = rows_of(sizing.rows)
    sections = [Section("limits", "Limits on the number of VMs", sizing.limits, _LIMITS)]
    if sizing.groups:
        groups = Section("groups", "Groups", rows_of(sizing.groups), _GROUPS, keys=2)
        sections.insert(0, groups)
    if by_device:
        columns = _DEVICES if len(rows) == 1 else (Column("abi", "ABI"), *_DEVICES)
        sections.append(Section("devices", "Channels by device, one VM", sizing.devices, columns))
    return Record(
        command="size",
        rows=rows,
        columns=tuple(c for c in _SHOWN if _is_worth_showing(c, sizing)),
        title="Sizing",
        transpose=True,
        sections=tuple(sections),
        notes=sizing.notes,
    )


def _with_own(record: Record, files: list[str]) -> Record:
    """The record with a column for each formula of the user's own."""
    from dataclasses import replace

    from evtplan.plans.own_columns import own_columns, own_formulas

    formulas = own_formulas(files)
    rows = tuple({**row, **own_columns(formulas, row)} for row in record.rows)
    columns = tuple(Column(f.function_name, f"{f.name}, {f.result.unit}") for f in formulas)
    return replace(record, rows=rows, columns=(*record.columns, *columns))


def _is_worth_showing(column: Column, sizing: "Sizing") -> bool:
    """Not what no row has, and not kernels' pages where they are as large as Xen's."""
    if column.name in ("guest_page_bytes", "guest_memory_bytes"):
        return any(row.guest_memory_bytes != row.total_bytes for row in sizing.rows)
    return any(getattr(row, column.name) is not None for row in sizing.rows)


def _gate(sizing: "Sizing", fail_under: int | None) -> None:
    short = [row for row in sizing.rows if fail_under is not None and row.vm_limit < fail_under]
    for row in short:
        tell(
            f"error: {row.abi}: {row.vm_limit} VMs fit, fewer than {fail_under}: "
            f"{row.binding} runs out first"
        )
    if short:
        raise typer.Exit(1)
