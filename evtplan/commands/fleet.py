"""`evtplan fleet`: the census, which device costs which channel on which side, and why."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evtplan.commands.fleet_files import FromOption, fleet_from
from evtplan.commands.output import FormatOption, OutputOption, emit
from evtplan.export.record import Column, Record, Section

if TYPE_CHECKING:
    from evtplan.fleet.census import Census

__all__ = ["fleet"]

_GUESTS: tuple[Column, ...] = (
    Column("name"),
    Column("role"),
    Column("type"),
    Column("vcpus", "VCPUs"),
    Column("copies"),
    Column("domu_ports", "ports, domU"),
    Column("backend_ports", "ports, backend"),
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
    Column("source"),
)

_TOTALS = (
    Column("device"),
    Column("count"),
    Column("domu_ports", "ports, domUs"),
    Column("backend_ports", "ports, backends"),
)

_BACKENDS = (
    Column("backend"),
    Column("base_ports", "ports for itself"),
    Column("guest_ports", "ports for guests"),
    Column("ports"),
    Column("usable_ports", "usable ports"),
    Column("headroom_ports", "ports left"),
)


def fleet(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Domain configurations (xl.cfg, libvirt XML), xl list -l, xentop -b, tables of "
            "VMs (CSV, Parquet), fleet files (TOML); directories, patterns, - for stdin.",
            show_default=False,
        ),
    ],
    from_format: FromOption = None,
    by_device: Annotated[
        bool, typer.Option("--by-device", help="A row a device: channels, rule and source.")
    ] = False,
    copies: Annotated[
        int, typer.Option(min=1, help="VMs of each configuration given (count).")
    ] = 1,
    abi: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="ABI of the host: 2l-32, 2l-64, 3l-32, 3l-64, fifo-draft-a, fifo."
        ),
    ] = None,
    xen: Annotated[
        str | None, typer.Option(metavar="RELEASE", help="Xen release of the host, e.g. 4.18.")
    ] = None,
    arch: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Host architecture: x86-64, arm64, arm32."),
    ] = None,
    dom0_vcpus: Annotated[
        int | None, typer.Option(min=1, help="VCPUs of dom0 (count).  [default: 8]")
    ] = None,
    toolstack: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Toolstack, for the default of max_event_channels: libxl (1023), xenopsd (none).",
        ),
    ] = None,
    vif_queues: Annotated[
        int | None,
        typer.Option(min=1, help="Most queues a vif backend offers (count).  [default: its CPUs]"),
    ] = None,
    vbd_rings: Annotated[
        int | None,
        typer.Option(min=1, help="Most rings a vbd backend offers (count).  [default: its CPUs]"),
    ] = None,
    format_name: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Take the census of a fleet: which device costs which channel, on which side, and why.

    With -o FILE.toml (or --format toml) what was read is written as a fleet file instead.
    """
    from evtplan.fleet.census import census_of

    given = {
        "abi": abi,
        "xen": xen,
        "arch": arch,
        "dom0_vcpus": dom0_vcpus,
        "toolstack": toolstack,
        "vif_queues": vif_queues,
        "vbd_rings": vbd_rings,
    }
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    found = fleet_from(files, from_format, copies)
    found = replace(found, host=replace(found.host, **chosen))
    census = census_of(found)
    if _wants_toml(format_name, output):
        _write_toml(census, output)
        return
    emit(_record(census, by_device), format_name, output)


def _wants_toml(format_name: str | None, output: str | None) -> bool:
    if format_name is not None:
        return format_name == "toml"
    return output is not None and Path(output).suffix.lower() == ".toml"


def _write_toml(census: "Census", output: str | None) -> None:
    import sys

    from evtplan.export import write_whole
    from evtplan.fleet.fleet_text import fleet_toml

    data = fleet_toml(census.fleet, census.notes).encode()
    if output in (None, "-"):
        sys.stdout.buffer.write(data)
    else:
        write_whole(str(output), data)


def _record(census: "Census", by_device: bool) -> Record:
    guests = tuple(_guest_rows(census))
    sections = [
        Section("totals", "All channels by kind of device", tuple(_totals(census)), _TOTALS),
        Section("backends", "Backend domains", tuple(_backend_rows(census)), _BACKENDS),
    ]
    stubs = any(row["role"] != "guest" for row in guests)
    shown = _GUESTS if stubs else tuple(c for c in _GUESTS if c.name != "role")
    rows, columns, title = guests, shown, "Guests, one copy"
    if by_device:
        sections.insert(0, Section("guests", title, guests, shown))
        rows, columns, title = tuple(_device_rows(census)), _DEVICES, "Devices, one copy"
    extra = {"devices": [dict(row) for row in rows]} if by_device else {}
    notes = (*_shortages(census), *census.notes)
    return Record("fleet", rows, columns, title, sections=tuple(sections), notes=notes, extra=extra)


def _guest_rows(census: "Census") -> list[dict[str, Any]]:
    host = census.fleet.host
    return [
        {
            "name": item.guest.name,
            "role": role,
            "type": item.guest.type.value,
            "os": item.guest.os.value,
            "vcpus": item.guest.vcpus,
            "maxvcpus": item.guest.possible_vcpus,
            "copies": item.guest.copies,
            "domu_ports": item.domu_ports,
            "backend_ports": item.backend_ports,
            "highest_allowed_port": item.highest_allowed_port(host),
            "headroom_ports": item.highest_allowed_port(host) - item.domu_ports,
            "fleet_domu_ports": item.domu_ports * item.guest.copies,
            "fleet_backend_ports": item.backend_ports * item.guest.copies,
            "domid": item.guest.domid,
        }
        for role, item in _domains(census)
    ]


def _domains(census: "Census") -> list[tuple[str, Any]]:
    """Every guest, and after it the stub domain that each of its copies has."""
    found: list[tuple[str, Any]] = []
    for item in census.guests:
        found.append(("guest", item))
        if item.stub is not None:
            found.append(("stub domain", item.stub))
    return found


def _device_rows(census: "Census") -> list[dict[str, Any]]:
    return [
        {
            "name": item.guest.name,
            "role": role,
            "type": item.guest.type.value,
            "vcpus": item.guest.vcpus,
            "copies": item.guest.copies,
            **channels.columns,
        }
        for role, item in _domains(census)
        for channels in item.channels
    ]


def _totals(census: "Census") -> list[dict[str, Any]]:
    """All copies together, by kind of device, and the sum of them all."""
    found: dict[str, dict[str, Any]] = {}
    whole = {"device": "all", "count": None, "domu_ports": 0, "backend_ports": 0}
    for _, item in _domains(census):
        for channels in item.channels:
            row = found.setdefault(
                channels.device,
                {"device": channels.device, "count": 0, "domu_ports": 0, "backend_ports": 0},
            )
            row["count"] += channels.count * item.guest.copies
            for side in ("domu_ports", "backend_ports"):
                row[side] += getattr(channels, side) * item.guest.copies
                whole[side] += getattr(channels, side) * item.guest.copies
    return [*found.values(), whole]


def _backend_rows(census: "Census") -> list[dict[str, Any]]:
    return [
        {
            "backend": item.name,
            "base_ports": item.base_ports,
            "guest_ports": item.guest_ports,
            "ports": item.ports,
            "usable_ports": item.usable_ports,
            "headroom_ports": item.usable_ports - item.ports,
        }
        for item in census.backends
    ]


def _shortages(census: "Census") -> list[str]:
    """What does not fit: guests above their own limit, backends above the ABI's."""
    host = census.fleet.host
    short = [
        (item, item.highest_allowed_port(host))
        for _, item in _domains(census)
        if item.domu_ports > item.highest_allowed_port(host)
    ]
    notes = [
        f"{item.guest.name} needs {item.domu_ports} event channels and may use ports up to {limit}"
        for item, limit in short[:5]
    ]
    if len(short) > 5:
        notes.append(f"so do {len(short) - 5} more guests")
    notes.extend(
        f"{item.name} needs {item.ports} event channels; under {host.abi} it has "
        f"{item.usable_ports}"
        for item in census.backends
        if item.ports > item.usable_ports
    )
    return notes
