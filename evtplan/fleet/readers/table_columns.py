"""What the columns of a table of VMs mean, and the guest that a row makes."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from evtplan.errors import EvtplanError
from evtplan.fleet.model import DEVICE_KINDS, DOM0, Device, Guest, GuestType, OsFamily
from evtplan.fleet.readers.reading import backend_name

__all__ = [
    "COLUMNS",
    "NUMBERS",
    "Layout",
    "cell_number",
    "columns_noted",
    "guest_of_row",
    "layout_of",
    "shape_name",
]

# Our name of a column: the headings that mean it, compared without case, spaces and marks.
COLUMNS: dict[str, tuple[str, ...]] = {
    "name": ("vm", "vmname", "domain", "domainname", "guest", "hostname"),
    "type": ("virt", "virttype", "mode", "guesttype", "vmtype", "domaintype", "virtualization"),
    "vcpus": (
        "vcpu",
        "cpus",
        "cpu",
        "numcpus",
        "numcpu",
        "numvcpus",
        "vcpucount",
        "cpucount",
        "cores",
        "cpucores",
        "virtualcpus",
        "processors",
    ),
    "maxvcpus": ("maxvcpu", "vcpusmax", "maxcpus"),
    "copies": ("count", "quantity", "instances", "replicas"),
    "os": (
        "osfamily",
        "guestos",
        "operatingsystem",
        "ostype",
        "osaccordingtotheconfigurationfile",
    ),
    "max_event_channels": ("maxeventchannels", "eventchannels", "maxevtchn"),
    "ioreq_servers": ("ioreq",),
    "pirqs": ("irqs",),
    "stubdomain": ("stubdom", "devicemodelstubdomainoverride"),
    "vifs": (
        "vif",
        "nics",
        "nic",
        "nets",
        "net",
        "networks",
        "interfaces",
        "numnics",
        "vnics",
        "networkinterfaces",
        "networkadapters",
    ),
    "vbds": ("vbd", "disks", "disk", "numdisks", "vdis", "vdi", "virtualdisks", "harddisks"),
    "vif_queues": ("queues", "vifqueues"),
    "vif_split": ("split",),
    "vif_control": ("control",),
    "vif_backend": ("netbackend", "networkbackend"),
    "vbd_rings": ("rings", "diskrings"),
    "vbd_backend": ("diskbackend", "blockbackend"),
    "pci_vectors": ("vectors", "msixvectors"),
    **{
        kind: (f"{kind}s", kind.replace("_", ""))
        for kind in DEVICE_KINDS
        if kind not in ("vif", "vbd")
    },
}

_TEXTS = frozenset(["name", "type", "os", "vif_backend", "vbd_backend"])
_FLAGS = frozenset(["stubdomain", "vif_split", "vif_control"])
# Columns of whole numbers, which are read as such where they can be.
NUMBERS = frozenset(COLUMNS) - _TEXTS - _FLAGS

_OTHER_KINDS = frozenset(DEVICE_KINDS) - {"vif", "vbd"}

_LINUX = re.compile("linux|ubuntu|debian|centos|red ?hat|rhel|suse|fedora|alpine|rocky|alma|arch")
_TRUE = frozenset(["1", "true", "yes", "y", "on", "t"])
_FALSE = frozenset(["", "0", "false", "no", "n", "off", "f"])

Cell = str | int | None


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column of a table has what: our name to the heading it stands under."""

    headings: Mapping[str, str]
    unknown: tuple[str, ...]

    @property
    def shape(self) -> tuple[str, ...]:
        """The columns that channels depend on, or the number of VMs."""
        return tuple(column for column in self.headings if column != "name")


def _key(heading: str) -> str:
    return re.sub(r"[^a-z0-9]", "", heading.lower())


_BY_KEY: dict[str, str] = {
    **{_key(alias): column for column, aliases in COLUMNS.items() for alias in aliases},
    **{_key(column): column for column in COLUMNS},
}


def layout_of(headings: Iterable[str]) -> Layout:
    """The layout of a table with these headings; of two with one meaning the first counts."""
    found: dict[str, str] = {}
    unknown = []
    for heading in headings:
        column = _BY_KEY.get(_key(heading))
        if column is None or column in found:
            unknown.append(heading)
        else:
            found[column] = heading
    return Layout(found, tuple(unknown))


def guest_of_row(cells: Mapping[str, Cell], name: str) -> Guest:
    """The guest of a row, `cells` by our names of columns; empty cells have their defaults.

    Raises `EvtplanError` for a cell that says what cannot be.
    """
    numbers = {
        column: cell_number(column, cell) for column, cell in cells.items() if column in NUMBERS
    }
    kind = _type(cells.get("type"))
    vcpus = _least_one("vcpus", numbers.get("vcpus"), 1)
    stub = kind is GuestType.HVM and _flag("stubdomain", cells.get("stubdomain"))
    return Guest(
        name=name,
        type=kind,
        vcpus=vcpus,
        maxvcpus=numbers.get("maxvcpus") or None,
        os=_os(cells.get("os")),
        devices=_devices(cells, numbers),
        copies=_least_one("copies", numbers.get("copies"), 1),
        max_event_channels=numbers.get("max_event_channels") or None,
        ioreq_servers=numbers.get("ioreq_servers"),
        emulator=f"{name}-dm" if stub else DOM0,
        pirqs=numbers.get("pirqs") or 0,
    )


# The VMs of a table have few different devices.
_device = lru_cache(maxsize=4096)(Device)


def _devices(cells: Mapping[str, Cell], numbers: Mapping[str, int | None]) -> tuple[Device, ...]:
    found = []
    vifs, vbds = numbers.get("vifs"), numbers.get("vbds")
    if vifs:
        split = cells.get("vif_split")
        found.append(
            _device(
                "vif",
                count=vifs,
                backend=backend_name(str(cells.get("vif_backend") or "")),
                queues=numbers.get("vif_queues") or None,
                split=None if split in (None, "") else _flag("vif_split", split),
                control=_flag("vif_control", cells.get("vif_control")),
            )
        )
    if vbds:
        backend = backend_name(str(cells.get("vbd_backend") or ""))
        rings = numbers.get("vbd_rings") or None
        found.append(_device("vbd", count=vbds, backend=backend, rings=rings))
    if not _OTHER_KINDS.isdisjoint(numbers):
        for kind in DEVICE_KINDS:
            number = numbers.get(kind)
            if number:
                channels = numbers.get("pci_vectors") if kind == "pci" else None
                found.append(_device(kind, count=number, channels=channels))
    return tuple(found)


def cell_number(column: str, cell: Cell) -> int | None:
    """The whole number in a cell, None where it is empty. Raises `EvtplanError` for another."""
    if cell is None or isinstance(cell, int):
        return cell
    text = cell.strip()
    if not text or text.lower() in ("na", "n/a", "nan", "null", "none", "-"):
        return None
    # With three digits behind it a mark may be one of thousands.
    whole = re.fullmatch(r"([0-9]{1,18})([.,](0{0,2}|0{4,}))?", text)
    if whole is None:
        raise EvtplanError(f"{column} is {text[:40]!r}; it must be a whole number")
    return int(whole.group(1))


def _least_one(column: str, number: int | None, default: int) -> int:
    if number is not None and number < 1:
        raise EvtplanError(f"{column} is {number}; it must be at least 1")
    return default if number is None else number


_TYPES = {
    "": GuestType.PV, "pv": GuestType.PV, "paravirt": GuestType.PV, "xenpv": GuestType.PV,
    "paravirtual": GuestType.PV, "paravirtualized": GuestType.PV,
    "pvh": GuestType.PVH, "xenpvh": GuestType.PVH,
    "hvm": GuestType.HVM, "pvhvm": GuestType.HVM, "xenfv": GuestType.HVM,
    "fullvirt": GuestType.HVM,
}  # fmt: skip


def _type(cell: Cell) -> GuestType:
    text = str(cell or "").strip().lower()
    if text not in _TYPES:
        raise EvtplanError(f"type is {text[:40]!r}; it must be pv, pvh or hvm")
    return _TYPES[text]


@lru_cache(maxsize=256)
def _os(cell: Cell) -> OsFamily:
    text = str(cell or "").strip().lower()
    if text in tuple(OsFamily):
        return OsFamily(text)
    if not text or _LINUX.search(text):
        return OsFamily.LINUX
    return OsFamily.WINDOWS if "windows" in text else OsFamily.OTHER


def _flag(column: str, cell: Cell) -> bool:
    text = str(cell if cell is not None else "").strip().lower()
    if text not in _TRUE and text not in _FALSE:
        raise EvtplanError(f"{column} is {text[:40]!r}; it must be 1 or 0, true or false")
    return text in _TRUE


def shape_name(guest: Guest, taken: set[str]) -> str:
    """A name for VMs alike, from what they have, that is none of `taken`."""
    parts = [guest.type.value, f"{guest.vcpus}vcpu"]
    parts.extend(f"{device.count}{device.kind}" for device in guest.devices)
    if guest.os is not OsFamily.LINUX:
        parts.append(guest.os.value)
    name = "-".join(parts)
    if name not in taken:
        return name
    number = 2
    while f"{name}-{number}" in taken:
        number += 1
    return f"{name}-{number}"


def columns_noted(layout: Layout) -> list[str]:
    """Remarks on the columns that a table lacks and on those that are not read."""
    notes = []
    if "type" not in layout.headings:
        notes.append("a table without a type column: pv is taken")
    missing = [column for column in ("vcpus", "vifs", "vbds") if column not in layout.headings]
    if missing:
        taken = {"vcpus": "1 VCPU", "vifs": "no vif", "vbds": "no vbd"}
        notes.append(
            f"a table without columns for {', '.join(missing)}: "
            f"{', '.join(taken[column] for column in missing)} each is taken"
        )
    if layout.unknown:
        names = ", ".join(repr(name[:40]) for name in layout.unknown[:20])
        more = len(layout.unknown) - 20
        notes.append(f"columns not read: {names}" + (f" and {more} more" if more > 0 else ""))
    return notes
