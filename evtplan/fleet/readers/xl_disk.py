"""Disk specifications of xl.cfg: positional, named, or both, with deprecated prefixes."""

from dataclasses import dataclass

from evtplan.errors import InputError

__all__ = ["Disk", "parse_disk"]

_POSITIONS = ("target", "format", "vdev", "access")
_PREFIXES = frozenset(
    "raw qcow qcow2 vhd iscsi nbd enbd drbd tapdisk tap tap2 aio ioemu file phy".split()  # noqa: SIM905
)
_FLAGS = frozenset(["cdrom", "direct-io-safe", "discard", "no-discard", "colo", "cdrom=1"])


@dataclass(frozen=True, slots=True)
class Disk:
    """What a disk specification says that matters for channels."""

    vdev: str
    cdrom: bool
    backend: str | None
    backendtype: str | None
    target: str


def parse_disk(path: str, line: int, text: str) -> Disk:
    """Read one disk specification.

    `target=` takes all the rest of the text, commas included. Raises `InputError` where more
    values stand than there are positions.
    """
    found: dict[str, str] = {}
    flags: set[str] = set()
    position, rest = 0, text.strip()
    while rest:
        part, comma, after = rest.partition(",")
        key, equals, value = part.strip().partition("=")
        key = key.strip().lower()
        if equals and key == "target":
            found["target"] = rest.partition("=")[2].strip()
            break
        if equals and key.replace("-", "").replace("_", "").isalpha():
            found[key] = value.strip()
        elif part.strip().lower() in _FLAGS:
            flags.add(part.strip().lower())
        else:
            position = _take_position(path, line, found, position, part.strip())
        if not comma:
            break
        rest = after
    return _disk(found, flags)


def _take_position(path: str, line: int, found: dict[str, str], position: int, part: str) -> int:
    while position < len(_POSITIONS) and _POSITIONS[position] in found:
        position += 1
    if position == len(_POSITIONS):
        raise InputError(
            path, f"disk: {part!r} is one value too many after target, format, vdev, access",
            line=line,
        )  # fmt: skip
    found[_POSITIONS[position]] = part
    return position + 1


def _disk(found: dict[str, str], flags: set[str]) -> Disk:
    target, prefixes = found.get("target", ""), []
    while ":" in target and target.split(":", 1)[0].lower() in _PREFIXES:
        prefix, target = target.split(":", 1)
        prefixes.append(prefix.lower())
    # The old positional form is target,vdev,access: xl takes the vdev by its look.
    vdev = found.get("vdev", "")
    name, _, kind = vdev.partition(":")
    old = [value for value in found.values() if value.lower().endswith(":cdrom")]
    cdrom = "cdrom" in flags or found.get("devtype") == "cdrom" or kind == "cdrom" or bool(old)
    backendtype = found.get("backendtype")
    if backendtype is None and any(p in ("tap", "tap2", "tapdisk", "aio") for p in prefixes):
        backendtype = "tap"
    return Disk(name, cdrom, found.get("backend") or None, backendtype, target)
