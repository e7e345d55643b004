"""A sweep over a fleet: its host, its guests and their devices, with some settings varied."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from evtplan.abi import ABIS, ARCHITECTURES, RELEASES
from evtplan.errors import EvtplanError, UnknownNameError
from evtplan.fleet.model import DEVICE_KINDS, Fleet, Guest, GuestType, Host, OsFamily
from evtplan.plans.answers import SizingRow
from evtplan.plans.fleet_sizing import size_fleet
from evtplan.plans.mix import shares
from evtplan.plans.sweeps.columns import Column, column_of

__all__ = ["FleetSubject", "Setting", "column_name", "setting_named"]

# The least a number can be, or the names there are.
_Allowed = int | tuple[str, ...]

_HOST: dict[str, _Allowed] = {
    "xen": tuple(RELEASES), "arch": ARCHITECTURES, "toolstack": ("libxl", "xenopsd"),
    "dom0_vcpus": 1, "dom0_virqs": 0, "physical_cpus": 1, "pirqs": 0, "pages": 1,
    "words_per_page": 1, "base_ports": 0,
}  # fmt: skip
_GUEST: dict[str, _Allowed] = {
    "vcpus": 1, "maxvcpus": 1, "count": 1, "max_event_channels": 0, "ioreq_servers": 0, "pirqs": 0,
    "type": tuple(GuestType), "os": tuple(OsFamily),
}  # fmt: skip
_DEVICE: dict[str, _Allowed] = {"count": 1, "queues": 1, "rings": 1, "channels": 0}
_WHOLE: dict[str, _Allowed] = {"abi": tuple(ABIS), "vms": 1, "backends": 1, "driver_domains": 0}
_ALIASES = {"backend_base_ports": "host.base_ports"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing of a fleet that can be set: where it is, and what it can be."""

    path: tuple[str, ...]
    allowed: int | tuple[str, ...]


def column_name(key: str) -> str:
    """`key` as a column: letters, digits and underscores."""
    return re.sub(r"\W+", "_", key, flags=re.ASCII).strip("_")


def setting_named(fleet: Fleet, key: str) -> Setting:
    """What `key` sets in `fleet`: `abi`, `vms`, `backends`, `driver_domains`, `host.FIELD`,
    `guest.NAME.FIELD` or `guest.NAME.DEVICE.FIELD`; NAME may be `*` for every guest.

    Raises `UnknownNameError` for anything else, with the nearest.
    """
    path = _path(fleet, _ALIASES.get(key, key))
    if path[0] in _HOST and len(path) == 1:
        path = ("host", *path)
    if path in {(name,) for name in _WHOLE}:
        return Setting(path, _WHOLE[path[0]])
    match path:
        case ("host", "abi"):
            return Setting(("abi",), _WHOLE["abi"])
        case ("host", field) if field in _HOST:
            return Setting(path, _HOST[field])
        case ("guest", name, *rest) if name == "*" or any(g.name == name for g in fleet.guests):
            return _guest_setting(fleet, key, name, rest)
        case ("guest", name, *_):
            raise UnknownNameError("guest", name, [guest.name for guest in fleet.guests])
    raise UnknownNameError("quantity", key, _every_key(fleet))


def _path(fleet: Fleet, key: str) -> tuple[str, ...]:
    """`key` taken apart at its dots; the name of a guest may have some itself."""
    for name in sorted((guest.name for guest in fleet.guests), key=len, reverse=True):
        if key.startswith(f"guest.{name}."):
            return ("guest", name, *key.removeprefix(f"guest.{name}.").split("."))
    return tuple(key.split("."))


def _guest_setting(fleet: Fleet, key: str, name: str, rest: list[str]) -> Setting:
    chosen = [g for g in fleet.guests if name in ("*", g.name)]
    match rest:
        case [field] if field in _GUEST:
            return Setting(("guest", name, field), _GUEST[field])
        case [kind, field] if kind in DEVICE_KINDS and field in _DEVICE:
            if not any(device.kind == kind for g in chosen for device in g.devices):
                kinds = sorted({d.kind for g in chosen for d in g.devices})
                raise EvtplanError(
                    f"{key}: the guest {name} has no {kind}", "it has: " + ", ".join(kinds)
                )
            return Setting(("guest", name, kind, field), _DEVICE[field])
    raise UnknownNameError("quantity", key, _every_key(fleet))


def _every_key(fleet: Fleet) -> list[str]:
    keys = [*_WHOLE, *(f"host.{field}" for field in _HOST), *_HOST, "backend_base_ports"]
    for guest in fleet.guests:
        keys.extend(f"guest.{guest.name}.{field}" for field in _GUEST)
        kinds = dict.fromkeys(device.kind for device in guest.devices)
        keys.extend(f"guest.{guest.name}.{kind}.{field}" for kind in kinds for field in _DEVICE)
    return keys


@dataclass(frozen=True, slots=True)
class FleetSubject:
    """A fleet; `settings` says what each varied column sets in it, `fixed` what is set once."""

    fleet: Fleet
    settings: tuple[tuple[str, Setting], ...] = ()
    fixed: tuple[tuple[Setting, int | str], ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """What `evtplan size FLEET` gives."""
        return tuple(field.name for field in fields(SizingRow))

    @property
    def shown(self) -> tuple[str, ...]:
        """What matters most."""
        return (
            *("vms", "vm_limit", "binding", "headroom_vms", "backend_ports"),
            *("total_pages", "total_bytes"),
        )

    def check(self, keys: tuple[str, ...]) -> None:
        """Nothing can be left open: the fleet says everything."""

    def compute(
        self, points: Mapping[str, Column], rows: int, names: tuple[str, ...], *, compiled: bool
    ) -> dict[str, Column]:
        """The columns `names` at `rows` points; a fleet is read in Python, `compiled` or not."""
        settings = dict(self.settings)
        cells = {column: points[column].cells() for column in settings}
        found: dict[str, list[Any]] = {name: [] for name in names}
        search = "backends_to_lift" in names
        for row in range(rows):
            chosen = [*self.fixed, *((settings[c], values[row]) for c, values in cells.items())]
            sized = self.sized(chosen, search)
            for name, values in found.items():
                values.append(getattr(sized, name))
        return {name: column_of(name, values) for name, values in found.items()}

    def sized(self, chosen: list[tuple[Setting, Any]], search_backends: bool) -> SizingRow:
        """The fleet sized with these settings."""
        fleet, options = self.fleet, {}
        vms = None
        for setting, value in chosen:
            match setting.path:
                case ("abi",):
                    fleet = replace(fleet, host=replace(fleet.host, abi=value))
                case ("vms",):
                    vms = value
                case ("host", field):
                    fleet = replace(fleet, host=_host_with(fleet.host, field, value))
                case ("guest", name, *rest):
                    fleet = _with_guests(fleet, name, rest, value)
                case (option,):
                    options[option] = value
        if vms is not None:
            fleet = _scaled(fleet, vms)
        return size_fleet(fleet, search_backends=search_backends, **options).rows[0]


def _host_with(host: Host, field: str, value: Any) -> Host:
    changed: Host = replace(host, **{field: value})
    return changed


def _with_guests(fleet: Fleet, name: str, rest: list[str], value: Any) -> Fleet:
    change = _guest_change(rest, value)
    guests = tuple(change(g) if name in ("*", g.name) else g for g in fleet.guests)
    return replace(fleet, guests=guests)


def _guest_change(rest: list[str], value: Any) -> Callable[[Guest], Guest]:
    def of_guest(guest: Guest) -> Guest:
        if len(rest) == 1:
            field = "copies" if rest[0] == "count" else rest[0]
            changed: Guest = replace(guest, **{field: value})
            return changed
        kind, field = rest
        devices = tuple(
            replace(device, **{field: value}) if device.kind == kind else device
            for device in guest.devices
        )
        return replace(guest, devices=devices)

    return of_guest


def _scaled(fleet: Fleet, vms: int) -> Fleet:
    """The fleet's mix with `vms` VMs in all; a group may come to have none."""
    counts = shares(tuple(guest.copies for guest in fleet.guests), vms)
    pairs = zip(fleet.guests, counts, strict=True)
    return replace(fleet, guests=tuple(replace(g, copies=n) for g, n in pairs if n))
