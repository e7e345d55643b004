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
# The order in which devices of `DomainDescription.devices` are counted, whatever the format.
_ORDER = ("vif", "vtpm", "9pfs", "pvcalls", "channel", "pci", "vdispl", "vsnd", "vpl011")
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
    """A USB controller; of `type` auto, pv, qusb (paravirtual) or devicemodel (emulated)."""

    type: str = "auto"
    backend: str = DOM0


@dataclass(frozen=True, slots=True)
class DomainDescription:
    """One domain as its configuration describes it.

    `devices` are those that cost the same in every type of guest. `framebuffers` and `keyboards`
    name their backends; a framebuffer's own keyboard is among the keyboards. `keyboard_asked` is
    the setting vkb_device, None where it is not given.
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
        *sorted(domain.devices, key=lambda device: _ORDER.index(device.kind)),
        *_disks(domain, notes),
        *_screens(domain, notes),
        *_usb(domain, notes),
    ]
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
            notes["a virtio disk has no event channel of its own"] = None
        elif disk.floppy:
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
    controllers = domain.usb_controllers
    if domain.usb_devices and not controllers:
        controllers = (UsbController(),) * -(-domain.usb_devices // _PORTS_OF_A_CONTROLLER)
    for controller in controllers:
        emulated = controller.type == "devicemodel" or (
            controller.type == "auto" and domain.type is GuestType.HVM
        )
        if emulated:
            notes["an emulated USB controller costs no channel"] = None
        else:
            yield Device("usbctrl", backend=controller.backend)
