"""xl.cfg, the domain configuration of the xl toolstack, read as a guest."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from evtplan.errors import EvtplanError, InputError
from evtplan.fleet.model import DOM0, Device, GuestType
from evtplan.fleet.readers.domain import Disk, DomainDescription, UsbController, guest_of
from evtplan.fleet.readers.reading import Reading, backend_name
from evtplan.fleet.readers.xl_disk import parse_disk
from evtplan.fleet.readers.xl_keys import FREE_OF_CHANNELS
from evtplan.fleet.readers.xl_syntax import Setting, Text, Value, parse

__all__ = ["read_xl_cfg"]

_T = TypeVar("_T")

# Lists of devices that cost the same in every type of guest.
_DEVICE_LISTS = {
    "vif": "vif",
    "vtpm": "vtpm",
    "p9": "9pfs",
    "pvcalls": "pvcalls",
    "channel": "channel",
    "pci": "pci",
    "vdispl": "vdispl",
}
_OTHERS = """
builder device_model_stubdomain_override disk hvm_pirq irqs kernel max_event_channels maxvcpus name
pvh pvshim type usbctrl usbdev vcpus vfb virtio vkb vkb_device vnc vnuma vscsi vsnd vuart
xen_platform_pci
"""
_READ = frozenset(_DEVICE_LISTS).union(_OTHERS.split())
# Keys that mean something on an Arm host only.
_ARM_KEYS = """
arm_sci device_tree dt_compatible dtbo dtdev gic_version nr_spis static_shm sve tee
trap_unmapped_accesses
"""
_ARM = frozenset(_ARM_KEYS.split())
_MOST_VCPUS = 8192


def read_xl_cfg(path: str, text: str) -> Reading:
    """The guest that the xl.cfg `text` describes.

    Raises `InputError` with the line of what cannot be read.
    """
    reader = _Reader(path, parse(path, text))
    reader.check_that_it_is_a_domain()
    try:
        guest, notes = guest_of(reader.domain())
    except InputError:
        raise
    except EvtplanError as error:
        raise InputError(path, error.message, hint=error.hint) from error
    if "\r" in text:
        reader.notes.append("xl itself refuses carriage returns: save with Unix line ends")
    unknown = tuple(
        (key, setting.line)
        for key, setting in reader.settings.items()
        if key not in _READ and key not in FREE_OF_CHANNELS
    )
    arch = "arm64" if reader.is_arm else None
    return Reading((guest,), (*reader.notes, *notes), unknown, arch=arch)


class _Reader:
    def __init__(self, path: str, settings: dict[str, Setting]) -> None:
        self.path = path
        self.settings = settings
        self.notes: list[str] = []

    def check_that_it_is_a_domain(self) -> None:
        """Refuse files in the same syntax that describe something else: xl.conf, a CPU pool."""
        keys = set(self.settings)
        if not keys:
            raise InputError(self.path, "no settings: this is no domain configuration")
        if not keys & (_READ | FREE_OF_CHANNELS):
            raise InputError(
                self.path,
                "none of its keys belongs to a domain configuration",
                line=min(setting.line for setting in self.settings.values()),
            )
        if keys <= {"name", "sched", "cpus", "nodes"} and keys & {"sched", "nodes"}:
            raise InputError(self.path, "the configuration of a CPU pool, not of a domain")

    def domain(self) -> DomainDescription:
        kind = self.guest_type()
        vcpus = self.number("vcpus", 1, least=1)
        maxvcpus = self.number("maxvcpus", max(vcpus, self.vnuma_vcpus()), least=1)
        if maxvcpus < vcpus:
            raise self.wrong("maxvcpus", f"maxvcpus is {maxvcpus}, fewer than vcpus, {vcpus}")
        screens, keyboards = self.screens(kind)
        return DomainDescription(
            name=self.text("name") or _stem(self.path),
            type=kind,
            vcpus=vcpus,
            maxvcpus=maxvcpus,
            max_event_channels=self.number("max_event_channels", 0) or None,
            disks=tuple(self.each("disk", self.disk)),
            devices=self.devices(),
            framebuffers=screens,
            keyboards=keyboards,
            usb_controllers=tuple(self.each("usbctrl", self.usb_controller)),
            usb_devices=len(self.items("usbdev")),
            irqs=len(self.items("irqs")),
            stub_domain=bool(self.flag("device_model_stubdomain_override")),
            platform_device=self.flag("xen_platform_pci") is not False,
            keyboard_asked=self.flag("vkb_device"),
            virtio=bool(self.items("virtio")),
            hvm_pirqs=bool(self.flag("hvm_pirq")),
            shim=kind is GuestType.PVH and bool(self.flag("pvshim")),
        )

    @property
    def is_arm(self) -> bool:
        """True where a key says that the guest is for an Arm host."""
        return bool(_ARM & set(self.settings)) or self.serial_port()

    def serial_port(self) -> bool:
        """True where Xen emulates a serial port (vpl011) for the guest."""
        return self.text("vuart") not in (None, "", "unknown")

    def guest_type(self) -> GuestType:
        built = self.builder()
        text = self.text("type")
        if text is None:
            if built is not None and (built is GuestType.HVM or not self.flag("pvh")):
                return built
            if built is None and self.is_hvmloader():
                self.notes.append(
                    "the kernel is hvmloader, but neither type nor builder says hvm: xl makes a PV "
                    "guest of it, and it is counted as one"
                )
            # On Arm every guest is a PVH one.
            return GuestType.PVH if self.flag("pvh") or self.is_arm else GuestType.PV
        if text not in tuple(GuestType):
            raise self.wrong("type", f"type is {text!r}; it must be pv, pvh or hvm")
        if built is not None and built != text:
            raise self.wrong("builder", f"builder contradicts type, {text!r}")
        return GuestType(text)

    def is_hvmloader(self) -> bool:
        kernel = self.settings.get("kernel")
        text = kernel.value.text if kernel and isinstance(kernel.value, Text) else ""
        return text.rpartition("/")[2] == "hvmloader"

    def builder(self) -> GuestType | None:
        text = self.text("builder")
        if text is None:
            return None
        if text == "hvm":
            return GuestType.HVM
        if text in ("generic", "linux", "pv"):
            return GuestType.PV
        raise self.wrong("builder", f"builder is {text!r}; it must be hvm or generic")

    def devices(self) -> tuple[Device, ...]:
        found = [
            device
            for key, kind in _DEVICE_LISTS.items()
            for device in self.each(key, partial(_plain, kind))
        ]
        found.extend(self.scsi_hosts())
        found.extend(self.sound_cards())
        if self.serial_port():
            found.append(Device("vpl011"))
        return tuple(found)

    def scsi_hosts(self) -> list[Device]:
        """Devices of one virtual host, the first of HOST:CHANNEL:TARGET:LUN, share its channel."""
        hosts = {}
        for item in self.items("vscsi"):
            parts = [part.strip() for part in item.text.split(",")]
            host = parts[1].partition(":")[0] if len(parts) > 1 else item.text
            backend = backend_name(_options(item.text).get("backend"))
            hosts[host, backend] = Device("scsi", backend=backend)
        return list(hosts.values())

    def disk(self, item: Text) -> Disk:
        return parse_disk(self.path, item.line, item.text)

    def usb_controller(self, item: Text) -> UsbController:
        options = _options(item.text)
        ports = options.get("ports", "")
        return UsbController(
            options.get("type", "auto"),
            backend_name(options.get("backend")),
            ports=int(ports) if ports.isdecimal() and len(ports) < 6 else None,
        )

    def sound_cards(self) -> list[Device]:
        """A card is a list of its own: CARD, PCM and STREAM items."""
        setting = self.settings.get("vsnd")
        if setting is None:
            return []
        value = setting.value if isinstance(setting.value, tuple) else (setting.value,)
        cards = [card for card in value if isinstance(card, tuple)]
        loose = tuple(item for item in value if isinstance(item, Text))
        return [_sound_card(_flat(card)) for card in (*cards, *([loose] if loose else []))]

    def screens(self, kind: GuestType) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The backends of framebuffers and of keyboards; each framebuffer brings a keyboard."""
        screens = [backend_name(_options(i.text).get("backend")) for i in self.items("vfb")]
        if kind is GuestType.PV and not screens and self.flag("vnc"):
            self.notes.append("vnc = 1 in a PV guest makes a vfb with its keyboard")
            screens = [DOM0]
        keyboards = [backend_name(_options(i.text).get("backend")) for i in self.items("vkb")]
        return tuple(screens), (*screens, *keyboards)

    def vnuma_vcpus(self) -> int:
        """VCPUs that vnuma's nodes name, which are then the guest's possible ones."""
        found = 0
        for item in self.items("vnuma"):
            key, _, value = item.text.partition("=")
            if key.strip() == "vcpus":
                ends = [end.strip() for part in value.split(",") for end in part.split("-")]
                known = [int(end) + 1 for end in ends if end.isdecimal() and len(end) < 6]
                found = max([found, *known])
        return found if found <= _MOST_VCPUS else 0

    def each(self, key: str, read: Callable[[Text], _T]) -> list[_T]:
        """What `read` makes of every item of the list `key`; equal items are read once."""
        known: dict[str, _T] = {}
        found = []
        for item in self.items(key):
            if item.text not in known:
                known[item.text] = read(item)
            found.append(known[item.text])
        return found

    def items(self, key: str) -> list[Text]:
        """The items of a list; of every list but vif, those that say something."""
        setting = self.settings.get(key)
        if setting is None:
            return []
        if isinstance(setting.value, Text):
            if not setting.value.text.strip():
                return []
            self.notes.append(f"{key} is no list, so xl passes over it; it is counted as one item")
        found = _flat(setting.value)
        return found if key == "vif" else [item for item in found if item.text.strip()]

    def text(self, key: str) -> str | None:
        setting = self.settings.get(key)
        if setting is None:
            return None
        if not isinstance(setting.value, Text):
            raise self.wrong(key, f"{key} is a list; one value is expected")
        return setting.value.text

    def flag(self, key: str) -> bool | None:
        """Whether `key` is set to anything but 0; None where it is not set."""
        text = self.text(key)
        return None if text is None else self.number(key, 0) != 0

    def number(self, key: str, default: int, least: int = 0) -> int:
        text = self.text(key)
        if text is None:
            return default
        value = _whole(text.strip())
        if value is None:
            raise self.wrong(key, f"{key} is {text[:40]!r}; it must be a whole number")
        if not least <= value <= 10**9:
            raise self.wrong(key, f"{key} is {text[:40]}; it must be from {least} to 10^9")
        return value

    def wrong(self, key: str, reason: str) -> InputError:
        return InputError(self.path, reason, line=self.settings[key].line)


def _whole(text: str) -> int | None:
    """A whole number as C reads it: 0x starts a hexadecimal one, 0 an octal one."""
    digits = text[1:] if text[:1] in "+-" else text
    octal = len(digits) > 1 and digits[0] == "0" and digits.isdecimal()
    try:
        return int(text, 8 if octal else 0) if len(text) <= 40 and "_" not in text else None
    except ValueError:
        return None


def _plain(kind: str, item: Text) -> Device:
    options = _options(item.text)
    channels: int | None = None
    if kind == "vdispl":
        connectors = options.get("connectors", "")
        channels = max(1, len([part for part in connectors.split(";") if part.strip()]))
    return Device(kind, backend=backend_name(options.get("backend")), channels=channels)


def _sound_card(items: list[Text]) -> Device:
    streams, backend = 0, DOM0
    for item in items:
        head = item.text.strip().partition(",")[0].strip().lower()
        streams += head == "stream"
        if head == "card":
            backend = backend_name(_options(item.text).get("backend"))
    return Device("vsnd", backend=backend, channels=max(1, streams))


def _flat(value: Value) -> list[Text]:
    if isinstance(value, Text):
        return [value]
    return [text for item in value for text in _flat(item)]


def _options(text: str) -> dict[str, str]:
    """`key=value` parts of a device specification, separated by commas."""
    parts = (part.strip().partition("=") for part in text.split(","))
    return {key.strip().lower(): value.strip() for key, _, value in parts if key.strip()}


def _stem(path: str) -> str:
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[0] or name
