"""A fleet written as a fleet file, so that what was read can be edited and planned with."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields
from enum import Enum
from typing import Any

from evtplan.fleet.model import Device, Fleet, Guest, Host

__all__ = ["fleet_toml"]

# Written even where they are the defaults: what a planner looks at first.
_ALWAYS_OF_HOST = ("abi", "xen", "arch", "dom0_vcpus", "toolstack")
_ALWAYS_OF_GUEST = ("type", "vcpus")
_LONGEST_LINE = 100


def fleet_toml(fleet: Fleet, notes: Iterable[str] | None = None) -> str:
    """`fleet` in TOML; reading it gives the same host and guests. `notes`, or else its own, stand
    in comments.

    Left out are values that are the model's defaults.
    """
    remarks = fleet.notes if notes is None else notes
    lines = [f"# {line}" for note in remarks for line in note.splitlines()]
    if lines:
        lines.append("")
    lines += [f"name = {_value(fleet.name)}", "", "[host]"]
    lines += _settings(fleet.host, Host(), _ALWAYS_OF_HOST)
    for guest in fleet.guests:
        lines += ["", "[[guest]]", *_guest(guest)]
    return "\n".join(lines) + "\n"


def _guest(guest: Guest) -> Iterator[str]:
    yield f"name = {_value(guest.name)}"
    if guest.copies != 1:
        yield f"count = {guest.copies}"
    plain = Guest(guest.name, copies=guest.copies, devices=guest.devices)
    yield from _settings(guest, plain, _ALWAYS_OF_GUEST)
    if guest.devices:
        yield from _devices([_device(device) for device in guest.devices])


def _devices(tables: list[str]) -> list[str]:
    one_line = f"device = [{', '.join(tables)}]"
    if len(one_line) <= _LONGEST_LINE:
        return [one_line]
    return ["device = [", *(f"    {table}," for table in tables), "]"]


def _device(device: Device) -> str:
    return "{ " + ", ".join(_settings(device, Device(device.kind), ("kind",))) + " }"


def _settings(record: Any, plain: Any, always: tuple[str, ...]) -> list[str]:
    """`key = value` for the fields of `record` that differ from `plain`, or are `always` shown."""
    found = []
    for item in fields(record):
        value = getattr(record, item.name)
        if value is not None and (item.name in always or value != getattr(plain, item.name)):
            found.append(f"{item.name} = {_value(value)}")
    return found


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return _value(value.value)
    if isinstance(value, int):
        return str(value)
    # JSON's strings are TOML's but for the one control character that JSON leaves as it is.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
