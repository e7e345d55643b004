"""xl.cfg, the domain configuration of the xl toolstack, read as a guest."""

from evtplan.errors import EvtplanError, InputError
from evtplan.fleet.model import DOM0, Device, Guest, GuestType
from evtplan.fleet.readers.xl_disk import parse_disk
from evtplan.fleet.readers.xl_syntax import Setting, Text, Value, parse

__all__ = ["read_xl_cfg"]

# Keys that open channels and are read below; all others are looked at by no reader.
_DEVICE_LISTS = {
    "vtpm": "vtpm",
    "p9": "9pfs",
    "pvcalls": "pvcalls",
    "vkb": "vkb",
    "usbctrl": "usbctrl",
    "channel": "console",
    "vdispl": "vdispl",
    "vsnd": "vsnd",
}


def read_xl_cfg(path: str, text: str) -> tuple[Guest, tuple[str, ...]]:
    """The guest that the xl.cfg `text` describes, and remarks on what it leaves open.

    Raises `InputError` with the line of what cannot be read.
    """
    return _Reader(path, parse(path, text)).guest()


class _Reader:
    def __init__(self, path: str, settings: dict[str, Setting]) -> None:
        self.path = path
        self.settings = settings
        self.notes: list[str] = []

    def guest(self) -> tuple[Guest, tuple[str, ...]]:
        kind = self.guest_type()
        vcpus = self.number("vcpus", 1, least=1)
        maxvcpus = self.number("maxvcpus", vcpus, least=1)
        stubdomain = self.number("device_model_stubdomain_override", 0)
        name = self.text("name") or _stem(self.path)
        try:
            guest = Guest(
                name=name,
                type=kind,
                vcpus=min(vcpus, maxvcpus),
                maxvcpus=None if maxvcpus == vcpus else maxvcpus,
                devices=tuple(self.devices(kind)),
                max_event_channels=self.number("max_event_channels", 0) or None,
                emulator=f"{name}-dm" if stubdomain else DOM0,
            )
        except InputError:
            raise
        except EvtplanError as error:
            raise InputError(self.path, error.message, hint=error.hint) from error
        return guest, tuple(self.notes)

    def guest_type(self) -> GuestType:
        text = self.text("type")
        if text is not None:
            if text not in tuple(GuestType):
                raise self.wrong("type", f"type is {text!r}; it must be pv, pvh or hvm")
            return GuestType(text)
        builder = self.text("builder")
        if builder == "hvm":
            return GuestType.HVM
        if builder not in (None, "generic", "linux", "pv"):
            raise self.wrong("builder", f"builder is {builder!r}; it must be hvm or generic")
        return GuestType.PVH if self.number("pvh", 0) else GuestType.PV

    def devices(self, kind: GuestType) -> list[Device]:
        found = [self.vif(item) for item in self.items("vif")]
        found.extend(d for item in self.items("disk") if (d := self.disk(item, kind)))
        for _ in self.items("vfb"):
            found.extend((Device("vfb"), Device("vkb")))
        for key, device in _DEVICE_LISTS.items():
            found.extend(self.listed(key, device, item) for item in self.items(key))
        found.extend(Device("pci") for _ in self.items("pci"))
        return found

    def vif(self, item: Text) -> Device:
        return Device("vif", backend=_options(item.text).get("backend", DOM0) or DOM0)

    def disk(self, item: Text, kind: GuestType) -> Device | None:
        disk = parse_disk(self.path, item.line, item.text)
        if disk.cdrom and kind is GuestType.HVM:
            self.notes.append(
                f"{self.path}:{item.line}: a CD-ROM of an HVM guest has no channel of its own"
            )
            return None
        if disk.backendtype in ("qdisk", "tap"):
            self.notes.append(
                f"{self.path}:{item.line}: a {disk.backendtype} backend advertises its own number "
                "of rings; blkback's default is taken"
            )
        return Device("vbd", backend=disk.backend or DOM0)

    def listed(self, key: str, device: str, item: Text) -> Device:
        options = _options(item.text)
        backend = options.get("backend", DOM0) or DOM0
        channels: int | None = None
        if key == "vdispl":
            connectors = options.get("connectors", "")
            channels = max(1, len([part for part in connectors.split(";") if part]))
        if key == "vsnd":
            channels = max(1, item.text.upper().count("STREAM"))
        return Device(device, backend=backend, channels=channels)

    def items(self, key: str) -> list[Text]:
        setting = self.settings.get(key)
        if setting is None:
            return []
        found = _flat(setting.value)
        if not isinstance(setting.value, tuple) and key != "disk":
            raise self.wrong(key, f"{key} must be a list: [ '…' ]")
        return [item for item in found if item.text.strip() or key == "vif"]

    def text(self, key: str) -> str | None:
        setting = self.settings.get(key)
        if setting is None:
            return None
        if not isinstance(setting.value, Text):
            raise self.wrong(key, f"{key} is a list; one value is expected")
        return setting.value.text

    def number(self, key: str, default: int, least: int = 0) -> int:
        text = self.text(key)
        if text is None:
            return default
        try:
            value = int(text.strip(), 0)
        except ValueError:
            raise self.wrong(key, f"{key} is {text!r}; it must be a whole number") from None
        if value < least or len(text) > 20:
            raise self.wrong(key, f"{key} is {text}; it must be at least {least}")
        return value

    def wrong(self, key: str, reason: str) -> InputError:
        return InputError(self.path, reason, line=self.settings[key].line)


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
