"""libvirt's domain XML, as `virsh dumpxml` and domain files of the libxl driver have it."""

from collections.abc import Callable, Iterable

from evtplan.errors import EvtplanError, InputError
from evtplan.fleet.model import DOM0, Device, Guest, GuestType
from evtplan.fleet.readers.domain import Disk, DomainDescription, UsbController, guest_of
from evtplan.fleet.readers.reading import Reading, backend_name
from evtplan.fleet.readers.xml_tree import Node, parse_xml

__all__ = ["read_libvirt_xml"]

_TYPES = {
    "hvm": GuestType.HVM, "xenfv": GuestType.HVM,
    "linux": GuestType.PV, "xen": GuestType.PV, "xenpv": GuestType.PV,
    "xenpvh": GuestType.PVH, "pvh": GuestType.PVH,
}  # fmt: skip
# Devices that are emulated, or that the libxl driver gives no channel.
_WORDS = """
emulator input video sound audio memballoon serial parallel console graphics rng watchdog
shmem memory panic iommu vsock smartcard hub redirdev redirfilter crypto pstore
"""
_FREE = frozenset(_WORDS.split())
_PCI_CONTROLLERS = frozenset(["pci", "ide", "sata", "scsi", "fdc", "virtio-serial", "ccid", "isa"])


def read_libvirt_xml(path: str, data: bytes) -> Reading:
    """The guests of every `<domain>` in an XML document.

    Raises `InputError` with the line of what cannot be read, for a domain of another
    hypervisor, and where there is no domain.
    """
    domains = list(parse_xml(path, data).find("domain"))
    if not domains:
        raise InputError(path, "XML without a <domain>: this is no libvirt domain")
    readers = [_Reader(path, node) for node in domains]
    guests = tuple(reader.guest() for reader in readers)
    notes = tuple(note for reader in readers for note in reader.notes)
    unknown = tuple(item for reader in readers for item in reader.unknown)
    arches = {reader.arch for reader in readers} - {None}
    return Reading(guests, notes, unknown, arch=arches.pop() if len(arches) == 1 else None)


class _Reader:
    def __init__(self, path: str, node: Node) -> None:
        self.path = path
        self.node = node
        self.notes: list[str] = []
        self.unknown: list[tuple[str, int | None]] = []
        kind = node.get("type")
        if kind not in ("", "xen"):
            raise self.wrong(node, f"a domain of type {kind!r} has no Xen event channels")
        self.type = self.guest_type()

    def guest(self) -> Guest:
        try:
            guest, notes = guest_of(self.domain())
        except InputError:
            raise
        except EvtplanError as error:
            raise InputError(
                self.path, error.message, line=self.node.line, hint=error.hint
            ) from error
        self.notes.extend(notes)
        return guest

    def domain(self) -> DomainDescription:
        vcpus, maxvcpus = self.vcpus()
        name = self.node.first("name")
        screens = (DOM0,) * len(list(self.devices("graphics")))
        listed = self.node.first("devices")
        self.unknown.extend(
            (f"<{node.tag}>", node.line)
            for node in (listed.children if listed else ())
            if node.tag not in _FREE and node.tag not in _READ
        )
        self.unknown.extend(
            (f"hostdev type {node.get('type')}", node.line)
            for node in self.devices("hostdev")
            if node.get("type") not in ("pci", "usb")
        )
        emulator = self.node.at("devices", "emulator")
        return DomainDescription(
            name=name.text.strip() if name and name.text.strip() else "domain",
            type=self.type,
            vcpus=vcpus,
            maxvcpus=maxvcpus,
            max_event_channels=self.max_event_channels(),
            disks=tuple(_disk(node) for node in self.devices("disk")),
            devices=tuple(self.plain_devices()),
            framebuffers=screens,
            keyboards=screens,
            usb_controllers=tuple(self.usb_controllers()),
            usb_devices=sum(node.get("type") == "usb" for node in self.devices("hostdev")),
            stub_domain=emulator is not None and emulator.get("type").startswith("stubdom"),
            domid=self.domid(),
        )

    def guest_type(self) -> GuestType:
        node = self.node.at("os", "type")
        if node is None:
            return GuestType.PV  # a bootloader and no <os> is how old PV domains look
        for text in (node.get("machine"), node.text.strip()):
            if text in _TYPES:
                return _TYPES[text]
        raise self.wrong(node, f"os type {node.text.strip()!r} is none that Xen runs")

    @property
    def arch(self) -> str | None:
        node = self.node.at("os", "type")
        text = node.get("arch") if node else ""
        return {"aarch64": "arm64", "armv7l": "arm32", "x86_64": "x86-64", "i686": "x86-64"}.get(
            text
        )

    def vcpus(self) -> tuple[int, int]:
        node = self.node.first("vcpu")
        if node is None:
            return 1, 1
        most = self.number(node, "vcpu", node.text.strip() or "1", least=1)
        online = node.get("current")
        count = self.number(node, "vcpu current", online, least=1) if online else most
        if count > most:
            raise self.wrong(node, f"vcpu current is {count}, more than the {most} there are")
        return count, most

    def max_event_channels(self) -> int | None:
        for node in self.devices("controller"):
            if node.get("type") == "xenbus" and node.get("maxEventChannels"):
                return self.number(node, "maxEventChannels", node.get("maxEventChannels")) or None
        return None

    def plain_devices(self) -> Iterable[Device]:
        for tag, read in _READ.items():
            for node in self.devices(tag):
                device = read(node)
                if device is not None:
                    yield device
        filesystems = len(list(self.devices("filesystem")))
        if filesystems:
            self.notes.append("a filesystem is counted as 9pfs, the way Xen shares one")
        if len(list(self.devices("console"))) > 1:
            self.notes.append("consoles beyond the first: the libxl driver sets up only that one")

    def usb_controllers(self) -> Iterable[UsbController]:
        for node in self.devices("controller"):
            if node.get("type") == "usb":
                qusb, ports = node.get("model").startswith("qusb"), node.get("ports")
                yield UsbController(
                    "qusb" if qusb else "devicemodel",
                    ports=self.number(node, "ports", ports) or None if ports else None,
                )
            elif node.get("type") not in (*_PCI_CONTROLLERS, "xenbus"):
                self.unknown.append((f"controller type {node.get('type')}", node.line))

    def devices(self, tag: str) -> Iterable[Node]:
        devices = self.node.first("devices")
        return devices.all(tag) if devices else ()

    def domid(self) -> int | None:
        text = self.node.get("id")
        return int(text) if text.isdecimal() and len(text) < 9 else None

    def number(self, node: Node, name: str, text: str, least: int = 0) -> int:
        if not text.isdecimal() or not text.isascii():
            raise self.wrong(node, f"{name} is {text[:40]!r}; it must be a whole number")
        if len(text) > 20 or not least <= int(text) <= 10**9:
            raise self.wrong(node, f"{name} is {text[:40]}; it must be from {least} to 10^9")
        return int(text)

    def wrong(self, node: Node, reason: str) -> InputError:
        return InputError(self.path, reason, line=node.line)


def _backend(node: Node) -> str:
    domain = node.first("backenddomain")
    return backend_name(domain.get("name")) if domain else DOM0


def _disk(node: Node) -> Disk:
    target, driver = node.first("target"), node.first("driver")
    name, kind = (driver.get("name"), driver.get("type")) if driver else ("", "")
    userspace = name in ("qemu", "tap", "tap2") and not (name == "tap" and kind == "aio")
    return Disk(
        backend=_backend(node),
        cdrom=node.get("device") == "cdrom",
        floppy=node.get("device") == "floppy",
        virtio=target is not None and target.get("bus") == "virtio",
        backendtype="qdisk" if userspace else None,
    )


def _interface(node: Node) -> Device:
    # A NIC passed through is a PCI device that libvirt lists among the interfaces.
    return Device("pci" if node.get("type") == "hostdev" else "vif", backend=_backend(node))


def _hostdev(node: Node) -> Device | None:
    return Device("pci", backend=_backend(node)) if node.get("type") == "pci" else None


def _channel(node: Node) -> Device | None:
    target = node.first("target")
    return Device("channel") if target is not None and target.get("type") == "xen" else None


def _filesystem(node: Node) -> Device | None:
    return Device("9pfs", backend=_backend(node))


def _nothing(node: Node) -> Device | None:
    return None


_READ: dict[str, Callable[[Node], Device | None]] = {
    "interface": _interface,
    "hostdev": _hostdev,
    "channel": _channel,
    "filesystem": _filesystem,
    "disk": _nothing,
    "controller": _nothing,
}
