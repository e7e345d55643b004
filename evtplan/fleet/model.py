"""What is to be hosted: a host, its guests, and their devices."""

from dataclasses import dataclass, field, fields
from enum import StrEnum

from evtplan.abi import ARCHITECTURES, NEWEST, abi_named, release_named
from evtplan.errors import EvtplanError, UnknownNameError, ValueOutOfRangeError

__all__ = [
    "DEVICE_KINDS",
    "DOM0",
    "Device",
    "Fleet",
    "Guest",
    "GuestType",
    "Host",
    "OsFamily",
]

DOM0 = "dom0"

# Far above anything a host can hold, far below where a product of two would stop being a number
# that a person can check.
MOST = 10**9

# The devices of which a guest may have any number, each with an event channel or more.
DEVICE_KINDS: tuple[str, ...] = (
    "vif",
    "vbd",
    "console",
    "channel",
    "vkb",
    "vfb",
    "vtpm",
    "scsi",
    "usbctrl",
    "9pfs",
    "pvcalls",
    "vdispl",
    "vsnd",
    "pci",
    "vm_event",
    "vpl011",
    "vchan",
)


class GuestType(StrEnum):
    """How a guest is virtualised."""

    PV = "pv"
    PVH = "pvh"
    HVM = "hvm"


class OsFamily(StrEnum):
    """Whose drivers a guest runs; `none` is an HVM guest without any PV drivers."""

    LINUX = "linux"
    WINDOWS = "windows"
    OTHER = "other"
    NONE = "none"


def _number(name: str, value: object, least: int = 0) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueOutOfRangeError(name, value, "a whole number")
    if not least <= value <= MOST:
        raise ValueOutOfRangeError(name, value, f"from {least} to 10^9")


@dataclass(frozen=True, slots=True)
class Device:
    """`count` like devices of one kind, their other ends in the domain `backend`.

    What is None takes the driver's default: `queues` of a vif, `split` (a vif's own channel for
    each direction), `rings` of a vbd; `control` adds a vif's control ring; `channels` is the
    number for kinds that open as many as their user likes (vdispl connectors, vsnd streams,
    pvcalls sockets, PIRQs of a pci device).
    """

    kind: str
    count: int = 1
    backend: str = DOM0
    queues: int | None = None
    split: bool | None = None
    control: bool = False
    rings: int | None = None
    channels: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in DEVICE_KINDS:
            raise UnknownNameError("device kind", self.kind, DEVICE_KINDS)
        for name in ("count", "queues", "rings", "channels"):
            value = getattr(self, name)
            if value is not None:
                _number(f"{self.kind} {name}", value, 0 if name == "channels" else 1)
        if not self.backend:
            raise EvtplanError(f"{self.kind}: the backend domain has no name")


@dataclass(frozen=True, slots=True)
class Guest:
    """`copies` like guests. `maxvcpus` None is `vcpus`; `max_event_channels` None is the
    toolstack's default, and is the highest port number the guest may use.

    `ioreq_servers` None is one for an HVM guest (its QEMU) and none otherwise; `emulator` is the
    domain that QEMU runs in: dom0, or a stub domain, which every copy has its own of.
    `spinlock_kicker` False leaves that IPI out (nopvspin). `domid` is known only of a guest that
    was seen running.
    """

    name: str
    type: GuestType = GuestType.PV
    vcpus: int = 1
    maxvcpus: int | None = None
    os: OsFamily = OsFamily.LINUX
    devices: tuple[Device, ...] = ()
    copies: int = 1
    max_event_channels: int | None = None
    ioreq_servers: int | None = None
    emulator: str = DOM0
    pirqs: int = 0
    spinlock_kicker: bool = True
    domid: int | None = None

    def __post_init__(self) -> None:
        if type(self.type) is not GuestType or type(self.os) is not OsFamily:
            self._take_names()
        if not self.emulator:
            raise EvtplanError(f"guest {self.name}: the emulator's domain has no name")
        _number(f"guest {self.name}: vcpus", self.vcpus, 1)
        _number(f"guest {self.name}: copies", self.copies, 1)
        for name in ("maxvcpus", "max_event_channels", "ioreq_servers", "pirqs", "domid"):
            value = getattr(self, name)
            if value is not None:
                _number(f"guest {self.name}: {name}", value)
        if self.maxvcpus is not None and self.maxvcpus < self.vcpus:
            raise ValueOutOfRangeError(
                f"guest {self.name}: maxvcpus", self.maxvcpus, f"at least vcpus, {self.vcpus}"
            )

    def _take_names(self) -> None:
        try:
            object.__setattr__(self, "type", GuestType(self.type))
            object.__setattr__(self, "os", OsFamily(self.os))
        except ValueError:
            known = (*GuestType, *OsFamily)
            bad = self.type if self.type not in tuple(GuestType) else self.os
            raise UnknownNameError(f"guest {self.name}: type or os", str(bad), known) from None

    @property
    def possible_vcpus(self) -> int:
        """VCPUs the guest can ever have."""
        return self.vcpus if self.maxvcpus is None else self.maxvcpus

    @property
    def servers(self) -> int:
        """ioreq servers, by default QEMU for an HVM guest."""
        if self.ioreq_servers is not None:
            return self.ioreq_servers
        return 1 if self.type is GuestType.HVM else 0


@dataclass(frozen=True, slots=True)
class Host:
    """The host: its ABI and release, dom0, and what the toolstack allows a guest.

    `pages` None is what the release and architecture can map; `base_ports` None counts dom0's
    own ports from `dom0_vcpus`, `dom0_virqs` and `pirqs` (None: one a physical CPU), and gives
    every other backend domain those of a Linux PV guest with one VCPU. `vif_queues` and
    `vbd_rings` are the most a backend offers (None: a queue or ring for each of its VCPUs, the
    drivers' default), `vif_split` whether netback splits transmit and receive.
    """

    name: str = "host"
    abi: str = "fifo"
    xen: str = NEWEST
    arch: str = "x86-64"
    dom0_vcpus: int = 8
    dom0_virqs: int = 4
    physical_cpus: int | None = None
    pirqs: int | None = None
    toolstack: str = "libxl"
    pages: int | None = None
    words_per_page: int = 1024
    base_ports: int | None = None
    vif_queues: int | None = None
    vif_split: bool = True
    vbd_rings: int | None = None

    def __post_init__(self) -> None:
        abi_named(self.abi)
        release_named(self.xen)
        if self.arch not in ARCHITECTURES:
            raise UnknownNameError("architecture", self.arch, ARCHITECTURES)
        if self.toolstack not in _TOOLSTACK_LIMITS:
            raise UnknownNameError("toolstack", self.toolstack, _TOOLSTACK_LIMITS)
        for item in fields(self):
            value = getattr(self, item.name)
            if item.type in ("int", "int | None", int, int | None) and value is not None:
                _number(f"host {item.name}", value, 0 if item.name in _MAY_BE_ZERO else 1)

    @property
    def default_max_event_channels(self) -> int | None:
        """The highest port a guest may use unless it says otherwise; None is no limit."""
        return _TOOLSTACK_LIMITS[self.toolstack]


_MAY_BE_ZERO = frozenset(["dom0_virqs", "pirqs", "base_ports"])

# tools/libs/light/libxl_create.c; xen-api ocaml/xenopsd/xc/domain.ml
_TOOLSTACK_LIMITS: dict[str, int | None] = {"libxl": 1023, "xenopsd": None}


@dataclass(frozen=True, slots=True)
class Fleet:
    """A host and the guests planned for it; `notes` is what their files left open."""

    guests: tuple[Guest, ...]
    host: Host = field(default_factory=Host)
    name: str = "fleet"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "guests", tuple(self.guests))
        if not self.guests:
            raise EvtplanError(f"{self.name} has no guests", "a fleet needs at least one")

    @property
    def vms(self) -> int:
        """Guests, copies counted."""
        return sum(guest.copies for guest in self.guests)
