"""What a domain configuration says in any format, and the guest it makes.

Every reader of domain configurations fills a `DomainDescription`; the rules that decide which
devices cost a channel stand here once, so that two formats describing one domain agree.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from evtplan.errors import EvtplanError
from evtplan.fleet.model import DOM0, Device, Guest, GuestType, OsFamily
from evtplan.fleet.readers.reading import printable

__all__ = ["Disk", "DomainDescription", "UsbController", "counted", "guest_of"]

# Toolstacks take far shorter names; a longer one is no name.
_LONGEST_NAME = 1024
# The order in which devices are counted, whatever the format and the order in its files.
_ORDER = (
    "vif", "vtpm", "9pfs", "pvcalls", "channel", "pci", "scsi", "vdispl", "vsnd", "vpl011",
    "vbd", "vfb", "vkb", "usbctrl",
)  # fmt: skip
# USB devices that fit on a controller which the toolstack makes by itself.
_PORTS_OF_A_CONTROLLER = 8


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk as far as channels go; `virtio` ones have no Xen frontend."""

    backend: str = DOM0
    cdrom: bool = False
    floppy: bool = False
    virtio: bool = False
    # "qdisk" or "tap": a backend outside the kernel, which offers rings of its own number.
    backendtype: str | None = None


@dataclass(frozen=True, slots=True)
class UsbController:
    """A USB controller; of `type` auto, pv, qusb (paravirtual) or devicemodel (emulated); with
    the toolstack's number of `ports` where None is given.
    """

    type: str = "auto"
    backend: str = DOM0
    ports: int | None = None


@dataclass(frozen=True, slots=True)
class DomainDescription:
    """One domain as its configuration describes it.

    `devices` are those that cost the same in every type of guest. `framebuffers` and `keyboards`
    name their backends; a framebuffer's own keyboard is among the keyboards. `keyboard_asked` is
    the setting vkb_device, None where it is not given. `virtio` says that there are virtio devices
    other than disks, `hvm_pirqs` is the setting hvm_pirq, `shim` the setting pvshim.
    """

    name: str
    type: GuestType
    vcpus: int
    maxvcpus: int
    max_event_channels: int | None = None
    disks: tuple[Disk, ...] = ()
    devices: tuple[Device, ...] = ()
    framebuffers: tuple[str, ...] = ()
    keyboards: tuple[str, ...] = ()
    usb_controllers: tuple[UsbController, ...] = ()
    usb_devices: int = 0
    irqs: int = 0
    stub_domain: bool = False
    platform_device: bool = True
    keyboard_asked: bool | None = None
    virtio: bool = False
    hvm_pirqs: bool = False
    shim: bool = False
    domid: int | None = None


def guest_of(domain: DomainDescription) -> tuple[Guest, tuple[str, ...]]:
    """The guest that `domain` makes, and remarks on what was left out or assumed.

    Raises `EvtplanError` for numbers that cannot be.
    """
    notes: dict[str, None] = {}
    if len(domain.name) > _LONGEST_NAME:
        raise EvtplanError(f"a name of {len(domain.name)} characters")
    hvm = domain.type is GuestType.HVM
    devices = [
        *domain.devices,
        *_disks(domain, notes),
        *_screens(domain, notes),
        *_usb(domain, notes),
    ]
    devices.sort(key=_rank)
    _remark(domain, notes)
    drivers = OsFamily.LINUX
    if hvm and not domain.platform_device:
        drivers = OsFamily.NONE
        notes["xen_platform_pci = 0: the guest finds no PV drivers; its devices cost nothing"] = (
            None
        )
    stub = domain.stub_domain and hvm
    name = printable(domain.name)
    guest = Guest(
        name=name,
        type=domain.type,
        vcpus=domain.vcpus,
        maxvcpus=None if domain.maxvcpus == domain.vcpus else domain.maxvcpus,
        os=drivers,
        devices=counted(devices),
        max_event_channels=domain.max_event_channels,
        emulator=f"{name}-dm" if stub else DOM0,
        pirqs=domain.irqs,
        domid=domain.domid,
    )
    return guest, tuple(notes)


def _remark(domain: DomainDescription, notes: dict[str, None]) -> None:
    """Say what may cost channels and is not counted."""
    hvm = domain.type is GuestType.HVM
    if domain.virtio or any(disk.virtio for disk in domain.disks):
        # In HVM the emulator serves them, whose ioreq server is counted.
        server = (
            "what serves them registers an ioreq server, possible VCPUs + 1 ports, which is not "
            "counted: set ioreq_servers"
        )
        own = "virtio devices have no event channels of their own"
        notes[own if hvm else f"{own}; {server}"] = None
    if hvm and domain.hvm_pirqs:
        notes[
            "hvm_pirq = 1: interrupts of emulated devices may come over event channels too, some "
            "five in Linux, which are not counted: set pirqs"
        ] = None
    elif hvm and any(device.kind == "pci" for device in domain.devices):
        notes[
            "PCI devices of an HVM guest are counted as if hvm_pirq = 1, which was the default "
            "before Xen 4.19; without it their interrupts are no event channels"
        ] = None
    if domain.shim:
        notes[
            "pvshim = 1: the guest is counted as a PVH one; the channels of the PV kernel's own "
            "VCPUs end in the shim"
        ] = None


def _rank(device: Device) -> tuple[int, bool, str]:
    """Devices by kind, those of dom0 before those of other backends."""
    return _ORDER.index(device.kind), device.backend != DOM0, device.backend


def counted(devices: Iterable[Device]) -> tuple[Device, ...]:
    """Equal devices as one with their count, in order of first appearance."""
    found: dict[Device, int] = {}
    for device in devices:
        one = device if device.count == 1 else replace(device, count=1)
        found[one] = found.get(one, 0) + device.count
    return tuple(
        device if count == 1 else replace(device, count=count) for device, count in found.items()
    )


def _disks(domain: DomainDescription, notes: dict[str, None]) -> Iterable[Device]:
    for disk in domain.disks:
        if disk.virtio:
            continue
        if disk.floppy:
            notes["a floppy drive is emulated: no channel"] = None
        elif disk.cdrom and domain.type is GuestType.HVM:
            notes[
                "a CD-ROM of an HVM guest costs no channel: Linux's blkfront leaves it to the "
                "emulated drive"
            ] = None
        else:
            if disk.backendtype in ("qdisk", "tap"):
                notes[
                    "a qdisk or tap backend offers its own number of rings; blkback's default "
                    "is taken"
                ] = None
            yield Device("vbd", backend=disk.backend)


def _screens(domain: DomainDescription, notes: dict[str, None]) -> Iterable[Device]:
    if domain.type is not GuestType.HVM:
        yield from (Device("vfb", backend=name) for name in domain.framebuffers)
        yield from (Device("vkb", backend=name) for name in domain.keyboards)
        return
    if domain.framebuffers:
        notes["an HVM guest's screen is emulated: a vfb and its keyboard cost no channel"] = None
    # A framebuffer brings a keyboard with it, which libxl leaves out with it.
    for name in domain.keyboards[len(domain.framebuffers) :]:
        yield Device("vkb", backend=name)
    if len(domain.keyboards) <= len(domain.framebuffers):
        if domain.keyboard_asked:
            yield Device("vkb")
        elif domain.keyboard_asked is None and domain.platform_device:
            notes[
                "an HVM guest's default keyboard (vkb_device) is not counted: where the guest "
                "drives it, it costs 1 channel on either side; vkb_device = 1 counts it"
            ] = None


def _usb(domain: DomainDescription, notes: dict[str, None]) -> Iterable[Device]:
    """Those given, and those that the toolstack adds for devices that find no port on them."""
    ports = sum(item.ports or _PORTS_OF_A_CONTROLLER for item in domain.usb_controllers)
    waiting = domain.usb_devices - ports
    added = max(0, -(-waiting // _PORTS_OF_A_CONTROLLER))
    for controller in (*domain.usb_controllers, *[UsbController()] * added):
        emulated = controller.type == "devicemodel" or (
            controller.type == "auto" and domain.type is GuestType.HVM
        )
        if emulated:
            notes["an emulated USB controller costs no channel"] = None
        else:
            yield Device("usbctrl", backend=controller.backend)
