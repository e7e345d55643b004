"""Which device costs which channel on which side, and who says so."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

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

    @property
    def columns(self) -> dict[str, str | int | None]:
        """What a row for these channels has, by column."""
        return {
            "device": self.device,
            "count": self.count,
            "domu_ports": self.domu_ports,
            "backend_ports": self.backend_ports,
            "backend": self.backend,
            "kind": self.kind,
            "rule": self.rule,
            "source": self.source,
        }


# Kinds with a fixed number of channels each: rule and source.
_FIXED: dict[str, tuple[int, str, str]] = {
    "console": (1, "1 each", "Linux hvc_xen.c:436"),
    "channel": (1, "1 each", "Linux hvc_xen.c:436"),
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


_EVERY_GUEST = (
    Channels("xenstore", 1, 1, 1, DOM0, "1, both ends", "libxl_dom.c:371; xenstored"),
    Channels("console", 1, 1, 1, DOM0, "1, every guest type", "libxl_dom.c:372; xenconsoled"),
)


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


def channels_of(
    guest: Guest, host: Host, backend_vcpus: Mapping[str, int] | None = None
) -> Iterator[Channels]:
    """Every channel of one copy of `guest`, like devices together.

    `backend_vcpus` are the VCPUs of backend domains other than dom0; of one that is not named,
    dom0's are taken.
    """
    yield from _EVERY_GUEST
    if guest.os is not OsFamily.NONE:
        vcpus = {DOM0: host.dom0_vcpus, **(backend_vcpus or {})}
        yield from _merged(
            _device(device, guest, host, vcpus.get(device.backend, host.dom0_vcpus))
            for device in guest.devices
        )
        yield from _pcifronts(guest)
    yield from _emulators(guest)
    ports, parts = local_ports_per_vcpu(guest, host)
    if ports:
        total = kernels.channels_local_ports(ports, guest.vcpus)
        rule = f"{ports} a VCPU: {parts}"
        yield Channels("vcpu", guest.vcpus, total, 0, None, rule, "Linux 6.12 arch/x86/xen")
    if guest.pirqs:
        yield Channels("pirq", guest.pirqs, guest.pirqs, 0, None, "1 each", "events_base.c:874")


def _merged(found: Iterable[Channels]) -> Iterable[Channels]:
    """Like devices counted together: same kind, backend and rule."""
    merged: dict[tuple[str, str | None, str], Channels] = {}
    for item in found:
        key = (item.device, item.backend, item.rule)
        if key in merged:
            other = merged[key]
            item = replace(
                item,
                count=item.count + other.count,
                domu_ports=item.domu_ports + other.domu_ports,
                backend_ports=item.backend_ports + other.backend_ports,
            )
        merged[key] = item
    return merged.values()


def _device(device: Device, guest: Guest, host: Host, backend_vcpus: int) -> Channels:
    if device.kind == "vif":
        return _vif(device, guest, host, backend_vcpus)
    if device.kind == "vbd":
        return _vbd(device, guest, host, backend_vcpus)
    if device.kind == "pci":
        vectors = (1 if device.channels is None else device.channels) * device.count
        rule, source = "1 PIRQ a vector", "Linux events_base.c:874"
        return Channels("pci", device.count, vectors, 0, None, rule, source)
    if device.kind in _COUNTED:
        fixed, each, default, rule, source = _COUNTED[device.kind]
        units = default if device.channels is None else device.channels
        ports = fixed + each * units
    else:
        ports, rule, source = _FIXED[device.kind]
    total = ports * device.count
    return Channels(device.kind, device.count, total, total, device.backend, rule, source)


def _vif(device: Device, guest: Guest, host: Host, backend_vcpus: int) -> Channels:
    offered = host.vif_queues or backend_vcpus
    queues = device.queues or kernels.channels_vif_queues(offered, guest.vcpus)
    split = device.split if device.split is not None else host.vif_split
    ports = kernels.channels_vif_ports(queues, 2 if split else 1, int(device.control))
    rule = f"{queues} queues ({_least(8, device.queues, offered, device, guest)})"
    rule += f" × {2 if split else 1}"
    if device.control:
        rule += " + control ring"
    if guest.os is not OsFamily.LINUX and device.queues is None:
        rule += "; Linux's defaults taken for this OS"
    total = ports * device.count
    source = "Linux xen-netfront.c:1918; xen-netback/interface.c:749"
    return Channels("vif", device.count, total, total, device.backend, rule, source)


def _vbd(device: Device, guest: Guest, host: Host, backend_vcpus: int) -> Channels:
    offered = host.vbd_rings or backend_vcpus
    rings = device.rings or kernels.channels_vbd_rings(offered, guest.vcpus)
    rule = f"{rings} rings ({_least(4, device.rings, offered, device, guest)})"
    total = rings * device.count
    source = "Linux xen-blkfront.c:1700; xen-blkback/xenbus.c:262"
    return Channels("vbd", device.count, total, total, device.backend, rule, source)


def _least(most: int, given: int | None, offered: int, device: Device, guest: Guest) -> str:
    """Where a number of queues or rings comes from, for people."""
    if given:
        return "given"
    return f"min({most}, {offered} {device.backend}, {guest.vcpus} domU CPUs)"


def _pcifronts(guest: Guest) -> Iterator[Channels]:
    """A PV guest reaches all PCI devices of one backend through one pcifront."""
    if guest.type is GuestType.PV:
        for backend in dict.fromkeys(d.backend for d in guest.devices if d.kind == "pci"):
            rule, source = "1 for all PCI devices of a PV guest", "Linux xen-pcifront.c:754"
            yield Channels("pcifront", 1, 1, 1, backend, rule, source)


def _emulators(guest: Guest) -> Iterator[Channels]:
    if guest.servers:
        ports = kernels.channels_emulator_ports(guest.servers, guest.possible_vcpus)
        rule = f"{guest.possible_vcpus} VCPUs + 1 buffered, each server"
        source = "xen/common/ioreq.c:375"
        yield Channels("ioreq", guest.servers, ports, ports, guest.emulator, rule, source)
