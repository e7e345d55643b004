"""`evtplan size`: what a fleet or so many like VMs cost, how many fit, what runs out first."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evtplan.commands.names import names_in
from evtplan.commands.output import FormatOption, OutputOption, emit
from evtplan.errors import EvtplanError
from evtplan.export.record import Column, Record, Section

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
    Column("control_block_bytes", "control block bytes, 72 per VCPU"),
    Column("total_pages", "pages, total"),
    Column("total_bytes", "bytes, total"),
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
    Column("total_pages", "pages"),
    Column("xenheap_bytes", "Xen heap bytes"),
    Column("headroom_ports", "ports left, domU"),
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
    fleet: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FLEET]...",
            help="Fleet files (TOML) or domain configurations (xl.cfg, …); - is stdin. "
            "Without any, size by numbers with --events-per-vm.",
            show_default=False,
        ),
    ] = None,
    abi: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="ABI to size, also several (repeat it or separate with commas), or all: "
            "2l-32, 2l-64, 3l-32, 3l-64, fifo-draft-a, fifo.  [default: fifo]",
            show_default=False,
        ),
    ] = None,
    vms: Annotated[
        int | None,
        typer.Option(min=1, help="VMs to plan for (count); without it, as many as fit."),
    ] = None,
    events_per_vm: Annotated[
        int | None,
        typer.Option(
            min=1, help="E_V: event channels per VM (count); each has its other end in a backend."
        ),
    ] = None,
    vcpus: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="VCPUs per VM (count), for control blocks; without it they are left out.",
        ),
    ] = None,
    pages: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="P: pages for event arrays and control blocks (4 KiB pages); without it, what "
            "the release and architecture can map.",
        ),
    ] = None,
    words_per_page: Annotated[
        int | None, typer.Option(min=1, help="E_P: event words per page (count).  [default: 1024]")
    ] = None,
    backends: Annotated[
        int | None,
        typer.Option(min=1, help="Domains that hold the other ends (count).  [default: 1, dom0]"),
    ] = None,
    backend_base_ports: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Ports each backend domain needs for itself (count); published dom0 figures are "
            "20 to 200.  [default: 0 by numbers, counted for a fleet]",
        ),
    ] = None,
    driver_domains: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="D: driver domains of maximum size (count), for the draft's second method.",
        ),
    ] = None,
    xen: Annotated[
        str | None,
        typer.Option(
            metavar="RELEASE", help="Xen release, for struct sizes and mapping space, e.g. 4.4."
        ),
    ] = None,
    arch: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Host architecture: x86-64, arm64, arm32."),
    ] = None,
    copies: Annotated[
        int | None,
        typer.Option(min=1, help="VMs of each configuration given (count).  [default: 1]"),
    ] = None,
    by_device: Annotated[
        bool, typer.Option("--by-device", help="Add a row a device: channels on either side.")
    ] = False,
    fail_under: Annotated[
        int | None,
        typer.Option(min=1, help="Exit 1 when fewer VMs than this fit (count); data come first."),
    ] = None,
    format_name: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Size a host: event channels and pages, how many VMs fit, what runs out first."""
    from evtplan.abi import ABIS

    numbers = {
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
    }
    given = {name: value for name, value in numbers.items() if value is not None}
    if fleet:
        sizing = _by_fleet(fleet, names_in(abi, "ABI", ABIS), copies or 1, given)
    else:
        _refuse({"--copies": copies, "--by-device": by_device or None}, "needs a fleet")
        sizing = _by_numbers(names_in(abi, "ABI", ABIS) or ("fifo",), given)
    emit(_record(sizing, by_device), format_name, output)
    _gate(sizing, fail_under)


def _refuse(options: dict[str, Any], why: str) -> None:
    for name, value in options.items():
        if value is not None:
            raise EvtplanError(f"{name} {why}", "see evtplan size --help")


def _by_numbers(abis: tuple[str, ...], given: dict[str, Any]) -> "Sizing":
    from evtplan.plans.sizing import SizingInputs, size_by_numbers

    if "events_per_vm" not in given:
        raise EvtplanError(
            "nothing to size", "give --events-per-vm, a fleet file, or domain configurations"
        )
    return size_by_numbers(SizingInputs(abi=name, **given) for name in abis)


def _by_fleet(
    files: list[str], abis: tuple[str, ...], copies: int, given: dict[str, Any]
) -> "Sizing":
    from dataclasses import replace

    from evtplan.fleet.readers.load import load_fleet
    from evtplan.plans.fleet_sizing import size_fleet

    for name in ("vms", "vcpus", "events_per_vm"):
        option = "--" + name.replace("_", "-")
        _refuse({option: given.get(name)}, "is for sizing by numbers; the fleet says it itself")
    fleet = load_fleet(files, copies)
    fields = {"backend_base_ports": "base_ports"}
    of_host = ("pages", "words_per_page", "xen", "arch", "backend_base_ports")
    host: dict[str, Any] = {fields.get(n, str(n)): given[n] for n in of_host if n in given}
    fleet = replace(fleet, host=replace(fleet.host, **host))
    return size_fleet(
        fleet,
        abis,
        backends=given.get("backends", 1),
        driver_domains=given.get("driver_domains"),
    )


def _record(sizing: "Sizing", by_device: bool) -> Record:
    rows = tuple(asdict(row) for row in sizing.rows)
    shown = tuple(c for c in _SHOWN if any(row[c.name] is not None for row in rows))
    sections = [Section("limits", "Limits on the number of VMs", sizing.limits, _LIMITS)]
    if sizing.groups:
        groups = tuple(asdict(row) for row in sizing.groups)
        sections.insert(0, Section("groups", "Groups", groups, _GROUPS))
    if by_device:
        sections.append(Section("devices", "Channels by device, one VM", sizing.devices, _DEVICES))
    return Record(
        command="size",
        rows=rows,
        columns=shown,
        title="Sizing",
        transpose=True,
        sections=tuple(sections),
        notes=sizing.notes,
    )


def _gate(sizing: "Sizing", fail_under: int | None) -> None:
    short = [row for row in sizing.rows if fail_under is not None and row.vm_limit < fail_under]
    for row in short:
        print(
            f"error: {row.abi}: {row.vm_limit} VMs fit, fewer than {fail_under}: "
            f"{row.binding} runs out first",
            file=sys.stderr,
        )
    if short:
        raise typer.Exit(1)
