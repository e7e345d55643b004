"""Which device costs which channel on which side, and who says so."""

from collections.abc import Iterator
from dataclasses import dataclass

from evtplan.abi import abi_named
from evtplan.fleet.model import DOM0, Device, Guest, GuestType, Host, OsFamily
from evtplan.formulas import kernels

__all__ = ["Channels", "channels_of", "local_ports_per_vcpu"]


@dataclass(frozen=True, slots=True)
class Channels:
    """Channels of `count` like devices of one guest: `domu_ports` in the guest and
    `backend_ports` in the domain `backend` (None for local ones).
    """

    device: str
    count: int
    domu_ports: int
    backend_ports: int
    backend: str | None
    rule: str
    source: str

    @property
    def kind(self) -> str:
        """`pair` where each channel has an other end, `local` where none has, else `both`."""
        if self.backend_ports == 0:
            return "local"
        return "pair" if self.backend_ports == self.domu_ports else "both"


# Kinds with a fixed number of channels each: rule and source.
_FIXED: dict[str, tuple[int, str, str]] = {
    "console": (1, "1 each", "Linux hvc_xen.c:436"),
    "vkb": (1, "1 each", "Linux xen-kbdfront.c:434"),
    "vfb": (1, "1 each", "Linux xen-fbfront.c:560"),
    "vtpm": (1, "1 each", "Linux xen-tpmfront.c:262"),
    "scsi": (1, "1 each", "Linux xen-scsifront.c:804"),
    "usbctrl": (1, "1 each", "Linux xen-hcd.c:1131"),
    "9pfs": (2, "2 rings each", "Linux net/9p/trans_xen.c:22,363"),
    "vm_event": (1, "1 a ring", "xen/common/vm_event.c:89"),
    "vpl011": (1, "1 each", "xen/arch/arm/vpl011.c:707"),
    "vchan": (1, "1 each", "tools/libs/vchan/init.c:391"),
}

# Kinds that open as many as their user asks: fixed part, channels a unit, default units, rule.
_COUNTED: dict[str, tuple[int, int, int, str, str]] = {
    "pvcalls": (1, 1, 0, "1, and 1 an open socket", "Linux pvcalls-front.c:437,1258"),
    "vdispl": (0, 2, 1, "2 a connector", "Linux xen_drm_front_evtchnl.c:223"),
    "vsnd": (0, 2, 1, "2 a stream", "Linux xen_snd_front_evtchnl.c:291"),
}


def local_ports_per_vcpu(guest: Guest, host: Host) -> tuple[int, str]:
    """A guest's own channels for each VCPU under the host's ABI, and what they are."""
    if guest.os is OsFamily.NONE:
        return 0, "no PV drivers"
    if host.arch != "x86-64":
        return 0, "Arm: timers and IPIs are not event channels"
    if guest.type is GuestType.PV:
        parts = ["timer", "3 IPIs", "irq_work"]
        ports = 5
    else:
        parts = ["timer", "3 IPIs"]
        ports = 4
    if guest.spinlock_kicker and guest.possible_vcpus > 1:
        ports, parts = ports + 1, [*parts, "spinlock kicker"]
    if not abi_named(host.abi).event_words:
        ports, parts = ports + 1, [*parts, "debug VIRQ"]
    return ports, " + ".join(parts)


def channels_of(guest: Guest, host: Host) -> Iterator[Channels]:
    """Every channel of one copy of `guest`, device by device."""
    yield Channels("xenstore", 1, 1, 1, DOM0, "1, both ends", "libxl_dom.c:371; xenstored")
    yield Channels("console", 1, 1, 1, DOM0, "1, every guest type", "libxl_dom.c:372; xenconsoled")
    if guest.os is not OsFamily.NONE:
        for device in guest.devices:
            yield _device(device, guest, host)
    yield from _emulators(guest)
    ports, parts = local_ports_per_vcpu(guest, host)
    if ports:
        total = kernels.channels_local_ports(ports, guest.vcpus)
        rule = f"{ports} a VCPU: {parts}"
        yield Channels("vcpu", guest.vcpus, total, 0, None, rule, "Linux 6.12 arch/x86/xen")
    if guest.pirqs:
        yield Channels("pirq", guest.pirqs, guest.pirqs, 0, None, "1 each", "events_base.c:874")


def _device(device: Device, guest: Guest, host: Host) -> Channels:
    if device.kind == "vif":
        return _vif(device, guest, host)
    if device.kind == "vbd":
        return _vbd(device, guest, host)
    if device.kind == "pci":
        return _pci(device, guest)
    if device.kind in _COUNTED:
        fixed, each, default, rule, source = _COUNTED[device.kind]
        units = default if device.channels is None else device.channels
        ports = fixed + each * units
    else:
        ports, rule, source = _FIXED[device.kind]
    total = ports * device.count
    return Channels(device.kind, device.count, total, total, device.backend, rule, source)


def _vif(device: Device, guest: Guest, host: Host) -> Channels:
    linux = guest.os is OsFamily.LINUX
    queues = device.queues or kernels.channels_vif_queues(host.dom0_vcpus, guest.vcpus)
    split = device.split if device.split is not None else True
    ports = kernels.channels_vif_ports(queues, 2 if split else 1, int(device.control))
    how = "given" if device.queues else f"min(8, {host.dom0_vcpus} dom0, {guest.vcpus} domU CPUs)"
    rule = f"{queues} queues ({how}) × {2 if split else 1}"
    if device.control:
        rule += " + control ring"
    if not linux and device.queues is None:
        rule += "; Linux's defaults taken for this OS"
    total = ports * device.count
    source = "Linux xen-netfront.c:1918; xen-netback/interface.c:749"
    return Channels("vif", device.count, total, total, device.backend, rule, source)


def _vbd(device: Device, guest: Guest, host: Host) -> Channels:
    rings = device.rings or kernels.channels_vbd_rings(host.dom0_vcpus, guest.vcpus)
    how = "given" if device.rings else f"min(4, {host.dom0_vcpus} dom0, {guest.vcpus} domU CPUs)"
    rule = f"{rings} rings ({how})"
    total = rings * device.count
    source = "Linux xen-blkfront.c:1700; xen-blkback/xenbus.c:262"
    return Channels("vbd", device.count, total, total, device.backend, rule, source)


def _pci(device: Device, guest: Guest) -> Channels:
    vectors = (1 if device.channels is None else device.channels) * device.count
    if guest.type is GuestType.PV:
        rule, pairs = "pcifront: 1 each, and 1 PIRQ a vector", device.count
    else:
        rule, pairs = "passed through: 1 PIRQ a vector", 0
    source = "Linux xen-pcifront.c:754; events_base.c:874"
    return Channels("pci", device.count, pairs + vectors, pairs, device.backend, rule, source)


def _emulators(guest: Guest) -> Iterator[Channels]:
    if guest.servers:
        ports = kernels.channels_emulator_ports(guest.servers, guest.possible_vcpus)
        rule = f"{guest.possible_vcpus} VCPUs + 1 buffered, each server"
        source = "xen/common/ioreq.c:375"
        yield Channels("ioreq", guest.servers, ports, ports, guest.emulator, rule, source)
