"""`xl list -l`: libxl's own description of running domains, as JSON."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from evtplan.errors import EvtplanError, InputError
from evtplan.fleet.model import DOM0, Device, Guest, GuestType
from evtplan.fleet.readers.domain import Disk, DomainDescription, UsbController, guest_of
from evtplan.fleet.readers.reading import Reading, backend_name

__all__ = ["read_xl_list"]

# libxl_types.idl, libxl_domain_config: lists that cost the same in every type of guest.
_DEVICE_LISTS = {
    "nics": "vif", "vtpms": "vtpm", "p9s": "9pfs", "pvcallsifs": "pvcalls",
    "channels": "channel", "pcidevs": "pci", "vscsictrls": "scsi",
}  # fmt: skip
_WORDS = """
c_info b_info disks vfbs vkbs usbctrls usbdevs vdispls vsnds virtios dtdevs rdms sshms
on_poweroff on_reboot on_watchdog on_crash on_soft_reset
"""
# Event channel ports of a domain under any ABI.
_MOST_DEVICES = 131_071
_KNOWN = frozenset(_DEVICE_LISTS).union(_WORDS.split())


def read_xl_list(path: str, text: str) -> Reading:
    """The guests of `xl list -l`, of one of its entries, or of a bare domain configuration.

    What is absent has libxl's default. dom0 is no guest, but tells the host's number of VCPUs.
    Raises `InputError` for what is no JSON, or no domain.
    """
    entries: list[Any] = []
    for document in _documents(path, text):
        entries.extend(document if isinstance(document, list) else [document])
    readers = [_Reader(path, entry) for entry in entries]
    # A backend is named by its number where its name was not kept.
    names = {reader.domid: reader.name for reader in readers if isinstance(reader.domid, int)}
    guests: list[Guest] = []
    notes: list[str] = []
    unknown: list[tuple[str, int | None]] = []
    dom0_vcpus = None
    for reader in readers:
        if reader.is_dom0:
            dom0_vcpus = reader.vcpus()[0]
            continue
        reader.names = names
        guest, remarks = reader.guest()
        guests.append(guest)
        notes.extend(remarks)
        unknown.extend(reader.unknown)
    if not guests and dom0_vcpus is None:
        raise InputError(path, "a list of domains without any domain")
    arch = "arm64" if any(reader.arm for reader in readers) else None
    return Reading(tuple(guests), tuple(notes), tuple(unknown), dom0_vcpus=dom0_vcpus, arch=arch)


def _documents(path: str, text: str) -> Iterator[Any]:
    """The documents of `text`, one after the other as several calls of xl print them."""
    decoder = json.JSONDecoder(parse_int=_whole)
    end = len(text.rstrip())
    at = _past_blanks(text, 0)
    try:
        while True:
            document, at = decoder.raw_decode(text, at)
            yield document
            if at >= end:
                return
            at = _past_blanks(text, at)
    except json.JSONDecodeError as error:
        raise InputError(
            path, f"JSON: {error.msg[:1].lower()}{error.msg[1:]}", line=error.lineno,
            column=error.colno,
        ) from error  # fmt: skip
    except RecursionError as error:
        raise InputError(path, "JSON nested too deeply") from error


def _past_blanks(text: str, at: int) -> int:
    while text[at : at + 1].isspace():
        at += 1
    return at


def _whole(digits: str) -> int | float:
    # Longer numbers mean nothing here, and int() takes time square in their length.
    return int(digits) if len(digits) <= 40 else float("inf")


class _Reader:
    def __init__(self, path: str, entry: Any) -> None:
        self.path = path
        self.names: Mapping[int, str] = {}
        self.domid = entry.get("domid") if isinstance(entry, dict) else None
        if isinstance(entry, dict) and isinstance(entry.get("config"), dict):
            entry = entry["config"]
        if not isinstance(entry, dict) or not ("c_info" in entry or "b_info" in entry):
            raise InputError(
                path, "JSON, but no domain configuration of libxl", hint="xl list -l prints them"
            )  # fmt: skip
        self.config: dict[str, Any] = entry
        self.create = self.table(entry, "c_info")
        self.build = self.table(entry, "b_info")
        self.name = str(self.create.get("name") or "domain")
        self.unknown = [
            (key, None)
            for key, value in entry.items()
            if key not in _KNOWN and isinstance(value, list) and value
        ]

    @property
    def arm(self) -> dict[str, Any]:
        """What only an Arm host has: empty on any other, GIC version and more on one."""
        return self.table(self.build, "arch_arm")

    @property
    def is_dom0(self) -> bool:
        return self.domid == 0 or backend_name(self.name) == DOM0

    def guest(self) -> tuple[Guest, tuple[str, ...]]:
        try:
            return guest_of(self.domain())
        except InputError:
            raise
        except EvtplanError as error:
            raise InputError(self.path, error.message, hint=error.hint) from error

    def domain(self) -> DomainDescription:
        kind = self.guest_type()
        of_type = self.build.get(f"type.{kind}", self.build.get(f"u.{kind}", {}))
        of_type = of_type if isinstance(of_type, dict) else {}
        vcpus, maxvcpus = self.vcpus()
        screens = tuple(self.backend(item) for item in self.items("vfbs"))
        return DomainDescription(
            name=self.name,
            type=kind,
            vcpus=vcpus,
            maxvcpus=maxvcpus,
            max_event_channels=self.number(self.build, "event_channels", 0) or None,
            disks=tuple(self.disk(item) for item in self.items("disks")),
            devices=tuple(self.devices()),
            framebuffers=screens,
            keyboards=tuple(self.backend(item) for item in self.items("vkbs")),
            usb_controllers=tuple(
                UsbController(
                    str(item.get("type", "auto")).lower(),
                    self.backend(item),
                    self.number(item, "ports", 0) or None,
                )
                for item in self.items("usbctrls")
            ),
            usb_devices=len(self.items("usbdevs")),
            irqs=len(self.list_of(self.build, "irqs")),
            stub_domain=_true(self.build.get("device_model_stubdomain")) is True,
            platform_device=_true(of_type.get("xen_platform_pci")) is not False,
            keyboard_asked=_true(of_type.get("vkb_device")),
            virtio=bool(self.items("virtios")),
            hvm_pirqs=_true(of_type.get("pirq")) is True,
            shim=_true(of_type.get("pvshim")) is True,
            domid=self.domid if isinstance(self.domid, int) and self.domid >= 0 else None,
        )

    def guest_type(self) -> GuestType:
        text = self.create.get("type", self.build.get("type"))
        if text is None:
            kinds = [kind for kind in GuestType if f"type.{kind}" in self.build]
            return kinds[0] if len(kinds) == 1 else GuestType.PV
        if not isinstance(text, str) or text.lower() not in tuple(GuestType):
            raise self.wrong(f"type is {str(text)[:40]!r}; it must be pv, pvh or hvm")
        return GuestType(text.lower())

    def vcpus(self) -> tuple[int, int]:
        online = self.build.get("avail_vcpus")
        most = self.number(self.build, "max_vcpus", 0)
        count = len(online) if isinstance(online, list) else 0
        # libxl: one VCPU where nothing is said, and as many online as there are.
        most = most or count or 1
        return min(count or most, most), most

    def devices(self) -> Iterable[Device]:
        for key, kind in _DEVICE_LISTS.items():
            for item in self.items(key):
                yield Device(kind, backend=self.backend(item))
        for item in self.items("vdispls"):
            connectors = len(self.list_of(item, "connectors"))
            yield Device("vdispl", backend=self.backend(item), channels=max(1, connectors))
        for item in self.items("vsnds"):
            pcms = [pcm for pcm in self.list_of(item, "pcms") if isinstance(pcm, dict)]
            streams = sum(len(self.list_of(pcm, "streams")) for pcm in pcms)
            yield Device("vsnd", backend=self.backend(item), channels=max(1, streams))
        if self.arm.get("vuart") not in (None, "unknown", ""):
            yield Device("vpl011")

    def disk(self, item: dict[str, Any]) -> Disk:
        kind = str(item.get("backend", "")).lower()
        return Disk(
            backend=self.backend(item),
            cdrom=_true(item.get("is_cdrom")) is True,
            virtio=str(item.get("specification", "")).lower() == "virtio",
            backendtype=kind if kind in ("qdisk", "tap") else None,
        )

    def backend(self, item: dict[str, Any]) -> str:
        name, number = item.get("backend_domname"), item.get("backend_domid")
        if isinstance(name, str) and name:
            return backend_name(name)
        if isinstance(number, int) and not isinstance(number, bool) and number:
            return backend_name(self.names.get(number, f"domain {number}"))
        return DOM0

    def items(self, key: str) -> list[dict[str, Any]]:
        found = self.list_of(self.config, key)
        for item in found:
            if not isinstance(item, dict):
                raise self.wrong(f"{key} has {str(item)[:40]!r} where a device is expected")
        return found

    def list_of(self, table: dict[str, Any], key: str) -> list[Any]:
        found = table.get(key)
        if found is None:
            return []
        if not isinstance(found, list):
            raise self.wrong(f"{key} is {str(found)[:40]!r}; it must be a list")
        if len(found) > _MOST_DEVICES:
            raise self.wrong(f"{key} has {len(found)} entries; no guest has so many channels")
        return found

    def table(self, table: dict[str, Any], key: str) -> dict[str, Any]:
        found = table.get(key, {})
        if not isinstance(found, dict):
            raise self.wrong(f"{key} is {str(found)[:40]!r}; it must be an object")
        return found

    def number(self, table: dict[str, Any], key: str, default: int) -> int:
        value = table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 2**32:
            raise self.wrong(f"{key} is {str(value)[:40]!r}; it must be a whole number")
        return value

    def wrong(self, reason: str) -> InputError:
        create = self.config.get("c_info")
        name = create.get("name") if isinstance(create, dict) else None
        return InputError(self.path, f"{str(name or 'a domain')[:60]}: {reason}")


def _true(value: Any) -> bool | None:
    """libxl's defbool, which it writes as "True", true or 1; None where it has its default."""
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.lower())
    return bool(value) if isinstance(value, bool | int) else None
