"""What of a fleet can be set by name: its ABI, fields of its host, its guests, their devices."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from evtplan.abi import ABIS, ARCHITECTURES, RELEASES
from evtplan.errors import EvtplanError, UnknownNameError
from evtplan.fleet.model import DEVICE_KINDS, Fleet, Guest, GuestType, Host, OsFamily
from evtplan.plans.mix import shares

__all__ = ["Setting", "fleet_with", "setting_named"]

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
_QUOTED = re.compile(r"""guest\.(["'])(.*)\1\.([^"']*)""")
_ALIASES = {"backend_base_ports": "host.base_ports"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing of a fleet that can be set: where it is, and what it can be."""

    path: tuple[str, ...]
    allowed: int | tuple[str, ...]


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
    raise _unknown(fleet, key)


def _path(fleet: Fleet, key: str) -> tuple[str, ...]:
    """`key` taken apart at its dots; the name of a guest may have some itself, and quotes."""
    quoted = _QUOTED.fullmatch(key)
    if quoted:
        return ("guest", quoted[2], *quoted[3].split("."))
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
    raise _unknown(fleet, key)


def _unknown(fleet: Fleet, key: str) -> UnknownNameError:
    error = UnknownNameError("quantity of a fleet", key, _every_key(fleet))
    if key in _GUEST:
        error.hint = f"of one guest guest.NAME.{key}, of each guest.*.{key}"
    return error


def _every_key(fleet: Fleet) -> list[str]:
    keys = [*_WHOLE, *(f"host.{field}" for field in _HOST), *_HOST, "backend_base_ports"]
    for guest in fleet.guests:
        keys.extend(f"guest.{guest.name}.{field}" for field in _GUEST)
        kinds = dict.fromkeys(device.kind for device in guest.devices)
        keys.extend(f"guest.{guest.name}.{kind}.{field}" for kind in kinds for field in _DEVICE)
    return keys


def fleet_with(fleet: Fleet, setting: Setting, value: Any) -> Fleet:
    """`fleet` with one thing in it set: anything but how many backends there are, which is no
    part of a fleet. Raises `EvtplanError` where it cannot have that value.
    """
    match setting.path:
        case ("abi",):
            return replace(fleet, host=replace(fleet.host, abi=value))
        case ("vms",):
            return _scaled(fleet, value)
        case ("host", field):
            return replace(fleet, host=_host_with(fleet.host, field, value))
        case ("guest", name, *rest):
            return _with_guests(fleet, name, rest, value)
    raise ValueError(f"{setting.path} is no part of a fleet")


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
