"""Disk specifications of xl.cfg: positional, named, or both, with deprecated prefixes."""

import re

from evtplan.errors import InputError
from evtplan.fleet.readers.domain import Disk
from evtplan.fleet.readers.reading import backend_name

__all__ = ["parse_disk"]

_PREFIX = re.compile(
    r"(raw|qcow2?|vhd|qed|iscsi|e?nbd|drbd|tapdisk|tap2?|aio|ioemu|file|phy):", re.IGNORECASE
)
_NAMED = re.compile(r"([a-z][-_a-z0-9]*)\s*=\s*(.*)", re.IGNORECASE | re.DOTALL)
_FLAGS = frozenset(
    ["cdrom", "direct-io-safe", "discard", "no-discard", "colo", "no-colo", "trusted", "untrusted"]
)
_FORMATS = frozenset(["", "raw", "qcow", "qcow2", "vhd", "qed", "empty"])
_POSITIONS = ("target", "format", "vdev", "access")


def parse_disk(path: str, line: int, text: str) -> Disk:
    """Read one disk specification.

    Positions are target, format, vdev, access, each taken by the first value that has no name;
    where the target has a deprecated prefix there is no format among them. `target=` takes all
    the rest of the text, commas included. Raises `InputError` where more values stand than there
    are positions.
    """
    found: dict[str, str] = {}
    prefixed = False
    rest = text.strip()
    while rest:
        part, comma, after = rest.partition(",")
        part = part.strip()
        named = _NAMED.fullmatch(part)
        if named and named.group(1).lower() == "target":
            found["target"] = rest.partition("=")[2].strip()
            break
        if named:
            found[named.group(1).lower()] = named.group(2).strip()
        elif part.lower() in _FLAGS and (part or comma):
            found[part.lower()] = "1"
        else:
            prefixed |= _PREFIX.match(part) is not None
            _take_position(path, line, found, part, prefixed)
        if not comma:
            break
        rest = after
    return _disk(found)


def _take_position(path: str, line: int, found: dict[str, str], part: str, prefixed: bool) -> None:
    """Give `part` to the first position that is free."""
    if "target" not in found:
        found["target"] = part
        return
    if "format" not in found and not prefixed:
        # The old form has no format: what is none, but looks like a device, is the vdev.
        if part.lower() in _FORMATS or not _looks_like_vdev(part):
            found["format"] = part
            return
        found["format"] = ""
    for position in ("vdev", "access"):
        if position not in found:
            found[position] = part
            return
    if part:
        raise InputError(
            path,
            f"disk: {part[:40]!r} is one value too many after {', '.join(_POSITIONS)}",
            line=line,
        )


def _looks_like_vdev(text: str) -> bool:
    name = text.rpartition(":")[0] or text
    name = name.removeprefix("ioemu:")
    return re.fullmatch(r"(xvd|hd|sd|vd|d\d+p)[a-z0-9]*", name) is not None


def _disk(found: dict[str, str]) -> Disk:
    prefixes, target = [], found.get("target", "")
    while match := _PREFIX.match(target):
        prefixes.append(match.group(1).lower())
        target = target[match.end() :]
    vdev = found.get("vdev", "")
    kind = vdev.rpartition(":")[2] if ":" in vdev else ""
    # The oldest form for an empty drive: `,hdc:cdrom,r`.
    kinds = (kind, found.get("devtype", ""), found.get("format", "").rpartition(":")[2])
    backendtype = found.get("backendtype")
    if backendtype is None and any(p in ("tap", "tap2", "tapdisk", "aio") for p in prefixes):
        backendtype = "tap"
    return Disk(
        backend=backend_name(found.get("backend")),
        cdrom="cdrom" in found or "cdrom" in kinds,
        floppy=vdev.removeprefix("ioemu:").startswith("fd"),
        virtio=found.get("specification") == "virtio",
        backendtype=backendtype,
    )
