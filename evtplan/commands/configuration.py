"""The options that say what is to be sized, by fleet or by numbers, and how they are read.

Every command that sizes takes these, so that a line that worked with one works with the next.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evtplan.commands.fleet_files import fleet_from
from evtplan.commands.names import abis_in
from evtplan.errors import EvtplanError, ValueOutOfRangeError

if TYPE_CHECKING:
    from evtplan.fleet.model import Fleet
    from evtplan.plans.answers import Sizing
    from evtplan.plans.sizing import SizingInputs

__all__ = [
    "AbiOption",
    "ArchOption",
    "BackendBasePortsOption",
    "BackendsOption",
    "CopiesOption",
    "DriverDomainsOption",
    "EventsPerVmOption",
    "FailUnderOption",
    "FleetArgument",
    "GuestPageBytesOption",
    "PagesOption",
    "VcpusOption",
    "VmsOption",
    "WordsPerPageOption",
    "XenOption",
    "fleet_given",
    "inputs_given",
    "refuse",
    "sized",
]

FleetArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FLEET]...",
        help="Fleet files (TOML), domain configurations (xl.cfg, libvirt XML), tables of VMs "
        "(CSV, Parquet): all that evtplan fleet reads; - is stdin. Without any, size by numbers "
        "with --events-per-vm.",
        show_default=False,
    ),
]
AbiOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="ABI to size, also several (repeat it or separate with commas), or all: "
        "2l-32, 2l-64, 3l-32, 3l-64, fifo-draft-a, fifo.  [default: fifo, or the fleet's]",
        show_default=False,
    ),
]
VmsOption = Annotated[
    int | None, typer.Option(min=1, help="VMs to plan for (count); without it, as many as fit.")
]
EventsPerVmOption = Annotated[
    int | None,
    typer.Option(
        min=1, help="E_V: event channels per VM (count); each has its other end in a backend."
    ),
]
VcpusOption = Annotated[
    int | None,
    typer.Option(
        min=1, help="VCPUs per VM (count), for control blocks; without it they are left out."
    ),
]
PagesOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="P: pages for event arrays and control blocks (4 KiB pages); without it, what "
        "the release and architecture can map.",
    ),
]
WordsPerPageOption = Annotated[
    int | None, typer.Option(min=1, help="E_P: event words per page (count).  [default: 1024]")
]
BackendsOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Domains that hold the other ends (count), dom0 and driver domains alike.  "
        "[default: 1, dom0]",
    ),
]
BackendBasePortsOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Ports each backend domain needs for itself (count); published dom0 figures are "
        "20 to 200.  [default: 0 by numbers, counted for a fleet]",
    ),
]
DriverDomainsOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="D: driver domains of maximum size (count), for the draft's second method only; "
        "the exact limits go by --backends.",
    ),
]
XenOption = Annotated[
    str | None,
    typer.Option(
        metavar="RELEASE",
        help="Xen release, for struct sizes and mapping space, 4.3 to 4.22.  [default: 4.22; by "
        "numbers 4.3 for fifo-draft-a, 3l-32 and 3l-64]",
    ),
]
ArchOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Host architecture: x86-64, arm64, arm32.  [default: x86-64]"
    ),
]
GuestPageBytesOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Page size of the kernels (bytes), of which each array page and control block takes "
        "a whole one; 65536 on some Arm hosts.  [default: 4096]",
    ),
]
CopiesOption = Annotated[
    int | None,
    typer.Option(min=1, help="VMs of each configuration given (count).  [default: 1]"),
]
FailUnderOption = Annotated[
    int | None,
    typer.Option(min=1, help="Exit 1 when fewer VMs than this fit (count); data come first."),
]

# Options whose names in the model differ from their own.
_OF_HOST = {"backend_base_ports": "base_ports"}


def refuse(options: Mapping[str, Any], why: str) -> None:
    """Raise `EvtplanError` for the first of `options` that was given."""
    for name, value in options.items():
        if value is not None:
            raise EvtplanError(f"{name} {why}", "see --help")


def option_of(name: str) -> str:
    """The option that sets the field `name`: `events_per_vm` is --events-per-vm."""
    return "--" + name.replace("_", "-")


def sized(files: list[str], abi: list[str] | None, given: Mapping[str, Any]) -> "Sizing":
    """The sizing of the fleet in `files`, or by numbers where there are none."""
    from evtplan.plans.fleet_sizing import size_fleet
    from evtplan.plans.sizing import size_by_numbers

    if not files:
        abis, remark = abis_in(abi, [given.get("arch") or "x86-64"])
        return _remarked(size_by_numbers(inputs_given(abis or ("fifo",), given)), remark)
    abis_in(abi, ())  # a slip in a name is told before files are read
    options = ("backends", "driver_domains", "guest_page_bytes")
    chosen = {name: given[name] for name in options if given.get(name) is not None}
    fleet = fleet_given(files, given)
    abis, remark = abis_in(abi, [fleet.host.arch])
    return _remarked(size_fleet(fleet, abis, **chosen), remark)


def _remarked(sizing: "Sizing", remark: str) -> "Sizing":
    from dataclasses import replace

    return replace(sizing, notes=(remark, *sizing.notes)) if remark else sizing


def inputs_given(abis: tuple[str, ...], given: Mapping[str, Any]) -> "list[SizingInputs]":
    """Sizings by numbers, one an ABI. Raises `EvtplanError` where E_V is missing."""
    from evtplan.plans.sizing import SizingInputs

    refuse({"--copies": given.get("copies"), "--from": given.get("from_format")}, "needs a fleet")
    numbers = {name: value for name, value in given.items() if value is not None}
    if "events_per_vm" not in numbers:
        raise EvtplanError(
            "nothing to size", "give --events-per-vm, a fleet file, or domain configurations"
        )
    try:
        return [SizingInputs(abi=name, **numbers) for name in abis]
    except ValueOutOfRangeError as error:
        raise ValueOutOfRangeError(option_of(error.name), error.value, error.allowed) from None


def fleet_given(files: list[str], given: Mapping[str, Any]) -> "Fleet":
    """The fleet in `files`, its host as the options say.

    Raises `EvtplanError` for an option that only sizing by numbers has.
    """
    from dataclasses import replace

    for name in ("vms", "vcpus", "events_per_vm"):
        refuse(
            {option_of(name): given.get(name)},
            "is for sizing by numbers; the fleet says it itself",
        )
    of_host = ("pages", "words_per_page", "xen", "arch", "backend_base_ports")
    host = {_OF_HOST.get(n, n): given[n] for n in of_host if given.get(n) is not None}
    fleet = fleet_from(files, given.get("from_format"), given.get("copies") or 1)
    try:
        return replace(fleet, host=replace(fleet.host, **host))
    except ValueOutOfRangeError as error:
        field = error.name.removeprefix("host ")
        name = next((n for n in of_host if _OF_HOST.get(n, n) == field), field)
        raise ValueOutOfRangeError(option_of(name), error.value, error.allowed) from None
